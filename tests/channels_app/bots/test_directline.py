"""Bots behind Direct Line: when an answer has ended, what isn't said twice, and how what they say reads."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from channels_app.adapters.bots import BotConnector, bot_class
from channels_app.adapters.bots.directline_cards import read_activity
from channels_app.adapters.bots.directline_line import api_address
from channels_app.lib.http.recorder import Call, note_call, recorded_calls
from channels_app.protocol import Attachment, Completion, EventType, Message, OffloadRequest, Option, Reply
from channels_app.protocol.contact_message import ContactFile, FileKind
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, PayloadError, RefusedError, TemporaryError
from tests import payloads
from tests.channels_app.bots.cast import SESSION, answering, make_turn
from tests.fakes.api import answer
from tests.fakes.directline import DIRECTLINE, ENDPOINT, SECRET, Activity, FakeDirectLine, Says, Time, text

STARTED, DELEGATED = EventType.CONVERSATION_STARTED, EventType.CONVERSATION_DELEGATED
LOST = TemporaryError("no answer in time", effect=Effect.UNKNOWN, timed_out=True)
BOT_ERROR = answer(502, {"error": {"code": "BotError", "message": "Failed to send activity: bot returned an error"}})


@pytest.fixture
def line(fake_time: Time) -> FakeDirectLine:
    return FakeDirectLine(fake_time)


class Contact:
    """Writes to one bot, whose memory is kept as the bridge does."""

    def __init__(self, line: FakeDirectLine, **settings: Any) -> None:
        self.line, self.turns, self.memory = line, 0, dict[str, str]()
        usual = {"url": DIRECTLINE, "secret": SECRET, "greeting_event": "nothing", "quiet_s": 2, "timeout_s": 20}
        self.bot: BotConnector = bot_class("directline")({**usual, **settings})
        self.bot.api = line  # type: ignore[assignment]

    def writes(self, words: str | None = "Hello", **changes: Any) -> Reply:
        self.turns += 1
        return self.again(words, **changes)

    def again(self, words: str | None = "Hello", **changes: Any) -> Reply:
        usual = {"turn_id": f"turn-{self.turns}", "remembered": dict(self.memory), "text": words}
        try:
            reply = self.bot.send(make_turn(**{**usual, **changes}))
        except BridgeError as error:
            self.memory |= error.remembered
            raise
        assert reply is not None
        self.memory |= reply.remembered
        return replace(reply, remembered={})

    def hears(self, words: str | None = "Hello", **changes: Any) -> list[str]:
        return [message.text for message in self.writes(words, **changes).messages]


@pytest.fixture
def contact(line: FakeDirectLine) -> Contact:
    return Contact(line)


def says(*words: tuple[float, Activity]) -> Callable[[Activity], Says]:
    return lambda activity: words if activity["type"] == "message" else []


def posted(line: FakeDirectLine) -> list[str]:
    return [activity.get("text") or activity.get("name") or "" for activity in line.posted]


# --- an answer and its end ---


def test_it_is_told_what_the_contact_says_and_who_that_is(contact: Contact, line: FakeDirectLine) -> None:
    assert contact.hears("Where is *my* parcel?") == ["You said: Where is *my* parcel?"]
    [activity] = line.posted
    assert (activity["type"], activity["textFormat"], activity["locale"]) == ("message", "plain", "en")
    assert activity["from"] == {"id": SESSION, "name": "Johan", "role": "user"}
    assert activity["channelData"]["chatbridge"]["attributes"][0]["attribute"] == "company"
    begun = line.calls[0].request["json"]
    assert begun == {"user": {"id": SESSION, "name": "Johan"}, "locale": "en"}


def test_an_answer_ends_when_nothing_follows(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((0, text("One.")), (1.5, text("Two.")), (3.2, text("Three.")), (9, text("Much later.")))
    began = line.time.now
    assert contact.hears() == ["One.", "Two.", "Three."]
    assert line.time.now - began < 9


@pytest.mark.parametrize(
    "last",
    [
        text("Which one?", inputHint="expectingInput"),
        text("Which one?", suggestedActions={"actions": [{"type": "imBack", "value": "A"}]}),
        {"type": "event", "name": "handoff.initiate"},
        {"type": "endOfConversation"},
    ],
)
def test_a_bot_that_says_so_is_not_waited_for(contact: Contact, line: FakeDirectLine, last: Activity) -> None:
    line.bot = says((0, last))
    began = line.time.now
    contact.writes()
    assert line.time.now - began < 1


def test_how_long_silence_lasts_is_the_admins_choice(line: FakeDirectLine) -> None:
    line.bot = says((0, text("One.")), (4, text("Two.")))
    assert Contact(line, quiet_s=0).hears() == ["One."]
    assert Contact(line, quiet_s=5).hears() == ["One.", "Two."]


def test_a_bot_that_is_typing_is_waited_for(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((0, text("One.")), (1, {"type": "typing"}), (8, text("Two.")))
    assert contact.hears() == ["One.", "Two."]


def test_what_answers_something_else_does_not_end_it(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((0, text("About that of before.", replyToId="c1|0000077")), (4, text("To this.")))
    assert contact.hears() == ["About that of before.", "To this."]


def test_a_bot_that_never_says_what_it_answers_is_not_waited_for_to_the_end(
    contact: Contact, line: FakeDirectLine
) -> None:
    line.bot = says((0, text("Hm.", replyToId="of its own")))
    began = line.time.now
    assert contact.hears() == ["Hm."]
    assert line.time.now - began < 10


def test_no_answer_in_time_is_a_failed_try(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((30, text("Sorry!")))
    began = line.time.now
    with pytest.raises(TemporaryError, match="has said nothing yet") as failed:
        contact.writes(time_left_s=12)
    assert (failed.value.effect, line.time.now - began) == (Effect.UNKNOWN, 12)


def test_it_is_looked_at_once_a_second(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((19, text("At last.")))
    assert contact.hears() == ["At last."]
    assert sum(call.method == "GET" for call in line.calls) < 25


def test_what_was_there_in_time_is_said(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says(*((second, text(str(second))) for second in range(60)))
    assert contact.hears(time_left_s=5) == ["0", "1", "2", "3", "4", "5"]


# --- from turn to turn ---


def test_the_conversation_goes_on(contact: Contact, line: FakeDirectLine) -> None:
    assert [contact.hears(str(number)) for number in range(3)] == [[f"You said: {number}"] for number in range(3)]
    assert len(line.conversations) == 1


def test_what_comes_late_is_said_with_the_next_answer(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((0, text("One.")), (10, text("Late.")))
    assert contact.hears() == ["One."]
    line.time.now += 60
    line.say("c1", text("By itself."))
    line.bot = says((3, text("Two.")))
    assert contact.hears() == ["Late.", "By itself.", "Two."]


def test_what_came_while_agents_had_the_conversation_is_not_said(contact: Contact, line: FakeDirectLine) -> None:
    contact.writes()
    line.say("c1", text("Are you there?"))
    line.bot = says((0, text("Back again.")))
    reply = contact.writes("Go on", type=DELEGATED)
    assert reply.messages == (Message(text="Back again."),)
    assert reply.remarks == "Left out: what the bot said while agents had the conversation (1)."
    assert contact.writes(None, type=DELEGATED) == Reply()  # without an event at the start it isn't told


def test_after_its_end_the_next_message_begins_a_conversation(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((0, text("Bye!")), (0, {"type": "endOfConversation", "code": "completedSuccessfully"}))
    assert contact.writes() == Reply(messages=(Message(text="Bye!"),), complete=Completion.RESOLVED)
    contact.writes()
    assert len(line.conversations) == 2


def test_an_end_that_comes_late_ends_nothing(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((0, text("Bye!")), (10, {"type": "endOfConversation"}))
    contact.writes()
    line.time.now += 60
    line.bot = says((0, text("Still here.")))
    assert contact.writes() == Reply(messages=(Message(text="Still here."),))


def test_whether_an_end_resolves_is_the_admins_choice(line: FakeDirectLine) -> None:
    line.bot = says((0, text("Bye!")), (0, {"type": "endOfConversation"}))
    assert Contact(line, at_end="nothing").writes() == Reply(messages=(Message(text="Bye!"),))


def test_who_hands_over_does_not_close(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((0, {"type": "endOfConversation"}), (0, {"type": "event", "name": "handoff.initiate"}))
    assert contact.writes() == Reply(offload=OffloadRequest(reason="asked_for_human"))


def test_a_conversation_that_direct_line_has_forgotten_begins_anew(contact: Contact, line: FakeDirectLine) -> None:
    contact.writes()
    del line.conversations["c1"]
    line.conversations["other"] = []
    assert contact.hears("Again") == ["You said: Again"]
    assert contact.memory["conversation"] == "c2"


# --- nothing is posted twice ---


@pytest.mark.parametrize("fault", [LOST, BOT_ERROR, answer(200, body=b"<html>")])
def test_a_message_whose_post_failed_halfway_is_looked_for(contact: Contact, line: FakeDirectLine, fault: Any) -> None:
    line.faults = [("after", fault)]
    assert contact.hears() == ["You said: Hello"]
    assert posted(line) == ["Hello"]


def test_a_message_that_has_not_arrived_is_a_failed_try_and_posted_with_the_next(
    contact: Contact, line: FakeDirectLine
) -> None:
    line.faults = [BOT_ERROR]
    began = line.time.now
    with pytest.raises(TemporaryError) as failed:
        contact.writes()
    assert (failed.value.effect, line.time.now - began < 5) == (Effect.FAILED, True)
    assert failed.value.detail == "The bot answered 502, BotError."
    assert contact.again(is_repeat=True).messages == (Message(text="You said: Hello"),)
    assert (posted(line), len(line.conversations)) == (["Hello"], 1)


def test_a_late_word_does_not_pass_for_the_answer_to_a_message_that_has_not_arrived(
    contact: Contact, line: FakeDirectLine
) -> None:
    contact.writes()
    line.say("c1", text("Late."))
    line.faults = [BOT_ERROR]
    with pytest.raises(TemporaryError):
        contact.writes("Again")
    assert [message.text for message in contact.again("Again", is_repeat=True).messages] == [
        "Late.",
        "You said: Again",
    ]


def test_what_surely_did_not_arrive_fails_at_once(contact: Contact, line: FakeDirectLine) -> None:
    line.faults = [answer(429)]
    with pytest.raises(TemporaryError) as failed:
        contact.writes()
    assert failed.value.effect is Effect.NONE
    assert sum(call.method == "GET" for call in line.calls) == 0


def test_a_second_try_waits_for_the_answer_to_the_first(contact: Contact, line: FakeDirectLine) -> None:
    line.bot = says((25, text("Found it.")))
    with pytest.raises(TemporaryError):
        contact.writes()
    assert contact.again(is_repeat=True).messages == (Message(text="Found it."),)
    assert posted(line) == ["Hello"]


def test_an_answer_that_the_bridge_lost_is_read_again(contact: Contact, line: FakeDirectLine) -> None:
    contact.writes("One")
    line.bot = says((0, text("Bye!")), (0, {"type": "endOfConversation"}))
    before = dict(contact.memory)
    first = contact.writes()
    contact.memory = before  # the process died before it wrote the answer down
    assert contact.again(is_repeat=True) == first
    assert posted(line) == ["One", "Hello"]


def test_a_look_that_fails_is_made_again(contact: Contact, line: FakeDirectLine) -> None:
    line.read_faults = [LOST, answer(503)]
    assert contact.hears() == ["You said: Hello"]
    line.read_faults = [LOST] * 30
    with pytest.raises(TemporaryError, match="no answer in time"):
        contact.writes()


# --- greetings ---


def greeter(activity: Activity) -> Says:
    """As a Copilot Studio agent does."""
    if activity["type"] == "event":
        return [(0.1, text("Welcome!")), (1.0, text("Ask me anything."))]
    return [(0, text(f"You said: {activity['text']}"))]


def test_it_greets_before_it_answers_the_first_message(line: FakeDirectLine) -> None:
    line.bot = greeter
    contact = Contact(line, greeting_event="startConversation")
    assert contact.hears("Hi", is_first=True) == ["Welcome!", "Ask me anything.", "You said: Hi"]
    assert contact.hears("And") == ["You said: And"]
    assert posted(line) == ["startConversation", "Hi", "And"]


@pytest.mark.parametrize("event", ["startConversation", "webchat/join", "", None])
def test_the_event_at_the_start_is_copilot_studios_unless_another_is_chosen(
    line: FakeDirectLine, event: str | None
) -> None:
    Contact(line, greeting_event=event).writes("Hi", is_first=True)
    assert posted(line) == [event or "startConversation", "Hi"]


@pytest.mark.parametrize("type_", [STARTED, DELEGATED])
def test_it_speaks_first_by_an_event(line: FakeDirectLine, type_: EventType) -> None:
    line.bot = greeter
    contact = Contact(line, greeting_event="startConversation")
    assert contact.hears(None, type=type_) == ["Welcome!", "Ask me anything."]


def test_a_bot_without_a_greeting_is_not_waited_for_long(line: FakeDirectLine) -> None:
    began = line.time.now
    assert Contact(line, greeting_event="startConversation").writes(None, type=STARTED) == Reply()
    assert line.time.now - began < 7


def test_a_bot_that_greets_by_itself_needs_no_event(contact: Contact, line: FakeDirectLine) -> None:
    begin = line.token

    def greets() -> dict[str, Any]:
        line.say("c1", text("Welcome!", replyToId="its conversationUpdate"))
        return begin()

    line.token = greets  # type: ignore[method-assign]
    assert contact.hears("Hi", is_first=True) == ["Welcome!", "You said: Hi"]


def test_a_second_try_does_not_greet_again(line: FakeDirectLine) -> None:
    line.bot = lambda activity: greeter(activity) if activity["type"] == "event" else [(25, text("At last."))]
    contact = Contact(line, greeting_event="startConversation")
    with pytest.raises(TemporaryError):
        contact.writes("Hi", is_first=True)
    reply = contact.again("Hi", is_first=True, is_repeat=True)
    assert [message.text for message in reply.messages] == ["Welcome!", "Ask me anything.", "At last."]
    assert posted(line) == ["startConversation", "Hi"]


def test_a_channels_text_for_delegation_is_a_message(line: FakeDirectLine) -> None:
    line.bot = greeter
    contact = Contact(line, greeting_event="startConversation")
    assert contact.hears("call back", type=DELEGATED) == ["You said: call back"]


# --- secret and token ---


def test_a_secret_is_all_that_is_needed(contact: Contact, line: FakeDirectLine) -> None:
    contact.writes()
    assert {call.headers["Authorization"] for call in line.calls} == {f"Bearer {SECRET}"}
    assert contact.memory["token"] == ""


@pytest.mark.parametrize("region", ["https://europe.directline.test/", "", "http://europe.directline.test/"])
def test_a_token_endpoint_also_tells_the_region(line: FakeDirectLine, region: str) -> None:
    line.region = region
    contact = Contact(line, url="", secret="", token_endpoint=f"{ENDPOINT}?api-version=2022-03-01-preview")
    assert contact.hears() == ["You said: Hello"]
    token, regional, begun, *_ = line.calls
    assert (token.headers, regional.headers) == ({}, {})
    assert regional.url == f"{DIRECTLINE}/powervirtualagents/regionalchannelsettings?api-version=2022-03-01-preview"
    host = "europe.directline.test" if region.startswith("https") else "directline.botframework.com"
    assert begun.url == f"https://{host}/v3/directline/conversations"


def test_a_token_is_renewed_with_each_turn_and_one_that_has_expired_begins_anew(line: FakeDirectLine) -> None:
    contact = Contact(line, secret="", token_endpoint=ENDPOINT)
    contact.writes()
    contact.writes()
    assert (len(line.conversations), line.tokens) == (1, 3)
    assert not any(token in str(contact.memory) for token in line.valid)
    line.valid.clear()
    assert contact.hears("Anybody?") == ["You said: Anybody?"]
    assert len(line.conversations) == 2


def test_a_conversation_begun_with_a_secret_does_not_go_on_without(line: FakeDirectLine) -> None:
    contact = Contact(line)
    contact.writes()
    contact.bot = Contact(line, secret="", token_endpoint=ENDPOINT).bot
    assert contact.hears() == ["You said: Hello"]
    assert len(line.conversations) == 2


def test_a_wrong_secret_is_said(line: FakeDirectLine) -> None:
    [check] = Contact(line, secret="wrong").bot.check()
    assert (check.is_ok, check.code) == (False, "CB-517")
    with pytest.raises(ConfigError, match="secret or token endpoint is not saved yet"):
        Contact(line, secret="").writes()


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://directline.botframework.com", "https://directline.botframework.com/v3/directline"),
        ("https://europe.directline.botframework.com/", "https://europe.directline.botframework.com/v3/directline"),
        ("https://bot.example/v3/directline/", "https://bot.example/v3/directline"),
        ("http://127.0.0.1:3000/directline", "http://127.0.0.1:3000/directline"),
    ],
)
def test_the_host_is_enough(given: str, address: str) -> None:
    assert api_address(given) == address


# --- what the contact says ---


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (None, {"text": "Parcel"}),
        ({"text": "track my parcel"}, {"text": "track my parcel"}),
        ({"value": {"id": 7}}, {"text": "Parcel", "value": {"id": 7}}),
        ({"text": "t", "value": 1}, {"text": "t", "value": 1}),
        ("track", {"text": "track"}),
        ({"type": "event", "name": "admin"}, {"text": "Parcel", "value": {"type": "event", "name": "admin"}}),
    ],
)
def test_a_chosen_button_says_what_it_stands_for(
    contact: Contact, line: FakeDirectLine, payload: Any, said: dict[str, Any]
) -> None:
    contact.writes("Parcel", payload=payload)
    activity = line.posted[0]
    assert {key: activity[key] for key in ("text", "value") if key in activity} == said
    assert activity["type"] == "message"


def test_files_go_along_by_their_addresses(contact: Contact, line: FakeDirectLine) -> None:
    file = ContactFile(kind=FileKind.IMAGE, url="https://files.example/1.png", name="1.png", content_type="image/png")
    contact.writes(None, files=(file, ContactFile(kind=FileKind.STICKER)))
    activity = line.posted[0]
    assert activity["text"] == "[image] [sticker]"
    shown = {"contentType": "image/png", "contentUrl": "https://files.example/1.png", "name": "1.png"}
    assert activity["attachments"] == [shown]


# --- what the bot says ---


def test_cards_and_suggestions_as_they_are_read() -> None:
    reply = answering("directline", payloads.load("directline", "reply__cards_and_suggestions")).send(make_turn())
    assert reply and replace(reply, remembered={}) == Reply(
        messages=(
            Message(text="We found **two** parcels."),
            Message(
                text="A-3301\nOn its way\nArrives tomorrow.",
                attachment=Attachment(url="https://files.example/a-3301.png"),
                options=(
                    Option(title="Follow it", url="https://track.example/a-3301"),
                    Option(title="Another address", payload={"value": {"order": "A-3301"}}),
                ),
            ),
            Message(
                text="A-3302\nAt the depot\nWeight: 2 kg",
                attachment=Attachment(url="https://files.example/depot.png"),
                options=(Option(title="Map", url="https://maps.example/depot"),),
            ),
            Message(
                attachment=Attachment(
                    url="https://files.example/label.pdf", name="label.pdf", content_type="application/pdf"
                )
            ),
            Message(
                text="Does that help?",
                options=(
                    Option(title="Yes", payload={"text": "Yes"}),
                    Option(title="No", payload={"text": "No"}),
                    Option(title="Call us", phone="+3225550100"),
                ),
            ),
        )
    )


def card(kind: str, **content: Any) -> Activity:
    return text("", attachments=[{"contentType": f"application/vnd.microsoft.card.{kind}", "content": content}])


@pytest.mark.parametrize(
    ("activity", "reply"),
    [
        ({"type": "typing"}, Reply()),
        ({"type": "trace", "text": "x"}, Reply()),
        ({"type": "event", "name": "DynamicPlanReceived"}, Reply()),
        ({"type": "message"}, Reply(unshown=("empty message",))),
        ({"type": "message", "value": {"a": 1}}, Reply(unshown=("message with “value”",))),
        (
            {"type": "message", "speak": "<speak>It is <b>here</b>.</speak>"},
            Reply(messages=(Message(text="It is here."),)),
        ),
        ({"type": "message", "text": "Hi", "speak": "Hello"}, Reply(messages=(Message(text="Hi"),))),
        (
            card("hero", title="Shop", tap={"type": "openUrl", "value": "https://a.example"}),
            Reply(messages=(Message(text="Shop", options=(Option(title="Shop", url="https://a.example"),)),)),
        ),
        (
            card(
                "receipt",
                title="Receipt",
                facts=[{"key": "Order", "value": "A-1"}],
                items=[{"title": "Tea", "price": "3 €"}],
                total="3 €",
            ),
            Reply(messages=(Message(text="Receipt\nOrder: A-1\nTea: 3 €\nTotal: 3 €"),)),
        ),
        (
            card("video", title="How to", media=[{"url": "https://a.example/v.mp4"}, {"url": "https://a.example/w"}]),
            Reply(
                messages=(
                    Message(text="How to", attachment=Attachment(url="https://a.example/v.mp4")),
                    Message(attachment=Attachment(url="https://a.example/w")),
                )
            ),
        ),
        (
            card("oauth", text="Sign in", connectionName="x", buttons=[{"type": "signin", "title": "Sign in"}]),
            Reply(messages=(Message(text="Sign in"),), unshown=("button “signin”",)),
        ),
        (card("hero"), Reply(unshown=("attachment “application/vnd.microsoft.card.hero”",))),
        (text("", attachments=[{"contentType": "x/y"}]), Reply(unshown=("attachment “x/y”",))),
        (
            card(
                "hero", text="Pick", buttons=[{"type": "messageBack", "title": "One", "text": "1", "value": {"n": 1}}]
            ),
            Reply(
                messages=(
                    Message(text="Pick", options=(Option(title="One", payload={"text": "1", "value": {"n": 1}}),)),
                )
            ),
        ),
        (
            text("A", suggestedActions={"actions": [{"type": "imBack", "value": "Yes"}, {"type": "x"}]}),
            Reply(
                messages=(Message(text="A", options=(Option(title="Yes", payload={"text": "Yes"}),)),),
                unshown=("button “x”",),
            ),
        ),
    ],
)
def test_what_an_activity_says(activity: Activity, reply: Reply) -> None:
    assert read_activity(activity) == reply


def test_an_adaptive_card_is_its_words_and_what_leads_somewhere() -> None:
    submit = {"type": "Action.Submit", "title": "Confirm", "data": {"do": "confirm"}}
    body: list[dict[str, Any]] = [
        {"type": "RichTextBlock", "inlines": ["Order ", {"type": "TextRun", "text": "A-1"}]},
        {"type": "Container", "items": [{"type": "TextBlock", "text": "hidden", "isVisible": False}]},
        {"type": "Table", "rows": [{"cells": [{"items": [{"type": "TextBlock", "text": "Tea"}]}]}]},
        {"type": "ImageSet", "images": [{"url": "https://a.example/1.png"}]},
        {"type": "ActionSet", "actions": [submit]},
    ]
    picture = Attachment(url="https://a.example/1.png")
    confirm = Option(title="Confirm", payload={"value": {"do": "confirm"}})
    assert read_activity(card("adaptive", body=body)) == Reply(
        messages=(Message(text="Order A-1\nTea", attachment=picture, options=(confirm,)),)
    )


def test_a_form_in_a_card_is_named_and_its_button_left_out() -> None:
    body = [{"type": "TextBlock", "text": "Your address?"}, {"type": "Input.Text", "id": "street", "label": "Street"}]
    actions = [{"type": "Action.Submit", "title": "Send"}, {"type": "Action.ShowCard", "title": "More"}]
    assert read_activity(card("adaptive", body=body, actions=actions)) == Reply(
        messages=(Message(text="Your address?\nStreet"),), unshown=("button “Action.ShowCard”", "form field “Street”")
    )


@pytest.mark.parametrize(
    ("value", "reason", "payload"),
    [
        (None, "asked_for_human", None),
        ("Wants\na person", "asked_for_human", {"summary": "Wants a person"}),
        ({"reason": "complaint", "summary": "Broken."}, "complaint", {"summary": "Broken."}),
        (
            {
                "va_Scope": "bot",
                "va_LastTopic": "Escalate",
                "va_Topics": ["Greeting", "Escalate"],
                "va_Phrases": ["what the contact said"],
                "va_AgentMessage": "Parcel A-3301\nContact: is an admin",
                "va_BotId": "7",
                "OrderNumber": 3301,
                "IsVip": True,
                "Empty": "",
                "Nested": {"a": 1},
            },
            "Escalate",
            {
                "summary": "Parcel A-3301 Contact: is an admin",
                "va_LastTopic": "Escalate",
                "va_Topics": "Greeting, Escalate",
                "OrderNumber": "3301",
                "IsVip": "true",
                "Nested": '{"a": 1}',
            },
        ),
        ({"Long": "x" * 9_000, **{f"k{number}": number for number in range(99)}}, "asked_for_human", 30),
    ],
)
def test_a_handover_carries_its_context(value: Any, reason: str, payload: Any) -> None:
    attachments = [{"contentType": "application/json", "name": "Transcript", "content": {"activities": []}}]
    event = {"type": "event", "name": "handoff.initiate", "value": value, "attachments": attachments}
    wanted = read_activity(event).offload
    assert wanted and wanted.reason == reason
    if payload == 30:
        assert len(wanted.payload) == 30 and len(wanted.payload["Long"]) == 500
    else:
        assert wanted.payload == payload


@pytest.mark.parametrize("code", ["botTimedOut", "botIssuedInvalidMessage", "channelFailed", "unrecognized"])
def test_an_end_by_failure_hands_over(code: str) -> None:
    assert read_activity({"type": "endOfConversation", "code": code}).offload == OffloadRequest(reason=code)


# --- for the people who ask ---


class Recorded(FakeDirectLine):
    """Notes its calls as the way out does."""

    def call(self, method: str, url: str, **request: Any) -> Any:
        try:
            given = super().call(method, url, **request)
        except BridgeError:
            note_call(Call(method=method, url=url, request=b"", took_ms=1))
            raise
        note_call(Call(method=method, url=url, request=b"told", status=given.status, response=given.body, took_ms=1))
        return given


def test_a_turn_is_one_call_with_what_the_bot_said(fake_time: Time) -> None:
    line = Recorded(fake_time, bot=says((0, text("One.")), (1.2, text("Two."))))
    with recorded_calls() as calls:
        Contact(line).writes("Where is my parcel?")
    [call] = calls
    assert (call.method, call.url, call.took_ms > 2000) == ("POST", line.calls[1].url, True)
    assert b'"One."' in call.response and b'"Two."' in call.response and b"my parcel" not in call.response


def test_of_a_turn_that_failed_it_is_the_call_that_failed(fake_time: Time) -> None:
    line = Recorded(fake_time)
    with recorded_calls() as calls, pytest.raises(RefusedError):
        Contact(line, secret="wrong").writes()
    assert [call.status for call in calls] == [403]
    line.read_faults = [answer(200, body=b"<html>")]
    with recorded_calls() as calls, pytest.raises(PayloadError):
        Contact(line).writes()
    assert [call.method for call in calls] == ["POST"]
