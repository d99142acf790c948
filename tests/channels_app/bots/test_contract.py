"""What every bot platform keeps, whatever its words are: runs for each kind in BOTS."""

import json
from dataclasses import replace
from typing import Any

import pytest
from django import forms
from hypothesis import given
from hypothesis import strategies as st

from channels_app.adapters.bots import BOTS, BotConnector, bot_class, choices, secret_keys
from channels_app.protocol import EventType, Reply
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, RefusedError, SignatureError, TemporaryError
from tests import payloads
from tests.channels_app.bots.cast import (
    NOW,
    SESSION,
    SETTINGS,
    SILENCE,
    TOLD_AT,
    answering,
    calls,
    make_bot,
    make_turn,
    request,
    told,
)
from tests.fakes.api import answer

KINDS = pytest.mark.parametrize("kind", BOTS)
STRANGERS: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    1e300,
    "",
    "x" * 300,
    "\x00\ud800",
    [],
    [None],
    {},
    {"id": 1},
    [[["deep"]]],
)


SECRET_WORDS = ("token", "secret", "key", "password")


def silent_bot(kind: str) -> BotConnector:
    return answering(kind, SILENCE[kind][0])


def files(prefix: str) -> list[tuple[str, str]]:
    return [(kind, name) for kind in BOTS for name in payloads.names(kind, prefix)]


@KINDS
def test_the_registry_names_the_class_by_its_kind(kind: str) -> None:
    assert bot_class(kind).kind == kind
    assert (kind, bot_class(kind).label) in choices()


def test_an_unknown_kind_is_the_admins_to_put_right() -> None:
    with pytest.raises(ConfigError, match=f"Known kinds: {', '.join(BOTS)}"):
        bot_class("oracle")


@KINDS
def test_the_form_hides_secrets_and_takes_none_for_what_is_not_required(kind: str) -> None:
    form_class = bot_class(kind).settings_form
    named_so = {name for name in form_class.base_fields if name.rpartition("_")[2] in SECRET_WORDS}
    assert named_so <= secret_keys(form_class)
    form = form_class(dict.fromkeys(form_class.base_fields))
    assert set(form.errors) == {name for name, field in form.fields.items() if field.required}


def test_a_setting_of_the_same_name_is_entered_in_the_same_way() -> None:
    """A page has one field for it, that of the first kind."""
    found: dict[str, dict[type[forms.Widget], str]] = {}
    for kind in BOTS:
        for name, field in bot_class(kind).settings_form.base_fields.items():
            found.setdefault(name, {}).setdefault(type(field.widget), kind)
    assert {name: widgets for name, widgets in found.items() if len(widgets) > 1} == {}


@KINDS
def test_a_bot_without_settings_can_be_made_and_says_what_is_missing(kind: str) -> None:
    bot = bot_class(kind)({})
    [line] = bot.check()
    assert (line.is_ok, "not saved yet" in line.detail) == (False, True)
    with pytest.raises(SignatureError) as refused:
        bot.verify(request({}))
    assert refused.value.reason in ("no_secret", "no_callback")


@KINDS
@pytest.mark.parametrize("event_type", [event_type for event_type in EventType if event_type.asks_bot])
@pytest.mark.parametrize("text", ["Where is my parcel?", None])
def test_each_turn_is_one_call_to_the_bots_address(kind: str, event_type: EventType, text: str | None) -> None:
    bot = silent_bot(kind)
    reply = bot.send(make_turn(type=event_type, text=text))
    assert (reply and replace(reply, remembered={})) == SILENCE[kind][1]
    call = told(bot)
    assert (call.method, call.url) == ("POST", bot.settings["url"] + TOLD_AT.get(kind, ""))
    words = json.dumps(call.request.get("json") or call.request["data"].decode())
    assert SESSION in words or bot.needs_history


