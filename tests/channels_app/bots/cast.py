"""Bots ready for a test, and the turns that they are told."""

import json
from datetime import UTC, datetime
from typing import Any

from channels_app.adapters.bots import BotConnector, bot_class
from channels_app.protocol import Contact, ContactAttribute, EventType, InboxChannelRef, Incoming, Reply, Turn
from tests.fakes.api import Call, FakeApi, answer
from tests.fakes.google import AGENT, service_account_key

SESSION = "3f0c9a52-6d41-4f0e-9c5e-1f0f6a1d2b77"
NOW = datetime(2022, 4, 28, 9, 43, 27, tzinfo=UTC)
SETTINGS: dict[str, dict[str, Any]] = {
    "http": {
        "url": "https://bot.example/turns",
        "token": "demo-token",
        "signing_secret": "demo words",
        "reply_signature": "time_and_body",
        "timeout_s": 20,
    },
    "chatlayer": {
        "url": "https://chatlayer.example/messages",
        "access_token": "demo-access",
        "verify_token": "demo verify token",
        "identify_by": "conversationId",
    },
    "rasa": {
        "url": "https://rasa.example/webhooks/rest/webhook",
        "token": "demo-token",
        "start_message": "/greet",
        "handover_intent": "/talk_to_a_person",
        "timeout_s": 20,
    },
    "openai": {
        "url": "https://llm.example/v1/chat/completions",
        "api_key": "demo-key",
        "model": "demo-1",
        "prompt": "You are the assistant of Acme.",
        "timeout_s": 20,
    },
    "template": {
        "url": "https://api.example/chat",
        "preset": "own",
        "headers": "X-Key: {{secret}}",
        "secret": "demo-secret",
        "body": '{"session": "{{session_id}}", "text": "{{text}}"}',
        "start_body": '{"session": "{{session_id}}", "begins": true}',
        "texts_path": "reply",
        "options_path": "buttons[].{title: label, payload: value}",
        "files_path": "media[].{url: href, name: name}",
        "intent_path": "intent",
        "handover_path": "action",
        "handover_value": "handover",
        "details_path": "summary",
        "remember": "conversation_id = conversation",
        "timeout_s": 20,
    },
    "directline": {
        "url": "https://directline.example/v3/directline",
        "secret": "demo-secret",
        "greeting_event": "startConversation",
        "quiet_s": 2,
        "timeout_s": 20,
    },
}
SETTINGS["dialogflow"] = {
    "agent": AGENT,
    "service_account_key": service_account_key(),
    "url": "https://dialogflow.example",
    "languages": "en, nl",
    "start_event": "WELCOME",
    "session_minutes": 1440,
    "timeout_s": 20,
}
SILENCE: dict[str, tuple[Any, Reply | None]] = {
    "http": ({}, None),
    "chatlayer": ({}, None),
    "rasa": ([], Reply()),
    "template": ({"reply": ""}, Reply()),
    "directline": (
        {"activities": [{"type": "message", "from": {"id": "bot"}, "inputHint": "expectingInput"}]},
        Reply(unshown=("empty message",)),
    ),
    "dialogflow": ({"queryResult": {}}, Reply()),
    "openai": ({"choices": [{"message": {"content": ""}}]}, Reply(unshown=("an answer without words",))),
}
"""What each kind answers when it says nothing in this call, and what that means: None is "perhaps later"."""


def answering(kind: str, document: Any = None, *, body: bytes = b"") -> BotConnector:
    """A bot whose platform answers a turn with this document. Where that takes several calls: with what belongs to
    the others, and with nothing if it is asked for more."""
    if kind != "directline":
        return make_bot(kind, answer(200, document, body=body))
    begun, taken = answer(201, {"conversationId": "c1"}), answer(200, {"id": "c1|0000001"})
    nothing = [answer(200, {"activities": [], "watermark": "9"}) for _ in range(30)]
    return make_bot(kind, begun, taken, answer(200, document, body=body), *nothing)


TOLD_AT = {
    "directline": "/conversations/c1/activities",
    "dialogflow": f"/v3/{AGENT}/sessions/{SESSION}:detectIntent",
}
"""Behind the bot's address, where a turn takes several calls or has an address of its own."""


def told(bot: BotConnector) -> Call:
    """The one call that tells it a turn."""
    [call] = [call for call in calls(bot) if bot.kind not in TOLD_AT or _tells(bot, call)]
    found: Call = call
    return found


def _tells(bot: BotConnector, call: Call) -> bool:
    return call.method == "POST" and call.url.endswith(TOLD_AT[bot.kind].rpartition(SESSION)[2])


def make_bot(kind: str, *answers: Any, **settings: Any) -> BotConnector:
    bot = bot_class(kind)({**SETTINGS[kind], **settings})
    bot.api = FakeApi(list(answers))  # type: ignore[assignment]
    return bot


def calls(bot: BotConnector) -> Any:
    return bot.api.calls  # type: ignore[attr-defined]


def make_turn(**changes: Any) -> Turn:
    values: dict[str, Any] = {
        "type": EventType.MESSAGE_RECEIVED,
        "turn_id": "turn-1",
        "session_id": SESSION,
        "text": "Where is my parcel?",
        "message_id": "m1",
        "language": "en",
        "medium": "whatsapp",
        "contact": Contact(external_id="c1", primary_identifier="Johan", vip=True),
        "attributes": (ContactAttribute(attribute="company", value="Acme", source="AGENT"),),
        "inbox_channel": InboxChannelRef(external_id="ic1", name="Support"),
        "topics": ("Orders",),
    }
    return Turn(**{**values, **changes})


def request(
    body: bytes | dict[str, Any], *, headers: dict[str, str] | None = None, query: dict[str, str] | None = None
) -> Incoming:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Incoming(headers=headers or {}, query=query or {}, body=raw, received_at=NOW)
