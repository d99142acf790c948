""" "Test connection": a verdict for everything that can be wrong, and never an exception."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from channels_app.access.audit import Actor
from channels_app.channels.accounts import forget_token
from channels_app.channels.links import READY
from channels_app.channels.rotations import switch_server
from channels_app.lib.http.session import Answer, ApiSession, Request
from channels_app.models import Channel, Credential
from channels_app.operations.checks import check_address, check_bot, check_channel
from offload.models import OffloadProvider
from tests.builders import make_bot, make_channel
from tests.world import World, answer

TOKEN = {"access_token": "t", "token_type": "bearer", "expires_in": 3599}


@contextmanager
def stub(answers: dict[str, tuple[int, Any]]) -> Iterator[str]:
    """A real HTTP server on this machine, that answers by the end of the path; a GET else as our own address does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(*next(found for end, found in answers.items() if self.path.endswith(end)))

        def do_GET(self) -> None:
            found = (found for end, found in answers.items() if self.path.endswith(end))
            self.answer(*next(found, (200, READY.encode())))

        def answer(self, status: int, document: Any) -> None:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def channel_at(url: str) -> Channel:
    channel = make_channel(bot=make_bot(url=f"{url}/bot"))
    channel.put_settings({**channel.clear_settings(), "base_url": url})
    channel.save()
    return channel


def verdicts(lines: Any) -> dict[str, bool]:
    return {line.title: line.is_ok for line in lines}


# --- over real HTTP -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_all_is_well_but_that_nobody_outside_reaches_this_machine(settings: Any) -> None:
    with stub({"/token": (200, TOKEN), "/bot": (200, {"messages": [{"text": "Hi"}]})}) as url:
        settings.PUBLIC_BASE_URL = url
        lines = check_channel(channel_at(url))
    assert verdicts(lines) == {
        "API keys": True,
        "Clock": True,
        "Opened conversations": True,  # a note: they can't be seen
        "Webhook address": False,
        "Our own URL": True,
        "Shared secret": True,
        "Bot": True,
        "Last event": True,
    }
    assert {line.title for line in lines if line.took_ms is not None} == {"API keys", "Our own URL", "Bot"}
    assert Credential.objects.get().token_encrypted  # so the page knows that the keys work


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "document", "words"),
    [
        (401, {"error_description": "Unknown client", "error_hint": "Check it"}, "does not accept these keys"),
        (503, b"<html>down</html>", "did not answer (503)"),
        (200, b"<html>a proxy</html>", "not with a token"),
        (404, b"", "no token endpoint"),
    ],
)
def test_what_the_token_endpoint_says_is_told(status: int, document: Any, words: str) -> None:
    with stub({"/token": (status, document), "/bot": (204, b"")}) as url:
        first = check_channel(channel_at(url))[0]
    assert not first.is_ok
    assert words in first.detail
    noted = [row.problem_code for row in Credential.objects.all()]
    assert noted == (["CB-201"] if status == 401 else [])  # refused keys stay refused; the rest may pass by itself


@pytest.mark.django_db
def test_nobody_is_at_home() -> None:
    with stub({}) as url:
        pass
    found = verdicts(check_channel(channel_at(url)))
    assert (found["API keys"], found["Bot"]) == (False, False)


@pytest.mark.django_db
def test_the_page_shows_each_line_with_a_word_and_its_time(admin_client: Client, settings: Any) -> None:
    with stub({"/token": (200, TOKEN), "/bot": (500, b"")}) as url:
        settings.PUBLIC_BASE_URL = url
        channel = channel_at(url)
        page = admin_client.post(f"/admin/channels_app/channel/{channel.pk}/test/").content.decode()
    assert "2 of 8 need attention" in page
    assert "✓ Works" in page and "✗ Does not work" in page and " ms</span>" in page
    assert "The bot answered 500" in page


QUEUE = "/inbox/v1/queue"
FIGURES = {
    "/inbox/v1/user-presence/metrics/agent-availability": (200, {"value": 3}),
    f"{QUEUE}/metrics/longest-wait-time": (200, {"value": 131}),
    f"{QUEUE}/lock": (200, {"locks": [{"conversationId": "1", "userId": "2"}]}),
}
FORBIDDEN = (403, {"errors": [{"code": 4002, "message": "no access", "id": "1"}]})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answers", "figures", "locks"),
    [
        (
            {f"{QUEUE}/metrics/contacts-waiting": (200, {"value": 0})},
            (True, False, "", "3 agents available, 0 contacts waiting."),
            (True, False, "", "1 conversation opened by agents."),
        ),
        (
            {f"{QUEUE}/metrics/contacts-waiting": FORBIDDEN, f"{QUEUE}/lock": FORBIDDEN},
            (False, False, "CB-209", "lack a permission"),
            (True, True, "CB-209", "lack a permission"),
        ),
        (
            {f"{QUEUE}/metrics/contacts-waiting": (404, b""), f"{QUEUE}/lock": (500, b"")},
            (False, False, "CB-821", "who is available and who waits"),
            (True, True, "CB-821", "which conversations agents have opened"),
        ),
    ],
)
def test_what_the_queue_decides_by_is_tried(
    answers: dict[str, Any], figures: tuple[bool, bool, str, str], locks: tuple[bool, bool, str, str]
) -> None:
    with stub({"/token": (200, TOKEN), "/bot": (204, b""), **FIGURES, **answers}) as url:
        channel = channel_at(url)
        rules = [{"condition": "no_agent", "then": "keep"}]
        OffloadProvider.objects.create(channel=channel, queue_rules=rules)
        lines = {line.title: line for line in check_channel(channel)}
    for title, (is_ok, is_note, code, words) in {"Queue figures": figures, "Opened conversations": locks}.items():
        line = lines[title]
        assert (line.is_ok, line.is_note, line.code, words in line.detail) == (is_ok, is_note, code, True), line