@KINDS
@pytest.mark.parametrize(
    ("status", "error", "effect"),
    [
        (302, RefusedError, None),
        (400, RefusedError, None),
        (401, RefusedError, None),
        (404, RefusedError, None),
        (429, TemporaryError, Effect.NONE),
        (500, TemporaryError, Effect.FAILED),
        (502, TemporaryError, Effect.FAILED),
        (503, TemporaryError, Effect.NONE),
        (504, TemporaryError, Effect.FAILED),
    ],
)
def test_their_status_tells_what_may_have_been_done(
    kind: str, status: int, error: type[BridgeError], effect: Effect | None
) -> None:
    with pytest.raises(error) as failed:
        make_bot(kind, answer(status, body=b"<html>")).send(make_turn())
    assert failed.value.status == status
    assert getattr(failed.value, "effect", None) == effect
    [line] = make_bot(kind, *[answer(status)] * 2).check()
    code = "CB-517" if status == 401 else "CB-502"
    assert (line.is_ok, line.code, str(status) in line.detail) == (False, code, True)


@KINDS
def test_a_call_lasts_no_longer_than_its_turn_may(kind: str) -> None:
    for left, limit in ((None, 20.0), (7.5, 7.5), (60.0, 20.0), (0.1, 1.0)):
        bot = silent_bot(kind)
        bot.send(make_turn(time_left_s=left))
        assert calls(bot)[0].request["timeout_s"] == limit


@KINDS
def test_later_is_said_of_bots_that_can_call_back_only(kind: str) -> None:
    bot_type = bot_class(kind)
    assert bot_type.calls_back() or not bot_type.answers_later
    assert bot_type.calls_back() or SILENCE[kind][1] is not None
    assert bot_type.calls_back() == (bot_type.verify is not BotConnector.verify)
    assert bot_type.calls_back() == bool(payloads.names(kind, "callback_"))


@KINDS
def test_the_check_begins_a_conversation_with_nobody(kind: str) -> None:
    bots = [silent_bot(kind) for _ in range(2)]
    for bot in bots:
        [line] = bot.check()
        assert line.is_ok and line.took_ms is not None
        assert ("answers later" in line.detail) == (SILENCE[kind][1] is None)
    first, second = (told(bot).request for bot in bots)
    assert first != second  # each in a session of its own


@KINDS
def test_a_network_failure_is_a_failed_line(kind: str) -> None:
    [line] = make_bot(kind, TemporaryError("no answer in time", effect=Effect.UNKNOWN, timed_out=True)).check()
    assert (line.is_ok, line.code) == (False, "CB-501")
    assert line.detail == "The bot did not answer within 20 s."


@pytest.mark.parametrize(("kind", "name"), files("callback_"))
def test_a_callback_is_one_reply_to_our_session(kind: str, name: str) -> None:
    [event] = make_bot(kind).parse(request(payloads.raw(kind, name)))
    assert (event.type, event.conversation_id, event.sent_at) == (EventType.BOT_REPLIED, SESSION, NOW)
    assert event.key
    assert event.reply and event.reply.messages


@pytest.mark.parametrize(("kind", "name"), files("ignored_"))
def test_what_is_no_message_is_no_event(kind: str, name: str) -> None:
    assert make_bot(kind).parse(request(payloads.raw(kind, name))) == []


@pytest.mark.parametrize(("kind", "name"), files("unshown_"))
def test_what_can_not_be_shown_leaves_a_trace(kind: str, name: str) -> None:
    [event] = make_bot(kind).parse(request(payloads.raw(kind, name)))
    assert event.reply and event.reply.is_unshowable and event.reply.remarks.startswith("Can't be shown: ")


@pytest.mark.parametrize(("kind", "name"), files("callback_"))
def test_a_strange_value_in_a_callback_breaks_nothing(kind: str, name: str) -> None:
    bot = make_bot(kind)
    seen = 0
    for variant in payloads.variants(payloads.load(kind, name), STRANGERS):
        incoming = request(json.dumps(variant).encode())
        seen += 1
        try:
            events = bot.parse(incoming)
        except BridgeError:
            continue
        assert all(event.key and len(event.key) <= 100 and isinstance(event.reply, Reply) for event in events)
    assert seen > 20


