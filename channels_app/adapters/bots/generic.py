"""Any bot that answers a JSON POST: the contract is ours, version 1, and both sides ignore what they don't know."""

import hashlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from channels_app.adapters.bots.base import BotConnector, message_of
from channels_app.adapters.bots.generic_form import BODY_ALONE, SIGNATURE_HEADER, TIMESTAMP_HEADER, HttpBotForm
from channels_app.adapters.settings import is_same, is_signed, signature
from channels_app.codes import describe
from channels_app.lib import jsons
from channels_app.lib.jsons import JsonObject
from channels_app.protocol import (
    Attachment,
    Completion,
    Contact,
    Event,
    EventType,
    Incoming,
    Message,
    OffloadRequest,
    Option,
    Reply,
    Turn,
)
from channels_app.protocol.contact_message import ContactFile
from channels_app.protocol.errors import ConfigError, PayloadError, SignatureError
from channels_app.protocol.intents import Intent

VERSION = 1
ACKNOWLEDGED = (HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT)
"""Answers that promise one for later, with any content."""
MAX_SECONDS_DIGITS = 12  # of unix seconds; milliseconds have 13
MAX_AGE_S = 300  # seconds between the time that a later reply was signed with and ours, either way
MAX_REPLY_ID = 100  # characters; a UUID has 36

TURN_TYPES = {
    EventType.CONVERSATION_STARTED: "conversation_started",
    EventType.CONVERSATION_DELEGATED: "conversation_delegated",
    EventType.MESSAGE_RECEIVED: "message",
    EventType.CONTACT_SILENT: "contact_silent",
}
ATTACHMENT_KEYS = ("attachment", "attachments")
MESSAGE_KEYS = ("text", "options", *ATTACHMENT_KEYS)
REPLY_KEYS = ("messages", "topics", "tags", "attributes", "note", "complete", "offload", "not_understood")
MAX_INTENT = 200  # characters


