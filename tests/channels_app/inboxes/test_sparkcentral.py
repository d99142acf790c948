import json
from dataclasses import replace
from typing import Any

import pytest

from channels_app.adapters.inboxes.keys import check_keys
from channels_app.protocol import (
    Completion,
    Contact,
    ContactAttribute,
    ContactMessage,
    InboxChannelRef,
    Outgoing,
    OutgoingMessage,
)
from channels_app.protocol.contact_message import ContactFile
from channels_app.protocol.errors import ConfigError, UnusableError
from tests import payloads
from tests.channels_app.inboxes.cast import CONVERSATION, calls, incoming, make_inbox, token_answer
from tests.fakes.api import answer

EVERYTHING = Outgoing(
    messages=(OutgoingMessage(text="One"), OutgoingMessage(text="Two", attachment_name="map.png")),
    topics=("Orders",),
    tags=("Happy",),
    tagged_message_id="m1",
    attributes={"order_number": "A-3301"},
    note="For the agent",
    complete=Completion.HANDOVER,
)


def parsed(name: str) -> Any:
    inbox = make_inbox("sparkcentral")
    [event] = inbox.parse(incoming(inbox, payloads.raw("sparkcentral", name)))
    return event


def test_a_started_conversation_tells_all_about_the_contact() -> None:
    event = parsed("conversation_started")
    assert event.contact == Contact(
        external_id="0-01e67a8c216-000-55aa0001",
        primary_identifier="Johan",
        secondary_identifier="+32 470 00 00 00",
        picture_url="https://pictures.example/johan.png",
        vip=True,
        medium_contact_profile_id="whatsapp-0001",
    )
    assert event.attributes == (
        ContactAttribute(attribute="company", value="Acme", source="CRM_CONFIRMED"),
        ContactAttribute(attribute="city", value="Hasselt", source="MEDIUM"),
    )
    assert event.inbox_channel == InboxChannelRef(external_id="0-01c6421333d-000-4a29abb0", name="Demo Channel")
    assert (event.medium, event.language) == ("whatsapp", "nl")


@pytest.mark.parametrize(
    ("sources", "winner"),
    [
        (["AGENT", "CRM_CONFIRMED", "MEDIUM"], "CRM_CONFIRMED"),
        (["MEDIUM", "AGENT"], "AGENT"),
        (["AGENT", "MEDIUM"], "AGENT"),
        (["ROBOT", "MEDIUM"], "MEDIUM"),
        (["ROBOT"], "ROBOT"),
    ],
)
def test_of_an_attribute_that_comes_twice_the_surer_source_wins(sources: list[str], winner: str) -> None:
    inbox = make_inbox("sparkcentral")
    document = payloads.load("sparkcentral", "conversation_started")
    document["data"]["contactAttributes"] = [
        {"attribute": "company", "value": f"by {source}", "source": source} for source in sources
    ]
    [event] = inbox.parse(incoming(inbox, json.dumps(document).encode()))
    assert event.attributes == (ContactAttribute(attribute="company", value=f"by {winner}", source=winner),)


def test_a_message_of_classic_has_only_text_and_a_medium_that_is_plain_text() -> None:
    event = parsed("message_received")
    assert event.message == ContactMessage(text="Where is my parcel?")
    assert (event.topics, event.medium, event.attributes, event.trigger) == (("Orders",), "fb", None, None)
    assert event.sent_at.isoformat() == "2022-04-28T09:43:26+00:00"


def test_a_sticker_is_a_message_without_text() -> None:
    event = parsed("message_received__sticker")
    assert event.message == ContactMessage(external_id="cc75552a-1a78-11e9-855e-6d1e71016abf", files=(ContactFile(),))
    assert (event.contact, event.inbox_channel, event.medium) == (None, None, "")


def test_a_timestamp_is_cut_to_microseconds() -> None:
    assert parsed("conversation_started").sent_at.isoformat() == "2022-04-28T09:43:26.635984+00:00"


def test_the_token_is_asked_for_with_basic_authentication_and_a_form() -> None:
    inbox = make_inbox("sparkcentral", token_answer())
    inbox.fetch_token()
    [call] = calls(inbox)
    assert (call.method, call.url) == (
        "POST",
        "https://public-api-eu.sparkcentral.com/virtual-agent/oauth2/token",
    )
    assert call.request["auth"] == ("demo-client", "demo-client-key")
    assert call.request["data"] == {"grant_type": "client_credentials", "scope": "client-read"}


