"""The simulated agent of Dialogflow CX answers as a real one does."""

import pytest
import requests

from tests.simulator.conftest import PATIENCE_S

PLACE = "projects/acme/locations/eu/agents/demo"


@pytest.fixture
def ask(sim):
    def ask(said, session="s-1", place=PLACE, token="a.b.c", status=200, **known):
        url = f"{sim.url}/dialogflow/v3/{place}/sessions/{session}:detectIntent"
        body = {"queryInput": {"languageCode": "en", **said}, "queryParams": {"parameters": {"chatbridge": known}}}
        answer = requests.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S)
        assert answer.status_code == status
        return answer.json()["queryResult"] if status == 200 else answer.json()["error"]["status"]

    return ask


def text(words):
    return {"text": {"text": words}}


def texts(result):
    return [message["text"]["text"][0] for message in result["responseMessages"] if "text" in message]


def test_it_greets_by_an_event_and_remembers_its_session(ask):
    welcome = {"event": {"event": "WELCOME"}}
    assert texts(ask(welcome, contact_name="Ann")) == [
        'Hello Ann! I am the demo bot. Ask about a parcel, or say "menu".'
    ]
    assert texts(ask(welcome, is_delegated=True)) == ["I am back: what else can I do?"]
    assert "order number" in texts(ask(text("parcel")))[0]
    assert "not an order number" in texts(ask(text("elephant")))[0]
    assert "You said" in texts(ask(text("elephant"), session="s-2"))[0]
    assert "You said" in texts(ask(text("elephant"), place=f"{PLACE}/environments/live", session="s-3"))[0]


def test_its_buttons_send_events(ask):
    _, payload = ask(text("menu"))["responseMessages"]
    parcel, *_, call = payload["payload"]["richContent"][0]
    assert (parcel["text"], call["anchor"]) == ("Parcel", {"href": "tel:+3225550100"})
    chosen = ask({"event": parcel["event"]})
    assert "order number" in texts(chosen)[0]
    assert chosen["match"]["matchType"] == "EVENT"


def test_it_hands_over_and_ends(ask):
    *_, handoff = ask(text("agent"))["responseMessages"]
    assert handoff == {"liveAgentHandoff": {"metadata": {"reason": "asked_for_human", "team": "support"}}}
    *_, end = ask(text("bye"))["responseMessages"]
    assert end == {"endInteraction": {}}


def test_it_says_what_it_understood(ask):
    assert ask(text("menu"))["match"]["intent"] == {"displayName": "menu"}
    assert ask(text("elephant"))["match"]["matchType"] == "NO_MATCH"


def test_it_refuses_what_dialogflow_refuses(ask):
    assert ask(text("hi"), token="no-jwt", status=401) == "UNAUTHENTICATED"
    assert ask(text("hi"), session="s" * 37, status=400) == "INVALID_ARGUMENT"
    assert ask({"audio": {}}, status=400) == "INVALID_ARGUMENT"
    assert ask({**text("hi"), "languageCode": ""}, status=400) == "INVALID_ARGUMENT"
