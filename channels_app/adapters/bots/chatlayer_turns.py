"""A turn as Chatlayer's webhook channel takes it."""

from typing import Any

from channels_app.adapters.bots.base import NO_TEXT
from channels_app.lib import jsons
from channels_app.protocol import Contact, Turn
from channels_app.protocol.errors import PayloadError

CONVERSATION_ID = "conversationId"
USER_ID = "user.id"
PARAMETERS = ("parameters", "params", "sessionDataToSet")
"""What a button sets in the session: the payloads of three generations of Chatlayer name it so."""


def turn_document(turn: Turn, identify_by: str) -> dict[str, Any]:
    """Public clients of Chatlayer name the user in one of two places; the bot's channel was made for one of them."""
    known = {"firstName": turn.contact.primary_identifier, "preferredLanguage": turn.language}
    user = {key: value for key, value in known.items() if value}
    is_by_user = identify_by == USER_ID
    return {
        **({} if is_by_user else {"conversationId": turn.session_id}),
        "message": _message(turn),
        "user": {**user, "id": turn.session_id} if is_by_user else user,
        "sessionData": {"channelDetails": _channel_details(turn)},
    }


def _message(turn: Turn) -> dict[str, Any]:
    if turn.type.opens:
        return {"introMessage": {}}
    return _postback(turn) or {"textMessage": {"text": turn.text or NO_TEXT}}


def _postback(turn: Turn) -> dict[str, Any] | None:
    """A chosen option as Chatlayer wants it back; None when its payload is opaque and the title has to speak."""
    payload = turn.payload
    if isinstance(payload, str):
        try:
            payload = jsons.read(payload.encode())
        except PayloadError:
            return None
    dialog = payload.get("nextDialogstateId") if isinstance(payload, dict) else None
    if not isinstance(dialog, str | int) or isinstance(dialog, bool) or dialog == "":
        return None  # older bots count their dialogs: such a number goes back as it came
    lists = (payload[key] for key in PARAMETERS if isinstance(payload.get(key), list))
    parameters: list[Any] = next(filter(None, lists), [])
    return {
        "postbackMessage": {
            "title": payload["title"] if isinstance(payload.get("title"), str) else turn.text or "",
            "nextDialogstateId": dialog,
            "sessionDataToSet": parameters,
        }
    }


def _channel_details(turn: Turn) -> dict[str, Any]:
    """In the shape of Chatlayer's own Sparkcentral integration, so that its dialogs work unchanged."""
    return {
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