@pytest.mark.parametrize(("kind", "name"), files("reply_"))
def test_a_strange_value_in_an_answer_breaks_nothing(kind: str, name: str) -> None:
    document = payloads.load(kind, name)
    said = answering(kind, document).send(make_turn())
    assert said and said.messages and not said.unshown
    for variant in payloads.variants(document, STRANGERS):
        try:
            reply = answering(kind, body=json.dumps(variant).encode()).send(make_turn())
        except BridgeError:
            continue
        assert reply is None or isinstance(reply, Reply)


@KINDS
@given(body=st.binary() | st.text().map(str.encode), header=st.text())
def test_a_stranger_is_refused_whatever_is_sent(kind: str, body: bytes, header: str) -> None:
    headers = {"authorization": header, "x-chatbridge-signature": header}
    with pytest.raises(SignatureError):
        make_bot(kind).verify(request(body, headers=headers))


@KINDS
def test_what_a_callback_is_answered(kind: str) -> None:
    bot = make_bot(kind)
    for status, body in (bot.accepted(), bot.unknown_session(), bot.not_assigned()):
        assert 200 <= status < 500
        assert isinstance(json.dumps(body), str)
    assert bot.accepted()[0] < 300


@KINDS
def test_a_turn_can_be_told_twice_in_the_same_words(kind: str) -> None:
    def request_for(**changes: Any) -> Any:
        bot = silent_bot(kind)
        bot.send(replace(make_turn(), **changes))
        return told(bot).request

    assert request_for() == request_for() != request_for(text="Another")


@KINDS
@pytest.mark.parametrize(
    ("url", "is_in_clear"),
    [
        *(
            (f"http://{host}", True)
            for host in ("bot.example.com", "bot.example.com:8080/x", "8.8.8.8", "[2600::1]/x")
        ),
        *((f"https://{host}", False) for host in ("bot.example.com", "8.8.8.8")),
        *(
            (f"http://{host}", False)
            for host in ("bot", "localhost:9001", "127.0.0.1", "10.1.2.3", "[::1]", "bot.lan")
        ),
        *((url, False) for url in ("http://partner.example.com/bot", "", None, "http://[", "ftp://bot.example.com")),
    ],
)
def test_a_token_that_goes_over_the_internet_in_clear_is_told(
    kind: str, url: str | None, is_in_clear: bool, settings: Any
) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ["Partner.example.com"]
    found = bot_class(kind).warnings({**SETTINGS[kind], "url": url})
    has_secret = bool(secret_keys(bot_class(kind).settings_form))
    assert [str(problem.code) for problem in found] == ["CB-521"] * (is_in_clear and has_secret)


@pytest.mark.parametrize("kind", sorted(set(BOTS) - {"directline"}))  # whose posts are never repeated
def test_what_a_bot_may_count_twice_is_not_repeated_in_silence(kind: str) -> None:
    bot = make_bot(kind, *[TemporaryError("down", effect=Effect.NONE)] * 2)
    with pytest.raises(TemporaryError):
        bot.send(make_turn())
    assert calls(bot)[-1].request["may_repeat"] == (kind in ("http", "openai", "rasa"))


@KINDS
@pytest.mark.parametrize("query", ["", "?code=x", "?lang=nl&sig=x", "?lang=nl", "?a=1;code=x", "?KEY-of-x-26"])
def test_a_key_in_an_address_is_told(kind: str, query: str) -> None:
    found = bot_class(kind).warnings({**SETTINGS[kind], "url": f"https://bot.example.com/{query}"})
    assert [str(problem.code) for problem in found] == ["CB-524"] * ("x" in query)


def test_without_a_token_nothing_is_given_away() -> None:
    assert bot_class("http").warnings({"url": "http://bot.example.com", "token": "", "signing_secret": None}) == []
