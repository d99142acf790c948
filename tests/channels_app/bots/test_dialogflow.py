"""Agents of Dialogflow CX: what they are told, and what their answers mean."""

import base64
import json
from typing import Any

import pytest

from channels_app.adapters.bots import BotConnector
from channels_app.adapters.bots.dialogflow_form import DialogflowForm
from channels_app.protocol import (
    Attachment,
    Completion,
    EventType,
    Message,
    OffloadRequest,
    Option,
    Reply,
    Turn,
)
from channels_app.protocol.contact_message import ContactFile, FileKind
from channels_app.protocol.errors import ConfigError, RefusedError, TemporaryError
from channels_app.protocol.intents import Intent
from tests import payloads
from tests.channels_app.bots.cast import SESSION, SETTINGS, calls, make_bot, make_turn
from tests.fakes.api import answer
from tests.fakes.google import ACCOUNT, AGENT, service_account_key


def result(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"queryResult": {"responseMessages": list(messages), **more}}


def said(*texts: str) -> dict[str, Any]:
    return {"text": {"text": list(texts)}}


def rich(*elements: Any) -> dict[str, Any]:
    return {"payload": {"richContent": [list(elements)]}}


def read(*messages: Any, settings: dict[str, Any] | None = None, **more: Any) -> Reply:
    reply = make_bot("dialogflow", answer(200, result(*messages, **more)), **(settings or {})).send(make_turn())
    assert reply is not None
    return reply


def tell(turn: Turn, **settings: Any) -> dict[str, Any]:
    bot = make_bot("dialogflow", answer(200, result()), **settings)
    bot.send(turn)
    [call] = calls(bot)
    body: dict[str, Any] = call.request["json"]
    return body


def options_of(reply: Reply) -> list[Option]:
    return [option for message in reply.messages for option in message.options]


def claims_of(bot: BotConnector) -> dict[str, Any]:
    token = calls(bot)[-1].headers["Authorization"].removeprefix("Bearer ")
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


# --- what it is told ---


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"url": ""}, f"https://europe-west1-dialogflow.googleapis.com/v3/{AGENT}/sessions/{SESSION}:detectIntent"),
        (
            {"url": "", "agent": "projects/p/locations/global/agents/a"},
            f"https://dialogflow.googleapis.com/v3/projects/p/locations/global/agents/a/sessions/{SESSION}:detectIntent",
        ),
        (
            {"url": "https://private.example/", "environment": "live-1"},
            f"https://private.example/v3/{AGENT}/environments/live-1/sessions/{SESSION}:detectIntent",
        ),
    ],
)
def test_the_address_follows_from_the_agents_name(changes: dict[str, Any], url: str) -> None:
    bot = make_bot("dialogflow", answer(200, result()), **changes)
    bot.send(make_turn())
    assert calls(bot)[0].url == url


def test_our_session_ids_fit_into_theirs() -> None:
    assert len(SESSION.encode()) == 36


def test_the_service_account_signs_its_token_itself_and_once() -> None:
    bot = make_bot("dialogflow", *[answer(200, result())] * 2)
    bot.send(make_turn())
    bot.send(make_turn())
    first, second = calls(bot)  # nobody is asked for a token
    assert first.headers == second.headers
    claims = claims_of(bot)
    assert (claims["iss"], claims["aud"]) == (ACCOUNT, "https://dialogflow.googleapis.com/")
    assert claims["exp"] - claims["iat"] == 3600


def test_a_key_that_no_form_has_seen_is_the_admins_to_put_right() -> None:
    for key in ("{}", "no JSON", '{"client_email": "a", "token_uri": "b", "private_key": "c"}'):
        with pytest.raises(ConfigError) as refused:
            make_bot("dialogflow", service_account_key=key).send(make_turn())
        assert "service account key can't be read" in refused.value.detail


