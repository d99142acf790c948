"""Messages in the shapes of Facebook's Messenger, which several bot platforms speak.

Lenient: what is unknown or malformed is left out and named, so that the rest of a message still reaches the contact.
Cards become text with an image above and their buttons below, because an inbox shows no cards; a shared page or a
file of an unknown kind becomes its address.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from channels_app.adapters.bots.base import message_of, with_last_options
from channels_app.lib.jsons import as_it_came, object_in, objects_in, text_in, words_in
from channels_app.protocol import Attachment, Message, Option, Reply
from channels_app.protocol.visible import named

LISTS = ("quick_replies", "buttons", "elements")
FILES = ("image", "video", "audio", "file")
CARDS = ("generic", "list")
LOCATION_TITLE = "📍"  # Messenger has words of its own there; these do in every language


def read_message(message: Mapping[str, Any]) -> Reply:
    """All that one message says, in order, and the names of what can't be shown."""
    attachments = [*_attachments(message.get("attachment")), *_attachments(message.get("attachments"))]
    shown = (Message(text=words_in(message, "text")), *(one for found in attachments for one in _attached(found)))
    said = [one for one in shown if one != Message()]
    options = tuple(filter(None, map(_quick_reply, _quick_replies(message))))
    messages = with_last_options(said, options)
    return Reply(messages=messages, unshown=tuple(_left_out(message, attachments, is_empty=not messages)))


def _attachments(value: Any) -> list[Mapping[str, Any]]:
    """One, or a list of them. What is none is kept without its words, so that it is missed."""
    if isinstance(value, list):
        return [found for item in value for found in _attachments(item)]
    if isinstance(value, dict):
        return [value] if value else []
    return [{"type": None}] if value else []


def _attached(attachment: Mapping[str, Any]) -> Iterator[Message]:
    payload = object_in(attachment, "payload")
    kind, url = attachment.get("type"), text_in(payload, "url")
    template = payload.get("template_type") if kind == "template" else None
    if kind in FILES and url:
        yield Message(attachment=Attachment(url=url))
    elif template == "button":
        yield Message(text=words_in(payload, "text"), options=_buttons(payload))
    elif template in CARDS:
        cards = [card for card in map(_card, objects_in(payload, "elements")) if card != Message()]
        yield from with_last_options(cards, _buttons(payload))
    elif template:  # of media and open_graph the elements have addresses, of most others none
        for element in (payload, *objects_in(payload, "elements")):
            if text_in(element, "url") or (element is not payload and _buttons(element)):
                yield Message(text=text_in(element, "url"), options=_buttons(element))
    elif url or text_in(attachment, "url"):
        words = (words_in(payload, "title") or words_in(attachment, "title"), url or text_in(attachment, "url"))
        yield Message(text="\n".join(filter(None, words)))


def _left_out(
    message: Mapping[str, Any], attachments: Sequence[Mapping[str, Any]], *, is_empty: bool
) -> Iterator[str]:
    """Parts of a message that are not shown, by their sender's names for them."""
    for attachment in attachments:
        payload = object_in(attachment, "payload")
        if not any(one != Message() for one in _attached(attachment)):
            yield f"attachment {named(payload.get('template_type') or attachment.get('type'))}"
        for holder in (payload, *objects_in(payload, "elements")):
            for button in objects_in(holder, "buttons"):
                if _button(button) is None and button.get("type") != "element_share":
                    yield f"button {named(button.get('type'))}"
            yield from _strange(holder, "text", "title", "subtitle", "buttons")
        yield from _strange(payload, "elements")
        if payload.get("template_type") in CARDS:
            yield from (
                f"card with {', '.join(map(named, card))}"
                for card in objects_in(payload, "elements")
                if card and _card(card) == Message()
            )
    for reply in _quick_replies(message):
        if _quick_reply(reply) is None:
            kind = reply.get("content_type")
            yield f"quick reply {named('without a title' if kind in (None, 'text') else kind)}"
    if is_empty and not attachments:
        yield message_of(message)
    else:
        yield from _strange(message, "text", "quick_replies")


def _strange(holder: Mapping[str, Any], *keys: str) -> Iterator[str]:
    """What stands under one of these keys in a form that has no meaning there."""
    for key in keys:
        value = holder.get(key)
        forms = (dict, str) if key == "quick_replies" else (dict,)
        is_known = isinstance(value, list) and all(isinstance(item, forms) for item in value)
        if value and not (is_known if key in LISTS else isinstance(value, str) or words_in(holder, key)):
            yield f"{named(key)} in an unknown form"


def _card(element: Mapping[str, Any]) -> Message:
    """One card of a carousel or a list."""
    title = words_in(element, "title")
    image = text_in(element, "image_url")
    address = text_in(object_in(element, "default_action"), "url") or text_in(element, "item_url")
    options = _buttons(element)
    if address and address not in {option.url for option in options}:
        options = (Option(title=title, url=address), *options)
    return Message(
        text="\n".join(filter(None, (title, words_in(element, "subtitle")))),
        attachment=Attachment(url=image) if image else None,
        options=options,
    )


def _buttons(holder: Mapping[str, Any]) -> tuple[Option, ...]:
    return tuple(filter(None, map(_button, objects_in(holder, "buttons"))))


def _button(button: Mapping[str, Any]) -> Option | None:
    """The payload stays untouched: it must come back as it was. Sharing a card has no meaning in an inbox."""
    title, kind, payload = words_in(button, "title"), button.get("type"), button.get("payload")
    if kind == "web_url" and text_in(button, "url"):
        return Option(title=title, url=text_in(button, "url"))
    if kind == "phone_number" and payload:
        return Option(title=title, phone=str(payload))
    if kind == "postback" and title:
        return Option(title=title, payload=as_it_came(payload))
    return None


def _quick_replies(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A text alone is a title."""
    value = message.get("quick_replies")
    items = value if isinstance(value, list) else []
    return [
        {"title": item} if isinstance(item, str) else item for item in items if isinstance(item, dict | str) and item
    ]


def _quick_reply(reply: Mapping[str, Any]) -> Option | None:
    """One without a title asks for a location, or an e-mail address, which the contact just writes here."""
    title = words_in(reply, "title")
    if reply.get("content_type") == "location":
        return Option(title=title or LOCATION_TITLE, wants_location=True)
    return Option(title=title, payload=as_it_came(reply.get("payload"))) if title else None
