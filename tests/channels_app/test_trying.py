"""A bot is tried with a sample: on its page and by the API."""

import json
from typing import Any

import pytest
from django.test import Client

from channels_app.models import Bot, Conversation, Exchange
from channels_app.protocol.errors import Effect, TemporaryError
from tests.builders import TOKEN, make_bot
from tests.channels_app.test_admin import text_of
from tests.world import World, answer

SETTINGS = {
    "headers": "X-Key: {{secret}}\nX-Session: {{session_id}}",
    "body": '{"say": "{{text}}", "name": "{{contact.primary_identifier}}", "in": "{{remembered.id}}"}',
    "choice_body": '{"press": "{{payload}}", "in": "{{remembered.id}}"}',
    "start_body": "",
    "options_path": "buttons",
    "handover_path": "human",
    "details_path": "summary",
    "remember": "id = id",
}


@pytest.fixture
def bot(db: None) -> Bot:
    return make_bot("template", **SETTINGS)


def tried(client: Client, bot: Bot, **sample: Any) -> Any:
    response = client.post(f"/api/v1/bots/{bot.pk}/try/", sample, content_type="application/json")
    assert response.status_code == 200, response.content
    return response.json()


def found(answer: Any) -> list[tuple[str, str]]:
    return [(part["what"], part["words"]) for part in answer["found"]]


def test_what_is_sent_what_comes_and_what_is_read(admin_client: Client, bot: Bot, world: World) -> None:
    world.bot.replies = [
        {
            "reply": ["Hi", "Which?"],
            "buttons": ["A", {"title": "B", "payload": {"x": 1}}, {"title": "C", "url": "https://c.example/"}],
            "human": True,
            "summary": {"order": "A-3301"},
            "id": "c-1",
            "echo": TOKEN,
        }
    ]
    result = tried(admin_client, bot, text="Hello", contact_name="Anna")
    [call] = result["calls"]
    assert (call["method"], call["url"], call["status"]) == ("POST", bot.settings["url"], 200)
    assert json.loads(call["request"]) == {"say": "Hello", "name": "Anna", "in": ""}
    assert call["headers"] == {"X-Key": "••••", "X-Session": result["session_id"]}
    assert TOKEN not in str(result) and '"id": "c-1"' in call["response"]
    assert found(result) == [
        ("Message", "Hi"),
        ("Message", "Which?"),
        ("Option", "A"),
        ("Option", "B → x: 1"),
        ("Option", "C → https://c.example/"),
        ("Handover", "asked_for_human · order: A-3301"),
        ("Remembered", "id: c-1"),
    ]
    assert (result["is_ok"], result["problem"], result["remembered"]) == (True, None, {"id": "c-1"})
    assert not Conversation.objects.exists() and not Exchange.objects.exists()


def test_the_same_conversation_goes_on(admin_client: Client, bot: Bot, world: World) -> None:
    world.bot.replies = [{"reply": "Hi", "id": "c-1"}, {"reply": "Yes"}, {"reply": "Yes"}]
    first = tried(admin_client, bot, text="One")
    again = {name: first[name] for name in ("session_id", "remembered")}
    second = tried(admin_client, bot, text="B", payload={"x": 1}, **again)
    assert json.loads(second["calls"][0]["request"]) == {"press": {"x": 1}, "in": "c-1"}
    assert (second["session_id"], second["remembered"]) == (first["session_id"], {"id": "c-1"})
    assert tried(admin_client, bot, text="One")["session_id"] != first["session_id"]


MODEL_SAYS = {"choices": [{"message": {"content": "Your number, please?"}}]}


def test_a_model_that_remembers_nothing_is_told_what_was_said(admin_client: Client, db: None, world: World) -> None:
    bot = make_bot("openai")
    world.bot.replies = [MODEL_SAYS] * 2
    first = tried(admin_client, bot, text="Where is my parcel?")
    tried(admin_client, bot, text="A-3301", session_id=first["session_id"], said=first["said"])
    assert [(message["role"], message["content"]) for message in world.bot.turns[-1]["messages"][1:]] == [
        ("user", "Where is my parcel?"),
        ("assistant", "Your number, please?"),
        ("user", "A-3301"),
    ]