def test_a_message_is_text_with_what_is_known_of_the_contact() -> None:
    body = tell(make_turn())
    assert body["queryInput"] == {"text": {"text": "Where is my parcel?"}, "languageCode": "en"}
    parameters = body["queryParams"]
    assert parameters["parameters"] == {
        "chatbridge": {
            "medium": "whatsapp",
            "contact_name": "Johan",
            "inbox_channel": "Support",
            "topics": ["Orders"],
            "attributes": {"company": "Acme"},
            "is_delegated": False,
        }
    }
    assert parameters["payload"]["turn_id"] == "turn-1"
    assert parameters["sessionTtl"] == "86400s"
    assert "sessionTtl" not in tell(make_turn(), session_minutes=None)["queryParams"]


@pytest.mark.parametrize(
    ("language", "known", "told"),
    [
        ("nl-BE", "en, nl", "nl"),
        ("nl-BE", "en, nl, nl-BE", "nl-BE"),
        ("fr", "nl, en", "nl"),
        ("", "nl, en", "nl"),
        ("pt-BR", "en, pt-br", "pt-BR"),
        ("fr", "", "en"),
    ],
)
def test_a_language_that_the_agent_does_not_have_is_not_told(language: str, known: str, told: str) -> None:
    assert tell(make_turn(language=language), languages=known)["queryInput"]["languageCode"] == told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"type": EventType.CONVERSATION_STARTED, "text": None}, {"event": {"event": "WELCOME"}}),
        ({"type": EventType.CONVERSATION_DELEGATED, "text": None}, {"event": {"event": "WELCOME"}}),
        ({"type": EventType.CONVERSATION_DELEGATED, "text": "Go on"}, {"text": {"text": "Go on"}}),
        ({"type": EventType.CONTACT_SILENT, "text": None}, {"event": {"event": "silent"}}),
        ({"text": "WELCOME"}, {"text": {"text": "WELCOME"}}),
        ({"text": "Parcel", "payload": "parcel"}, {"text": {"text": "parcel"}}),
        ({"text": "Parcel", "payload": {"event": "open-parcel"}}, {"event": {"event": "open-parcel"}}),
        ({"text": "Parcel", "payload": {"id": 7}}, {"text": {"text": "Parcel"}}),
        ({"text": "Parcel", "payload": " "}, {"text": {"text": "Parcel"}}),
        ({"text": None, "files": (ContactFile(kind=FileKind.IMAGE),)}, {"text": {"text": "[image]"}}),
    ],
)
def test_what_happened_is_a_text_or_an_event(changes: dict[str, Any], told: dict[str, Any]) -> None:
    body = tell(make_turn(**changes), silence_event="silent")
    assert body["queryInput"] == {**told, "languageCode": "en"}


def test_what_an_option_of_the_agent_carries_comes_back_with_it() -> None:
    element = {"type": "button", "text": "Print", "event": {"name": "print", "parameters": {"order": "A-1"}}}
    [option] = options_of(read(said("Your label."), rich(element)))
    body = tell(make_turn(text=option.title_for_bot, payload=option.payload))
    assert body["queryInput"]["event"] == {"event": "print"}
    assert body["queryParams"]["parameters"]["order"] == "A-1"


@pytest.mark.parametrize(
    "type_", [EventType.CONVERSATION_STARTED, EventType.CONVERSATION_DELEGATED, EventType.CONTACT_SILENT]
)
def test_without_an_event_the_agent_is_not_told(type_: EventType) -> None:
    bot = make_bot("dialogflow", start_event="")
    assert bot.send(make_turn(type=type_, text=None)) == Reply()
    assert (calls(bot), bot.hears_silence) == ([], False)


def test_the_connection_is_tested_with_the_event_or_with_a_word() -> None:
    for event, told in (("WELCOME", {"event": {"event": "WELCOME"}}), ("", {"text": {"text": "Hello"}})):
        bot = make_bot("dialogflow", answer(200, result(said("Hi!"))), start_event=event)
        [line] = bot.check()
        assert line.is_ok and line.detail.startswith("Dialogflow CX answered our test with 1 message")
        assert calls(bot)[0].request["json"]["queryInput"] == {**told, "languageCode": "en"}


