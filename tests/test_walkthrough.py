"""The whole way with real HTTP between real processes, once for each inbox and each kind of bot."""

import json
import os
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from chatbridge.simulator.server import Options, in_thread
from tests.bridge import PATIENCE_S, Bridge, eventually, fresh_database
from tests.fakes.google import AGENT, service_account_key

pytestmark = pytest.mark.xdist_group("processes")

FLAVOURS = {"sparkcentral": "classic", "hootsuite": "hootsuite"}
KINDS = ["http", "chatlayer", "rasa", "openai", "template", "directline", "dialogflow"]


@dataclass(frozen=True)
class Line:
    """A channel with a bot and an account of its own."""

    inbox: str
    kind: str
    account: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        return " ".join([self.inbox, self.kind, *(f"{key} {value}" for key, value in self.account)])


HTTP = Line("hootsuite", "http")
TAGS_ARE_STRINGS = Line("hootsuite", "http", (("tags", "strings"),))
LINES = [*(Line(inbox, kind) for inbox in FLAVOURS for kind in KINDS), TAGS_ARE_STRINGS]


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with in_thread(Options(port=0)) as url:
        yield url


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    with fresh_database() as url:
        bridge = Bridge(tmp_path_factory.mktemp("bridge"), url)
        bridge.manage("migrate")
        try:
            bridge.start_all()
            yield bridge
        finally:
            bridge.stop()


@dataclass
class Contact:
    """A person with a phone, and what the platform shows of the conversation."""

    simulator: str
    virtual_agent: str
    id: str = ""

    def begins(self, text: str = "hello") -> None:
        """With the first words, as the platform has it: STARTED and the message leave at the same time."""
        begun = post(f"{self.simulator}/sim/conversations", {"virtual_agent": self.virtual_agent, "text": text})
        self.id = begun["conversation_id"]

    def says(self, text: str) -> None:
        post(f"{self.simulator}/sim/conversations/{self.id}/messages", {"text": text})

    def agent(self, action: str, **more: str) -> None:
        post(f"{self.simulator}/sim/conversations/{self.id}/agent", {"action": action, **more})

    def sees(self) -> dict[str, Any]:
        shown: dict[str, Any] = requests.get(
            f"{self.simulator}/sim/conversations/{self.id}", timeout=PATIENCE_S
        ).json()
        return shown

    def heard(self) -> list[str]:
        return [message["text"] or "" for message in self.sees()["messages"] if message["from"] == "virtual_agent"]

    def hears(self, part: str) -> None:
        """Waits until the bot's words hold this."""
        try:
            eventually(lambda: any(part in text for text in self.heard()))
        except AssertionError:
            pytest.fail(f"“{part}” was never heard in {PATIENCE_S} s, only {self.heard()}")


def post(url: str, document: dict[str, Any]) -> dict[str, Any]:
    response = requests.post(url, json=document, timeout=PATIENCE_S)
    assert response.ok, response.text
    answer: dict[str, Any] = response.json()
    return answer


def connect(bridge: Bridge, simulator: str, lines: list[Line]) -> dict[Line, str]:
    """What an admin does: keys from there to here, address from here to there, secret from there to here. The virtual
    agents."""
    accounts = {
        line: post(f"{simulator}/sim/accounts", {"flavour": FLAVOURS[line.inbox], **dict(line.account)})
        for line in lines
    }
    applied = bridge.apply(
        {
            "bots": [bot_document(simulator, line) for line in lines],
            "channels": [channel_document(simulator, line, accounts[line]) for line in lines],
        }
    )
    agents, secrets = dict[Line, str](), list[dict[str, str]]()
    for line, bot, addresses in zip(lines, applied["bots"], applied["channels"], strict=True):
        there = {"client_id": accounts[line]["client_id"], "webhook_url": addresses["webhook_url"]}
        agent = post(f"{simulator}/sim/virtual-agents", {"name": line.name, **there})
        agents[line] = agent["id"]
        secrets.append({"name": line.name, "inbox": line.inbox, "shared_secret": agent["shared_secret"]})
        if line.kind == "chatlayer":
            post(
                f"{simulator}/sim/chatlayer",
                {
                    "id": line.inbox,
                    "access_token": "access-token-of-the-walk",
                    "verify_token": "verify-token-of-the-walk",
                    "reply_url": bot["reply_url"],
                    "offload_url": addresses["offload_url"],
                    "offload_verify_token": "offload-token-of-the-walk",
                },
            )
            health = post(f"{simulator}/sim/chatlayer/{line.inbox}/health-check", {})
            assert health["status"] == 200
    bridge.apply({"bots": [], "channels": secrets})
    return agents


