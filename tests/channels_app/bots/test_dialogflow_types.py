"""Google's own client as referee: it makes the same request of the same turn, and reads the same answer."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.cloud.dialogflowcx_v3 import DetectIntentRequest, DetectIntentResponse, ResponseMessage, SessionsClient
from google.oauth2 import service_account

from channels_app.protocol import EventType
from tests import payloads
from tests.channels_app.bots.cast import SESSION, calls, make_bot, make_turn
from tests.fakes.api import answer
from tests.fakes.google import AGENT, service_account_key

ENDPOINT = "europe-west1-dialogflow.googleapis.com"
TURNS = {
    "message": make_turn(),
    "start": make_turn(type=EventType.CONVERSATION_STARTED, text=None, language="nl-BE"),
    "choice": make_turn(payload={"event": "print", "parameters": {"order": "A-1", "count": 2}}),
    "picture": make_turn(text=None),
}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[requests.PreparedRequest]]:
    """What the client sends; it is answered with our example."""
    made: list[requests.PreparedRequest] = []

    def send(self: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        made.append(request)
        response = requests.Response()
        response.status_code, response.request = 200, request
        response._content = payloads.raw("dialogflow", "reply__rich_and_handover")
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    yield made


@pytest.fixture
def client() -> SessionsClient:
    credentials = service_account.Credentials.from_service_account_info(json.loads(service_account_key()))
    return SessionsClient(credentials=credentials, transport="rest", client_options={"api_endpoint": ENDPOINT})


def claims_of(authorization: str) -> list[dict[str, Any]]:
    """Head and body of the token, without the seconds that passed between two of them."""
    parts = authorization.removeprefix("Bearer ").split(".")[:2]
    found = [json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in parts]
    return [{name: value for name, value in part.items() if name not in ("iat", "exp")} for part in found]


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("environment", ["", "live-1"])
def test_googles_client_asks_the_same_of_the_same_address(
    client: SessionsClient, sent: list[requests.PreparedRequest], name: str, environment: str
) -> None:
    bot = make_bot("dialogflow", answer(200, {"queryResult": {}}), url="", environment=environment)
    bot.send(TURNS[name])
    [ours] = calls(bot)
    request = DetectIntentRequest.from_json(json.dumps(ours.request["json"]))  # refuses what it doesn't know
    place = f"{AGENT}/environments/{environment}" if environment else AGENT
    request.session = f"{place}/sessions/{SESSION}"
    client.detect_intent(request=request)
    [theirs] = sent
    assert theirs.method == "POST" and str(theirs.url).partition("?")[0] == ours.url
    assert json.loads(theirs.body or b"") == ours.request["json"]
    assert claims_of(theirs.headers["Authorization"]) == claims_of(ours.headers["Authorization"])


def test_what_their_types_write_is_read_as_what_google_sends(
    client: SessionsClient, sent: list[requests.PreparedRequest]
) -> None:
    response = client.detect_intent(request=DetectIntentRequest(session=f"{AGENT}/sessions/{SESSION}"))
    rewritten = DetectIntentResponse.to_json(
        response, use_integers_for_enums=False, always_print_fields_with_no_presence=False
    )
    replies = [
        make_bot("dialogflow", answer(200, body=body)).send(make_turn())
        for body in (rewritten.encode(), payloads.raw("dialogflow", "reply__rich_and_handover"))
    ]
    assert replies[0] == replies[1]


def test_the_empty_fields_that_their_types_may_write_mean_nothing(
    client: SessionsClient, sent: list[requests.PreparedRequest]
) -> None:
    response = client.detect_intent(request=DetectIntentRequest(session=f"{AGENT}/sessions/{SESSION}"))
    full = DetectIntentResponse.to_json(response, use_integers_for_enums=False)
    sparse = make_bot("dialogflow", answer(200, body=payloads.raw("dialogflow", "reply__rich_and_handover")))
    assert make_bot("dialogflow", answer(200, body=full.encode())).send(make_turn()) == sparse.send(make_turn())


def test_every_kind_of_response_message_is_read_or_named() -> None:
    """One that a new version of Google's types adds is seen here first."""
    read = {"text", "payload", "live_agent_handoff", "end_interaction"}
    voice = {"output_audio_text", "play_audio", "mixed_audio"}
    named = {"conversation_success", "telephony_transfer_call", "knowledge_info_card", "tool_call"}
    assert set(ResponseMessage.meta.fields) == read | voice | named | {"response_type", "channel"}
