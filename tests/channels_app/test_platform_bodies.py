"""What platforms really send, at their doors: whatever is signed is taken, and nobody is left without an answer."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from channels_app.models import Bot, Channel, IntakeCount, WebhookEvent
from offload.models import OffloadProvider
from tests import payloads
from tests.builders import make_bot, make_channel, make_event, sign, signed
from tests.conftest import Walker
from tests.world import World

WRITE_BACK_SECRET = "ab12" * 16
ODD: tuple[Any, ...] = (
    None,
    True,
    7,
    10**400,
    1e300,
    "",
    " ",
    "x" * 300,
    "\x00\ud800",
    [],
    [None],
    {},
    {"id": 1},
)
MISSING = ...  # a key that is not there; every process that collects the tests names it alike


def counts() -> dict[str, int]:
    return {row.reason: row.count for row in IntakeCount.objects.all()}


def changed(event: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**event, **changes}.items() if value is not MISSING}


@pytest.fixture
def provider(channel: Channel) -> OffloadProvider:
    provider = OffloadProvider(channel=channel)
    provider.verify_token = "offload-token-of-the-tests"
    provider.write_back_secret = WRITE_BACK_SECRET
    provider.save()
    return provider


def report(client: Client, provider: OffloadProvider, document: Any) -> int:
    body = json.dumps(document).encode()
    headers = {"X-Hootsuite-Signature": sign(body, WRITE_BACK_SECRET)}
    path = f"/webhooks/write-back/{provider.uuid}/"
    return client.post(path, body, content_type="application/json", headers=headers).status_code


# --- the inbox ----------------------------------------------------------------------------------------------------


VERSIONS: tuple[Any, ...] = (MISSING, None, 1, 1.0, "1", " 1 ", "1.0", "", [], {})
MOMENTS: tuple[Any, ...] = (MISSING, None, "", "soon", 1651139006, "2022-04-28T09:43:26", {})
KEYS: tuple[Any, ...] = (MISSING, None, "", "k" * 500, 17, [], 10**400)


@pytest.mark.parametrize(
    "changes",
    [
        *({"version": version} for version in VERSIONS),
        *({"timestamp": moment} for moment in MOMENTS),
        *({"idempotencyKey": key} for key in KEYS),
    ],
    ids=str,
)
def test_an_odd_envelope_costs_nobody_the_answer(walker: Walker, world: World, changes: dict[str, Any]) -> None:
    response = walker.post(changed(make_event(), **changes))
    assert (response.status_code, response.json()) == (200, {})
    walker.work()
    assert walker.outcomes() == ["replied"]
    assert counts() == {}


@pytest.mark.parametrize(
    "message", [MISSING, None, {}, [], "", {"text": None}, {"text": {}}, {"messageId": []}], ids=str
)
def test_a_message_without_a_message_is_a_turn_without_text(walker: Walker, world: World, message: Any) -> None:
    event = make_event()
    event["data"] = changed(event["data"], message=message)
    assert walker.post(event).status_code == 200
    walker.work()
    assert [turn["text"] for turn in world.bot.turns] == [None]
    assert walker.outcomes() == ["replied"]


@pytest.mark.parametrize("message", ["Hello", {"text": "Hello"}])
def test_a_message_that_is_plain_text_is_read(walker: Walker, world: World, message: Any) -> None:
    assert walker.post(make_event(data={"message": message})).status_code == 200
    walker.work()
    assert [turn["text"] for turn in world.bot.turns] == ["Hello"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 2}, "unknown_version"),
        ({"version": "2022-11"}, "unknown_version"),
        ({"type": MISSING}, "unusable"),
        ({"type": None}, "unusable"),
        ({"type": 5}, "unusable"),
        ({"data": MISSING}, "unusable"),
        ({"data": None}, "unusable"),
        ({"data": "text"}, "unusable"),
        ({"data": {"message": {"text": "Hello"}}}, "unusable"),
        ({"data": {"conversationId": None}}, "unusable"),
        ({"data": {"conversationId": "a/../b"}}, "unusable"),
        ({"data": {"conversationId": "x" * 201}}, "unusable"),
    ],
    ids=str,
)
@pytest.mark.parametrize("inbox", ["sparkcentral", "hootsuite"])
def test_what_can_not_be_used_is_handed_over_in_the_answer_and_counted(
    walk_with: Callable[..., Walker], inbox: str, changes: dict[str, Any], reason: str
) -> None:
    walker = walk_with(inbox=inbox, fallback_text="A colleague takes over.")
    response = walker.post(changed(make_event(), **changes))
    assert response.status_code == 200
    assert response.json() == {"sendMessage": {"text": "A colleague takes over."}, "complete": "HANDOVER"}
    assert not WebhookEvent.objects.exists()
    assert counts() == {reason: 1}


def test_the_same_event_without_a_key_counts_once(walker: Walker, world: World) -> None:
    event = changed(make_event(), idempotencyKey=MISSING)
    for _ in range(3):
        assert walker.post(event).status_code == 200
    assert WebhookEvent.objects.get().duplicates == 2


def test_an_event_that_is_dated_ahead_is_answered_and_told_to_the_admin(walker: Walker, world: World) -> None:
    event = make_event(after_s=86_400, text="Tomorrow")
    assert walker.post(event).status_code == 200
    walker.work()
    walker.says("Now")
    assert [turn["text"] for turn in world.bot.turns] == ["Tomorrow", "Now"]
    assert walker.outcomes() == ["replied", "replied"]
    assert walker.post(event).status_code == 200  # played again: its key is known
    walker.work()
    assert len(world.bot.turns) == 2
    assert counts() == {"in_future": 2}


def test_a_start_after_an_event_that_is_dated_ahead_is_no_late_one(walker: Walker, world: World) -> None:
    walker.starts(after_s=86_400)
    walker.says("Hello")
    walker.delegates()
    assert walker.outcomes().count("replied") == 3


@pytest.mark.parametrize(
    "name", payloads.names("hootsuite", "conversation_") + payloads.names("hootsuite", "message_")
)
def test_every_field_of_every_event_may_be_anything(client: Client, channel: Channel, name: str) -> None:
    path = f"/webhooks/inbox/{channel.uuid}/"
    document = {**payloads.load("hootsuite", name), "timestamp": make_event()["timestamp"]}
    answers = []
    for variant in payloads.variants(document, ODD):
        if not isinstance(variant, dict):
            continue
        response = client.post(path, **signed(variant))
        assert response.status_code == 200, variant
        answers.append(response.json())
        handed_over = response.json().get("complete") == "HANDOVER"
        assert handed_over or response.json() == {}
    assert answers.count({}) > len(answers) / 2
    assert set(counts()) <= {"unusable", "unknown_version", "unknown_type"}


# --- write backs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", payloads.names("hootsuite", "write_back_"))
def test_every_field_of_every_report_may_be_anything(client: Client, provider: OffloadProvider, name: str) -> None:
    for variant in payloads.variants(payloads.load("hootsuite", name), (None, 10**400, "\x00", [])):
        if isinstance(variant, dict):
            assert report(client, provider, variant) == 200, variant
    assert set(counts()) <= {"unusable", "unknown_version", "unknown_type", "unknown_conversation"}


def test_a_report_without_a_time_is_kept(walker: Walker, world: World, provider: OffloadProvider) -> None:
    walker.says("Hello")
    document = payloads.load("hootsuite", "write_back__conversation_resolved")
    document["data"]["conversation"]["id"] = "0-conv-1"
    del document["timestamp"]
    assert report(walker.client, provider, document) == 200
    walker.work()
    assert sorted(filter(None, walker.outcomes())) == ["replied", "silent"]


# --- sizes --------------------------------------------------------------------------------------------------------


def test_a_report_of_five_thousand_messages_is_kept(walker: Walker, world: World, provider: OffloadProvider) -> None:
    walker.says("Hello")
    document = payloads.load("hootsuite", "write_back__conversation_resolved")
    document["data"]["conversation"]["id"] = "0-conv-1"
    said = [{"id": f"m-{number}", "direction": "INBOUND", "text": "Hello again"} for number in range(5_000)]
    document["data"]["messages"] = said
    assert report(walker.client, provider, document) == 200
    walker.work()
    assert sorted(filter(None, walker.outcomes())) == ["replied", "silent"]


def test_an_event_of_many_values_is_answered(walker: Walker, world: World) -> None:
    walker.says("Hello", data={"conversationTopics": ["Orders"] * 15_000, "seen": [10**400, 1e300, -(2**64)]})
    assert walker.outcomes() == ["replied"]


@pytest.fixture
def chatlayer(walk_with: Callable[..., Walker]) -> Walker:
    return walk_with(bot=make_bot("chatlayer"))


def test_a_transcript_of_thousands_of_lines_hands_over(chatlayer: Walker, world: World) -> None:
    provider = OffloadProvider(channel=chatlayer.channel)
    provider.verify_token = "offload-token-of-the-tests"
    provider.save()
    chatlayer.says("agent")
    line = {"actor": "user", "message": "Where is my parcel?", "timestamp": 1651139006, "nlp": {"score": 0.5}}
    document = {
        "event": "offload",
        "sessionId": str(chatlayer.conversation().session_id),
        "payload": {"reason": "asked"},
        "transcript": [line] * 3_400,
    }
    path = f"/webhooks/offload/{provider.uuid}/?challenge.verifyToken=offload-token-of-the-tests"
    response = chatlayer.client.post(path, json.dumps(document), content_type="application/json")
    assert (response.status_code, response.json()["offloadSuccess"]) == (200, True)
    chatlayer.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def test_two_hundred_cards_with_buttons_are_said(chatlayer: Walker, world: World) -> None:
    chatlayer.says("menu")
    button = {"type": "postback", "title": "More", "payload": json.dumps({"nextDialogstateId": "d-1"}), "x": [1] * 9}
    cards = [{"title": f"Card {number}", "subtitle": "About it", "buttons": [button] * 3} for number in range(200)]
    attachment = {"type": "template", "payload": {"template_type": "generic", "elements": cards}}
    assert chatlayer.channel.bot is not None
    document = {
        "senderId": str(chatlayer.conversation().session_id),
        "messageCounter": 1,
        "verifyToken": "verify-token-of-the-tests",
        "message": {"attachment": attachment},
        "seq": 10**400,
    }
    path = f"/webhooks/bot/{chatlayer.channel.bot.uuid}/"
    assert chatlayer.client.post(path, json.dumps(document), content_type="application/json").status_code == 200
    chatlayer.work()
    assert "Card 0" in world.inbox.said("0-conv-1")[0]


# --- the other generation's header, and how a body may call itself -------------------------------------------------


@pytest.mark.parametrize(
    ("inbox", "header", "reason"),
    [
        ("hootsuite", "X-Sparkcentral-Signature", "signed_by_classic"),
        ("sparkcentral", "X-Hootsuite-Signature", "signed_by_inbox_2"),
    ],
)
def test_the_other_generations_signature_is_told_apart_from_none(
    client: Client, db: None, world: World, inbox: str, header: str, reason: str
) -> None:
    channel = make_channel(inbox)
    response = client.post(f"/webhooks/inbox/{channel.uuid}/", **signed(make_event(), header))
    assert response.status_code == 401
    assert header.lower() in response.json()["detail"]
    assert counts() == {reason: 1}


CONTENT_TYPES = ["application/json;charset=utf-8", "application/json; charset=UTF-8", "text/plain", ""]


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_a_body_may_call_itself_what_it_likes(client: Client, channel: Channel, content_type: str) -> None:
    request = {**signed(make_event(text="Größe 😀")), "content_type": content_type}
    assert client.post(f"/webhooks/inbox/{channel.uuid}/", **request).status_code == 200


# --- our own addresses as people copy them ------------------------------------------------------------------------


@pytest.mark.parametrize("is_upper", [False, True])
@pytest.mark.parametrize("end", ["", "/", "//"])
def test_an_address_is_the_same_without_its_slash_and_in_capitals(
    client: Client, bot: Bot, channel: Channel, provider: OffloadProvider, is_upper: bool, end: str
) -> None:
    doors = {"inbox": channel.uuid, "bot": bot.uuid, "offload": provider.uuid, "write-back": provider.uuid}
    for door, uuid in doors.items():
        path = f"/webhooks/{door}/{str(uuid).upper() if is_upper else uuid}{end}"
        assert client.post(path, b"{}", content_type="application/json").status_code == 401, path
    assert "unknown_address" not in counts()


def test_an_event_at_such_an_address_is_answered(walker: Walker, world: World) -> None:
    uuid = str(walker.channel.uuid).upper()
    assert walker.client.post(f"/webhooks/inbox/{uuid}", **signed(make_event())).status_code == 200
    assert "ready" in walker.client.get(f"/webhooks/inbox/{uuid}").content.decode()
    walker.work()
    assert walker.outcomes() == ["replied"]


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/", "/webhooks/inbox", "/webhooks/inbox/123"])
def test_other_addresses_below_are_not_found_and_lead_nowhere_else(client: Client, db: None, path: str) -> None:
    assert client.post(path, b"{}", content_type="application/json").status_code == 404


# --- who is counted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["inbox", "bot", "offload", "write-back"])
def test_a_body_that_is_too_large_closes_and_is_counted_for_addresses_of_ours_alone(
    client: Client, bot: Bot, channel: Channel, provider: OffloadProvider, door: str
) -> None:
    ours = {"inbox": channel.uuid, "bot": bot.uuid, "offload": provider.uuid, "write-back": provider.uuid}[door]
    body = b"x" * (1024 * 1024 + 1)
    for address in (ours, *(uuid4() for _ in range(5))):
        response = client.post(f"/webhooks/{door}/{address}/", body, content_type="application/json")
        assert (response.status_code, response["Connection"]) == (413, "close")
    [row] = IntakeCount.objects.all()
    assert (row.owner_uuid, row.reason, row.count) == (ours, "too_large", 1)
