"""A team is told, once for each handover, that nobody has opened it; a server that is away only delays it."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.test import Client
from django.utils import timezone

from channels_app.adapters.settings import is_signed
from channels_app.channels.forms import ChannelForm
from channels_app.models import Job
from channels_app.operations.handover_health import WATCHING
from channels_app.operations.handovers import Asked, find_weaknesses
from channels_app.upkeep import alerting
from channels_app.upkeep.alerting import raise_alerts
from channels_app.upkeep.housekeeping import TASKS
from channels_app.upkeep.watching import watch_handovers
from offload.models import HandoverAlert, Offload, OffloadProvider
from tests.conftest import Walker
from tests.offload.test_watching import handed_over, lock
from tests.world import World, answer

HOOK = "https://hooks.example.com/services/T0/very-secret"


@pytest.fixture(autouse=True)
def mail_server(settings: Any) -> None:
    settings.EMAIL_HOST, settings.DEFAULT_FROM_EMAIL = "mail.example.com", "bridge@example.com"
    settings.PUBLIC_BASE_URL = "https://bridge.example.com"
    settings.ALERT_MAIL_TO = ["lead@example.com"]


def a_while_passes() -> None:
    HandoverAlert.objects.filter(sent_at=None).update(due_at=timezone.now() - timedelta(seconds=1))


def test_late_handovers_are_told_once_and_together(walker: Walker, world: World) -> None:
    late = [handed_over(walker, world, f"0-{minutes}", minutes=minutes) for minutes in (11, 14)]
    handed_over(walker, world, "0-new", minutes=9)
    assert raise_alerts() == (2, 0)
    assert raise_alerts() == (0, 0)
    [sent] = mail.outbox
    assert (sent.to, sent.from_email) == (["lead@example.com"], "bridge@example.com")
    assert sent.subject == f"{walker.channel.name}: 2 contacts wait for an agent"
    url = f"https://bridge.example.com/ops/conversations/{late[1].conversation_id}/"
    assert f"14 min, the bot ended its part: {url}" in sent.body
    assert "https://bridge.example.com/ops/handovers/" in sent.body
    contact = late[0].conversation.contact
    assert contact is not None and contact.primary_identifier not in sent.body
    assert [row.late for row in find_weaknesses(Asked()).reasons] == [2]


def test_a_channel_has_its_own_minutes_and_addresses(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(alert_minutes=3, alert_mail_to="anna@example.com, tom@example.com")
    handed_over(walker, world, minutes=4)
    assert raise_alerts() == (1, 0)
    assert mail.outbox[0].to == ["anna@example.com", "tom@example.com"]
    assert mail.outbox[0].subject.endswith(": 1 contact waits for an agent")


@pytest.mark.parametrize(
    ("channel", "provider", "reason"),
    [
        ({"alert_minutes": 0}, {}, ""),
        ({"inbox": "sparkcentral"}, {}, ""),
        ({}, {"is_enabled": False}, ""),
        ({}, {"opening_hours": {"timezone": "UTC", "closed": []}}, ""),
        ({}, {}, "message_left"),
    ],
)
def test_nobody_is_told_of_what_is_not_late(
    walk_with: Callable[..., Walker], world: World, channel: dict[str, Any], provider: dict[str, Any], reason: str
) -> None:
    walker = walk_with(**channel)
    OffloadProvider.objects.create(channel=walker.channel, **provider)
    offload = handed_over(walker, world, minutes=60)
    Offload.objects.filter(pk=offload.pk).update(reason=reason or offload.reason)
    assert raise_alerts() == (0, 0)
    assert (mail.outbox, HandoverAlert.objects.count()) == ([], 0)


def test_without_addresses_only_the_page_tells(
    walker: Walker, world: World, settings: Any, admin_client: Client
) -> None:
    settings.ALERT_MAIL_TO = []
    handed_over(walker, world, minutes=12)
    assert raise_alerts() == (0, 0)
    assert "<strong>▲ 12 min</strong>" in admin_client.get("/ops/handovers/").content.decode()


def test_whom_an_agent_has_opened_meanwhile_is_not_told_of(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over(walker, world, minutes=12)
    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", _away)
        assert raise_alerts() == (0, 1)
    world.inbox.locks = [lock("0-conv-1", timezone.now())]
    assert watch_handovers() == (1, 1)
    a_while_passes()
    assert raise_alerts() == (0, 0)
    assert (mail.outbox, HandoverAlert.objects.count()) == ([], 0)


def test_who_was_given_back_meanwhile_is_not_told_of(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    walker.starts()
    handed_over(walker, world, minutes=12)
    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", _away)
        assert raise_alerts() == (0, 1)
    world.inbox.gone.clear()
    walker.starts(after_s=1)
    a_while_passes()
    assert raise_alerts() == (0, 0)
    assert (mail.outbox, HandoverAlert.objects.count()) == ([], 0)


def test_pages_and_api_tell_that_alerts_are_not_sent(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch, admin_client: Client
) -> None:
    handed_over(walker, world, minutes=12)
    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", _away)
        raise_alerts()
    told = "1 alert about contacts who wait for an agent could not be sent by mail: The mail could not be sent: "
    for path in ("/ops/handovers/", "/ops/workers/"):
        page = admin_client.get(path).content.decode()
        assert told in page and "CB-822" in page
    problems = admin_client.get("/api/v1/queue/").json()["problems"]
    assert [problem["code"] for problem in problems if problem["code"].startswith("CB-8")] == ["CB-822"]
    a_while_passes()
    assert raise_alerts() == (1, 0)
    assert "CB-822" not in admin_client.get("/ops/handovers/").content.decode()


def test_nobody_is_told_while_it_cannot_be_seen_who_has_an_agent(
    walker: Walker, world: World, admin_client: Client
) -> None:
    """Else of each contact whom an agent answers, too."""
    handed_over(walker, world, minutes=12)
    world.inbox.faults = [answer(403, {"errors": ["4002"]})]
    watch_handovers()
    assert raise_alerts() == (0, 0)
    page = admin_client.get("/ops/handovers/").content.decode()
    assert "CB-821" in page and walker.channel.name in page
    until = Job.objects.get(name=WATCHING).positions
    Job.objects.filter(name=WATCHING).update(positions={account: at - 700 for account, at in until.items()})
    watch_handovers()
    assert raise_alerts() == (1, 0)
    assert "CB-821" not in admin_client.get("/ops/handovers/").content.decode()


def _away(*_: Any, **__: Any) -> int:
    raise ConnectionRefusedError("mail.example.com")


def test_a_mail_server_that_is_away_is_tried_again_for_an_hour(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over(walker, world, minutes=12)
    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", _away)
        assert raise_alerts() == (0, 1)
        assert raise_alerts() == (0, 0)  # not at once
        alert = HandoverAlert.objects.get()
        assert (alert.tries, alert.last_error) == (1, "The mail could not be sent: ConnectionRefusedError.")
        assert TASKS[alerting.JOB].do(Event()).result == "told about 0 handovers"
        a_while_passes()
        assert TASKS[alerting.JOB].do(Event()).result == "told about 0 handovers, 1 alert failed"
        waits = HandoverAlert.objects.get().due_at - timezone.now()
        assert timedelta(seconds=90) < waits < timedelta(seconds=150)
    a_while_passes()
    assert raise_alerts() == (1, 0)
    assert len(mail.outbox) == 1
    alert = HandoverAlert.objects.get()
    assert (alert.tries, alert.last_error, alert.sent_at is not None) == (3, "", True)
    HandoverAlert.objects.update(sent_at=None, tries=alerting.MAX_TRIES)
    assert raise_alerts() == (0, 0)


# --- webhook --------------------------------------------------------------------------------------------------------


@pytest.fixture
def hook(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    settings.ALERT_WEBHOOK_URL, settings.ALERT_MAIL_TO = HOOK, []
    calls: list[Any] = []
    statuses = [200]

    def call(self: Any, method: str, url: str, **more: Any) -> Any:
        calls.append((method, url, more))
        return answer(statuses[0], {})

    monkeypatch.setattr(alerting, "_session", type("Session", (), {"call": call})())
    calls.append(statuses)
    yield calls


def test_a_webhook_gets_json_signed_if_there_is_a_secret(
    walker: Walker, world: World, hook: list[Any], settings: Any
) -> None:
    settings.ALERT_WEBHOOK_SECRET = "hook secret"
    offload = handed_over(walker, world, minutes=12)
    assert raise_alerts() == (1, 0)
    _, (method, url, more) = hook
    body = json.loads(more["data"])
    assert (method, url, body["type"], body["channel"]["name"]) == (
        *("POST", HOOK),
        *("contacts_waiting", walker.channel.name),
    )
    [waiting] = body["waiting"]
    assert (waiting["minutes"], waiting["reason"]) == (12, "bot_completed")
    assert waiting["conversation"]["url"].endswith(f"/ops/conversations/{offload.conversation_id}/")
    assert "1 contact waits for an agent" in body["text"]
    headers = more["headers"]
    signed = f"{headers['X-Chatbridge-Timestamp']}.".encode() + more["data"]
    assert is_signed(signed, headers["X-Chatbridge-Signature"], b"hook secret")


def test_a_webhook_that_refuses_is_tried_again_and_mail_goes_out_all_the_same(
    walker: Walker, world: World, hook: list[Any], settings: Any
) -> None:
    settings.ALERT_MAIL_TO = ["lead@example.com"]
    hook[0][:] = [500]
    handed_over(walker, world, minutes=12)
    assert raise_alerts() == (1, 1)
    hook[0][:] = [204]
    a_while_passes()
    assert raise_alerts() == (1, 0)
    assert (len(mail.outbox), len(hook)) == (1, 3)


def test_no_secret_of_its_address_is_kept(walker: Walker, world: World, settings: Any, caplog: Any) -> None:
    settings.ALERT_WEBHOOK_URL, settings.ALERT_MAIL_TO = HOOK, []
    world.unreachable = {HOOK}
    handed_over(walker, world, minutes=12)
    assert raise_alerts() == (0, 1)
    told = HandoverAlert.objects.get().last_error + caplog.text
    assert told and "very-secret" not in told


# --- settings -------------------------------------------------------------------------------------------------------


def test_a_wrong_address_is_refused(admin_client: Client, walker: Walker) -> None:
    url = f"/api/v1/channels/{walker.channel.pk}/"
    answer = admin_client.patch(url, {"alert_mail_to": "lead@"}, content_type="application/json")
    assert (answer.status_code, "alert_mail_to" in answer.content.decode()) == (400, True)
    answer = admin_client.patch(
        url, {"alert_mail_to": "a@example.com;b@example.com", "alert_minutes": 5}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["alert_mail_to"]) == (200, "a@example.com, b@example.com")
    assert "alert_minutes" in ChannelForm.base_fields
