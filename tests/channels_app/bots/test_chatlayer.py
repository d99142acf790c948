import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from channels_app.adapters.bots.chatlayer import Chatlayer
from channels_app.protocol import Completion, Contact, Event, EventType, Message, OffloadRequest, Option, Reply
from channels_app.protocol.errors import BridgeError, ConfigError, PayloadError, SignatureError
from channels_app.protocol.intents import Intent
from tests import payloads
from tests.channels_app.bots.cast import NOW, SESSION, calls, make_bot, make_turn, request
from tests.fakes.api import answer

POSTBACK = {"nextDialogstateId": "state-parcel", "parameters": [{"key": "kind", "value": "parcel"}], "title": "Parcel"}


def told(identify_by: str | None = "conversationId", *, payloads_as: str | None = None, **turn: Any) -> dict[str, Any]:
    bot = make_bot("chatlayer", answer(200, {}), identify_by=identify_by, payloads_as=payloads_as)
    bot.send(make_turn(**turn))
    [call] = calls(bot)
    assert call.headers == {"Authorization": "Bearer demo-access"}
    document: dict[str, Any] = call.request["json"]
    return document


def test_a_turn_is_told_with_the_facts_about_the_contact() -> None:
    assert told() == {
        "conversationId": SESSION,
        "message": {"textMessage": {"text": "Where is my parcel?"}},
        "user": {"firstName": "Johan", "preferredLanguage": "en"},
        "sessionData": {
            "channelDetails": {
                "channelId": "ic1",
                "medium": "whatsapp",
                "contactProfile": {
                    "id": "c1",
                    "mediumContactProfileId": "",
                    "primaryIdentifier": "Johan",
                    "secondaryIdentifier": "",
                    "pictureUrl": "",
                    "vip": True,
                },
                "contactAttributes": [{"attribute": "company", "value": "Acme", "source": "AGENT"}],
            }
        },
    }


def test_the_user_can_be_named_by_user_id_instead() -> None:
    document = told("user.id", contact=Contact(), language="")
    assert document["user"] == {"id": SESSION}
    assert "conversationId" not in document
    assert told(None)["conversationId"] == SESSION


@pytest.mark.parametrize(
    ("turn", "message"),
    [
        ({"type": EventType.CONVERSATION_STARTED, "text": None}, {"introMessage": {}}),
        ({"type": EventType.CONVERSATION_DELEGATED, "text": None}, {"introMessage": {}}),
        (
            {"type": EventType.CONVERSATION_DELEGATED, "text": None, "dialog": "state-1"},
            {"postbackMessage": {"title": "", "nextDialogstateId": "state-1", "sessionDataToSet": []}},
        ),
        (
            {"type": EventType.CONVERSATION_DELEGATED, "text": None, "dialog": "3050"},
            {"postbackMessage": {"title": "", "nextDialogstateId": 3050, "sessionDataToSet": []}},
        ),
        ({"text": None}, {"textMessage": {"text": "[attachment]"}}),
        ({"text": ""}, {"textMessage": {"text": "[attachment]"}}),
    ],
)
def test_what_a_turn_says(turn: dict[str, Any], message: dict[str, Any]) -> None:
    assert told(**turn)["message"] == message


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("LETTER", "LETTER"),
        ("6f1c 2b/é🙂", "6f1c 2b/é🙂"),
        ('["a list"]', '["a list"]'),
        ("{broken", "{broken"),
        ("5", "5"),
        ({"nextDialogstateId": True}, '{"nextDialogstateId":true}'),
        ({"nextDialogstateId": ""}, '{"nextDialogstateId":""}'),
        ({"nextDialogstateId": [5]}, '{"nextDialogstateId":[5]}'),
        ({"é": 1, "b": [2, {"a": None}]}, '{"é":1,"b":[2,{"a":null}]}'),
        ("a\0b", "a\0b"),
        ("\ud83d", "\ud83d"),
    ],
)
def test_an_opaque_payload_goes_back_as_it_came(payload: Any, text: str) -> None:
    chosen = {"text": "Parcel", "payload": payload}
    assert told(**chosen)["message"] == {"textMessage": {"text": text}}
    assert told(payloads_as="text", **chosen)["message"] == {"textMessage": {"text": text}}
    assert told(payloads_as="title", **chosen)["message"] == {"textMessage": {"text": "Parcel"}}
    assert told(payloads_as="postback", **chosen)["message"] == {
        "postbackMessage": {"title": "Parcel", "payload": payload}
    }


