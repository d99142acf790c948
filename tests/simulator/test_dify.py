"""The simulated app of Dify answers as a real one does in blocking mode."""

import pytest
import requests

from tests.simulator.conftest import PATIENCE_S


@pytest.fixture
def ask(sim):
    def ask(query, conversation="", *, status=200, key="k", **changes):
        body = {
            "inputs": {},
            "query": query,
            "response_mode": "blocking",
            "conversation_id": conversation,
            "user": "u-1",
        }
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        url = f"{sim.url}/dify/v1/chat-messages"
        answer = requests.post(url, json=body | changes, headers=headers, timeout=PATIENCE_S)
        assert answer.status_code == status
        return answer.json()

    return ask


def test_it_names_the_conversation_and_goes_on_with_it(ask):
    first = ask("where is my parcel?")
    assert "order number" in first["answer"]
    second = ask("purple", first["conversation_id"])
    assert second["conversation_id"] == first["conversation_id"]
    assert "not an order number" in second["answer"]
    assert "order number" not in ask("purple")["answer"]  # another one


def test_options_are_a_list_and_a_handover_is_a_marker(ask):
    menu = ask("menu")
    assert "2. Opening hours" in menu["answer"]
    assert "Monday" in ask("2", menu["conversation_id"])["answer"]
    assert ask("agent")["answer"].endswith("\n[HANDOVER]")


def test_an_app_is_told_what_happens(ask):
    assert "I am back" in ask("", inputs={"event": "conversation_delegated"})["answer"]


def test_what_the_api_refuses(ask):
    first = ask("hello")["conversation_id"]
    assert ask("hi", first, user="u-2", status=404)["message"] == "Conversation Not Exists."
    assert ask("hi", "45701982-8118-4bc5-8e9b-64562b4555f2", status=404)["code"] == "not_found"
    assert ask("hi", key="", status=401)["code"] == "unauthorized"
    assert ask(None, status=400)["code"] == "invalid_param"
    for changes in ({"inputs": None}, {"user": ""}, {"response_mode": "streaming"}):
        assert ask("hi", status=400, **changes)["code"] == "invalid_param"
