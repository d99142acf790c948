"""A running simulator, a webhook that answers as told, and a virtual agent's way to call the inbox."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from chatbridge.simulator.events import Timing
from chatbridge.simulator.server import Options, in_thread

PATIENCE_S = 60.0  # a busy machine; only failures take so long
"""A test that waits longer has failed."""

FAST = Options(
    port=0,
    slow_s=0.2,
    timing=Timing(answer_limit_s=3.0, retry_delays_s=(0.02, 0.03, 0.04), write_back_delays_s=(0.02, 0.03)),
    callback_delays_s=(0.02, 0.03, 0.04),
)


def eventually(condition: Callable[[], Any]) -> Any:
    """The first true value of the condition."""
    ends_at = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < ends_at, "it never happened"
        time.sleep(0.01)
    return value


@dataclass
class Received:
    """One request that reached the webhook."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Webhook:
    """Our side, as a stub. `answers` are used up first, then `answer`: (status, body) or a function of the request."""

    url: str
    answer: Any = (200, {})
    answers: list[Any] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def respond(self, request: Received) -> Any:
        self.received.append(request)
        chosen = self.answers.pop(0) if self.answers else self.answer
        return chosen(request) if callable(chosen) else chosen

    def bodies(self, kind: str | None = None) -> list[Any]:
        bodies = [request.body for request in self.received if request.raw]
        return [body for body in bodies if kind in (None, body.get("type"))]


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = stub.respond(Received(self.command, self.path, dict(self.headers), raw))
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST  # noqa: N815 - the name that http.server wants

        def log_message(self, *args: Any) -> None:
            """Tests are quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *args: Any) -> None:
            """A sender that gave up is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    stub = Webhook(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stub
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Sim:
    """The control API."""

    url: str

    def post(self, path: str, status: int = 200, **body: Any) -> Any:
        response = requests.post(f"{self.url}/sim/{path}", json=body, timeout=PATIENCE_S)
        assert response.status_code == status, response.text
        return response.json()

    def get(self, path: str, **params: Any) -> Any:
        response = requests.get(f"{self.url}/sim/{path}", params=params, timeout=PATIENCE_S)
        assert response.ok, response.text
        return response.json()


@pytest.fixture(scope="session")
def running() -> Iterator[str]:
    with in_thread(FAST) as url:
        yield url


@pytest.fixture
def sim(running: str) -> Sim:
    sim = Sim(running)
    sim.post("reset")
    return sim


@dataclass
class VirtualAgent:
    """The bridge's side of the inbox: credentials, a token, and calls."""

    sim: Sim
    account: Any
    seat: Any
    token: str = ""

    @property
    def is_classic(self) -> bool:
        return bool(self.account["flavour"] == "classic")

    def token_request(self, **changes: Any) -> requests.Response:
        path = "/virtual-agent/oauth2/token" if self.is_classic else "/oauth2/token"
        classic = {"grant_type": "client_credentials", "scope": "client-read"}
        hootsuite = {"grant_type": "organization_app", "organization_id": self.account["organization_id"]}
        data = (classic if self.is_classic else hootsuite) | changes.pop("data", {})
        keys = (self.account["client_id"], self.account["client_secret"])
        sent = {"auth": keys, "data": data} | changes
        return requests.post(self.sim.url + path, timeout=PATIENCE_S, **sent)

    def log_in(self) -> None:
        self.token = self.token_request().json()["access_token"]

    def request(self, method: str, path: str, **changes: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}"} | changes.pop("headers", {})
        timeout_s = changes.pop("timeout", PATIENCE_S)
        return requests.request(method, self.sim.url + path, headers=headers, timeout=timeout_s, **changes)

    def path(self, conversation: str) -> str:
        return f"{'' if self.is_classic else '/inbox/v1'}/virtual-agent/conversations/{conversation}"

    def send(self, conversation: str, **body: Any) -> requests.Response:
        return self.request("POST", self.path(conversation), json=body)

    def upload(self, conversation: str, name: str, data: Any = b"png", **headers: str) -> requests.Response:
        headers = {"Content-Type": "image/png"} | headers
        return self.request("PUT", f"{self.path(conversation)}/attachments/{name}", data=data, headers=headers)

    def start(self, **changes: Any) -> str:
        body = {"virtual_agent": self.seat["id"], "wait": True} | changes
        return str(self.sim.post("conversations", **body)["conversation_id"])

    def see(self, conversation: str, **params: Any) -> Any:
        return self.sim.get(f"conversations/{conversation}", **params)


@pytest.fixture
def make_agent(sim: Sim, webhook: Webhook) -> Callable[..., VirtualAgent]:
    def make(flavour: str = "hootsuite", seat: Any = None, **changes: Any) -> VirtualAgent:
        account = sim.post("accounts", flavour=flavour, **changes)
        chosen = {"client_id": account["client_id"], "webhook_url": webhook.url} | (seat or {})
        agent = VirtualAgent(sim, account, sim.post("virtual-agents", **chosen))
        agent.log_in()
        return agent

    return make


@pytest.fixture
def agent(make_agent: Callable[..., VirtualAgent]) -> VirtualAgent:
    return make_agent()


@pytest.fixture
def classic(make_agent: Callable[..., VirtualAgent]) -> VirtualAgent:
    return make_agent("classic")