@pytest.mark.parametrize("way", ["text", "title", "postback"])
def test_a_dialog_is_a_postback_whatever_becomes_of_opaque_payloads(way: str) -> None:
    message = told(payloads_as=way, text="2", payload=POSTBACK)["message"]
    assert message["postbackMessage"]["nextDialogstateId"] == "state-parcel"


@pytest.mark.parametrize("payload", [POSTBACK, json.dumps(POSTBACK)])
def test_a_chosen_option_goes_back_as_postback(payload: Any) -> None:
    assert told(text="2", payload=payload)["message"] == {
        "postbackMessage": {
            "title": "Parcel",
            "nextDialogstateId": "state-parcel",
            "sessionDataToSet": [{"key": "kind", "value": "parcel"}],
        }
    }


@pytest.mark.parametrize("dialog", ["state-parcel", 3050])
@pytest.mark.parametrize("name", ["parameters", "params", "sessionDataToSet"])
@pytest.mark.parametrize("empty", [None, [], {}, "none"])
def test_older_payloads_are_postbacks_too(dialog: str | int, name: str, empty: Any) -> None:
    set_by_it = [{"key": "lang", "value": "nl-nl"}]
    payload = dict.fromkeys(["parameters", "params", "sessionDataToSet"], empty) if empty != "none" else {}
    payload |= {name: set_by_it, "nextDialogstateId": dialog, "type": "button", "caption": "Nederlands"}
    assert told(text="Nederlands", payload=json.dumps(payload))["message"] == {
        "postbackMessage": {"title": "Nederlands", "nextDialogstateId": dialog, "sessionDataToSet": set_by_it}
    }


@pytest.mark.parametrize("name", ["parameters", "params", "sessionDataToSet"])
@pytest.mark.parametrize(
    ("value", "set_by_it", "is_whole"),
    [
        ({"kind": "parcel", "count": 2}, [("kind", "parcel"), ("count", 2)], True),
        ({"key": "kind", "value": "parcel"}, [("kind", "parcel")], True),
        ({"key": "kind"}, [("key", "kind")], True),
        ([{"key": "kind", "value": {"a": [None]}, "type": "x"}], [("kind", {"a": [None]})], True),
        ([{"key": "a", "value": None}, {"key": "b"}, {"value": 1}, "junk", 5, None, []], [("a", None)], False),
        ([{"key": "", "value": 1}, {"key": 7, "value": 1}], [], False),
        ({"": "junk"}, [], False),
        ("junk", [], False),
    ],
)
def test_what_a_button_sets_is_a_list_or_an_object_and_junk_is_named(
    name: str, value: Any, set_by_it: list[tuple[str, Any]], is_whole: bool
) -> None:
    payload = json.dumps({"nextDialogstateId": "state-parcel", name: value})
    document = told(text="Parcel", payload=payload)["message"]["postbackMessage"]
    assert document["sessionDataToSet"] == [{"key": key, "value": set_to} for key, set_to in set_by_it]
    message = {"text": "Which?", "quick_replies": [{"title": "Parcel", "payload": payload}]}
    [event] = make_bot("chatlayer").parse(request({"senderId": SESSION, "message": message}))
    assert event.reply and event.reply.dropped == (
        () if is_whole else ("a button's parameter without a key and a value",)
    )


@pytest.mark.parametrize("payload", ["", " ", {}, []])
def test_a_payload_that_says_nothing_goes_back_as_the_title(payload: Any) -> None:
    assert told(text="Parcel", payload=payload)["message"] == {"textMessage": {"text": "Parcel"}}
    message = told(text="Parcel", payload=payload, payloads_as="postback")["message"]
    assert message == {"postbackMessage": {"title": "Parcel", "payload": payload}}