# --- what it says ---


def test_all_of_an_answer_in_its_order() -> None:
    document = payloads.load("dialogflow", "reply__rich_and_handover")
    reply = make_bot("dialogflow", answer(200, document)).send(make_turn())
    assert reply == Reply(
        messages=(
            Message(text="Let me look."),
            Message(
                text="Return label\nValid for 14 days",
                attachment=Attachment(url="https://files.example/label.png"),
                options=(
                    Option(title="Return label", url="https://acme.example/labels/A-3301"),
                    Option(
                        title="Print in a shop",
                        payload={"event": "print-in-shop", "parameters": {"order": "A-3301"}},
                    ),
                    Option(title="Opening hours"),
                    Option(title="Map", url="https://acme.example/map"),
                ),
            ),
        ),
        topics=("Returns",),
        note="Asked for a label",
        offload=OffloadRequest(reason="label", payload={"reason": "label", "team": "returns"}),
        intents=(Intent("parcel.return", 0.75),),
    )


@pytest.mark.parametrize(
    ("element", "message"),
    [
        ({"type": "text", "text": "*Hi*"}, Message(text="*Hi*")),
        ({"type": "description", "title": "T", "text": ["a", "", "b"]}, Message(text="T\na\nb")),
        (
            {
                "type": "accordion",
                "title": "T",
                "subtitle": "S",
                "image": {"src": {"rawUrl": "https://i"}},
                "text": "x",
            },
            Message(text="T\nS\nx", attachment=Attachment(url="https://i")),
        ),
        (
            {"type": "info", "subtitle": "S", "actionLink": "https://l"},
            Message(text="S", options=(Option(title="https://l", url="https://l"),)),
        ),
        ({"type": "image", "rawUrl": "https://i"}, Message(attachment=Attachment(url="https://i"))),
        (
            {"type": "video", "title": "T", "source": {"anchor": {"href": "https://v"}}},
            Message(text="T\nhttps://v"),
        ),
        (
            {"type": "files", "files": [{"name": "A", "anchor": {"href": "https://f"}}]},
            Message(text="A\nhttps://f"),
        ),
        (
            {"type": "citations", "citations": [{"title": "A", "anchor": {"href": "https://c"}}, {"title": "B"}]},
            Message(text="A\nhttps://c\nB"),
        ),
    ],
)
def test_an_element_of_rich_content_as_a_message(element: dict[str, Any], message: Message) -> None:
    assert read(rich(element)).messages == (message,)


def test_items_of_a_list_are_options_below_what_was_said_before() -> None:
    items = (
        {"type": "list", "title": "Parcel", "subtitle": "Where is it?", "event": {"event": "parcel"}},
        {"type": "divider"},
        {"type": "list", "title": "Hours"},
        {"type": "list", "title": "Site", "anchor": {"href": "https://acme.example"}},
    )
    assert read(said("What about?"), rich(*items)).messages == (
        Message(
            text="What about?",
            options=(
                Option(title="Parcel – Where is it?", payload={"event": "parcel"}, bots_title="Parcel"),
                Option(title="Hours"),
                Option(title="Site", url="https://acme.example"),
            ),
        ),
    )


def test_a_number_is_its_digits() -> None:
    chips = {"type": "chips", "options": [{"text": 1}, {"text": 2.0}]}
    assert [option.title for option in options_of(read(said("How many stars?"), rich(chips)))] == ["1", "2"]


