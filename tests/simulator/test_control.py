import threading
import time

import pytest
import requests

from tests.simulator.conftest import PATIENCE_S


def test_a_virtual_agent_keeps_id_and_secret(sim, agent):
    again = {key: agent.seat[key] for key in ("client_id", "name")} | {"webhook_url": "http://127.0.0.1:1/other"}
    changed = sim.post("virtual-agents", **again)
    assert (changed["id"], changed["shared_secret"]) == (agent.seat["id"], agent.seat["shared_secret"])
    (listed,) = sim.get("virtual-agents")
    assert listed["webhook_url"] == "http://127.0.0.1:1/other"
    assert agent.seat["shared_secret"] not in str(listed)


def test_an_account_can_be_given_whole(sim):
    given = {
        "flavour": "classic",
        "client_id": "me",
        "client_secret": "secret",
        "organization_id": "org",
        "token_lifetime_s": 60.0,
        "requests_per_second": 5,
        "daily_quota": 10,
    }
    assert given.items() <= sim.post("accounts", **given).items()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("accounts", {"flavour": "modern"}, 400),
        ("accounts", {"flavour": "classic", "daily_quota": "many"}, 400),
        ("virtual-agents", {"client_id": "nobody", "webhook_url": "http://127.0.0.1:1/"}, 404),
        ("virtual-agents", {"client_id": "x", "webhook_url": "http://127.0.0.1:1/", "shared_secret": "zz"}, 400),
        ("conversations", {"virtual_agent": "nobody"}, 404),
        ("conversations/none/messages", {"text": "Hi"}, 404),
        ("faults", {"target": "inbox", "fault": "418"}, 400),
        ("bots", {"mode": "async"}, 400),
        ("chatlayer/none/health-check", {}, 404),
    ],
)
def test_mistakes_are_explained(sim, path, body, status):
    assert sim.post(path, status, **body)["error"]


def test_a_body_that_is_no_json_is_explained(sim):
    answer = requests.post(f"{sim.url}/sim/accounts", data=b"{", timeout=PATIENCE_S)
    assert (answer.status_code, "JSON" in answer.json()["error"]) == (400, True)


def test_waiting_for_a_message(agent):
    conversation = agent.start(text="Hello")
    timer = threading.Timer(0.1, agent.send, args=(conversation,), kwargs={"sendMessage": {"text": "Hi"}})
    timer.start()
    seen = agent.see(conversation, after=1, wait_s=PATIENCE_S)
    assert [each["text"] for each in seen["messages"]] == ["Hi"]
    timer.join()


def test_waiting_for_another_owner(agent):
    conversation = agent.start()
    timer = threading.Timer(0.1, agent.send, args=(conversation,), kwargs={"complete": "HANDOVER"})
    timer.start()
    assert agent.see(conversation, after=0, wait_s=PATIENCE_S)["owner"] == "queue"
    timer.join()


def test_waiting_ends(agent):
    conversation = agent.start()
    before = time.monotonic()
    assert agent.see(conversation, wait_s=0.2)["messages"] == []
    assert time.monotonic() - before >= 0.2


def test_lists_and_counts(agent, sim):
    conversation = agent.start(text="Hello")
    agent.send(conversation, applyConversationNotes=[{"text": "A note"}], complete="HANDOVER")
    (listed,) = sim.get("conversations")
    assert (listed["id"], listed["owner"], listed["last_text"]) == (conversation, "queue", "Hello")
    (queued,) = sim.get("queue")
    assert (queued["note"], queued["last_text"]) == ("A note", "Hello")
    status = sim.get("status")
    assert (status["conversations"], status["owners"], status["events_delivered"]) == (1, {"queue": 1}, 2)


def test_reset_forgets_everything(agent, sim):
    conversation = agent.start()
    sim.post("faults", target="inbox", fault="500")
    sim.post("reset")
    assert requests.get(f"{sim.url}/sim/conversations/{conversation}", timeout=PATIENCE_S).status_code == 404
    assert (sim.get("virtual-agents"), sim.get("faults"), sim.get("ledger")["requests"]) == ([], [], [])


def test_the_picture_is_a_png(sim):
    answer = requests.get(f"{sim.url}/media/map.png", timeout=PATIENCE_S)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(answer.content) < 5_000