def test_a_postback_without_title_and_parameters_has_the_options_title() -> None:
    assert told(text="Parcel", payload={"nextDialogstateId": "state-parcel"})["message"] == {
        "postbackMessage": {"title": "Parcel", "nextDialogstateId": "state-parcel", "sessionDataToSet": []}
    }


@pytest.mark.parametrize("missing", ["url", "access_token"])
def test_without_address_or_token_nothing_is_sent(missing: str) -> None:
    bot = make_bot("chatlayer", **{missing: ""})
    with pytest.raises(ConfigError, match="not saved yet"):
        bot.send(make_turn())
    assert calls(bot) == []


# --- its messages ---


@pytest.mark.parametrize("name", payloads.names("chatlayer", "callback_"))
def test_the_verify_token_in_the_body_proves_it(name: str) -> None:
    make_bot("chatlayer").verify(request(payloads.raw("chatlayer", name)))


@pytest.mark.parametrize("presented", ["demo verify", "", None, 5, "démo verify token", ["demo verify token"]])
def test_another_verify_token_is_refused(presented: Any) -> None:
    with pytest.raises(SignatureError) as refused:
        make_bot("chatlayer").verify(request({"verifyToken": presented, "message": {"text": "Hi"}}))
    assert refused.value.reason == "bad_verify_token"


@pytest.mark.parametrize("name", ["callback__text", "callback__older_form"])
def test_both_forms_name_our_session(name: str) -> None:
    [event] = make_bot("chatlayer").parse(request(payloads.raw("chatlayer", name)))
    assert event.conversation_id == SESSION


@pytest.mark.parametrize(
    ("sender", "session"),
    [
        (SESSION, SESSION),
        (f"default-{SESSION}", SESSION),
        (f"a-b-c-{SESSION.upper()}", SESSION),
        ("some-other-session", "some-other-session"),
    ],
)
@pytest.mark.parametrize("form", ["senderId", "sender", "recipient"])
def test_a_prefix_before_our_session_is_dropped(sender: str, session: str, form: str) -> None:
    named = sender if form == "senderId" else {"id": sender}
    [event] = make_bot("chatlayer").parse(request({form: named, "message": {"text": "Hi"}}))
    assert event.conversation_id == session


@pytest.mark.parametrize(
    "people",
    [
        {"sender": {"id": "page-17"}, "recipient": {"id": f"default-{SESSION}"}},
        {"sender": {"id": SESSION}, "recipient": {"id": "page-17"}},
        {"senderId": SESSION, "sender": {"id": "page-17"}, "recipient": "page-17"},
        {"senderId": None, "sender": [SESSION], "recipient": {"id": SESSION}},
    ],
)
def test_of_several_people_the_one_who_can_be_ours_is_meant(people: dict[str, Any]) -> None:
    [event] = make_bot("chatlayer").parse(request({**people, "message": {"text": "Hi"}}))
    assert event.conversation_id == SESSION


@pytest.mark.parametrize(
    ("counter", "expected"),
    [
        *((0, 0), (7, 7), (2**31 - 1, 2**31 - 1), ("3", 3), ("07", 7), (3.0, 3)),
        *((2**31, None), ("9" * 30, None), (-1, None), ("-1", None), (1.5, None), ("one", None), ("", None)),
        *((True, None), ([1], None), (None, None)),
    ],
)
def test_the_number_is_order_and_with_the_words_the_key(counter: Any, expected: int | None) -> None:
    def parsed(number: Any = counter, text: str = "Hi", **more: Any) -> Event:
        body = {"senderId": SESSION, "messageCounter": number, "message": {"text": text}, **more}
        [event] = make_bot("chatlayer").parse(request(body))
        return event

    assert parsed().counter == expected
    assert parsed().counts_per_turn
    assert parsed().key == parsed(timestamp="later", nlp={"intent": {"score": 0.5}}).key
    assert parsed().key != parsed(text="Ho").key
    assert parsed().key != parsed(number=2).key


