from channels_app.protocol import ContactMessage, Outgoing
from tests import payloads
from tests.channels_app.inboxes.cast import CONVERSATION, calls, incoming, make_inbox, token_answer
from tests.channels_app.inboxes.test_sparkcentral import EVERYTHING
from tests.fakes.api import answer

SERVER = "https://platform.hootsuite.com"


def test_the_token_is_asked_for_with_the_organization() -> None:
    inbox = make_inbox("hootsuite", token_answer())
    inbox.fetch_token()
    [call] = calls(inbox)
    assert (call.method, call.url) == ("POST", f"{SERVER}/oauth2/token")
    assert call.request["auth"] == ("demo-client", "demo-client-key")
    assert call.request["data"] == {"grant_type": "organization_app", "organization_id": "626731"}


def test_another_organization_is_another_account() -> None:
    assert make_inbox("hootsuite").account_key != make_inbox("hootsuite", organization_id="1").account_key


def test_everything_leaves_in_one_call() -> None:
    inbox = make_inbox("hootsuite", answer(200))
    [part] = inbox.split(EVERYTHING)
    inbox.send(CONVERSATION, part)
    [call] = calls(inbox)
    assert call.url == f"{SERVER}/inbox/v1/virtual-agent/conversations/{CONVERSATION}"
    assert call.request["json"] == {
        "sendMessages": [{"text": "One"}, {"text": "Two", "attachment": "map.png"}],
        "applyTopics": ["Orders"],
        "applyTags": [{"messageId": "m1", "tag": "Happy"}],
        "applyConversationNotes": [{"text": "For the agent"}],
        "setContactAttributes": {"order_number": "A-3301"},
        "complete": "HANDOVER",
    }


def test_a_tag_needs_a_message_to_stick_to() -> None:
    assert make_inbox("hootsuite").split(Outgoing(tags=("Happy",))) == []


def test_tags_of_an_inline_answer_are_plain_and_stick_to_the_latest_message() -> None:
    body = make_inbox("hootsuite").inline_answer(EVERYTHING)
    assert body["applyTags"] == ["Happy"]
    assert [message["text"] for message in body["sendMessages"]] == ["One", "Two"]


def test_a_message_tells_what_it_answers_to() -> None:
    inbox = make_inbox("hootsuite")
    [event] = inbox.parse(incoming(inbox, payloads.raw("hootsuite", "message_received")))
    assert event.message == ContactMessage(
        text="Where is my parcel?", external_id="cc75552a-1a78-11e9-855e-6d1e71016abf"
    )
    assert (event.trigger, event.topics) == ({"type": "STORY", "action": "REPLY"}, ("Orders",))


def test_a_chosen_option_brings_its_payload_back() -> None:
    inbox = make_inbox("hootsuite")
    [event] = inbox.parse(incoming(inbox, payloads.raw("hootsuite", "message_received__chosen_option")))
    assert event.message and event.message.payload == "parcel"


def test_a_write_back_tells_who_ended_it_and_why() -> None:
    inbox = make_inbox("hootsuite")
    body = payloads.raw("hootsuite", "write_back__conversation_resolved")
    [event] = inbox.parse_write_back(incoming(inbox, body))
    assert event.topics == ("Orders",)
    assert event.contact and event.contact.primary_identifier == "Johan"
    assert event.details == {
        "previous_status": "pending",
        "status": "resolved",
        "reason": "ANSWERED",
        "comment": "Parcel found",
        "agent": {"external_id": "agent-1", "name": "An Peeters", "email": "an@agents.example"},
        "messages": [
            {"external_id": "m1", "direction": "inbound", "text": "Where is my parcel?"},
            {"external_id": "m2", "direction": "outbound", "text": "On its way."},
        ],
        "notes": [
            {
                "external_id": "n1",
                "text": "Called the depot",
                "author": "an@agents.example",
                "created_at": "2022-04-28T10:00:00Z",
            }
        ],
    }
