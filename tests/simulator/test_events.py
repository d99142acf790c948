import hashlib
import hmac
import re
import time
import uuid

import pytest

from tests.simulator.conftest import FAST, eventually

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


def events_of(agent, conversation):
    return agent.see(conversation)["events"]


@pytest.mark.parametrize(
    ("flavour", "header"), [("classic", "X-Sparkcentral-Signature"), ("hootsuite", "X-Hootsuite-Signature")]
)
def test_an_event_is_signed_over_its_raw_body(make_agent, webhook, flavour, header):
    agent = make_agent(flavour, seat={"shared_secret": "00ff" * 16})
    agent.start()
    (request,) = webhook.received
    expected = hmac.new(bytes.fromhex("00ff" * 16), request.raw, hashlib.sha256).hexdigest()
    assert request.headers[header] == expected
    assert request.headers["Content-Type"] == "application/json"
    assert b": " not in request.raw


def test_what_an_opening_event_says(agent, webhook):
    attributes = [{"attribute": "company", "value": "Acme", "source": "AGENT"}]
    contact = {"id": "c-1", "primaryIdentifier": "Zoë"}
    conversation = agent.start(contact=contact, attributes=attributes, medium="fb", language="nl")
    (body,) = webhook.bodies()
    assert (body["type"], body["version"]) == ("CONVERSATION_STARTED", 1)
    assert STAMP.fullmatch(body["timestamp"])
    assert str(uuid.UUID(body["idempotencyKey"])) == body["idempotencyKey"]
    data = body["data"]
    assert (data["conversationId"], data["medium"], data["language"]) == (conversation, {"id": "fb"}, "nl")
    assert (data["contactProfile"]["primaryIdentifier"], data["contactAttributes"]) == ("Zoë", attributes)
    assert set(data["channel"]) == {"id", "name"}


def test_what_a_message_says(agent, webhook):
    conversation = agent.start(send_started=False)
    agent.send(conversation, applyTopics=["Orders"])
    trigger = {"type": "STORY", "action": "REPLY"}
    path = f"conversations/{conversation}/messages"
    told = agent.sim.post(path, text="Hello", payload="p", trigger=trigger, wait=True)
    assert (told["status"], told["owner"]) == (200, "virtual_agent")
    (body,) = webhook.bodies("INBOUND_MESSAGE_RECEIVED")
    message = body["data"]["message"]
    assert (message["text"], message["payload"]) == ("Hello", "p")
    assert message["messageId"] == agent.see(conversation)["messages"][0]["id"]
    assert (body["data"]["trigger"], body["data"]["conversationTopics"]) == (trigger, ["Orders"])


def test_of_a_classic_message_only_the_text_is_certain(classic, webhook):
    classic.start(text="Hello")
    (body,) = webhook.bodies("INBOUND_MESSAGE_RECEIVED")
    assert body["data"]["message"] == {"text": "Hello"}


def test_a_message_without_text(agent, webhook):
    conversation = agent.start()
    agent.sim.post(f"conversations/{conversation}/messages", text=None, wait=True)
    assert webhook.bodies("INBOUND_MESSAGE_RECEIVED")[0]["data"]["message"]["text"] is None


def test_half_a_surrogate_pair_is_sent_all_the_same(agent, webhook):
    agent.start(text="broken \ud83d emoji")
    (body,) = webhook.bodies("INBOUND_MESSAGE_RECEIVED")
    assert body["data"]["message"]["text"] == "broken \ud83d emoji"


def test_started_and_first_message_leave_together(agent, webhook):
    together = []

    def hold_started(request):
        if request.body["type"] == "CONVERSATION_STARTED":
            together.append(eventually(lambda: webhook.bodies("INBOUND_MESSAGE_RECEIVED")))
        return 200, {}

    webhook.answer = hold_started
    agent.start(text="Hello")
    assert together


def test_sequential_waits_for_started(agent, webhook):
    seen_by_started = []

    def note(request):
        if request.body["type"] == "CONVERSATION_STARTED":
            time.sleep(0.1)
            seen_by_started.append(len(webhook.received))
        return 200, {}

    webhook.answer = note
    agent.start(text="Hello", sequential=True)
    assert (seen_by_started, len(webhook.received)) == ([1], 2)


