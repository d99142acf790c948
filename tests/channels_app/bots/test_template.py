"""The template kind: what becomes of placeholders, what paths find, and the presets on recorded answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.adapters.bots import bot_class
from channels_app.adapters.bots.template_filling import NAMES, filled, parsed, problems_of, values_of
from channels_app.adapters.bots.template_form import TemplateForm
from channels_app.adapters.bots.template_presets import (
    DIFY,
    FLOWISE,
    N8N,
    OWN,
    PRESETS,
    USUAL,
    VOICEFLOW,
    VOICEFLOW_LEGACY,
    with_preset,
)
from channels_app.protocol import (
    Attachment,
    Completion,
    Contact,
    ContactMessage,
    EventType,
    Message,
    OffloadRequest,
    Option,
    PastMessage,
    Reply,
    Turn,
)
from channels_app.protocol.contact_message import ContactFile, FileKind
from channels_app.protocol.errors import ConfigError, PayloadError, RefusedError
from channels_app.protocol.intents import Intent
from tests import payloads
from tests.channels_app.bots.cast import NOW, SESSION, calls, make_bot, make_turn
from tests.fakes.api import answer

URL = "https://api.example/chat"


def from_preset(preset: str, **given_settings: Any) -> dict[str, Any]:
    """The settings as the form keeps them."""
    form = TemplateForm({"preset": preset, "url": URL, **given_settings})
    assert form.is_valid(), form.errors
    return {"secret": "", **form.cleaned_data}


def bot_of(preset: str, *answers: Any, **given_settings: Any) -> Any:
    return make_bot("template", *answers, **from_preset(preset, **given_settings))


def told(turn: Turn, **settings: Any) -> Any:
    """The body that a turn becomes."""
    bot = make_bot("template", answer(200, {"reply": "Hi"}), **settings)
    bot.send(turn)
    return json.loads(calls(bot)[0].request["data"])


def read(document: Any, **settings: Any) -> Reply:
    reply = make_bot("template", answer(200, document), **settings).send(make_turn())
    assert reply is not None
    return reply


def errors(**settings: Any) -> dict[str, list[str]]:
    form = TemplateForm({"url": URL, **settings})
    return {name: [str(error.message) for error in found] for name, found in form.errors.as_data().items()}


# --- placeholders ---


@given(text=st.text())
def test_any_text_of_a_contact_arrives_as_it_is(text: str) -> None:
    template = parsed('{"a": "{{text}}", "b": "<<{{ text }}>>", "c": {{text}}, "d": ["{{text}}{{text}}"]}')
    values = {"text": text}
    document = json.loads(json.dumps(filled(template, values)))
    assert document == {"a": text, "b": f"<<{text}>>", "c": text, "d": [text + text]}


def test_what_a_contact_writes_is_no_placeholder() -> None:
    turn = make_turn(text='{{secret}} {{session_id}} "} , {"', contact=Contact(primary_identifier="{{text}}"))
    body = told(turn, body='{"t": "{{text}}", "n": "{{contact.primary_identifier}}"}')
    assert body == {"t": turn.text, "n": "{{text}}"}


@pytest.mark.parametrize(
    ("placeholder", "value"),
    [
        ("text", "Where is my parcel?"),
        ("payload", {"id": 7}),
        ("type", "message"),
        ("session_id", SESSION),
        ("turn_id", "turn-1"),
        ("message_id", "m1"),
        ("language", "en"),
        ("medium", "whatsapp"),
        ("topics", ["Orders"]),
        ("is_first", False),
        ("contact.id", "c1"),
        ("contact.primary_identifier", "Johan"),
        ("contact.secondary_identifier", ""),
        ("contact.picture_url", ""),
        ("contact.vip", True),
        ("inbox_channel.id", "ic1"),
        ("inbox_channel.name", "Support"),
        ("attributes", [{"attribute": "company", "value": "Acme", "source": "AGENT"}]),
        ("attribute.company", "Acme"),
        ("attribute.city", None),
        ("attachments", []),
        ("history", []),
        ("trigger", None),
        ("remembered.conversation_id", ""),
    ],
)
def test_a_placeholder_by_itself_is_its_value(placeholder: str, value: Any) -> None:
    body = '{"x": "{{NAME}}", "inside": "<{{NAME}}>"}'.replace("NAME", placeholder)
    document = told(make_turn(payload={"id": 7}), body=body, choice_body="")
    assert document["x"] == value
    words = "" if value in (None, []) else ", ".join(value) if value == ["Orders"] else value
    assert document["inside"] == f"<{words if isinstance(words, str) else json.dumps(words)}>"


def test_every_name_that_is_known_has_a_value() -> None:
    values = values_of(make_turn(payload="p", trigger={"a": 1}, is_first=True))
    for name in NAMES:
        assert filled(f"{{{{{name}}}}}", values) is not None, name


def test_the_whole_turn_can_be_sent_and_history_is_only_read_if_it_is() -> None:
    past = PastMessage(author="bot", text="Hello", at=NOW)
    assert told(make_turn(), body="{{turn}}")["contact"]["primary_identifier"] == "Johan"
    history = told(make_turn(history=(past,)), body='{"h": "{{history}}"}')["h"]
    assert [(said["from"], said["text"]) for said in history] == [("bot", "Hello")]
    assert make_bot("template", body='{"h": "{{ history }}"}').needs_history
    assert not make_bot("template").needs_history


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text": None}, "[attachment]"),
        ({"text": None, "files": (ContactFile(kind=FileKind.IMAGE),)}, "[image]"),
        ({"text": None, "payload": "parcel"}, "parcel"),
        ({"text": None, "payload": {"a": 1}}, '{"a": 1}'),
        ({"text": "Parcel", "payload": {"a": 1}}, "Parcel"),
    ],
)
def test_the_text_is_always_words(changes: dict[str, Any], words: str) -> None:
    assert told(make_turn(**changes), body='{"t": "{{text}}"}')["t"] == words


def test_a_choice_and_a_start_can_have_bodies_of_their_own() -> None:
    bodies = {"body": '{"say": "{{text}}"}', "choice_body": '{"press": {{payload}}}', "start_body": '{"begin": true}'}
    assert told(make_turn(payload={"a": 1}), **bodies) == {"press": {"a": 1}}
    assert told(make_turn(), **bodies) == {"say": "Where is my parcel?"}
    start = make_turn(type=EventType.CONVERSATION_STARTED, text=None)
    assert told(start, **bodies) == {"begin": True}
    silent = make_bot("template", **{**bodies, "start_body": ""})
    assert silent.send(start) == Reply() and not calls(silent)
    delegated = make_turn(type=EventType.CONVERSATION_DELEGATED, text="The contact asks again")
    assert told(delegated, **bodies) == {"say": "The contact asks again"}


def test_the_check_says_hello_to_a_bot_that_is_not_told_of_starts() -> None:
    bot = make_bot("template", answer(200, {"reply": "Hi"}), start_body="")
    [line] = bot.check()
    assert line.is_ok and "1 message" in line.detail
    assert json.loads(calls(bot)[0].request["data"])["text"] == "Hello"


def test_the_check_tells_of_an_answer_in_which_nothing_is_found() -> None:
    [line] = make_bot("template", answer(200, {"message": "Workflow was started"})).check()
    assert "nothing that can be shown (an answer with “message”" in line.detail


# --- the request ---


def test_the_address_takes_our_session_and_texts_in_its_query_only_as_values() -> None:
    bot = make_bot(
        "template",
        answer(200, {"reply": "Hi"}),
        url="https://api.example/user/{{session_id}}/x?q={{text}}&l={{language}}",
        method="GET",
    )
    bot.send(make_turn(text="a&b=c/../é #?"))
    [call] = calls(bot)
    assert (call.method, call.request["data"]) == ("GET", None)
    assert call.url == f"https://api.example/user/{SESSION}/x?q=a%26b%3Dc%2F..%2F%C3%A9%20%23%3F&l=en"
    assert "Content-Type" not in call.headers


def test_headers_have_their_secrets_and_are_left_out_without_them() -> None:
    lines = "Authorization: Basic {{secret_base64}}\nX-Two:  {{secret_2}}\nX-Session: s-{{session_id}}\nX-Plain: yes"
    bot = make_bot("template", answer(200, {"reply": "Hi"}), headers=lines, secret="user:pässword")
    bot.send(make_turn())
    [call] = calls(bot)
    assert call.headers == {
        "Content-Type": "application/json",
        "Idempotency-Key": "turn-1",
        "Authorization": "Basic dXNlcjpww6Rzc3dvcmQ=",
        "X-Session": f"s-{SESSION}",
        "X-Plain": "yes",
    }
    assert set(call.request["secrets"]) == {"user:pässword", "dXNlcjpww6Rzc3dvcmQ="}
    shown = bot.shown_headers(make_turn())
    assert shown["Authorization"] == "Basic ••••" and "X-Two" not in shown


def test_a_header_of_the_author_takes_the_place_of_ours() -> None:
    bot = make_bot("template", answer(200, {"reply": "Hi"}), headers="content-type: text/json\nidempotency-key: x")
    bot.send(make_turn())
    assert calls(bot)[0].headers == {"content-type": "text/json", "idempotency-key": "x"}


def test_only_a_call_that_was_not_heard_is_repeated_unless_its_author_allows_more() -> None:
    assert not make_bot("template").may_repeat
    assert make_bot("template", may_repeat=True).may_repeat
    assert make_bot("rasa").may_repeat


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"code": "invalid_param", "message": "x"}, "400, invalid_param"),
        ({"error": "bad_request"}, "400, bad_request"),
        ({"code": 400, "error": "your text was: hello"}, "400."),
        ([], "400."),
    ],
)
def test_what_an_api_calls_its_error_is_named(body: Any, said: str) -> None:
    with pytest.raises(RefusedError) as refused:
        make_bot("template", answer(400, body)).send(make_turn())
    assert said in refused.value.detail


def test_a_body_that_no_form_has_seen_is_the_admins_to_put_right() -> None:
    with pytest.raises(ConfigError, match="Line 2 is not JSON"):
        make_bot("template", body='{\n"a": }').send(make_turn())


# --- the answer ---


def test_everything_is_found_by_its_path() -> None:
    assert read(payloads.load("template", "reply__everything")) == Reply(
        messages=(
            Message(text="Here is the map."),
            Message(text="Which one?"),
            Message(
                attachment=Attachment(url="https://files.example/map.png", name="map.png"),
                options=(Option(title="Parcel", payload={"id": 7}), Option(title="Person", payload="person")),
            ),
        ),
        intents=(Intent("parcel.lost", 0.93),),
        offload=OffloadRequest(reason="asked_for_human", payload={"order": "A-3301", "mood": "angry"}),
        remembered={"conversation_id": "c-17"},
    )


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        ("One", ["One"]),
        (["One", ["Two", None, " "]], ["One", "Two"]),
        (7, ["7"]),
        ("  One\nTwo  ", ["One\nTwo"]),
        ([], []),
        ("", []),
    ],
)
def test_texts_are_a_text_or_a_list(found: Any, texts: list[str]) -> None:
    reply = read({"reply": found})
    assert ([message.text for message in reply.messages], reply.unshown) == (texts, ())


@pytest.mark.parametrize("found", [{"body": "private"}, True, [{"body": "private"}]])
def test_what_is_no_text_is_refused_without_its_content(found: Any) -> None:
    with pytest.raises(PayloadError, match="Texts: found ") as refused:
        read({"reply": found})
    assert "private" not in refused.value.detail


def test_an_answer_in_which_nothing_is_found_is_named_and_not_taken_for_silence() -> None:
    reply = read({"message": "Workflow was started", "x\n": 1})
    assert reply.is_unshowable and "“message”, “x”" in reply.unshown[0]
    assert read([1]).is_unshowable
    bot = make_bot("template", answer(204))
    assert bot.send(make_turn()) == Reply()


def test_options_are_titles_or_objects_and_hang_on_the_last_message() -> None:
    reply = read({"reply": "Which?", "b": ["One", "Two"]}, options_path="b")
    assert reply.messages == (Message(text="Which?", options=(Option(title="One"), Option(title="Two"))),)
    links = [{"title": "Site", "url": "https://a.example"}, {"title": "Call", "phone": "+32"}]
    [message] = read({"b": links}, options_path="b").messages
    assert [(option.url, option.phone) for option in message.options] == [("https://a.example", ""), ("", "+32")]


def test_a_number_is_a_title_and_one_that_is_missing_does_not_cost_the_answer() -> None:
    buttons = [{"title": 5}, {"title": None, "payload": "x"}, 4.0]
    reply = read({"reply": "How many stars?", "b": buttons, "f": [{"url": None}]}, options_path="b", files_path="f")
    assert reply.messages == (Message(text="How many stars?", options=(Option(title="5"), Option(title="4.0"))),)
    assert reply.unshown == ("a file without an address", "an option without a title")


def test_texts_files_and_options_come_in_the_order_of_the_answer() -> None:
    said = [
        {"text": "Look:", "options": None},
        {"url": "https://files.example/1.png", "name": "1.png", "text": None},
        {"text": "Which?", "options": ["A", {"title": "B", "payload": 2}]},
        {"text": None, "url": None, "options": []},
        "Bye",
    ]
    assert read({"reply": said, "b": ["C"]}, options_path="b").messages == (
        Message(text="Look:"),
        Message(attachment=Attachment(url="https://files.example/1.png", name="1.png")),
        Message(text="Which?", options=(Option(title="A"), Option(title="B", payload=2))),
        Message(text="Bye", options=(Option(title="C"),)),
    )


@pytest.mark.parametrize(
    "said",
    [
        "<think>He lies.</think>\n\nHello",
        "He lies.</think>Hello",
        '<details style="color:gray" open> <summary> Thinking... </summary>\nHe lies.\n</details>\n\nHello',
    ],
)
def test_what_a_model_thought_is_not_said(said: str) -> None:
    """Dify, n8n and Flowise pass it on as their model wrote it."""
    assert read({"reply": said}) == Reply(messages=(Message(text="Hello"),))
    assert read({"reply": said.removesuffix("Hello")}) == Reply()


@pytest.mark.parametrize(
    ("found", "value", "resolves"),
    [("done", "done", True), (True, "", True), (False, "", False), (None, "done", False)],
)
def test_it_resolves_and_sets_topics_where_the_answer_says_so(found: Any, value: str, resolves: bool) -> None:
    paths = {"resolve_path": "state", "resolve_value": value, "topics_path": "[topic, tags[].name][]"}
    reply = read(
        {"reply": "Bye", "state": found, "topic": "Orders", "tags": [{"name": "Returns"}, {"name": None}]}, **paths
    )
    assert reply == Reply(
        messages=(Message(text="Bye"),),
        topics=("Orders", "Returns"),
        complete=Completion.RESOLVED if resolves else None,
    )


def test_what_also_hands_over_is_not_resolved() -> None:
    reply = read({"reply": "Bye", "action": "handover", "done": True}, resolve_path="done")
    assert (reply.complete, reply.offload) == (None, OffloadRequest(reason="asked_for_human"))
    assert "it also hands over" in reply.dropped[0]


@pytest.mark.parametrize(
    ("found", "value", "hands_over"),
    [
        ("handover", "handover", True),
        (" Handover ", "handover", True),
        ("no_handover", "handover", False),
        (["text", "handover"], "handover", True),
        (True, "true", True),
        (False, "true", False),
        (1, "1", True),
        (True, "", True),
        ("anything", "", True),
        ({"a": 1}, "", True),
        (False, "", False),
        ("", "", False),
        (None, "", False),
        ([], "", False),
        (0, "", False),
    ],
)
def test_a_handover_is_a_path_and_a_value(found: Any, value: str, hands_over: bool) -> None:
    reply = read({"reply": "Bye", "action": found}, handover_value=value)
    assert bool(reply.offload) == hands_over
    assert [message.text for message in reply.messages] == ["Bye"]


def test_a_marker_in_a_text_hands_over_and_is_not_shown() -> None:
    reply = read({"reply": ["A colleague comes. [HANDOVER]", "[HANDOVER]"]}, handover_marker="[HANDOVER]")
    assert [message.text for message in reply.messages] == ["A colleague comes."]
    assert reply.offload == OffloadRequest(reason="asked_for_human")
    assert not read({"reply": "[HANDOVER]"}, handover_marker="").offload


@pytest.mark.parametrize(
    ("found", "payload"), [("angry", {"details": "angry"}), ({"a": 1}, {"a": 1}), ("", None), (None, None), ([], None)]
)
def test_details_go_to_agents_as_an_object(found: Any, payload: Any) -> None:
    reply = read({"reply": "Bye", "action": "handover", "summary": found})
    assert reply.offload and reply.offload.payload == payload


@pytest.mark.parametrize(
    ("found", "intents"),
    [
        ("greet", [("greet", None)]),
        ([{"name": "a", "score": 1}, {"name": "b", "score": "x"}, "c"], [("a", 1.0), ("b", None), ("c", None)]),
        ({"name": "a", "score": 7}, [("a", None)]),
        ([7, {}, " "], []),
    ],
)
def test_intents(found: Any, intents: Any) -> None:
    reply = read({"reply": "Hi", "intent": found})
    assert [(intent.name, intent.score) for intent in reply.intents] == intents


@pytest.mark.parametrize(
    ("found", "kept"), [("c-1", {"conversation_id": "c-1"}), (7, {"conversation_id": "7"}), (None, {}), ("", {})]
)
def test_what_is_remembered_is_text(found: Any, kept: dict[str, str]) -> None:
    reply = read({"reply": "Hi", "conversation": found})
    assert (reply.remembered, reply.dropped) == (kept, ())
    for unfit in ({"a": 1}, ["a"], "x" * 501):
        reply = read({"reply": "Hi", "conversation": unfit})
        assert not reply.remembered and "“conversation_id” to remember" in reply.dropped[0]


def test_a_function_that_does_not_fit_the_answer_is_a_failed_try_without_its_words() -> None:
    with pytest.raises(PayloadError) as refused:
        read({"reply": {"a": "private"}}, texts_path="join(', ', reply)")
    assert refused.value.detail == "Texts: the path doesn't fit this answer (JMESPathTypeError)."


# --- presets ---


@pytest.mark.parametrize(
    ("preset", "name"),
    [(N8N, "n8n__agent"), (N8N, "n8n__chain_items"), (DIFY, "dify__blocking"), (FLOWISE, "flowise__prediction")],
)
def test_a_preset_reads_what_its_platform_answers(preset: str, name: str) -> None:
    reply = bot_of(preset, answer(200, payloads.load("template", name))).send(make_turn())
    assert [message.text for message in reply.messages] == ["Your parcel arrives tomorrow."]
    assert not reply.unshown and not reply.offload


@pytest.mark.parametrize("preset", [N8N, DIFY, FLOWISE])
def test_a_language_model_behind_a_preset_hands_over_by_a_marker(preset: str) -> None:
    said = "A colleague takes over. [HANDOVER]"
    reply = bot_of(preset, answer(200, {"output": said, "answer": said, "text": said})).send(make_turn())
    assert [message.text for message in reply.messages] == ["A colleague takes over."] and reply.offload


def test_n8n_that_answers_at_once_is_no_answer() -> None:
    reply = bot_of(N8N, answer(200, payloads.load("template", "n8n__started_only"))).send(make_turn())
    assert reply.is_unshowable
    bot = bot_of(N8N, answer(200, {"output": "Hi"}), secret="anna:secret")
    bot.send(make_turn())
    assert json.loads(calls(bot)[0].request["data"]) == {
        "action": "sendMessage",
        "sessionId": SESSION,
        "chatInput": "Where is my parcel?",
    }
    assert calls(bot)[0].headers["Authorization"] == "Basic YW5uYTpzZWNyZXQ="


def test_dify_gets_its_conversation_back() -> None:
    first = payloads.load("template", "dify__blocking")
    bot = bot_of(DIFY, answer(200, first), answer(200, first), secret="app-1")
    reply = bot.send(make_turn())
    bot.send(make_turn(remembered=reply.remembered))
    bodies = [json.loads(call.request["data"]) for call in calls(bot)]
    assert [body["conversation_id"] for body in bodies] == ["", first["conversation_id"]]
    assert bodies[0] == {
        "inputs": {},
        "query": "Where is my parcel?",
        "response_mode": "blocking",
        "conversation_id": "",
        "user": SESSION,
    }
    with pytest.raises(RefusedError) as refused:
        bot_of(DIFY, answer(404, payloads.load("template", "dify__no_conversation"))).send(make_turn())
    assert refused.value.detail == "The bot answered 404, not_found."


GONE = answer(404, payloads.load("template", "dify__no_conversation"))


def test_a_conversation_that_was_deleted_in_dify_begins_anew() -> None:
    first = payloads.load("template", "dify__blocking")
    bot = bot_of(DIFY, GONE, answer(200, first), secret="app-1")
    reply = bot.send(make_turn(remembered={"conversation_id": "deleted"}, time_left_s=15))
    assert [message.text for message in reply.messages] == ["Your parcel arrives tomorrow."]
    assert reply.remembered == {"conversation_id": first["conversation_id"]}
    assert "began a new one" in reply.remarks
    made = calls(bot)
    assert [json.loads(call.request["data"])["conversation_id"] for call in made] == ["deleted", ""]
    assert made[1].request["timeout_s"] <= made[0].request["timeout_s"] == 15


def test_what_it_had_remembered_is_forgotten_where_the_new_conversation_names_nothing() -> None:
    bot = make_bot("template", GONE, answer(200, {"reply": "Hi"}), body='{"a": "{{text}}", "b": "{{remembered.one}}"}')
    reply = bot.send(make_turn(remembered={"one": "1", "two": "2"}))
    assert reply and reply.remembered == {"one": "", "two": ""}


@pytest.mark.parametrize(
    ("status", "body", "remembered"),
    [
        (404, '{"a": "{{remembered.one}}"}', {}),
        (404, '{"a": "{{remembered.one}}"}', {"two": "2"}),
        (404, '{"a": "{{text}}"}', {"one": "1"}),
        (400, '{"a": "{{remembered.one}}"}', {"one": "1"}),
    ],
)
def test_any_other_refusal_is_asked_once(status: int, body: str, remembered: dict[str, str]) -> None:
    bot = make_bot("template", answer(status), body=body)
    with pytest.raises(RefusedError):
        bot.send(make_turn(remembered=remembered))


def test_a_bot_that_is_gone_altogether_is_a_failed_try() -> None:
    bot = make_bot("template", GONE, GONE, body='{"a": "{{remembered.one}}"}')
    with pytest.raises(RefusedError) as refused:
        bot.send(make_turn(remembered={"one": "1"}))
    assert refused.value.remembered == {}


def test_voiceflow_says_all_in_its_order_and_gets_its_buttons_back() -> None:
    traces = answer(200, payloads.load("template", "voiceflow__conversation"))
    url = PRESETS[VOICEFLOW]["url"].replace("YOUR_PROJECT_ID", "p1")
    bot = bot_of(VOICEFLOW, *[traces] * 3, url=url, secret="token-1")
    reply = bot.send(make_turn(type=EventType.CONVERSATION_STARTED, text=None))
    choose, yes = (
        Option(title="Choose it", payload=path("1", "Choose it")),
        Option(title="Yes", payload=path("2", "Yes")),
    )
    shop = Attachment(url="https://files.example/shop.png")
    assert reply == Reply(
        messages=(
            Message(text="Hello there!"),
            Message(attachment=Attachment(url="https://files.example/map.png")),
            Message(text="Parcel shop\nOpen until 6", attachment=shop, options=(choose,)),
            Message(text="Locker"),
            Message(text="Or a person?", options=(yes,)),
        )
    )
    bot.send(make_turn())
    bot.send(make_turn(text="Yes", payload=yes.payload))
    made = calls(bot)
    assert [json.loads(call.request["data"]) for call in made] == [
        {"action": {"type": "launch"}, "version": "published"},
        {"action": {"type": "text", "payload": "Where is my parcel?"}, "version": "published"},
        {"action": path("2", "Yes"), "version": "published"},
    ]
    assert {(call.method, call.url) for call in made} == {
        (
            "PUT",
            f"https://realtime-api.voiceflow.com/v1/stable/conversation/{SESSION}?projectID=p1&environmentAlias=main",
        )
    }
    assert made[0].headers["Authorization"] == "Bearer token-1"


def path(number: str, label: str) -> dict[str, Any]:
    return {"type": f"path-{number}", "payload": {"label": label}}


@pytest.mark.parametrize(
    "trace",
    [
        {"type": "handover", "payload": {"reason": "complaint"}},
        {"type": "live-agent-handoff", "payload": {"reason": "complaint"}},
        {"type": "channel-action", "payload": {"name": "handover", "reason": "complaint"}},
    ],
)
def test_voiceflow_hands_over(trace: Any) -> None:
    reply = bot_of(VOICEFLOW, answer(200, {"traces": [trace]})).send(make_turn())
    assert reply.offload and reply.offload.payload.items() >= {"reason": "complaint"}.items()


def test_what_an_address_still_lacks_is_said() -> None:
    found = errors(preset=VOICEFLOW, url=PRESETS[VOICEFLOW]["url"])
    assert found == {"url": ["Write your project's ID in the place of YOUR_PROJECT_ID."]}


def test_voiceflows_legacy_is_launched_told_and_pressed() -> None:
    traces = answer(200, payloads.load("template", "voiceflow__traces"))
    bot = bot_of(VOICEFLOW_LEGACY, traces, traces, traces, url=PRESETS[VOICEFLOW_LEGACY]["url"], secret="VF.DM.1")
    reply = bot.send(make_turn(type=EventType.CONVERSATION_STARTED, text=None))
    assert [message.text for message in reply.messages] == ["Hello there!", "", "Which one?"]
    assert reply.messages[1].attachment == Attachment(url="https://files.example/map.png")
    [parcel, _] = reply.messages[-1].options
    bot.send(make_turn())
    bot.send(make_turn(text="Parcel", payload=parcel.payload))
    made = calls(bot)
    actions = [json.loads(call.request["data"])["action"] for call in made]
    assert actions == [
        {"type": "launch"},
        {"type": "text", "payload": "Where is my parcel?"},
        {"type": "path-5f1k3yr9", "payload": {"label": "Parcel"}},
    ]
    assert made[0].url == f"https://general-runtime.voiceflow.com/state/user/{SESSION}/interact"
    assert made[0].headers["Authorization"] == "VF.DM.1"


def test_voiceflow_hands_over_by_a_custom_action() -> None:
    reply = bot_of(VOICEFLOW_LEGACY, answer(200, payloads.load("template", "voiceflow__handover"))).send(make_turn())
    assert [message.text for message in reply.messages] == ["A colleague will be with you."]
    assert reply.offload == OffloadRequest(reason="asked_for_human", payload={"reason": "complaint"})


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_whole_and_its_own_form_takes_it(preset: str) -> None:
    settings = from_preset(preset)
    whole = {**USUAL, **PRESETS[preset]}
    assert {name: settings[name] for name in whole if name != "url"} == {
        name: value for name, value in whole.items() if name != "url"
    }
    assert with_preset(preset, settings) == settings


def test_what_was_emptied_stays_empty() -> None:
    saved = from_preset(DIFY)
    form = TemplateForm({**saved, "handover_marker": "", "remember": "", "body": '{"query": "{{text}}"}'})
    form.saved = saved
    assert form.is_valid() and (form.cleaned_data["handover_marker"], form.cleaned_data["remember"]) == ("", "")
    new = TemplateForm({**saved, "handover_marker": ""})  # the page of a new bot has had it filled in
    assert new.is_valid() and new.cleaned_data["handover_marker"] == ""
    other = TemplateForm({**saved, "preset": N8N, "remember": ""})
    other.saved = saved
    assert other.is_valid() and other.cleaned_data["texts_path"] == PRESETS[N8N]["texts_path"]
    reset = TemplateForm({**saved, "body": ""})
    reset.saved = saved
    assert reset.is_valid() and reset.cleaned_data["body"] == PRESETS[DIFY]["body"]


def test_another_preset_takes_the_place_of_the_one_before_and_of_nothing_else() -> None:
    before = {**from_preset(DIFY), "files_path": "files[].url"}
    after = with_preset(N8N, before)
    assert {name: after[name] or "" for name in PRESETS[N8N]} == dict(PRESETS[N8N])
    assert (after["remember"], after["files_path"]) == ("", "files[].url")
    own = {"body": '{"mine": "{{text}}"}', "texts_path": "answer", "headers": "X-A: b", "handover_marker": ""}
    assert with_preset(OWN, own).items() >= own.items()
    assert with_preset(DIFY, own).items() >= {**own, "handover_marker": "[HANDOVER]"}.items()


# --- the form ---


@pytest.mark.parametrize(
    ("settings", "field", "words"),
    [
        ({"body": '{"a": 1,\n "b" 2}'}, "body", "Line 2 is not JSON"),
        ({"body": "{{text}"}, "body", "Line 1 is not JSON"),
        ({"body": '{"a":\n"{{txt}}"}'}, "body", "Line 2: {{txt}} is not known here. Did you mean {{text}}?"),
        ({"body": '{"a": "{{zzzzzz}}"}'}, "body", "Line 1: {{zzzzzz}} is not known here. Known are: text, payload"),
        ({"body": '{"a": "{{text"}'}, "body", "Line 1: {{ is not closed by }}."),
        ({"body": '{"a": "{{secret}}"}'}, "body", "{{secret}} is not known here"),
        ({"body": '{"a": NaN}'}, "body", "This is not JSON"),
        ({"body": '{"a": 1e999}'}, "body", "This is not JSON"),
        ({"body": "[" * 40 + "]" * 40}, "body", "the nesting is too large"),
        ({"body": "[" * 9_000 + "]" * 9_000}, "body", "the nesting is too large"),
        ({"body": '"{{' + " " * 15_000 + '"'}, "body", "Line 1: {{ is not closed by }}."),
        ({"body": '{"a": "{{remembered.id}}"}'}, "body", "Give the value its name under “Remember”"),
        ({"start_body": '{"a": "{{remembered.id}}"}'}, "start_body", "Line 1: {{remembered.id}}"),
        ({"choice_body": "{"}, "choice_body", "Line 1 is not JSON"),
        ({"url": "https://{{session_id}}.example/x"}, "url", "A placeholder can't stand in the host"),
        ({"url": "https://a.example/{{text}}"}, "url", "Line 1: {{text}} is not known here"),
        ({"url": "https://a.example/?a={{nobody}}"}, "url", "{{nobody}} is not known here"),
        ({"headers": "X-A: b\nnonsense"}, "headers", "Line 2 is not a header"),
        ({"headers": "X A: b"}, "headers", "Line 1 is not a header"),
        ({"headers": "X-A: ☃"}, "headers", "Line 1 is not a header"),
        ({"headers": "Host: b"}, "headers", "Host is set by chatbridge itself"),
        ({"headers": "X-A: {{text}}"}, "headers", "Line 1: {{text}} is not known here"),
        ({"texts_path": "a.[b"}, "texts_path", "This is not a JMESPath: it can't be read from character 5 on"),
        ({"texts_path": "a..b"}, "texts_path", "This is not a JMESPath: it can't be read from character 3 on"),
        ({"options_path": "a # b"}, "options_path", "This is not a JMESPath: character 3 is not expected"),
        ({"intent_path": "lower(a)"}, "intent_path", "JMESPath has no function lower()"),
        ({"files_path": "a[].{x: shout(b)}"}, "files_path", "JMESPath has no function shout()"),
        ({"remember": "id"}, "remember", "Line 1 is not a name and a path"),
        ({"remember": "a = b\ntwo words = c"}, "remember", "Line 2 is not a name and a path"),
        ({"remember": "a = b["}, "remember", "Line 1: This is not a JMESPath"),
        ({"method": "DELETE"}, "method", "Select a valid choice"),
        ({"timeout_s": 46}, "timeout_s", "less than or equal to"),
    ],
)
def test_the_form_names_the_line_and_the_placeholder(settings: dict[str, Any], field: str, words: str) -> None:
    found = errors(**settings)
    assert list(found) == [field]
    assert words in " ".join(found[field])


@pytest.mark.parametrize(
    "settings",
    [
        {
            "body": '{"a": {{text}}, "b": [{{ payload }}], "c": "{{attribute.x}} {{remembered.i}}"}',
            "remember": "i = x",
        },
        {"body": "{{turn}}"},
        {"body": '["{{text}}"]'},
        {"url": "http://bot:9001/{{session_id}}?q={{text}}"},
        {"headers": "Authorization: Bearer {{secret}}\n\nX-A: {{turn_id}}"},
        {"texts_path": "choices[0].message.content | [@]", "options_path": "a.b[?x=='1'].{title: y}"},
    ],
)
def test_the_form_takes_what_works(settings: dict[str, Any]) -> None:
    assert not errors(**settings)


@given(text=st.text())
def test_any_text_gets_a_verdict(text: str) -> None:
    for name in ("body", "headers", "texts_path", "remember", "url"):
        errors(**{name: text})
    list(problems_of(text, remembered=()))


def test_a_message_without_words_is_no_failure() -> None:
    """Of a place the text is what stands for it."""
    message = ContactMessage(files=(ContactFile(kind=FileKind.LOCATION, latitude=51.2, longitude=4.4),))
    turn = make_turn(text=message.text, files=message.files)
    assert told(turn, body='{"t": "{{text}}", "f": {{attachments}}}')["t"] == "[location 51.2,4.4]"


def test_the_label_names_the_platforms_that_people_look_for() -> None:
    for name in ("n8n", "Dify", "Flowise", "Voiceflow", "JSON"):
        assert name in bot_class("template").label