def channel_document(simulator: str, line: Line, account: dict[str, Any]) -> dict[str, Any]:
    keys = {key: account.get(key) for key in ("client_id", "client_secret", "organization_id")}
    return {
        "name": line.name,
        "inbox": line.inbox,
        "settings": {"base_url": simulator, **keys},
        "bot": line.name,
        "offload_provider": {"name": "Agents", "verify_token": "offload-token-of-the-walk"},
        **({"delegation_dialog": "back"} if line.kind == "chatlayer" else {}),
    }


def bot_document(simulator: str, line: Line) -> dict[str, Any]:
    name, kind = line.name, line.kind
    if kind == "http":
        return {"name": name, "kind": "http", "settings": {"url": f"{simulator}/bot", "timeout_s": 20}}
    if kind == "rasa":
        return {"name": name, "kind": "rasa", "settings": {"url": f"{simulator}/rasa", "start_message": "/back"}}
    if kind == "openai":
        settings = {
            "url": f"{simulator}/openai/v1",
            "api_key": "key-of-the-walk",
            "model": "demo-1",
            "prompt": "Help.",
        }
        return {"name": name, "kind": "openai", "settings": {**settings, "topics": "Orders"}}
    if kind == "dialogflow":
        settings = {"agent": AGENT, "service_account_key": service_account_key(), "url": f"{simulator}/dialogflow"}
        return {"name": name, "kind": "dialogflow", "settings": {**settings, "start_event": "WELCOME"}}
    if kind == "template":
        body = {
            "inputs": {"event": "{{type}}"},
            "query": "{{text}}",
            "response_mode": "blocking",
            "conversation_id": "{{remembered.conversation_id}}",
            "user": "{{session_id}}",
        }
        settings = {"url": f"{simulator}/dify/v1/chat-messages", "preset": "dify", "secret": "key-of-the-walk"}
        bodies = {"body": json.dumps(body), "start_body": json.dumps(body)}
        return {"name": name, "kind": "template", "settings": {**settings, **bodies}}
    if kind == "directline":
        settings = {"url": f"{simulator}/directline/v3/directline", "secret": "secret-of-the-walk", "quiet_s": "1"}
        return {"name": name, "kind": "directline", "settings": {**settings, "greeting_event": "startConversation"}}
    settings = {
        "url": f"{simulator}/chatlayer/v1/channels/webhook/{line.inbox}/messages",
        "access_token": "access-token-of-the-walk",
        "verify_token": "verify-token-of-the-walk",
    }
    return {"name": name, "kind": "chatlayer", "settings": settings}


@pytest.fixture(scope="module")
def agents(bridge: Bridge, simulator: str) -> dict[Line, str]:
    return connect(bridge, simulator, LINES)


@pytest.fixture
def contact(agents: dict[Line, str], simulator: str) -> Contact:
    return Contact(simulator, agents[HTTP])


@pytest.fixture(scope="module")
def walks(agents: dict[Line, str], simulator: str) -> dict[tuple[str, str], Future[None]]:
    """All at once, because a walk mostly waits."""
    lines = [line for line in LINES if not line.account]
    with ThreadPoolExecutor(len(lines)) as threads:
        return {
            (line.inbox, line.kind): threads.submit(walk, Contact(simulator, agents[line]), line.inbox, line.kind)
            for line in lines
        }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inbox", FLAVOURS)
def test_the_whole_way(walks: dict[tuple[str, str], Future[None]], inbox: str, kind: str) -> None:
    walks[inbox, kind].result()


