"""The simulated Direct Line answers as the real one does."""

from typing import Any

import pytest
import requests

from tests.bridge import eventually
from tests.simulator.conftest import PATIENCE_S


class Line:
    def __init__(self, sim, bearer="any secret"):
        self.root = f"{sim.url}/directline/v3/directline"
        self.headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        self.begun = self.call("POST", "/conversations")
        self.place = f"/conversations/{self.begun.json().get('conversationId')}/activities"
        self.watermark = None

    def call(self, method, path, **request):
        return requests.request(method, self.root + path, headers=self.headers, timeout=PATIENCE_S, **request)

    def tells(self, text=None, **activity):
        body = {"type": "message", "text": text, "from": {"id": "u1", "name": "Johan"}, **activity}
        return self.call("POST", self.place, json=body).json()["id"]

    def hears(self, count=1):
        said: list[dict[str, Any]] = []

        def look():
            found = self.call("GET", self.place, params={"watermark": self.watermark}).json()
            self.watermark = found["watermark"]
            said.extend(one for one in found["activities"] if one["from"]["id"] != "u1")
            return len(said) >= count

        eventually(look)
        return said


@pytest.fixture
def line(sim):
    return Line(sim)


def test_an_answer_comes_after_the_post(line):
    key = line.tells("where is my parcel?")
    [said] = line.hears()
    assert "order number" in said["text"]
    assert said["replyToId"] == key


def test_the_event_at_the_start_greets(line):
    line.tells(type="event", name="startConversation")
    assert line.hears()[0]["text"].startswith("Hello Johan!")
    line.tells(type="event", name="startConversation")
    assert line.hears()[0]["text"].startswith("I am back")


def test_options_are_suggested(line):
    line.tells("menu")
    [said] = line.hears()
    types = [action["type"] for action in said["suggestedActions"]["actions"]]
    assert types == ["postBack", "postBack", "openUrl", "call"]


def test_it_hands_over_with_a_context_and_ends(line):
    line.tells("agent")
    words, event = line.hears(2)
    assert (words["type"], event["name"]) == ("message", "handoff.initiate")
    assert event["value"] == {
        "va_LastTopic": "Escalate",
        "va_AgentMessage": "The contact said: agent",
        "team": "support",
    }
    line.tells("bye")
    assert line.hears(2)[-1]["type"] == "endOfConversation"


def test_the_token_endpoint_gives_what_opens_a_conversation(sim):
    url = f"{sim.url}/directline/powervirtualagents/botsbyschema/cr1_demo/directline/token"
    token = requests.get(url, timeout=PATIENCE_S).json()["token"]
    line = Line(sim, token)
    assert line.begun.status_code == 201
    assert line.call("POST", "/tokens/refresh").json()["token"] != token


def test_it_refuses_who_shows_nothing_and_what_it_does_not_know(sim, line):
    assert Line(sim, "").begun.status_code == 403
    assert line.call("GET", "/conversations/unknown/activities").status_code == 404
