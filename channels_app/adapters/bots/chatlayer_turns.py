"""A turn as Chatlayer's webhook channel takes it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from channels_app.lib import jsons
from channels_app.protocol import Contact, Turn
from channels_app.protocol.errors import PayloadError

CONVERSATION_ID = "conversationId"
USER_ID = "user.id"
PARAMETERS = ("parameters", "params", "sessionDataToSet")
"""What a button sets in the session: the payloads of three generations of Chatlayer name it so."""


class Payloads(StrEnum):
    """How a payload goes back that names no dialog. Chatlayer calls it an opaque id that is "just sent back", and its
    documentation doesn't say in which form; the older API accepted it as a text message."""

    TEXT = "text"
    POSTBACK = "postback"
    TITLE = "title"

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        return [
            (cls.TEXT, "the payload as text"),
            (cls.POSTBACK, "a postback with the payload"),
            (cls.TITLE, "the button's title as text"),
        ]


def turn_document(turn: Turn, *, identify_by: str, payloads: Payloads) -> dict[str, Any]:
    """Public clients of Chatlayer name the user in one of two places; the bot's channel was made for one of them."""
    known = {"firstName": turn.contact.primary_identifier, "preferredLanguage": turn.language}
    user = {key: value for key, value in known.items() if value}
    is_by_user = identify_by == USER_ID
    return {
        **({} if is_by_user else {"conversationId": turn.session_id}),
        "message": _message(turn, payloads),
        "user": {**user, "id": turn.session_id} if is_by_user else user,
        "sessionData": {"channelDetails": _channel_details(turn)},
    }


def _message(turn: Turn, payloads: Payloads) -> dict[str, Any]:
    if turn.dialog:
        return _postback_to(int(turn.dialog) if turn.dialog.isascii() and turn.dialog.isdecimal() else turn.dialog)
    if turn.type.opens:
        return _text(turn.text) if turn.text else {"introMessage": {}}
    if turn.payload is None:
        return _text(turn.text or turn.placeholder)
    return _postback(turn) or _opaque(turn, payloads)


def _text(text: str) -> dict[str, Any]:
    return {"textMessage": {"text": text}}


def _opaque(turn: Turn, payloads: Payloads) -> dict[str, Any]:
    """A chosen option whose payload means something to the bot alone: back as it came. One that says nothing could
    only be an empty message."""
    is_empty = turn.payload in ([], {}) or (isinstance(turn.payload, str) and not turn.payload.strip())
    match Payloads.TITLE if is_empty and payloads is Payloads.TEXT else payloads:
        case Payloads.TITLE:
            return _text(turn.text or turn.placeholder)
        case Payloads.POSTBACK:
            return {"postbackMessage": {"title": turn.text or "", "payload": turn.payload}}
        case _:
            is_text = isinstance(turn.payload, str)
            return _text(turn.payload if is_text else _as_browsers_write(turn.payload))


_as_browsers_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""An object as text, as it came from there."""


def _postback(turn: Turn) -> dict[str, Any] | None:
    """A chosen option of a dialog as Chatlayer wants it back; None when its payload names no dialog."""
    payload = _to_dialog(turn.payload)
    if payload is None:
        return None
    title = payload["title"] if isinstance(payload.get("title"), str) else turn.text or ""
    parameters = [{"key": key, "value": value} for key, value in _parameters(payload) if key]
    return _postback_to(payload["nextDialogstateId"], title, parameters)


def _to_dialog(payload: object) -> Mapping[str, Any] | None:
    """A payload that names a dialog, as an object or a text of it. Older bots count their dialogs: such a number goes
    back as it came."""
    if isinstance(payload, str):
        try:
            payload = jsons.as_it_came(jsons.read(payload.encode("utf-8", "surrogatepass")))
        except PayloadError:
            return None
    dialog = payload.get("nextDialogstateId") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(dialog, str | int) or isinstance(dialog, bool) or dialog == "":
        return None
    return payload


def _parameters(payload: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What it sets in the session, as a list of keys with values or an object of them; what is neither has no key."""
    for name in PARAMETERS:
        value = payload.get(name)
        is_one = isinstance(value, dict) and value.keys() == {"key", "value"}
        if isinstance(value, dict) and not is_one:
            yield from value.items()
        elif value:
            for item in value if isinstance(value, list) else [value]:
                is_set = isinstance(item, dict) and isinstance(item.get("key"), str) and "value" in item
                yield (item["key"], item["value"]) if is_set else ("", item)


def lost_parameters(payload: object) -> Iterator[str]:
    """What a button wants set in the session and can't be, for operators."""
    wanted = _to_dialog(payload)
    if wanted is not None and not all(key for key, _ in _parameters(wanted)):
        yield "a button's parameter without a key and a value"


def _postback_to(dialog: str | int, title: str = "", parameters: Sequence[Any] = ()) -> dict[str, Any]:
    """As if a button had been pressed that leads to this dialog: older bots count theirs."""
    return {
        "postbackMessage": {"title": title, "nextDialogstateId": dialog, "sessionDataToSet": list(parameters)},
    }


def sent_form(message: Mapping[str, Any], said: str, *, has_chosen: bool) -> str:
    """In which form this message brought a choice back; empty: it brought none. `said`: the contact's words."""
    postback, text = message.get("postbackMessage"), message.get("textMessage")
    if isinstance(postback, dict):
        return "a postback to its dialog" if "nextDialogstateId" in postback else dict(Payloads.choices())["postback"]
    if not isinstance(text, dict) or not (has_chosen or (said and text.get("text") != said)):
        return ""
    return dict(Payloads.choices())["title" if text.get("text") == said else "text"]


def _channel_details(turn: Turn) -> dict[str, Any]:
    """In the shape of Chatlayer's own Sparkcentral integration, so that its dialogs work unchanged."""
    history = [{"from": past.author, "name": past.name, "text": past.text} for past in turn.history]
    return {
        **({"history": history} if history else {}),
        "channelId": turn.inbox_channel.external_id if turn.inbox_channel else "",
        "medium": turn.medium,
        "contactProfile": _contact_profile(turn.contact),
        "contactAttributes": [
            {"attribute": item.attribute, "value": item.value, "source": item.source} for item in turn.attributes
        ],
    }


def _contact_profile(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.external_id,
        "mediumContactProfileId": contact.medium_contact_profile_id,
        "primaryIdentifier": contact.primary_identifier,
        "secondaryIdentifier": contact.secondary_identifier,
        "pictureUrl": contact.picture_url,
        "vip": contact.vip,
    }