def test_without_a_number_the_same_words_count_once_a_minute() -> None:
    body = {"senderId": SESSION, "message": {"text": "Still there?"}}
    first, same, later = (
        make_bot("chatlayer").parse(replace(request(body), received_at=NOW + timedelta(seconds=passed)))[0]
        for passed in (0, 20, 60)
    )
    assert first.key == same.key != later.key


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"senderId": SESSION}, "message: must be an object"),
        ({"message": {"text": "Hi"}}, "senderId: is missing"),
        ({"recipient": "someone", "message": {"text": "Hi"}}, "senderId: is missing"),
    ],
)
def test_a_message_needs_itself_and_its_session(body: dict[str, Any], problem: str) -> None:
    with pytest.raises(PayloadError) as refused:
        make_bot("chatlayer").parse(request(body))
    assert refused.value.detail == problem


def test_every_callback_is_answered_alike_so_that_none_is_repeated() -> None:
    bot = make_bot("chatlayer")
    assert bot.accepted() == bot.unknown_session() == bot.not_assigned() == (200, {})


# --- two tokens, exchanged ---

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJib3QiOiJkZW1vIn0.c2lnbmF0dXJl"


def test_its_access_token_as_verify_token_says_that_they_were_exchanged() -> None:
    with pytest.raises(SignatureError) as refused:
        make_bot("chatlayer").verify(request({"verifyToken": "demo-access", "message": {"text": "Hi"}}))
    assert refused.value.reason == "tokens_swapped"


@pytest.mark.parametrize(("other", "code"), [(200, "CB-522"), (401, "CB-517"), (500, "CB-517")])
def test_the_check_tries_the_other_token_when_one_is_refused(other: int, code: str) -> None:
    bot = make_bot("chatlayer", answer(401), answer(other, {}))
    [line] = bot.check()
    assert (line.is_ok, line.code) == (False, code)
    tried = [call.headers["Authorization"] for call in calls(bot)]
    assert tried == ["Bearer demo-access", "Bearer demo verify token"]


@pytest.mark.parametrize("verify", ["", "geheim\u00e9"])
def test_a_token_that_no_header_can_carry_is_not_tried(verify: str) -> None:
    bot = make_bot("chatlayer", answer(401), verify_token=verify)
    [line] = bot.check()
    assert line.code == "CB-517"


@pytest.mark.parametrize(
    ("access", "verify", "looks_so"),
    [
        ("parcel", JWT, True),
        ("my own words", JWT, True),
        (JWT, "my own words", False),
        (JWT, JWT[:-2], False),
        ("parcel", "9f8e7d6c5b4a39281706f5e4d3c2b1a0", True),
        ("9f8e7d6c5b4a39281706f5e4d3c2b1a0", "0a1b2c3d4e5f60718293a4b5c6d7e8f9", False),
        ("parcel", "the words that we agreed on", False),
        ("", JWT[:10], False),
        ("", "", False),
    ],
)
def test_tokens_that_look_exchanged_are_told(access: str, verify: str, looks_so: bool) -> None:
    settings = {"access_token": access, "verify_token": verify, "url": "https://chatlayer.example/messages"}
    assert [str(problem.code) for problem in Chatlayer.warnings(settings)] == ["CB-522"] * looks_so


# --- "send to offload provider" ---


def test_an_offload_request_brings_reason_payload_and_transcript() -> None:
    [event] = make_bot("chatlayer").parse_offload(request(payloads.raw("chatlayer", "offload__request")))
    assert (event.type, event.conversation_id) == (EventType.OFFLOAD_REQUESTED, SESSION)
    assert event.sent_at.isoformat() == "2022-04-28T09:43:28.123000+00:00"
    assert event.reply and event.reply.offload == OffloadRequest(
        reason="asked_for_human", payload={"reason": "asked_for_human", "team": "sales"}
    )
    assert event.details == {
        "transcript": [
            {"author": "contact", "text": "Where is my parcel?", "sent_at": "2022-04-28T09:43:26Z"},
            {"author": "bot", "text": "I get somebody.", "sent_at": "2022-04-28T09:43:27Z"},
        ],
    }