@pytest.mark.parametrize(
    ("message", "unshown"),
    [
        (rich({"type": "html", "html": "<b>"}), "rich content “html”"),
        (rich({"type": "image"}), "rich content “image”"),
        (rich({"type": "button", "text": " "}), "rich content “button”"),
        (rich("text"), "rich content in an unknown form"),
        ({"payload": {"facebook": {"text": "Hi"}}}, "payload “facebook”"),
        ({"telephonyTransferCall": {"phoneNumber": "+32"}}, "“telephonyTransferCall”"),
        ({"toolCall": {"action": "x"}}, "“toolCall”"),
    ],
)
def test_what_no_inbox_can_show_is_named(message: dict[str, Any], unshown: str) -> None:
    assert read(message) == Reply(unshown=(unshown,))
    assert read(said("Hi"), message).remarks == f"Can't be shown: {unshown}."


def test_what_a_phone_would_say_is_missed_only_where_there_is_no_text() -> None:
    voice = {"outputAudioText": {"text": "Hi"}}
    assert read(said("Hi"), voice).messages == (Message(text="Hi"),)
    assert read(voice, {"playAudio": {"audioUri": "gs://a"}}) == Reply(messages=(Message(text="Hi"),))
    speech = (
        '<speak>Your number: <say-as interpret-as="characters">A-1</say-as>.<break time="1s"/>Tom &amp; Co</speak>'
    )
    chips = rich({"type": "chips", "options": [{"text": "Yes"}]})
    assert read({"outputAudioText": {"ssml": speech}}, chips).messages == (
        Message(text="Your number: A-1. Tom & Co", options=(Option(title="Yes"),)),
    )
    assert read({"outputAudioText": {"ssml": "<speak/>"}}).unshown == ("“outputAudioText”",)
    assert read({"playAudio": {"audioUri": "gs://a"}}).unshown == ("“playAudio”",)


def test_a_payload_with_our_keys_does_what_an_http_bots_reply_does() -> None:
    payload = {"tags": "Happy", "attributes": {"order": 7}, "complete": "resolved", "messages": ["Bye"]}
    reply = read({"payload": payload})
    assert (reply.tags, reply.attributes, reply.complete) == (("Happy",), {"order": "7"}, Completion.RESOLVED)
    assert reply.messages == (Message(text="Bye"),)
    assert read({"payload": {"complete": "nonsense"}}).dropped


@pytest.mark.parametrize(("metadata", "payload"), [({"team": "sales"}, {"team": "sales"}), ({}, None), (None, None)])
def test_a_live_agent_handoff_is_a_handover_with_its_metadata(metadata: Any, payload: Any) -> None:
    handoff = {"liveAgentHandoff": {"metadata": metadata} if metadata is not None else {}}
    reply = read(said("One moment."), handoff)
    assert reply == Reply(messages=(Message(text="One moment."),), offload=OffloadRequest(payload=payload))


def test_our_keys_in_its_metadata_are_obeyed() -> None:
    reply = read({"liveAgentHandoff": {"metadata": {"topics": ["VIP"], "note": "Angry", "team": "a"}}})
    assert (reply.topics, reply.note) == (("VIP",), "Angry")
    assert reply.offload == OffloadRequest(payload={"team": "a"})


def test_the_end_of_a_session_resolves_as_far_as_the_bots_page_allows() -> None:
    end: dict[str, Any] = {"endInteraction": {}}
    assert read(said("Bye"), end).complete is Completion.RESOLVED
    assert read(said("Bye"), end, settings={"at_end": "nothing"}) == Reply(messages=(Message(text="Bye"),))
    handed = read({"liveAgentHandoff": {}}, end)
    assert (handed.complete, handed.offload) == (None, OffloadRequest())


@pytest.mark.parametrize(
    ("match", "intents", "not_understood"),
    [
        ({"matchType": "NO_MATCH"}, (), True),
        ({"matchType": "EVENT", "event": "WELCOME"}, (), False),
        ({"matchType": "INTENT", "intent": {"displayName": "menu"}, "confidence": 1}, (Intent("menu", 1.0),), False),
        ({"matchType": "PLAYBOOK", "intent": {}, "confidence": 1}, (), False),
    ],
)
def test_what_it_understood(match: dict[str, Any], intents: tuple[Intent, ...], not_understood: bool) -> None:
    reply = read(said("Hi"), match=match)
    assert (reply.intents, reply.not_understood) == (intents, not_understood)


