"""The simulated Rasa answers as the real REST channel does."""

import uuid

import pytest
import requests

from tests.simulator.conftest import PATIENCE_S


@pytest.fixture
def ask(sim):
    sender = str(uuid.uuid4())

    def ask(message):
        body = {"sender": sender, "message": message}
        answer = requests.post(f"{sim.url}/rasa/webhooks/rest/webhook", json=body, timeout=PATIENCE_S)
        assert answer.status_code == 200
        entries = answer.json()
        assert all(entry.pop("recipient_id") == sender for entry in entries)
        return entries

    return ask


def test_what_it_says_is_a_list(ask):
    (entry,) = ask("where is my parcel?")[:1]
    assert "order number" in entry["text"]
    assert ask("/greet")[0]["text"].startswith("Hello")
    assert ask("/back")[0]["text"].startswith("I am back")


def test_it_says_nothing_to_a_session_that_starts_or_to_what_is_no_text(ask):
    assert ask("/session_start") == ask(None) == []


def test_a_button_brings_its_intent_back(ask):
    (entry,) = ask("menu")
    assert [button.get("payload") for button in entry["buttons"]] == ["/parcel", "/hours", None, "+3225550100"]
    assert "Monday" in ask("/hours")[0]["text"]


def test_an_image_and_custom_are_entries_of_their_own(ask):
    text, image = ask("map")
    assert set(text) == {"text"} and image["image"].endswith("/media/map.png")
    words, custom = ask("agent")
    assert "human" in words["text"]
    assert custom == {"custom": {"handover": True, "team": "support"}}
