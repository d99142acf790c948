"""A reply without what a contact can't see or open."""

from collections.abc import Iterator
from dataclasses import replace

from channels_app.lib.http.addresses import holds_data, is_link, web_address
from channels_app.protocol import Message, Option, Reply
from channels_app.protocol.visible import is_visible, named

UNSEEN = "text with nothing visible"
CLOSED_FILE = "a file at an address that contacts can't open"
CLOSED_LINK = "a link that contacts can't open"


def visible_part(reply: Reply) -> Reply:
    """The reply without words, names and values that can't be seen and addresses that can't be opened; the same
    object for nearly all.

    Operators see the names and values, the addresses, and the texts if there was nothing else.
    """
    opened = tuple(map(_open_part, reply.messages))
    closed = tuple(dict.fromkeys(name for _, names in opened for name in names))
    messages = tuple(filter(None, (_visible_message(message) for message, _ in opened)))
    visible = replace(
        reply,
        messages=messages,
        topics=tuple(filter(is_visible, reply.topics)),
        tags=tuple(filter(is_visible, reply.tags)),
        attributes={name: value for name, value in reply.attributes.items() if is_visible(name) and is_visible(value)},
        note=reply.note if is_visible(reply.note) else "",
        dropped=(*reply.dropped, *_nameless(reply)),
        unshown=(*reply.unshown, *(closed or ((UNSEEN,) if reply.messages and not messages else ()))),
    )
    return reply if visible == reply else visible


def _nameless(reply: Reply) -> Iterator[str]:
    """What it would have done with names and values that can't be seen."""
    for kind, names in (("topic", reply.topics), ("tag", reply.tags), ("contact attribute", reply.attributes)):
        if not all(map(is_visible, names)):
            yield f"a {kind} without a name"
    for name, value in reply.attributes.items():
        if is_visible(name) and not is_visible(value):
            yield f"contact attribute {named(name)} without a value"
    if reply.note and not is_visible(reply.note):
        yield "a note without text"


def _open_part(message: Message) -> tuple[Message, list[str]]:
    """A message without files and links that only its bot could open, and what these were. An internal file may be
    one that we are allowed to fetch: that shows when it is fetched."""
    names = []
    file = message.attachment
    if file and file.url and not holds_data(file.url):
        try:
            web_address(file.url)
        except ValueError:
            names.append(CLOSED_FILE)
            file = None
    options = tuple(option for option in message.options if not option.url or is_link(option.url))
    if options != message.options:
        names.append(CLOSED_LINK)
    return replace(message, attachment=file, options=options) if names else message, names


def _visible_message(message: Message) -> Message | None:
    options = tuple(filter(None, map(_visible_option, message.options)))
    text = message.text if is_visible(message.text) else ""
    return replace(message, text=text, options=options) if text or options or message.attachment else None


def _visible_option(option: Option) -> Option | None:
    """Without a title a link is still its address; a choice is nothing."""
    if is_visible(option.title):
        return option
    return None if option.is_choosable else replace(option, title="")
