"""The whole way with real HTTP between real processes, once for each inbox and each kind of bot."""

import json
import os
import socket
from collections.abc import Iterator
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


def connect(bridge: Bridge, simulator: str, inbox: str, kind: str, **account_changes: str) -> Contact:
    """What an admin does: keys from there to here, address from here to there, secret from there to here."""
    name = f"{inbox} {kind}"
    account = post(f"{simulator}/sim/accounts", {"flavour": FLAVOURS[inbox], **account_changes})
    keys = {key: account.get(key) for key in ("client_id", "client_secret", "organization_id")}
    bot = bot_document(simulator, name, kind)
    channel: dict[str, Any] = {
        "name": name,
        "inbox": inbox,
        "settings": {"base_url": simulator, **keys},
        "bot": name,
        "offload_provider": {"name": "Agents", "verify_token": "offload-token-of-the-walk"},
        **({"delegation_dialog": "back"} if kind == "chatlayer" else {}),
    }
    applied = bridge.apply({"bots": [bot], "channels": [channel]})
    addresses = applied["channels"][0]
    agent = post(
        f"{simulator}/sim/virtual-agents",
        {"client_id": account["client_id"], "name": name, "webhook_url": addresses["webhook_url"]},
    )
    bridge.apply({"bots": [], "channels": [{"name": name, "inbox": inbox, "shared_secret": agent["shared_secret"]}]})
    if kind == "chatlayer":
        post(
            f"{simulator}/sim/chatlayer",
            {
                "id": inbox,
                "access_token": "access-token-of-the-walk",
                "verify_token": "verify-token-of-the-walk",
                "reply_url": applied["bots"][0]["reply_url"],
                "offload_url": addresses["offload_url"],
                "offload_verify_token": "offload-token-of-the-walk",
            },
        )
        health = post(f"{simulator}/sim/chatlayer/{inbox}/health-check", {})
        assert health["status"] == 200
    return Contact(simulator, agent["id"])


def bot_document(simulator: str, name: str, kind: str) -> dict[str, Any]:
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
        "url": f"{simulator}/chatlayer/v1/channels/webhook/{name.partition(' ')[0]}/messages",
        "access_token": "access-token-of-the-walk",
        "verify_token": "verify-token-of-the-walk",
    }
    return {"name": name, "kind": "chatlayer", "settings": settings}


@pytest.mark.parametrize("kind", ["http", "chatlayer", "rasa", "openai", "template", "directline", "dialogflow"])
@pytest.mark.parametrize("inbox", ["sparkcentral", "hootsuite"])
def test_the_whole_way(bridge: Bridge, simulator: str, inbox: str, kind: str) -> None:
    contact = connect(bridge, simulator, inbox, kind)
    contact.begins("where is my parcel?")
    contact.hears("order number")
    # one answer to the start and the words; the agent behind Direct Line greets in a message of its own
    assert len(contact.heard()) == (2 if kind == "directline" else 1)
    contact.says("purple elephant")
    contact.hears("order number; it looks like")

    contact.says("menu")
    contact.hears("1. ")
    before = len(contact.heard())
    contact.says("1")
    eventually(lambda: len(contact.heard()) > before)
    assert "You said" not in contact.heard()[before]  # it was understood as the option
    contact.says("A-3301")
    contact.hears("A-3301")

    contact.says("agent")
    eventually(lambda: contact.sees()["owner"] == "queue")
    handover = [call for call in contact.sees()["calls"] if call["body"].get("complete") == "HANDOVER"]
    assert [call["status"] for call in handover] == [200]
    assert handover[0]["body"].get("sendMessage") or handover[0]["body"].get("sendMessages")  # the last words
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


def test_an_inbox_that_takes_tags_in_another_form_loses_the_tags_only(bridge: Bridge, simulator: str) -> None:
    contact = connect(bridge, simulator, "hootsuite", "http", tags="strings")
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


def test_a_signed_test_event_walks_through(bridge: Bridge, simulator: str) -> None:
    connect(bridge, simulator, "hootsuite", "http")
    output = bridge.manage("send_test_event", "hootsuite http", "--text", "hello")
    assert "200" in output


def test_a_worker_that_is_asked_to_stop_ends_its_turn_first(bridge: Bridge, simulator: str) -> None:
    """As in a rolling deploy: the old one finishes what it holds, the new one goes on."""
    contact = connect(bridge, simulator, "hootsuite", "http")
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


def test_strangers_who_send_half_a_request_hold_nobody_up(bridge: Bridge, simulator: str) -> None:
    """More than there are threads, of each kind; stock threads would wait for them."""
    contact = connect(bridge, simulator, "hootsuite", "http")
    with ExitStack() as held:
        for number in range(200):
            stranger = held.enter_context(socket.create_connection(("127.0.0.1", bridge.port)))
            stranger.sendall(HALVES[number % len(HALVES)])
        contact.begins()
        contact.says("green elephant")
        contact.hears("green elephant")


def test_tests_that_share_a_bridge_run_in_one_process(request: pytest.FixtureRequest) -> None:
    """pytest-xdist 3.8 doesn't see the marks under pytest 9.2, and each process raises bridges of its own."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        assert request.node.nodeid.endswith("@processes")