@pytest.mark.parametrize("event", ["offload", "messages"])
def test_a_draft_names_its_session(event: str) -> None:
    body = {"event": event, "sessionId": f"default-{SESSION}"}
    bot = make_bot("chatlayer")
    assert bot.draft_session(request({**body, "version": "DRAFT"})) == SESSION
    assert bot.draft_session(request({**body, "version": "LIVE"})) == bot.draft_session(request({})) == ""


@pytest.mark.parametrize(
    ("payload", "reply", "rest"),
    [
        (
            {"data": {"topics": ["Sales"], "team": "x"}, "note": "A"},
            {"topics": ("Sales",), "note": "A"},
            {"data": {"team": "x"}},
        ),
        ({"data": {"topics": ["Sales"]}}, {"topics": ("Sales",)}, None),
        ([{"tags": ["hot"]}, "sales"], {"tags": ("hot",)}, [{}, "sales"]),
        ({"reason": "r", "a": {"b": {"attributes": {"x": 1}}}}, {"attributes": {"x": "1"}}, {"reason": "r"}),
        ({"empty": {}, "zero": 0, "none": None}, {}, {"empty": {}, "zero": 0, "none": None}),
        # what belongs to an option comes back when it is chosen, and a handover is asked for already
        ({"buttons": [{"payload": {"topics": ["No"]}}]}, {}, {"buttons": [{"payload": {"topics": ["No"]}}]}),
        (
            {"data": {"complete": "resolved"}},
            {},
            {"data": {"complete": "resolved"}},
        ),
        # what is configured as an object may come as text; other texts are for the agents
        ('{"topics": ["Sales"], "reason": "r", "team": "x"}', {"topics": ("Sales",)}, {"reason": "r", "team": "x"}),
        ('["topics"]', {}, '["topics"]'),
        ('{"topics": ', {}, '{"topics": '),
        ("sales", {}, "sales"),
    ],
)
def test_our_keys_are_obeyed_wherever_they_stand_in_an_offload_payload(
    payload: Any, reply: dict[str, Any], rest: Any
) -> None:
    [event] = make_bot("chatlayer").parse_offload(
        request({"event": "offload", "sessionId": SESSION, "payload": payload})
    )
    reason = rest.get("reason", "") if isinstance(rest, dict) else ""
    assert event.reply == Reply(**reply, offload=OffloadRequest(reason=reason, payload=rest))


def test_data_of_a_wish_in_a_command_may_be_text_too() -> None:
    message = {"offload": {"reason": "refund", "payload": '{"tags": ["hot"], "team": "Billing"}'}}
    [event] = make_bot("chatlayer").parse(request({"senderId": SESSION, "message": message}))
    data = {"reason": "refund", "team": "Billing"}
    assert event.reply == Reply(tags=("hot",), offload=OffloadRequest(reason="refund", payload=data))


ODD = "a\0b \ud83d c"


def test_a_payload_of_letters_that_no_database_takes_is_kept_and_goes_back() -> None:
    bot = make_bot("chatlayer")
    sets = {"nextDialogstateId": "state-1", "parameters": [{"key": "k", "value": ODD}]}
    replies = [{"title": "A", "payload": ODD}, {"title": "B", "payload": json.dumps(sets)}]
    body = {"senderId": SESSION, "verifyToken": "x", "message": {"text": ODD, "quick_replies": replies}}
    kept = bot.kept(json.dumps(body).encode())
    [event] = bot.parse(replace(request({}), body=kept))
    assert event.reply and event.reply.messages[0].text == "a\ufffdb \ufffd c"
    payloads_read = [option.payload for option in event.reply.messages[0].options]
    assert payloads_read == [ODD, json.dumps(sets)]
    assert told(text="A", payload=ODD)["message"] == {"textMessage": {"text": ODD}}
    message = told(text="B", payload=payloads_read[1])["message"]
    assert message["postbackMessage"]["sessionDataToSet"] == [{"key": "k", "value": ODD}]


def test_a_retry_of_an_offload_request_has_the_same_key() -> None:
    body = payloads.raw("chatlayer", "offload__request")
    [first], [retry] = (make_bot("chatlayer").parse_offload(request(body)) for _ in range(2))
    [other] = make_bot("chatlayer").parse_offload(request(body.replace(b"28.123Z", b"29.123Z")))
    assert first.key == retry.key != other.key


