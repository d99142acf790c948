"""Events on a bad day, and a conversation that an agent takes at the worst moment."""

from tests.simulator.conftest import eventually


def keys(webhook):
    return [body["idempotencyKey"] for body in webhook.bodies("INBOUND_MESSAGE_RECEIVED")]


def test_events_are_doubled(agent, sim, webhook):
    conversation = agent.start()
    sim.post("disorder", doubled=2.0)  # both kinds of copy, always
    told = sim.post(f"conversations/{conversation}/messages", text="Hi", wait=True)
    assert told["status"] == 200
    eventually(lambda: len(keys(webhook)) == 3)  # two at once, and one later
    assert len(set(keys(webhook))) == 1


def test_events_are_late(agent, sim, webhook):
    conversation = agent.start()
    sim.post("disorder", late=1.0, late_s=3.0, seed=1)
    for text in ("one", "two", "three", "four"):
        sim.post(f"conversations/{conversation}/messages", text=text)
    eventually(lambda: len(keys(webhook)) == 4)
    texts = [body["data"]["message"]["text"] for body in webhook.bodies("INBOUND_MESSAGE_RECEIVED")]
    assert texts != ["one", "two", "three", "four"]


def test_an_empty_disorder_ends_it(agent, sim, webhook):
    sim.post("disorder", doubled=2.0)
    assert sim.post("disorder") == {"doubled": 0.0, "late": 0.0, "late_s": 0.0}
    conversation = agent.start()
    sim.post(f"conversations/{conversation}/messages", text="Hi", wait=True)
    assert len(keys(webhook)) == 1


def test_an_agent_takes_the_conversation_before_or_after_a_call(agent, sim):
    first, second = agent.start(), agent.start()
    sim.post("faults", target="inbox", fault="taken", times=1)
    assert agent.send(first, sendMessage={"text": "Hi"}).status_code == 404
    assert agent.see(first)["owner"] == "agent"
    sim.post("faults", target="inbox", fault="taken", when="after", times=1)
    assert agent.send(second, sendMessage={"text": "Hi"}).status_code == 200
    assert agent.send(second, sendMessage={"text": "Hi?"}).status_code == 404
    assert [each["owner"] for each in agent.see(second)["owners"]] == ["virtual_agent", "agent"]