@pytest.mark.parametrize(
    ("settings", "server", "name"),
    [
        ({"region": "eu"}, "https://public-api-eu.sparkcentral.com", "the EU server"),
        ({"region": "us"}, "https://public-api.sparkcentral.com", "the US server"),
        ({"region": "eu", "base_url": "http://127.0.0.1:9000/"}, "http://127.0.0.1:9000", "127.0.0.1:9000"),
    ],
)
def test_keys_are_tried_on_the_server_of_the_region_or_address(
    settings: dict[str, str], server: str, name: str
) -> None:
    inbox = make_inbox("sparkcentral", token_answer(), **settings)
    line = check_keys(inbox)[0]
    assert line.detail == f"Token from {name} in 12 ms."
    assert calls(inbox)[0].url.startswith(f"{server}/virtual-agent/")


def test_refused_keys_suggest_the_other_region() -> None:
    inbox = make_inbox("sparkcentral", answer(401))
    with pytest.raises(ConfigError, match="these keys on the EU server") as refused:
        inbox.fetch_token()
    assert refused.value.detail.endswith("Copy both values again, or try the other region.")


def test_an_organization_makes_no_other_account_of_classic() -> None:
    inbox = make_inbox("sparkcentral")
    assert inbox.account_key == make_inbox("sparkcentral", organization_id=None).account_key


def test_classic_sends_one_message_a_call_and_drops_what_it_lacks() -> None:
    inbox = make_inbox("sparkcentral", answer(200), answer(200))
    for part in inbox.split(EVERYTHING):
        inbox.send(CONVERSATION, part)
    assert [call.request["json"] for call in calls(inbox)] == [
        {"sendMessage": {"text": "One"}},
        {
            "sendMessage": {"text": "Two", "attachment": "map.png"},
            "applyTopics": ["Orders"],
            "setContactAttributes": {"order_number": "A-3301"},
            "complete": "HANDOVER",
        },
    ]
    assert {(call.method, call.url) for call in calls(inbox)} == {
        ("POST", f"https://public-api-eu.sparkcentral.com/virtual-agent/conversations/{CONVERSATION}")
    }


def test_resolving_needs_no_message() -> None:
    inbox = make_inbox("sparkcentral", answer(200))
    [part] = inbox.split(Outgoing(complete=Completion.RESOLVED))
    inbox.send(CONVERSATION, part)
    assert calls(inbox)[0].request["json"] == {"complete": "RESOLVED"}


@pytest.mark.parametrize(
    ("headers", "used", "limit"),
    [
        ({"x-account-quota": "100000", "x-account-quota-used": "42"}, 42, 100_000),
        ({}, None, None),
        ({"x-account-quota": "lots", "x-account-quota-used": "-1"}, None, None),
    ],
)
def test_the_daily_quota_is_read_from_the_headers(
    headers: dict[str, str], used: int | None, limit: int | None
) -> None:
    sent = make_inbox("sparkcentral", answer(200, headers=headers)).send(CONVERSATION, Outgoing())
    assert (sent.quota_used, sent.quota_limit, sent.took_ms) == (used, limit, 12)


def test_an_upload_is_a_put_of_the_bytes_with_their_type() -> None:
    inbox = make_inbox("sparkcentral", answer(200))
    inbox.upload(CONVERSATION, "map-1.png", "image/png", b"png")
    [call] = calls(inbox)
    assert call.method == "PUT"
    assert call.url.endswith(f"/conversations/{CONVERSATION}/attachments/map-1.png")
    assert (call.request["data"], call.headers["Content-Type"]) == (b"png", "image/png")


def test_an_inline_answer_is_one_message_on_classic() -> None:
    assert make_inbox("sparkcentral").inline_answer(EVERYTHING) == {
        "sendMessage": {"text": "One\n\nTwo", "attachment": "map.png"},
        "applyTopics": ["Orders"],
        "setContactAttributes": {"order_number": "A-3301"},
        "complete": "HANDOVER",
    }


def test_a_conversation_id_can_not_leave_its_place_in_the_address() -> None:
    inbox = make_inbox("sparkcentral", answer(200))
    inbox.send("a/../b?c", Outgoing())
    assert calls(inbox)[0].url.endswith("/conversations/a%2F..%2Fb%3Fc")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": 5}, "type: must be text"),
        ({"data": None}, "data.conversationId: must be an id"),
        ({"data": {}}, "data.conversationId: must be an id"),
        ({"data": {"conversationId": ".."}}, "data.conversationId: must be an id"),
        ({"data": {"conversationId": "x" * 201}}, "data.conversationId: must be an id"),
    ],
)
def test_what_a_turn_can_not_do_without_is_named(changes: dict[str, Any], problem: str) -> None:
    inbox = make_inbox("sparkcentral")
    request = incoming(inbox, payloads.raw("sparkcentral", "message_received"))
    document = {**payloads.load("sparkcentral", "message_received"), **changes}
    with pytest.raises(UnusableError) as unusable:
        inbox.parse(replace(request, body=json.dumps(document).encode()))
    assert unusable.value.detail == problem