@pytest.mark.parametrize("payload", [None, "sales", {"reason": 5}, ["sales"]])
def test_an_offload_request_without_reason_or_time_is_still_one(payload: Any) -> None:
    body = {"event": "offload", "sessionId": SESSION, "payload": payload, "transcript": [{"message": {"card": 1}}, 5]}
    [event] = make_bot("chatlayer").parse_offload(request(body))
    assert event.sent_at == NOW
    assert event.reply and event.reply.offload == OffloadRequest(payload=payload)
    assert event.details["transcript"] == [{"author": "contact", "text": '{"card": 1}', "sent_at": ""}]


@pytest.mark.parametrize("body", [payloads.raw("chatlayer", "offload__messages_copy"), b'{"event": "new"}', b"{}"])
def test_copies_of_messages_ask_for_nobody(body: bytes) -> None:
    assert make_bot("chatlayer").parse_offload(request(body)) == []


def test_an_offload_request_needs_its_session() -> None:
    with pytest.raises(PayloadError, match="sessionId: is missing"):
        make_bot("chatlayer").parse_offload(request({"event": "offload"}))


def test_the_offload_token_stands_in_the_query() -> None:
    bot = make_bot("chatlayer")
    assert bot.offload_token(request({}, query={"challenge.verifyToken": "demo"})) == "demo"
    assert bot.offload_token(request({})) == ""


def test_what_an_offload_request_is_answered() -> None:
    bot = make_bot("chatlayer")
    assert bot.offload_answer(is_taken=True) == (200, {"offloadSuccess": True, "pauseBot": False})
    assert bot.offload_answer(is_taken=False) == (200, {"offloadSuccess": False, "pauseBot": False})


def test_a_session_is_paused_only_where_an_admin_wants_it() -> None:
    bot = make_bot("chatlayer", pause_bot=True)
    assert bot.offload_answer(is_taken=True) == (200, {"offloadSuccess": True, "pauseBot": True})
    assert bot.offload_answer(is_taken=False) == (200, {"offloadSuccess": False, "pauseBot": False})


def test_what_goes_with_an_offload_request_is_obeyed_and_the_rest_is_for_the_agents() -> None:
    [event] = make_bot("chatlayer").parse_offload(request(payloads.raw("chatlayer", "offload__commands")))
    assert event.reply == Reply(
        topics=("Sales",),
        tags=("hot",),
        attributes={"order": "A-1"},
        note="Wants a quote.",
        offload=OffloadRequest(reason="asked_for_human", payload={"reason": "asked_for_human", "team": "sales"}),
    )


# --- what a flow commands, and what Chatlayer understood ---

PARCEL = (Intent("parcel.status", 0.98),)
SHIPPING = Reply(topics=("Shipping",), intents=PARCEL)
ON_ITS_WAY = replace(SHIPPING, messages=(Message(text="On its way."),))
OBEYED = {
    "message": replace(
        SHIPPING,
        tags=("parcel",),
        attributes={"account_number": "1975", "is_vip": "true"},
        note="Asked twice.",
        complete=Completion.HANDOVER,
    ),
    "beside_text": ON_ITS_WAY,
    "payload": SHIPPING,
    "attachment": replace(SHIPPING, offload=OffloadRequest()),
    "attachments": ON_ITS_WAY,
    "event": SHIPPING,
    "wrong": replace(
        SHIPPING,
        tags=("5",),
        dropped=(
            "tags: must be text",
            "attributes.order: must be text",
            "note: is empty",
            "complete: must be handover or resolved",
            "offload: must be true or an object",
            "“tgas”, a key without a meaning",
        ),
    ),
    "offload": Reply(
        topics=("Invoices",),
        note="Invoice 7",
        offload=OffloadRequest(reason="billing", payload={"reason": "billing", "team": "Billing"}),
        intents=PARCEL,
    ),
    "messages": Reply(
        messages=(Message(text="One"), Message(text="Two", options=(Option(title="Parcel", payload="P"),))),
        intents=PARCEL,
    ),
}


