"""The rich content of Dialogflow Messenger, which agents send as a custom payload. Pure, and lenient: what is unknown
or malformed is left out and named.

Format: https://cloud.google.com/dialogflow/cx/docs/concept/integration/dialogflow-messenger/fulfillment. Chips and
buttons without an event send their text, those with one send the event.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any

from channels_app.lib.jsons import as_words, object_in, objects_in, text_in
from channels_app.protocol import Attachment, Message, Option, Reply
from channels_app.protocol.visible import named

Element = Mapping[str, Any]


def read_rich(content: Any) -> Reply:
    """A list of cards, each a list of elements; some agents leave out one of the lists."""
    if content is None:
        return Reply()
    return reduce(Reply.merged_with, map(_read, _elements(content)), Reply())


def _elements(content: Any) -> Iterator[Any]:
    if isinstance(content, list):
        for item in content:
            yield from _elements(item)
    else:
        yield content


def _read(element: Any) -> Reply:
    if not isinstance(element, dict):
        return Reply(unshown=("rich content in an unknown form",))
    kind = element.get("type")
    if kind == "divider":
        return Reply()
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    messages = tuple(one for one in reader(element) if one != Message()) if reader else ()
    return Reply(messages=messages) if messages else Reply(unshown=(f"rich content {named(kind)}",))


def _card(element: Element) -> Iterator[Message]:
    """Of `info`, `description`, `accordion` and `text`: what stands in it, one below the other."""
    image = _image(element)
    words = (*_words(element, "title"), *_words(element, "subtitle"), *_words(element, "text"))
    link = _link(element)
    title = next(iter(_words(element, "title")), "") or link
    yield Message(
        text="\n".join(words),
        attachment=Attachment(url=image) if image else None,
        options=(Option(title=title, url=link),) if link else (),
    )


def _picture(element: Element) -> Iterator[Message]:
    url = text_in(element, "rawUrl") or _image(element)
    if url:
        yield Message(attachment=Attachment(url=url))


def _video(element: Element) -> Iterator[Message]:
    """A page or a file that plays it."""
    source = object_in(element, "source")
    url = text_in(element, "rawUrl") or text_in(source, "rawUrl") or _link(source) or _link(element)
    if url:
        yield Message(text="\n".join((*_words(element, "title"), url)))


def _files(element: Element) -> Iterator[Message]:
    for file in objects_in(element, "files"):
        if link := _link(file):
            yield Message(text="\n".join((*_words(file, "name"), link)))


def _citations(element: Element) -> Iterator[Message]:
    """Where an answer comes from."""
    lines = (
        "\n".join((*_words(source, "title"), *filter(None, [_link(source)])))
        for source in objects_in(element, "citations")
    )
    yield Message(text="\n".join(filter(None, lines)))


def _one_option(element: Element) -> Iterator[Message]:
    """A button, or an item of a list, which has a line more."""
    title = next(iter((*_words(element, "text"), *_words(element, "title"))), "")
    yield Message(options=_option(element, title))


def _chips(element: Element) -> Iterator[Message]:
    chips = objects_in(element, "options")
    options = (_option(chip, next(iter(_words(chip, "text")), "")) for chip in chips)
    yield Message(options=tuple(one for found in options for one in found))


def _option(element: Element, title: str) -> tuple[Option, ...]:
    """A link, or a choice; what has an event sends that in place of its title."""
    if not title:
        return ()
    subtitle = next(iter(_words(element, "subtitle")), "")
    shown = f"{title} – {subtitle}" if subtitle else title
    if link := _link(element):
        return (Option(title=shown, url=link),)
    event = object_in(element, "event")
    name, parameters = text_in(event, "event") or text_in(event, "name"), object_in(event, "parameters")
    payload = {"event": name, **({"parameters": parameters} if parameters else {})} if name else None
    return (Option(title=shown, payload=payload, bots_title=title if subtitle else ""),)


_READERS = {
    "text": _card,
    "info": _card,
    "description": _card,
    "accordion": _card,
    "image": _picture,
    "video": _video,
    "files": _files,
    "citations": _citations,
    "match_citations": _citations,
    "button": _one_option,
    "list": _one_option,
    "chips": _chips,
}


def _link(element: Element) -> str:
    """Its newer form, its older ones."""
    return text_in(object_in(element, "anchor"), "href") or text_in(element, "link") or text_in(element, "actionLink")


def _image(element: Element) -> str:
    image = object_in(element, "image")
    return text_in(image, "rawUrl") or text_in(object_in(image, "src"), "rawUrl")


def _words(element: Element, key: str) -> tuple[str, ...]:
    """A text, or a list of lines."""
    value = element.get(key)
    lines = value if isinstance(value, list) else [value]
    return tuple(filter(None, map(as_words, lines)))