def walk(contact: Contact, inbox: str, kind: str) -> None:
    contact.begins("where is my parcel?")
    contact.hears("order number")
    assert sum("order number" in text for text in contact.heard()) == 1
    contact.says("purple elephant")
    contact.hears("order number; it looks like")

    contact.says("menu")
    contact.hears("1. Parcel")
    before = len(contact.heard())
    contact.says("1")
    eventually(lambda: len(contact.heard()) > before)
    assert "You said" not in contact.heard()[before]  # it was understood as the option
    contact.says("A-3301")
    contact.hears("A-3301 is on its way")

    contact.says("agent")
    eventually(lambda: contact.sees()["owner"] == "queue")
    calls = contact.sees()["calls"]
    (handover,) = [place for place, call in enumerate(calls) if call["body"].get("complete") == "HANDOVER"]
    assert calls[handover]["status"] == 200
    # Chatlayer brings the last words and the wish for an agent by two calls; a busy machine may part them.
    with_it = [call["body"] for call in calls[handover - (1 if kind == "chatlayer" else 0) : handover + 1]]
    assert any(body.get("sendMessage") or body.get("sendMessages") for body in with_it)
    if inbox == "hootsuite":
        note = contact.sees()["notes"][-1]
        assert "the bot asked for an agent" in str(note)
        assert "Contact: purple elephant" in str(note)

    words = len(contact.heard())
    contact.agent("take")
    contact.says("are you a human?")
    contact.agent("delegate")
    eventually(lambda: len(contact.heard()) > words)  # the bot speaks first
    contact.says("green giraffe")
    contact.hears("green giraffe")
    assert not any("human?" in text for text in contact.heard())
    assert all(event["status"] == 200 for event in contact.sees()["events"])


def test_an_inbox_that_takes_tags_in_another_form_loses_the_tags_only(agents: dict[Line, str], simulator: str) -> None:
    contact = Contact(simulator, agents[TAGS_ARE_STRINGS])
    contact.begins()
    eventually(contact.heard)
    contact.says("A-3301")
    contact.hears("A-3301 is on its way")
    shown = contact.sees()
    refused, sent = [call for call in shown["calls"] if "applyTopics" in call["body"]]
    assert (refused["status"], sent["status"]) == (400, 200)
    assert set(refused["body"]) - set(sent["body"]) == {"applyTags"}
    assert (shown["topics"], shown["tags"]) == (["Orders"], [])
    assert sum("A-3301 is on its way" in text for text in contact.heard()) == 1


def test_a_signed_test_event_walks_through(bridge: Bridge, agents: dict[Line, str]) -> None:
    assert HTTP in agents
    output = bridge.manage("send_test_event", HTTP.name, "--text", "hello")
    assert "200" in output


def test_a_worker_that_is_asked_to_stop_ends_its_turn_first(bridge: Bridge, simulator: str, contact: Contact) -> None:
    """As in a rolling deploy: the old one finishes what it holds, the new one goes on."""
    contact.begins("hello")
    eventually(contact.heard)
    before = len(contact.heard())
    turns = len(seen_by_demo_bot(simulator))
    contact.says("slow")
    eventually(lambda: len(seen_by_demo_bot(simulator)) > turns)
    worker = bridge.processes["worker"]
    worker.terminate()
    assert worker.wait(PATIENCE_S) == 0
    assert len(contact.heard()) == before + 1  # it had answered before it ended
    contact.says("pink flamingo")
    bridge.start("worker", "-m", "celery", "-A", "chatbridge", "worker")
    contact.hears("pink flamingo")
    assert sum("pink flamingo" in text for text in contact.heard()) == 1


def seen_by_demo_bot(simulator: str) -> list[Any]:
    turns: list[Any] = requests.get(f"{simulator}/sim/bots/demo", timeout=PATIENCE_S).json()["turns"]
    return turns


HALVES = [
    b"POST /webhooks/inbox/5b784e97-34fa-41e9-bf33-f1b7c89708ca/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx",
    b"POST /webhooks/inbox/5b784e97-34fa-41e9-bf33-f1b7c89708ca/ HTTP/1.1\r\nHost: a\r\nTransfer-Enc",
    b"GET /admin/login/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc",
    b"",
]


def test_strangers_who_send_half_a_request_hold_nobody_up(bridge: Bridge, contact: Contact) -> None:
    """More than there are threads, of each kind; stock threads would wait for them."""
    with ExitStack() as held:
        for number in range(200):
            stranger = held.enter_context(socket.create_connection(("127.0.0.1", bridge.port)))
            stranger.sendall(HALVES[number % len(HALVES)])
        contact.begins()
        eventually(contact.heard)  # words at once could overtake the first, and the bot greets whatever comes first
        contact.says("green elephant")
        contact.hears("green elephant")


def test_tests_that_share_a_bridge_run_in_one_process(request: pytest.FixtureRequest) -> None:
    """pytest-xdist 3.8 doesn't see the marks under pytest 9.2, and each process raises bridges of its own."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        assert request.node.nodeid.endswith("@processes")