def test_a_refused_event_is_retried_with_its_key(agent, webhook):
    webhook.answers = [(500, {}), (401, {}), (204, b"")]
    conversation = agent.start()
    assert len(webhook.received) == 4
    assert len({body["idempotencyKey"] for body in webhook.bodies()}) == 1
    assert len({body["timestamp"] for body in webhook.bodies()}) == 4
    (event,) = events_of(agent, conversation)
    assert (event["status"], event["attempts"]) == (200, 4)
    assert agent.see(conversation)["owner"] == "virtual_agent"


def test_four_failures_cost_the_conversation(agent, webhook):
    webhook.answer = (500, {})
    conversation = agent.start()
    assert len(webhook.received) == 4
    assert agent.see(conversation)["owner"] == "queue"
    assert agent.send(conversation, sendMessage={"text": "Too late"}).status_code == 404
    assert [each["id"] for each in agent.sim.get("queue")] == [conversation]


def test_no_answer_in_time_is_a_failure(agent, webhook):
    def dawdle(request):
        time.sleep(FAST.timing.answer_limit_s + 1)
        return 200, {}

    webhook.answers = [dawdle]
    (event,) = events_of(agent, agent.start())
    assert (event["status"], event["attempts"]) == (200, 2)


def test_nobody_listens(make_agent):
    agent = make_agent(seat={"webhook_url": "http://127.0.0.1:9/hook"})
    conversation = agent.start()
    assert agent.see(conversation)["owner"] == "queue"
    assert events_of(agent, conversation)[0]["status"] == 0


def test_an_inline_reply_is_applied(agent, webhook):
    reply = {"sendMessage": {"text": "Bye"}, "applyTags": ["Happy"], "complete": "RESOLVED"}
    webhook.answers = [(200, {}), (200, reply)]
    conversation = agent.start(text="Hello", sequential=True)
    seen = agent.see(conversation)
    assert [each["text"] for each in seen["messages"]] == ["Hello", "Bye"]
    assert (seen["owner"], seen["tags"][0]["tag"]) == ("closed", "Happy")
    assert seen["calls"][0]["inline"] is True


@pytest.mark.parametrize("nonsense", [b"OK", [1], {"sendMessage": "Hi"}])
def test_an_inline_reply_that_is_nonsense_is_ignored(agent, webhook, nonsense):
    webhook.answer = (200, nonsense)
    seen = agent.see(agent.start())
    assert (seen["messages"], seen["owner"], seen["calls"][0]["status"]) == ([], "virtual_agent", 400)


def test_who_has_a_human_causes_no_events(agent, webhook):
    conversation = agent.start()
    agent.sim.post(f"conversations/{conversation}/agent", action="take")
    agent.sim.post(f"conversations/{conversation}/messages", text="Hello", wait=True)
    seen = agent.see(conversation)
    assert (seen["owner"], seen["messages"][0]["text"], len(webhook.received)) == ("agent", "Hello", 1)


def test_a_human_replies_and_gives_back(make_agent, webhook):
    agent = make_agent()
    helper = {"client_id": agent.account["client_id"], "name": "Helper", "webhook_url": webhook.url}
    seat = agent.sim.post("virtual-agents", kind="delegation", **helper)
    conversation = agent.start()
    agent.sim.post(f"conversations/{conversation}/agent", action="reply", text="I am Alex")
    assert agent.see(conversation)["owner"] == "agent"
    agent.sim.post(f"conversations/{conversation}/agent", action="delegate")
    (body,) = eventually(lambda: webhook.bodies("CONVERSATION_DELEGATED"))
    assert body["data"]["conversationId"] == conversation
    seen = agent.see(conversation)
    assert (seen["owner"], seen["virtual_agent"]) == ("virtual_agent", seat["id"])
    assert agent.send(conversation, sendMessage={"text": "I am back"}).status_code == 200


def test_a_known_conversation_can_begin_anew(agent, webhook):
    conversation = agent.start(text="Hello")
    agent.send(conversation, complete="RESOLVED")
    assert agent.start(conversation_id=conversation) == conversation
    seen = agent.see(conversation)
    assert (seen["owner"], seen["messages"][0]["text"]) == ("virtual_agent", "Hello")
    assert len(webhook.bodies("CONVERSATION_STARTED")) == 2