def test_the_page_goes_on_with_what_was_said(admin_client: Client, db: None, world: World) -> None:
    bot = make_bot("openai")
    world.bot.replies = [MODEL_SAYS]
    page = f"/admin/channels_app/bot/{bot.pk}/try/"
    kept = admin_client.post(page, {"text": "One"}).context["form"]
    given = {**{name: kept[name].value() for name in ("session_id", "said", "remembered")}, "goes_on": "on"}
    for said, words in ((given["said"], ["One", "Your number, please?", "Two"]), ('{"a": [1]}', ["Two"])):
        world.bot.replies = [MODEL_SAYS]
        admin_client.post(page, {**given, "said": said, "text": "Two"})
        assert [message["content"] for message in world.bot.turns[-1]["messages"][1:]] == words


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (answer(401, {"code": "unauthorized"}), "CB-517", "401"),
        (answer(500, {"code": "broken"}), "CB-502", "500, broken"),
        (TemporaryError("no answer", effect=Effect.UNKNOWN, timed_out=True), "CB-501", "within 20 s"),
        (TemporaryError("POST bot.test/: the connection was closed.", effect=Effect.UNKNOWN), "CB-526", "was closed"),
        ({"reply": {"body": "x"}}, "CB-503", "Texts: found an object"),
    ],
)
def test_a_failure_is_named_and_its_call_shown(
    admin_client: Client, bot: Bot, world: World, reply: Any, code: str, words: str
) -> None:
    world.bot.replies = [reply]
    result = tried(admin_client, bot, text="Hello")
    assert (result["is_ok"], result["problem"]["code"], result["found"]) == (False, code, [])
    assert words in result["problem"]["detail"] and len(result["calls"]) == 1


def test_what_was_not_found_and_what_is_not_sent(admin_client: Client, bot: Bot, world: World) -> None:
    world.bot.replies = [{"message": "Workflow was started"}, {"reply": ""}]
    [(what, words)] = found(tried(admin_client, bot, text="Hello"))
    assert what == "For operators" and "Can't be shown: an answer with “message”" in words
    assert found(tried(admin_client, bot, text="Hello")) == [("Answer", "Nothing to say")]
    silent = tried(admin_client, bot, begins=True)
    assert (silent["calls"], found(silent)) == ([], [("Answer", "Nothing to say")])


def test_its_page_shows_the_same_and_goes_on(admin_client: Client, bot: Bot, world: World) -> None:
    world.bot.replies = [{"reply": "<b>Hi</b>", "id": "c-1"}, {"reply": "Yes"}, {"reply": "Yes"}]
    url = f"/admin/channels_app/bot/{bot.pk}/try/"
    assert url in text_of(admin_client.get(f"/admin/channels_app/bot/{bot.pk}/change/"))
    shown = admin_client.get(url)
    assert "Where is my parcel?" in text_of(shown) and not world.bot.turns
    shown = admin_client.post(url, {"text": "Hello", "contact_name": "Anna"})
    page = text_of(shown)
    assert "&lt;b&gt;Hi&lt;/b&gt;" in page and "X-Key: ••••" in page and TOKEN not in page
    hidden = shown.context["form"].data
    assert json.loads(hidden["remembered"]) == {"id": "c-1"}
    admin_client.post(url, {**hidden, "text": "B", "payload": '{"x": 1}', "goes_on": "on"})
    assert world.bot.turns[-1] == {"press": {"x": 1}, "in": "c-1"}
    admin_client.post(url, {**hidden, "text": "B", "remembered": "[1", "goes_on": "on"})
    assert world.bot.turns[-1]["in"] == ""


def test_who_may_only_look_tries_nothing(client: Client, bot: Bot, world: World, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("ann", password="x", is_staff=True))
    assert client.post(f"/admin/channels_app/bot/{bot.pk}/try/", {"text": "x"}).status_code == 403
    path = f"/api/v1/bots/{bot.pk}/try/"
    assert client.post(path, {"text": "x"}, content_type="application/json").status_code == 403
    assert not world.bot.turns


@pytest.mark.parametrize("sample", [{"text": "x" * 2001}, {"session_id": "no"}, {"remembered": {"a": [1]}}, {"x": 1}])
def test_a_sample_that_is_none_is_refused(admin_client: Client, bot: Bot, sample: Any) -> None:
    response = admin_client.post(f"/api/v1/bots/{bot.pk}/try/", sample, content_type="application/json")
    assert response.status_code == 400