def parsed(name: str) -> Reply | None:
    [event] = make_bot("chatlayer").parse(request(payloads.raw("chatlayer", name)))
    return event.reply


@pytest.mark.parametrize("name", payloads.names("chatlayer", "command_"))
def test_a_flow_commands_wherever_its_message_holds_the_object(name: str) -> None:
    assert parsed(name) == OBEYED[name.removeprefix("command__")]


@pytest.mark.parametrize(
    ("beside", "reply"),
    [
        ({"topics": ["Shipping"], "offload": True}, Reply(topics=("Shipping",), offload=OffloadRequest())),
        ({"note": "A", "tags": "hot", "attributes": {"n": 1}}, Reply(note="A", tags=("hot",), attributes={"n": "1"})),
        ({"complete": "resolved", "topics": None}, Reply(complete=Completion.RESOLVED)),
        ({"topics": {"a": 1}}, Reply(dropped=("topics: must be text",))),
        ({"messages": ["Two"]}, Reply(messages=(Message(text="Two"),))),
        ({"botId": "b", "timestamp": 5, "sessionData": {"note": "mine"}}, Reply()),
    ],
)
def test_a_flow_commands_beside_its_message_and_without_one(beside: dict[str, Any], reply: Reply) -> None:
    said = Reply(messages=(Message(text="Hi"),))
    body = {"senderId": SESSION, "messageCounter": 1, **beside}
    [event] = make_bot("chatlayer").parse(request({**body, "message": {"text": "Hi"}}))
    assert event.reply == said.merged_with(reply)
    if reply == Reply():
        with pytest.raises(PayloadError, match="message: must be an object"):
            make_bot("chatlayer").parse(request(body))
        return
    for nothing in ({}, {"message": None}, {"message": {"type": "event"}}):
        [event] = make_bot("chatlayer").parse(request({**body, **nothing}))
        assert event.reply == reply


@pytest.mark.parametrize("name", payloads.names("chatlayer", "command_"))
def test_a_strange_value_in_a_command_breaks_nothing(name: str) -> None:
    for variant in payloads.variants(payloads.load("chatlayer", name), (None, 5, 0.5, "", "x", [], {}, [5], {"a": 1})):
        try:
            events = make_bot("chatlayer").parse(request(json.dumps(variant).encode()))
        except BridgeError as error:
            assert isinstance(variant, list | str) or not isinstance(variant, dict) or error.detail
            continue
        assert all(isinstance(event.reply, Reply) for event in events)


@pytest.mark.parametrize("name", ["callback__looks_like_commands", "callback__buttons_hold_commands"])
def test_a_text_that_looks_like_json_and_a_payload_of_a_button_command_nothing(name: str) -> None:
    reply = parsed(name)
    assert reply and reply.messages
    assert replace(reply, messages=()) == Reply(intents=PARCEL)
    [option] = reply.messages[-1].options
    assert isinstance(option.payload, dict)  # it comes back as it is


@pytest.mark.parametrize(
    ("nlp", "intents"),
    [
        ({"intent": {"name": " parcel ", "score": 0.5}}, (Intent("parcel", 0.5),)),
        ({"intent": {"name": "parcel", "score": 98}}, (Intent("parcel"),)),
        ({"intent": {"name": "parcel"}}, (Intent("parcel"),)),
        ({"intent": "parcel"}, (Intent("parcel"),)),
        ({"intent": {"name": "x" * 300}}, (Intent("x" * 200),)),
        *((nlp, ()) for nlp in (None, 5, "parcel", {}, {"intent": None}, {"intent": {"name": " "}}, {"intent": [1]})),
    ],
)
def test_the_intent_is_kept_with_the_message(nlp: Any, intents: tuple[Intent, ...]) -> None:
    body = {"senderId": SESSION, "message": {"text": "Hi"}, "nlp": nlp}
    [event] = make_bot("chatlayer").parse(request(body))
    assert event.reply == Reply(messages=(Message(text="Hi"),), intents=intents)