@pytest.mark.parametrize("seat", [{"enabled": False}, {"channels": [{"id": "wa", "name": "WhatsApp"}]}])
def test_where_the_virtual_agent_is_not_active(make_agent, webhook, seat):
    agent = make_agent(seat=seat)
    conversation = agent.start(text="Hello", channel={"id": "fb", "name": "Facebook"})
    assert (agent.see(conversation)["owner"], webhook.received) == ("queue", [])


REPLY_LIMIT_S = 2.0
"""Enough for a reply on a busy machine."""


def test_whoever_does_not_reply_in_time_loses_the_conversation(make_agent):
    agent = make_agent(seat={"reply_limit_s": REPLY_LIMIT_S})
    silent, quick = agent.start(text="Hello"), agent.start()
    agent.sim.post(f"conversations/{quick}/messages", text="Hello", count=2)
    assert agent.send(quick, sendMessage={"text": "Hi"}).status_code == 200
    assert eventually(lambda: agent.see(silent)["owner"] == "queue")
    time.sleep(REPLY_LIMIT_S)
    assert agent.see(quick)["owner"] == "virtual_agent"


def test_the_write_back_tells_how_it_ended(make_agent, webhook):
    seat = {"write_back_url": webhook.url + "/back", "write_back_secret": "ab" * 32}
    agent = make_agent(seat=seat)
    conversation = agent.start(text="Hello")
    agent.send(conversation, applyConversationNotes=[{"text": "A note"}], applyTopics=["Orders"], complete="HANDOVER")
    webhook.answers = [(500, {})]
    agent.sim.post(f"conversations/{conversation}/agent", action="pending")
    agent.sim.post(f"conversations/{conversation}/agent", action="resolve")
    eventually(lambda: len([each for each in webhook.received if each.path == "/hook/back"]) == 3)
    requests = [each for each in webhook.received if each.path == "/hook/back"]
    for request in requests:
        signature = hmac.new(bytes.fromhex("ab" * 32), request.raw, hashlib.sha256).hexdigest()
        assert request.headers["X-Hootsuite-Signature"] == signature
    assert len({request.body["idempotencyKey"] for request in requests}) == 2
    (resolved,) = [each.body["data"] for each in requests if each.body["type"] == "CONVERSATION_RESOLVED"][-1:]
    assert resolved["conversation"]["id"] == conversation
    assert resolved["conversation"]["previousStatus"] == "pending"
    assert resolved["conversation"]["currentStatus"] == "resolved"
    assert [(each["direction"], each["text"]) for each in resolved["messages"]] == [("INBOUND", "Hello")]
    assert resolved["notes"][0]["text"] == "A note"
    assert [each["name"] for each in resolved["topics"]] == ["Orders"]


def test_a_burst_is_numbered(agent, webhook):
    conversation = agent.start()
    agent.sim.post(f"conversations/{conversation}/messages", text="Hello", count=50, wait=True)
    texts = [body["data"]["message"]["text"] for body in webhook.bodies("INBOUND_MESSAGE_RECEIVED")]
    assert sorted(texts) == sorted(f"Hello {number}" for number in range(1, 51))


def test_odd_events_on_demand(agent, webhook):
    conversation = agent.start()
    path = f"conversations/{conversation}/events"
    first = webhook.bodies()[0]["idempotencyKey"]
    assert agent.sim.post(path, repeat_last=True, copies=3)["statuses"] == [200] * 3
    assert {body["idempotencyKey"] for body in webhook.bodies()} == {first}
    webhook.answer = (401, {})
    agent.sim.post(path, type="SOMETHING_NEW", forged=True, age_s=3600)
    request = webhook.received[-1]
    genuine = hmac.new(bytes.fromhex(agent.seat["shared_secret"]), request.raw, hashlib.sha256).hexdigest()
    assert request.headers["X-Hootsuite-Signature"] != genuine
    assert request.body["timestamp"] < webhook.bodies()[0]["timestamp"]
    assert agent.see(conversation)["owner"] == "virtual_agent"
