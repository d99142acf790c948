"""Rasa Open Source and Rasa Pro, by their REST channel. API: https://rasa.com/docs/reference/channels/your-own-website

A call is answered with the list of what the bot says, and `[]` when it says nothing. It is also `[]` when a message
has failed inside Rasa: only its log tells them apart. Text, buttons, an image, an attachment and `custom` of one
response come as entries of their own since Rasa 1.1, in that order; several in one are read as well.
"""

import re
from dataclasses import replace
from functools import reduce
from urllib.parse import urlsplit, urlunsplit

from django import forms

from channels_app.adapters.bots.base import BotConnector, TimeoutField
from channels_app.adapters.bots.generic import REPLY_KEYS, read_reply, turn_document
from channels_app.adapters.settings import AddressField, SecretField, TextField
from channels_app.codes import describe
from channels_app.lib.jsons import JsonObject, as_it_came
from channels_app.protocol import Attachment, EventType, Message, OffloadRequest, Option, Reply, Turn
from channels_app.protocol.errors import ConfigError
from channels_app.protocol.visible import named

REST_CHANNEL = "/webhooks/rest/webhook"
SESSION_START = "/session_start"  # an intent that every Rasa bot has; by default it says nothing
ASKED_FOR_HUMAN = OffloadRequest(reason="asked_for_human")

_COMMAND = re.compile(r"[/\s]+")
"""What makes Rasa read a text as an intent and entities of its author, instead of a contact's words."""
_INTENT = re.compile(r"\s*/?([^{@(\s]+)")


class IntentField(TextField):
    """A message for Rasa as its buttons carry them: `/intent`, or `/intent{"entity": "value"}`."""

    is_one_word = False


class RasaForm(forms.Form):
    url = AddressField(
        label="Address of Rasa",
        help_text="The server whose credentials.yml has “rest:”, e.g. https://rasa.example.com. For your own "
        "channel enter the complete address, which ends in /webhook.",
    )
    token = SecretField(
        label="Token",
        required=False,
        help_text="Sent as “Authorization: Bearer …”. Rasa's REST channel requires none; a proxy in front of it or "
        "your own channel may.",
    )
    start_message = IntentField(
        label="Message at the start",
        required=False,
        help_text="Sent when the bot should speak first, e.g. /greet. Empty: it waits for the contact's first "
        "message.",
    )
    handover_intent = IntentField(
        label="Intent that hands over",
        required=False,
        help_text="When the contact chooses a button with this payload, e.g. /talk_to_a_person, an agent takes over "
        "after the bot's answer. The bot can also hand over itself: custom: {handover: true}.",
    )
    silence_message = IntentField(
        label="Message when a silent contact's conversation ends",
        required=False,
        help_text="Where a channel ends the conversations of silent contacts: sent to the bot before, e.g. "
        "/contact_silent. Its answer is not sent. Empty: it is not told.",
    )
    timeout_s = TimeoutField()


class Rasa(BotConnector):
    kind = "rasa"
    label = "Rasa"
    settings_form = RasaForm
    speaks_first = False  # it greets with the answer to the first message, which begins its session by itself

    def send(self, turn: Turn) -> Reply | None:
        if not self.settings.get("url"):
            raise ConfigError(describe("CB-507", problem="the address of Rasa is not saved yet"))
        message = self._message(turn)
        if not message:
            return Reply()
        token = self.settings.get("token")
        answer = self.post(
            turn,
            webhook_address(self.settings["url"]),
            json={"sender": turn.session_id, "message": message, "metadata": turn_document(turn)},
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )
        reply = reduce(Reply.merged_with, map(_said, JsonObject.read_list(answer.body)), Reply())
        return replace(reply, offload=reply.offload or ASKED_FOR_HUMAN) if self._hands_over(turn) else reply

    @property
    def hears_silence(self) -> bool:
        return bool(self.settings.get("silence_message"))

    def _message(self, turn: Turn) -> str:
        """What Rasa reads as the contact's message; empty: it is not told. A chosen payload goes back as it came."""
        if turn.type.opens:
            return turn.text or self.settings.get("start_message") or (SESSION_START if turn.is_test else "")
        if turn.type is EventType.CONTACT_SILENT:
            return self.settings.get("silence_message") or ""
        if isinstance(turn.payload, str) and turn.payload:
            return turn.payload
        text = (turn.text or "").strip()
        words = _COMMAND.sub("", text, count=1) if text.startswith("/") else text
        return words or turn.placeholder

    def _hands_over(self, turn: Turn) -> bool:
        """Whether the contact chose what hands over; the bot is asked all the same, and may say goodbye."""
        wanted = _intent(self.settings.get("handover_intent"))
        return bool(wanted) and wanted == _intent(turn.payload)


def _intent(message: object) -> str:
    """The name in `/intent{"entity": "value"}`, or empty."""
    found = _INTENT.match(message) if isinstance(message, str) else None
    return found[1] if found else ""


def webhook_address(url: str) -> str:
    """The REST channel of a server, or the address itself if it is that of a channel already."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith("/webhook") else path + REST_CHANNEL))


def _said(entry: JsonObject) -> Reply:
    """All that one entry of the list says, and the names of what can't be shown."""
    image, buttons = entry.text("image").strip(), list(entry.objects("buttons"))
    shown = Message(
        text=entry.words("text").strip(),
        options=tuple(filter(None, map(_option, buttons))),
        attachment=Attachment(url=image) if image else None,
    )
    file = _file_address(entry)
    messages = (shown, Message(attachment=Attachment(url=file) if file else None))
    reply = Reply(
        messages=tuple(one for one in messages if one != Message()),
        unshown=(
            *(f"button {named(button.values.get('payload'))}" for button in buttons if _option(button) is None),
            *(["attachment without an address"] if entry.has("attachment") and not file else []),
        ),
    )
    custom = entry.object("custom")
    return reply.merged_with(_custom(custom)) if custom else reply


def _option(button: JsonObject) -> Option | None:
    """The payload stays untouched: it must come back as it was."""
    title, payload = button.words("title").strip(), button.values.get("payload")
    if not title:
        return None
    if button.values.get("type") == "phone_number":
        return Option(title=title, phone=button.words("payload"))
    return Option(title=title, payload=as_it_came(payload), url=button.text("url"))


def _file_address(entry: JsonObject) -> str:
    """An attachment is an address, or in the form of Messenger an object that holds one."""
    if not isinstance(entry.values.get("attachment"), dict):
        return entry.text("attachment").strip()
    file = entry.object("attachment")
    holders = (file.object("payload"), file) if file else ()
    return next((holder.text(key) for holder in holders if holder for key in ("url", "src") if holder.text(key)), "")


def _custom(custom: JsonObject) -> Reply:
    """`{"handover": true}`, with anything else the agents should read; and any part of an HTTP bot's reply."""
    others = {key: value for key, value in custom.values.items() if key not in ("handover", *REPLY_KEYS)}
    reply = read_reply(custom)
    if custom.values.get("handover") is True:
        return replace(reply, offload=reply.offload or replace(ASKED_FOR_HUMAN, payload=others or None))
    return replace(reply, unshown=(*reply.unshown, *(f"custom {named(key)}" for key in others)))
