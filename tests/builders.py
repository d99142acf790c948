"""One valid thing each, and what differs."""

import hashlib
import hmac
import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from channels_app.models import Bot, Channel
from tests.fakes.directline import DIRECTLINE, SECRET
from tests.fakes.google import AGENT, service_account_key
from tests.world import BOT, CHATLAYER, DIALOGFLOW, INBOX

SHARED_SECRET = "00ff" * 16
TOKEN = "bot-token-of-the-tests"
_numbers = itertools.count(1)


def make_bot(kind: str = "http", **changes: Any) -> Bot:
    settings_by_kind: dict[str, dict[str, Any]] = {
        "http": {"url": BOT, "token": TOKEN, "signing_secret": "", "timeout_s": 20},
        "chatlayer": {
            "url": CHATLAYER,
            "access_token": TOKEN,
            "verify_token": "verify-token-of-the-tests",
            "identify_by": "conversationId",
        },
        "directline": {"url": DIRECTLINE, "secret": SECRET, "greeting_event": "nothing", "timeout_s": 20},
        "openai": {"url": BOT, "api_key": TOKEN, "model": "demo-1", "prompt": "You are the assistant of Acme."},
        "template": {"url": BOT, "secret": TOKEN, "body": '{"text": "{{text}}"}', "texts_path": "reply"},
        "dialogflow": {"agent": AGENT, "service_account_key": service_account_key(), "url": DIALOGFLOW},
        "rasa": {"url": BOT, "token": TOKEN, "start_message": "", "handover_intent": "/person", "timeout_s": 20},
    }
    settings = settings_by_kind[kind]
    bot = Bot(name=changes.pop("name", f"Bot {next(_numbers)}"), kind=kind)
    bot.put_settings({**settings, **changes})
    bot.save()
    return bot


def make_channel(inbox: str = "hootsuite", **changes: Any) -> Channel:
    """A channel of the world's inbox that says nothing by itself; `bot=None` for one without."""
    number = next(_numbers)
    settings = {
        "region": "eu",
        "base_url": INBOX,
        "client_id": f"client-{number}",
        "client_secret": f"client-secret-of-the-tests-{number}",
        "organization_id": "org-1",
    }
    if "bot" not in changes:
        changes["bot"] = make_bot()
    said_by_us = ("fallback_texts", "apology_texts", "file_texts", "paused_texts", "holding_texts")
    quiet: dict[str, Any] = {name: {} for name in said_by_us}
    # Without typing: a turn that waits for its bot would look in every ten seconds.
    channel = Channel(**{"name": f"Channel {number}", "inbox": inbox, "typing_after_s": 0, **quiet, **changes})
    channel.put_settings(settings)
    channel.shared_secret = SHARED_SECRET
    channel.save()
    return channel


def make_event(
    type_: str = "INBOUND_MESSAGE_RECEIVED", conversation: str = "0-conv-1", **changes: Any
) -> dict[str, Any]:
    """A body as the platform sends it. `text`, `payload`, `after_s` (seconds from now) and `data` are shorthands."""
    sent_at = datetime.now(UTC) + timedelta(seconds=changes.pop("after_s", 0))
    data: dict[str, Any] = {
        "conversationId": conversation,
        "contactProfile": {"id": "contact-johan", "primaryIdentifier": "Johan"},
        "channel": {"id": "inbox-channel-1", "name": "Demo Channel"},
        "medium": {"id": "whatsapp"},
    }
    if type_ == "INBOUND_MESSAGE_RECEIVED":
        data["message"] = {"messageId": f"message-{next(_numbers)}", "text": changes.pop("text", "Hello")}
        if "payload" in changes:
            data["message"]["payload"] = changes.pop("payload")
        data |= {"trigger": None, "conversationTopics": []}
    else:
        attributes = [{"attribute": "company", "value": "Acme", "source": "AGENT"}]
        data |= {"language": "en", "contactAttributes": attributes}
    data |= changes.pop("data", {})
    return {
        "type": type_,
        "version": 1,
        "idempotencyKey": f"key-{next(_numbers)}",
        "timestamp": sent_at.isoformat().replace("+00:00", "Z"),
        "data": data,
        **changes,
    }


def sign(body: bytes, secret: str = SHARED_SECRET) -> str:
    return hmac.new(bytes.fromhex(secret), body, hashlib.sha256).hexdigest()


def signed(
    event: dict[str, Any], header: str = "X-Hootsuite-Signature", secret: str = SHARED_SECRET
) -> dict[str, Any]:
    """Arguments for the test client's `post`."""
    body = json.dumps(event).encode()
    return {"data": body, "content_type": "application/json", "headers": {header: sign(body, secret)}}


def analyze() -> None:
    """PostgreSQL learns what is in our tables. Only in ours: a cluster's own are locked until the test's transaction
    ends, for the tests beside this one too."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(connection.introspection.django_table_names(only_existing=True))}")