def test_teams_for_which_contacts_wait_are_named(channel: Channel, world: World) -> None:
    OffloadProvider.objects.create(channel=channel, queue_rules=[{"condition": "no_agent", "then": "keep"}])
    told = [2, {"t-1": {"value": 2}, "": {"value": 1}}]
    world.inbox.figures["contacts-waiting"] = lambda: answer(200, {"value": told.pop(0)})
    line = {line.title: line for line in check_channel(channel)}["Queue figures"]
    assert line.detail == "3 agents available, 2 contacts waiting. Teams with contacts waiting: t-1."


def test_nothing_is_asked_that_the_channel_does_not_need(channel: Channel, world: World) -> None:
    channel.alert_minutes = 0
    channel.save()
    assert not {"Queue figures", "Opened conversations"} & {line.title for line in check_channel(channel)}
    assert (world.inbox.asked, world.inbox.looks) == ([], 0)


@pytest.mark.django_db
def test_something_else_at_our_own_address_is_noticed(world: World) -> None:
    for wrong in (answer(502), Answer(200, {}, b"<html>Log in</html>", 1)):
        world.ourselves = wrong
        line = {found.title: found for found in check_channel(make_channel())}["Our own URL"]
        assert (line.is_ok, line.code) == (False, "CB-102")


@pytest.mark.django_db
def test_keys_of_the_other_region_are_recognised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the US server takes them."""

    def server(session: ApiSession, request: Request, **limits: Any) -> Answer:
        if request.target.host == "public-api.sparkcentral.com":
            return answer(200, TOKEN)
        if request.target.host == "public-api-eu.sparkcentral.com":
            return answer(401)
        return world.answer(session, request, **limits)

    monkeypatch.setattr(ApiSession, "_answer", server)
    channel = make_channel("sparkcentral", bot=None)
    channel.put_settings({**channel.clear_settings(), "base_url": "", "region": "eu"})
    channel.save()
    line = check_channel(channel)[0]
    assert (line.is_ok, line.code, line.detail) == (False, "CB-202", "These keys belong to the US server.")
    assert switch_server(channel, Actor(name="ann")) == "US"
    channel.refresh_from_db()
    assert channel.clear_settings()["region"] == "us"
    assert check_channel(channel)[0].is_ok


# --- without ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "is_public"),
    [
        ("https://bridge.example.com", True),
        ("https://93.184.216.34", True),
        ("http://bridge.example.com", False),
        ("https://localhost", False),
        ("https://bridge", False),
        ("https://bridge.internal", False),
        ("https://10.0.0.7", False),
        ("https://[::1]:8000", False),
    ],
)
def test_an_address_is_public_or_says_what_to_do(base: str, is_public: bool) -> None:
    line = check_address(f"{base}/webhooks/inbox/1/")
    assert line.is_ok is is_public
    assert is_public or (line.code, "Set PUBLIC_BASE_URL" in line.detail) == ("CB-101", True)


@pytest.mark.django_db
def test_what_is_missing_is_named(world: World) -> None:
    channel = make_channel(bot=None)
    channel.settings, channel.shared_secret = {}, ""
    channel.save()
    lines = {line.title: line for line in check_channel(channel)}
    assert verdicts(lines.values()) == {
        "API keys": False,
        "Webhook address": True,
        "Our own URL": True,
        "Shared secret": False,
        "Bot": False,
        "Last event": True,
    }
    assert "not saved yet" in lines["API keys"].detail


@pytest.mark.django_db
def test_a_bot_that_calls_back_needs_our_address_too(world: World) -> None:
    assert verdicts(check_bot(make_bot("chatlayer"))) == {"Bot": True, "Reply address": True}
    assert world.chatlayer.received[0]["message"] == {"introMessage": {}}


@pytest.mark.django_db
def test_lost_keys_are_a_line_and_no_error(world: World, settings: Any) -> None:
    channel = make_channel()
    settings.ENCRYPTION_KEYS = [b"n" * 32]
    lines = {line.title: line for line in check_channel(channel)}
    assert not any(lines[title].is_ok for title in ("API keys", "Shared secret", "Bot"))
    assert "encryption key" in lines["Shared secret"].detail
    forget_token(channel)


@pytest.mark.django_db
def test_a_bug_in_a_check_is_a_line_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*args: object) -> None:
        raise RuntimeError("a secret that must not be shown")

    monkeypatch.setattr("channels_app.adapters.bots.generic.HttpBot.send", explode)
    (line,) = check_bot(make_bot())
    assert (line.is_ok, line.detail) == (False, "The check itself failed; the log of the bridge says why.")


@pytest.mark.django_db
def test_keys_that_work_take_a_known_problem_away(world: World, walk_with: Callable[..., Any]) -> None:
    channel = make_channel()
    check_channel(channel)
    Credential.objects.update(problem="refused", token_encrypted="")
    check_channel(channel)
    credential = Credential.objects.get()
    assert (credential.problem, bool(credential.token_encrypted)) == ("", True)


def test_what_works_and_should_be_otherwise_is_a_note(monkeypatch: pytest.MonkeyPatch, world: World, db: None) -> None:
    monkeypatch.setattr("tests.world.BOT", "http://bot.example.com/bot")
    lines = check_bot(make_bot(url="http://bot.example.com/bot"))
    assert [(line.title, line.is_ok, line.is_note, line.code) for line in lines] == [
        ("Bot", True, False, ""),
        ("Settings", True, True, "CB-521"),
    ]
