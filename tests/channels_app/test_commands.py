"""`send_test_event`: the event that it posts, and what it makes of the answer."""

import io
import json
import re
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from channels_app.channels.configuration.apply import apply_configuration
from channels_app.models import Channel, EventBody, InboxChannel, WebhookEvent

SECRET = "00ff" * 8
SETTINGS = {"region": "eu", "client_id": "acme", "client_secret": "acme-key", "organization_id": "1"}


def make_channel(name: str = "Acme EU", inbox: str = "sparkcentral", **changes: Any) -> Channel:
    entry = {"name": name, "inbox": inbox, "settings": SETTINGS, "shared_secret": SECRET, **changes}
    apply_configuration(json.dumps({"channels": [entry]}).encode())
    return Channel.objects.get(name=name)


def send(*args: str) -> str:
    output = io.StringIO()
    call_command("send_test_event", *args, stdout=output)
    return output.getvalue()


def failure(*args: str) -> str:
    with pytest.raises(CommandError) as caught:
        send(*args)
    return str(caught.value)


class Stub:
    """Answers each request the same and keeps the last one."""

    def __init__(self) -> None:
        self.status, self.body = 200, b"{}"
        self.path, self.received = "", b""
        self.headers: dict[str, str] = {}
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stub.path, stub.headers = self.path, {name.lower(): value for name, value in self.headers.items()}
                stub.received = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(stub.status)
                self.end_headers()
                self.wfile.write(stub.body)

            def log_message(self, *args: Any) -> None:
                """Tests are quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()
    thread = threading.Thread(target=stub.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stub
    stub.server.shutdown()
    thread.join()
    stub.server.server_close()


@pytest.mark.parametrize("inbox", ["sparkcentral", "hootsuite"])
@pytest.mark.parametrize(
    ("type_", "stored"),
    [("started", "conversation_started"), ("delegated", "conversation_delegated"), ("message", "message_received")],
)
def test_the_bridge_takes_it_for_a_real_event(live_server: Any, inbox: str, type_: str, stored: str) -> None:
    make_channel(inbox=inbox)
    output = send("Acme EU", "--type", type_, "--text", "Hé ho", "--url", live_server.url)

    event = WebhookEvent.objects.get()
    assert event.type == stored
    conversation = event.conversation.external_id
    assert f"conversation {conversation}\n" in output
    assert re.search(r"^200 in \d+ ms$", output, re.MULTILINE)
    assert "This proves our side" in output
    assert "can't prove that the secret saved here matches Sparkcentral's" in output
    assert SECRET not in output
    body = json.loads(bytes(EventBody.objects.get().raw))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", body["timestamp"])
    assert body["data"].get("message", {}).get("text") == ("Hé ho" if type_ == "message" else None)
    assert not InboxChannel.objects.exists()


def test_one_conversation_can_go_on(live_server: Any) -> None:
    make_channel()
    for type_ in ("started", "message"):
        send("Acme EU", "--type", type_, "--conversation", "test-1", "--url", f"{live_server.url}/")
    assert list(WebhookEvent.objects.values_list("conversation__external_id", flat=True)) == ["test-1"] * 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("inbox", "header"),
    [("sparkcentral", "x-sparkcentral-signature"), ("hootsuite", "x-hootsuite-signature")],
)
def test_it_comes_as_from_the_platform(stub: Stub, inbox: str, header: str) -> None:
    listed = [{"id": "a", "name": "Off", "enabled": False}, {"id": "b", "name": "On"}]
    channel = make_channel(inbox=inbox, inbox_channels=listed)
    send("Acme EU", "--url", stub.url)
    assert stub.path == f"/webhooks/inbox/{channel.uuid}/"
    assert stub.headers["content-type"] == "application/json"
    assert re.fullmatch("[0-9a-f]{64}", stub.headers[header])
    assert json.loads(stub.received)["data"]["channel"] == {"id": "b", "name": "On"}


@pytest.mark.django_db
def test_it_goes_to_the_public_address_by_itself(stub: Stub, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = stub.url
    channel = make_channel()
    assert f"POST {stub.url}/webhooks/inbox/{channel.uuid}/" in send("Acme EU")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            401,
            b'{"detail": "The signature does not match."}',
            "^CB-305: .* a different shared secret .* The signature does not match.",
        ),
        (400, b"<html>Bad Request</html>", "^CB-406: .* ALLOWED_HOSTS"),
        (404, b"", "^CB-404: .* another bridge answers there"),
        (301, b"", "^CB-102: .* PUBLIC_BASE_URL must be the final address"),
        (503, b"[]", "give this conversation to your agents"),
        (204, b"", "not this bridge's answer"),
        (418, b"{}", "not this bridge's answer"),
    ],
)
def test_each_answer_has_a_meaning(stub: Stub, status: int, body: bytes, expected: str) -> None:
    make_channel()
    stub.status, stub.body = status, body
    assert re.search(expected, failure("Acme EU", "--url", stub.url))


@pytest.mark.django_db
def test_nobody_answers() -> None:
    make_channel()
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        problem = failure("Acme EU", "--url", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert problem.startswith("CB-102: We could not reach our own webhook address from outside: POST 127.0.0.1/")
    assert "connection refused" in problem


@pytest.mark.django_db
def test_what_can_be_seen_before_sending(stub: Stub) -> None:
    assert failure("Acme") == "There is no channel “Acme”. There are: none yet."
    make_channel("Acme EU")
    make_channel("Acme US", shared_secret=None)
    assert failure("Acme") == "There is no channel “Acme”. There are: “Acme EU”, “Acme US”."
    assert failure("Acme US", "--url", stub.url).startswith("No shared secret is saved for “Acme US” yet")
    assert failure("Acme EU", "--url", "ftp://x").startswith("The URL must begin with https:// or http://.")
    assert stub.received == b""


@pytest.mark.django_db
def test_a_secret_that_cannot_be_decrypted(stub: Stub, settings: Any) -> None:
    make_channel()
    settings.ENCRYPTION_KEYS = [b"x" * 32]
    assert failure("Acme EU", "--url", stub.url).startswith("CB-104: 2 saved secrets can't be read")
    assert stub.received == b""
