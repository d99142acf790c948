"""The cast of the tests: a world outside, channels in it, and one who walks events through the doors."""

import math
import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.db.backends.postgresql.operations import DatabaseOperations
from django.db.models import F
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck

from channels_app.adapters.inboxes.tokens import forget_tokens
from channels_app.channels import milestones, readiness
from channels_app.channels.credentials import forget_quotas
from channels_app.channels.live import forget_channels
from channels_app.conversations.claim import claim_due_conversation
from channels_app.deliveries.throttle import forget_tickets
from channels_app.lib import clocks, outages, statements
from channels_app.models import Bot, Channel, Conversation, Delivery, WebhookEvent
from channels_app.turns import keeper
from tests.builders import TOKEN, make_channel, make_event, signed
from tests.turns import take_step
from tests.world import World

# A hash that is hard to guess takes most of a second, and every test with somebody at a browser makes one.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Else each test client looks through all static files before its first request.
settings.WHITENOISE_AUTOREFRESH = True
# The thread that renews a pump's leases outlives the test; it may not wake up in another one. Seconds.
keeper.RENEW_S = 3600
# No test measures speed: on a busy machine an example takes as long as it takes.
hypothesis.settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.settings.register_profile("thorough", hypothesis.settings.get_profile("unhurried"), max_examples=10_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unhurried"))


@pytest.fixture(scope="session", autouse=True)
def _emptying_between_tests() -> Iterator[None]:
    """Tests with transactions of their own empty all tables afterwards; the audit log refuses that."""
    table, flush = "channels_app_auditentry", DatabaseOperations.sql_flush

    def sql_flush(*args: Any, **kwargs: Any) -> list[str]:
        statements = flush(*args, **kwargs)
        off, on = (f"ALTER TABLE {table} {what} TRIGGER audit_not_emptied;" for what in ("DISABLE", "ENABLE ALWAYS"))
        return [off, *statements, on] if statements else []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", sql_flush)
        yield


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World().arrive(monkeypatch)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """What processes remember beside the rows: each test is one that has just started."""
    yield
    readiness.forget()
    forget_channels()
    forget_tickets()
    forget_tokens()
    forget_quotas()
    outages.forget()
    milestones.forget()


@pytest.fixture
def database_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """From now on PostgreSQL's clock says so, for all that this process knows."""

    def says(moment: datetime) -> None:
        monkeypatch.setattr(clocks._clock, "origin", moment - timedelta(seconds=clocks.ticks()))
        monkeypatch.setattr(clocks._clock, "due_at", math.inf)
        monkeypatch.setattr(statements, "note_reading", lambda *args, **kwargs: None)  # of new connections

    return says


@pytest.fixture
def channel(db: None, world: World) -> Channel:
    return make_channel()


@pytest.fixture
def bot(channel: Channel) -> Bot:
    assert channel.bot is not None
    return channel.bot


class Walker:
    """Posts events to the doors as the platforms do, and does the workers' part until nothing is due."""

    def __init__(self, client: Client, channel: Channel) -> None:
        self.client = client
        self.channel = channel

    def post(self, event: dict[str, Any], **kwargs: Any) -> Any:
        header = "X-Sparkcentral-Signature" if self.channel.inbox == "sparkcentral" else "X-Hootsuite-Signature"
        return self.client.post(f"/webhooks/inbox/{self.channel.uuid}/", **signed(event, header, **kwargs))

    def starts(self, conversation: str = "0-conv-1", **changes: Any) -> None:
        assert self.post(make_event("CONVERSATION_STARTED", conversation, **changes)).status_code == 200
        self.work()

    def delegates(self, conversation: str = "0-conv-1", **changes: Any) -> None:
        assert self.post(make_event("CONVERSATION_DELEGATED", conversation, **changes)).status_code == 200
        self.work()

    def says(self, text: str | None, conversation: str = "0-conv-1", **changes: Any) -> None:
        assert self.post(make_event(conversation=conversation, text=text, **changes)).status_code == 200
        self.work()

    def bot_says(self, *texts: str, conversation: str = "0-conv-1", **document: Any) -> Any:
        """A later reply of an HTTP bot, as it comes to the door; nobody works on it yet."""
        assert self.channel.bot is not None
        session_id = str(self.conversation(conversation).session_id)
        body = {"session_id": session_id, "messages": [{"text": text} for text in texts], **document}
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"/webhooks/bot/{self.channel.bot.uuid}/"
        return self.client.post(url, body, content_type="application/json", headers=headers)

    def post_and_age(self, *, text: str, age_s: int) -> None:
        """The contact said something that long ago, and only now somebody works on it."""
        assert self.post(make_event(text=text)).status_code == 200
        WebhookEvent.objects.update(received_at=timezone.now() - timedelta(seconds=age_s))
        self.work()

    def work(self, *, patiently: bool = True) -> int:
        """Take every step that is due; `patiently` also those that only wait for a moment to pass."""
        steps = 0
        while True:
            if patiently:
                self.let_time_pass()
            lease = claim_due_conversation("tests")
            if lease is None:
                return steps
            take_step(lease)
            steps += 1
            if steps > 20:
                time.sleep(0.05)  # the account's second has to pass
            assert steps < 100, "the turns go round in circles"

    def let_time_pass(self) -> None:
        """As if the short waits (settling, retries) were over; long ones stay."""
        soon = timezone.now() + timedelta(seconds=20)
        a_while = timedelta(seconds=2)
        WebhookEvent.objects.filter(outcome=None).update(
            received_at=F("received_at") - a_while,
            wait_until=F("wait_until") - a_while,
            called_at=F("called_at") - a_while,
        )
        Delivery.objects.update(first_sent_at=F("first_sent_at") - a_while)
        WebhookEvent.objects.filter(outcome=None, wait_until__lt=soon).update(wait_until=timezone.now())
        Conversation.objects.filter(wake_at__lt=soon).update(wake_at=timezone.now())

    def conversation(self, external_id: str = "0-conv-1") -> Conversation:
        return Conversation.objects.get(channel=self.channel, external_id=external_id)

    def outcomes(self, external_id: str = "0-conv-1") -> list[str | None]:
        events = WebhookEvent.objects.filter(conversation__external_id=external_id).order_by("sent_at", "id")
        return list(events.values_list("outcome", flat=True))


@pytest.fixture
def walker(client: Client, channel: Channel) -> Walker:
    return Walker(client, channel)


@pytest.fixture
def walk_with(client: Client, db: None, world: World) -> Callable[..., Walker]:
    """A walker for a channel of one's own making."""

    def make(**changes: Any) -> Walker:
        return Walker(client, make_channel(**changes))

    return make