def test_a_webhook_of_the_agent_that_failed_is_told_to_operators() -> None:
    reply = read(said("Hi"), webhookStatuses=[{}, {"code": 14, "message": "secret words"}])
    assert reply.dropped == ("what a webhook of the agent had to say: status “14”",)


# --- refusals ---


def test_a_refusal_is_told_with_googles_name_for_it() -> None:
    body = {"error": {"code": 404, "message": "Agent secret-agent not found", "status": "NOT_FOUND"}}
    with pytest.raises(RefusedError) as refused:
        make_bot("dialogflow", answer(404, body)).send(make_turn())
    assert refused.value.detail == "The bot answered 404, NOT_FOUND."
    [line] = make_bot("dialogflow", answer(403, {"error": {"status": "PERMISSION_DENIED"}})).check()
    assert line.code == "CB-517"


def test_a_turn_that_may_have_moved_the_session_on_is_not_repeated() -> None:
    assert not make_bot("dialogflow").may_repeat
    with pytest.raises(TemporaryError) as failed:
        make_bot("dialogflow", answer(429, {"error": {"status": "RESOURCE_EXHAUSTED"}})).send(make_turn())
    assert failed.value.detail == "The bot answered 429, RESOURCE_EXHAUSTED."


# --- the form ---


def cleaned(**changes: Any) -> DialogflowForm:
    form = DialogflowForm({**SETTINGS["dialogflow"], **changes})
    form.is_valid()
    return form


@pytest.mark.parametrize(
    ("field", "entered", "kept"),
    [
        ("agent", f"https://dialogflow.cloud.google.com/cx/{AGENT}/flows/0/flow_creation", AGENT),
        ("agent", f" {AGENT}/ ", AGENT),
        ("environment", f"{AGENT}/environments/live-1", "live-1"),
        ("environment", f"https://dialogflow.cloud.google.com/cx/{AGENT}/environments/live-1/history", "live-1"),
        ("languages", "en,pt-BR , zh-CN", "en,pt-BR , zh-CN"),
        ("start_event", "sys.no-input-default", "sys.no-input-default"),
    ],
)
def test_what_is_pasted_is_understood(field: str, entered: str, kept: str) -> None:
    form = cleaned(**{field: entered})
    assert (form.errors, form.cleaned_data[field]) == ({}, kept)


def test_a_key_file_of_many_lines_is_kept_in_one() -> None:
    file = json.dumps(json.loads(service_account_key()), indent=2) + "\n"
    kept = cleaned(service_account_key=file).cleaned_data["service_account_key"]
    assert "\n" not in kept and json.loads(kept) == json.loads(file)
    make_bot("dialogflow", answer(200, result()), service_account_key=kept).send(make_turn())


@pytest.mark.parametrize(
    ("field", "entered"),
    [
        ("agent", "5b0c2c3e-7a53-4e2b-9a0e-3c1a4f6f0d11"),
        ("agent", "projects/p/locations/../agents/a"),
        ("environment", "live 1"),
        ("environment", "a/b"),
        ("service_account_key", "AIzaSyExample"),
        ("service_account_key", "[]"),
        ("service_account_key", '{"type": "authorized_user", "client_id": "x", "refresh_token": "canary"}'),
        ("service_account_key", '{"client_email": "a@b", "token_uri": "https://c", "private_key": "canary"}'),
        ("languages", "English, xx_"),
        ("start_event", "two words"),
        ("session_minutes", 1441),
        ("at_end", "delete"),
    ],
)
def test_what_can_not_be_right_is_refused_without_repeating_a_secret(field: str, entered: Any) -> None:
    form = cleaned(**{field: entered})
    assert list(form.errors) == [field]
    assert "canary" not in str(form.errors) and "PRIVATE" not in str(form.errors)