class HttpBot(BotConnector):
    kind = "http"
    label = "HTTP bot"
    settings_form = HttpBotForm
    asks_ahead = True

    def send(self, turn: Turn) -> Reply | None:
        """Its reply. None for an acknowledgement and for a document without any of our keys: perhaps later."""
        if not self.settings.get("url"):
            raise ConfigError(describe("CB-507", problem="its address is not saved yet"))
        body = jsons.encoded(turn_document(turn))
        answer = self.post(turn, self.settings["url"], data=body, headers=self._headers(body, turn.turn_id))
        if answer.status in ACKNOWLEDGED or not answer.body.strip():
            return None
        try:
            document = JsonObject.read(answer.body)
        except PayloadError:
            if self.can_call_back and not _is_document(answer.body):  # "OK": what web frameworks answer by themselves
                return None
            raise
        return read_reply(document) if any(map(document.has, REPLY_KEYS)) else None

    @property
    def can_call_back(self) -> bool:
        """Whether it has something to prove itself with."""
        return bool(self.settings.get("token") or self.settings.get("signing_secret"))

    @property
    def hears_silence(self) -> bool:
        return bool(self.settings.get("hears_silence"))

    def verify(self, incoming: Incoming) -> None:
        """Token or signature: one of those that are configured is enough, but none that is presented may be wrong."""
        proofs = list(self._proofs(incoming))
        if not self.can_call_back:
            raise SignatureError("Set a token or a signing secret: the bot must authenticate.", reason="no_secret")
        if not proofs:
            raise SignatureError("The bot sent neither its token nor a signature.", reason="no_signature")
        if not all(proofs):
            raise SignatureError("The bot's token or signature is wrong.", reason="bad_signature")

    def parse(self, incoming: Incoming) -> list[Event]:
        """A later reply: the reply document with a session id, and an id that makes it count once."""
        document = JsonObject.read(incoming.body)
        reply_id = document.text("reply_id")
        if len(reply_id) > MAX_REPLY_ID:
            document.refuse("reply_id", f"has more than {MAX_REPLY_ID} characters")
        told = _seconds(incoming.headers.get(TIMESTAMP_HEADER.lower(), ""))
        event = Event(
            type=EventType.BOT_REPLIED,
            key=reply_id or _derived_id(incoming, told),
            conversation_id=document.required_text("session_id"),
            sent_at=incoming.received_at,
            counts_per_turn=not reply_id,
            signed_at=None if reply_id else told,
            reply=read_reply(document),
        )
        return [event]

    def _headers(self, body: bytes, turn_id: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Idempotency-Key": turn_id}
        if self.settings.get("token"):
            headers["Authorization"] = f"Bearer {self.settings['token']}"
        if self.settings.get("signing_secret"):
            headers[SIGNATURE_HEADER] = signature(body, self.settings["signing_secret"].encode())
        return headers

    def _proofs(self, incoming: Incoming) -> Iterator[bool]:
        token, secret = self.settings.get("token"), self.settings.get("signing_secret")
        authorization = incoming.headers.get("authorization", "")
        if token and authorization:
            scheme, _, presented = authorization.partition(" ")
            yield is_same(presented.strip(), token) and scheme.lower() == "bearer"
        signed = incoming.headers.get(SIGNATURE_HEADER.lower(), "")
        if secret and signed:
            yield self._is_signed(incoming, signed, secret.encode())

    def _is_signed(self, incoming: Incoming, presented: str, key: bytes) -> bool:
        """Over time and body, so that it can't be replayed later. Raises SignatureError for a wrong time."""
        told = incoming.headers.get(TIMESTAMP_HEADER.lower(), "")
        if told and is_signed(f"{told}.".encode() + incoming.body, presented, key):
            signed_at = _seconds(told)
            if signed_at is None or abs(incoming.received_at.timestamp() - signed_at) > MAX_AGE_S:
                raise SignatureError("The signature's time is more than 5 minutes off ours.", reason="bad_time")
            return True
        if not is_signed(incoming.body, presented, key):
            return False
        if self.settings.get("reply_signature") != BODY_ALONE:
            detail = f"The signature is over the body alone. Sign {TIMESTAMP_HEADER}, a dot and the body."
            raise SignatureError(detail, reason="body_signed")
        return True


def _seconds(text: str) -> int | None:
    """Unix seconds; None for what is no such number."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_SECONDS_DIGITS else None


def _derived_id(incoming: Incoming, told: int | None) -> str:
    """For a reply without an id: the same for the same text within a minute. A bot that retries may sign again.

    The minute is that of the signature, if there is one (`told`), so that a replay has the id of the first. It counts
    once in a turn; in another turn it is a replay only with the very second that it was signed at.
    """
    minute = int(incoming.received_at.timestamp() if told is None else told) // 60
    return hashlib.sha256(b"%d." % minute + incoming.body).hexdigest()


def turn_document(turn: Turn) -> dict[str, Any]:
    """What the bot is told; `attachments` are only there when the message holds no text or also files, `history` when
    an agent gave the bot the conversation, `test` when nobody is behind it, `is_first` when it is so."""
    channel = turn.inbox_channel
    document = {
        "version": VERSION,
        "type": TURN_TYPES[turn.type],
        "turn_id": turn.turn_id,
        "session_id": turn.session_id,
        "text": turn.text,
        "payload": turn.payload,
        "message_id": turn.message_id,
        "language": turn.language,
        "medium": turn.medium,
        "contact": _contact(turn.contact),
        "attributes": [
            {"attribute": item.attribute, "value": item.value, "source": item.source} for item in turn.attributes
        ],
        "inbox_channel": {"id": channel.external_id, "name": channel.name} if channel else None,
        "topics": list(turn.topics),
        "trigger": dict(turn.trigger) if turn.trigger else None,
    }
    marks = {"is_first": turn.is_first, "test": turn.is_test}
    parts = {
        "attachments": [_file(file) for file in turn.files],
        "history": [
            {"from": past.author, "name": past.name, "text": past.text, "at": past.at.isoformat()}
            for past in turn.history
        ],
    }
    return (
        document
        | {name: part for name, part in parts.items() if part}
        | {name: True for name, is_so in marks.items() if is_so}
    )


def _file(file: ContactFile) -> dict[str, Any]:
    """What the contact sent, and the text that stands for it; of the rest what is known."""
    names = ("url", "name", "content_type", "latitude", "longitude")
    known = {name: fact for name in names if (fact := getattr(file, name)) not in ("", None)}
    return {"type": file.kind.value, "placeholder": file.placeholder, **known}


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.external_id,
        "primary_identifier": contact.primary_identifier,
        "secondary_identifier": contact.secondary_identifier,
        "picture_url": contact.picture_url,
        "vip": contact.vip,
    }


def read_reply(document: JsonObject) -> Reply:
    """A reply document. A wrong type is refused with its path; a message that holds nothing is left out, and named if
    it holds something that we don't know."""
    items = list(document.objects("messages"))
    messages = (message for item in items for message in _messages(item))
    attributes = document.object("attributes") or JsonObject({})
    offload = document.object("offload")
    return Reply(
        messages=tuple(message for message in messages if message.text or message.options or message.attachment),
        topics=tuple(document.texts("topics")),
        tags=tuple(document.texts("tags")),
        attributes={key: attributes.text(key) for key in attributes.values if attributes.has(key)},
        note=document.text("note"),
        complete=_completion(document),
        offload=OffloadRequest(reason=offload.text("reason"), payload=offload.values.get("payload"))
        if offload
        else None,
        unshown=tuple(message_of(keys) for keys in map(_unknown_keys, items) if keys),
        intents=read_intents(document.values.get("intent")),
        not_understood=document.values.get("not_understood") is True,
    )


def read_intents(found: object) -> tuple[Intent, ...]:
    """What the bot understood of the contact's last words: a name, or an object with it. Anything else is nothing: an
    intent is no reason to refuse an answer."""
    name, score = (found.get("name"), found.get("score")) if isinstance(found, dict) else (found, None)
    if not isinstance(name, str) or not name.strip():
        return ()
    share = float(score) if isinstance(score, int | float) and 0 <= score <= 1 else None
    return (Intent(name.strip()[:MAX_INTENT], share),)


def _unknown_keys(item: JsonObject) -> list[str]:
    """What a message holds, if that is nothing that we know: "body" or "content" is what other contracts say."""
    return [] if any(map(item.has, MESSAGE_KEYS)) else list(filter(item.has, item.values))


def _is_document(body: bytes) -> bool:
    """Whether this was meant as an answer, right or wrong: JSON, and not a bare word or number."""
    try:
        return isinstance(jsons.read(body), dict | list)
    except PayloadError:
        return False


def _messages(item: JsonObject) -> Iterator[Message]:
    """One message; of several files each is a message of its own, the text above and the options below them."""
    files: list[Attachment | None] = [
        read_attachment(file) for key in ATTACHMENT_KEYS for file in _one_or_several(item, key)
    ]
    *before, last = files or [None]
    text, options = item.text("text"), tuple(read_option(option) for option in item.objects("options"))
    pause_ms = item.whole("pause_ms")
    for place, file in enumerate(before):
        yield Message(text="" if place else text, attachment=file, pause_ms=0 if place else pause_ms)
    yield Message(text="" if before else text, options=options, attachment=last, pause_ms=0 if before else pause_ms)


def _one_or_several(item: JsonObject, key: str) -> Iterator[JsonObject]:
    if isinstance(item.values.get(key), list):
        yield from item.objects(key)
    elif found := item.object(key):
        yield found


def read_attachment(item: JsonObject) -> Attachment:
    return Attachment(url=item.required_text("url"), name=item.text("name"), content_type=item.text("content_type"))


def read_option(item: JsonObject) -> Option:
    return Option(
        title=item.text("title").strip() if item.has("title") else item.refuse("title", "is missing"),
        payload=jsons.as_it_came(item.values.get("payload")),
        url=item.text("url"),
        phone=item.text("phone"),
        wants_location=item.values.get("location") is True,
    )


def _completion(document: JsonObject) -> Completion | None:
    text = document.text("complete")
    if text and text not in list(Completion):
        document.refuse("complete", f"must be {' or '.join(Completion)}")
    return Completion(text) if text else None
