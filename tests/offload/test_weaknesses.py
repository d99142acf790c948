"""Where conversations fail: in a seeded history the planted worst dialog comes first; a page reads a bounded part."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_app.models import Author, Channel, Conversation, MessageRow, WebhookEvent
from channels_app.operations import handovers
from channels_app.operations.handover_statements import SPOTS
from channels_app.operations.handovers import Asked, conversations_of, find_weaknesses
from channels_app.protocol.intents import is_miss
from offload.models import Offload
from tests.builders import make_bot, make_channel
from tests.channels_app.test_bot_callbacks import calls_back
from tests.conftest import Walker
from tests.world import World

HANDOVERS = 10_000
WORST, DEAD_END = "Which department do you need?", "Please send us the form."
_SEED = """
WITH numbers AS (SELECT n, n %% 16 = 0 AS is_worst FROM generate_series(1, %(count)s) AS n),
contacts AS (
    INSERT INTO channels_app_contact (channel_id, external_id, primary_identifier, secondary_identifier, picture_url,
        vip, medium_contact_profile_id, attributes)
    SELECT %(channel)s, 'c-' || n, '', '', '', false, '', '[]' FROM numbers RETURNING id, external_id),
talks AS (
    INSERT INTO channels_app_conversation (channel_id, external_id, contact_id, owner, created_at, newest_sent_at)
    SELECT %(channel)s, n::text, contacts.id, 'other', now() - interval '2 days', now() - interval '2 days'
    FROM numbers JOIN contacts ON contacts.external_id = 'c-' || n ORDER BY n RETURNING id, external_id::int AS n),
said AS (
    INSERT INTO channels_app_message (conversation_id, event_id, author, position, text, attachment_url, said_at)
    SELECT talks.id, n, 'bot', 0, CASE WHEN is_worst THEN %(worst)s ELSE 'Line ' || n %% 97 END, '',
        now() - interval '2 days'
    FROM talks JOIN numbers USING (n) RETURNING id, event_id AS n)
INSERT INTO offload_offload (conversation_id, reason, detail, requested_by, requested_at, state, finished_at, ended_at,
    ended_by, end_comment, topics, intent, misses, bot_message_id)
SELECT talks.id, CASE WHEN n %% 3 = 0 THEN 'bot_silent' ELSE 'asked_for_human' END, '', 'bot',
    now() - interval '2 days', 'ended', now() - interval '2 days',
    now() - interval '2 days' + CASE WHEN is_worst THEN interval '12 minutes' ELSE interval '3 minutes' END,
    CASE WHEN n %% 2 = 0 THEN 'Mia' ELSE 'Tom' END, '',
    CASE WHEN is_worst THEN '["Billing"]'::jsonb ELSE '[]'::jsonb END,
    CASE WHEN is_worst THEN 'fallback' ELSE 'parcel' END, CASE WHEN is_worst THEN 2 ELSE 0 END, said.id
FROM talks JOIN numbers USING (n) JOIN said USING (n)
"""


def seed(channel: Channel, count: int = HANDOVERS) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_SEED, {"count": count, "channel": channel.pk, "worst": WORST})
        # As the server does by itself a minute later: a plan made for empty tables reads each of them for every row.
        for table in ("offload_offload", "channels_app_conversation", "channels_app_contact", "channels_app_message"):
            cursor.execute(f"ANALYZE {table}")


def add_talk(
    channel: Channel, *, line: str = "", options: Sequence[str] = (), chosen: str = "", **changes: Any
) -> Conversation:
    """A conversation that is with the bot, silent for two days."""
    ago = timezone.now() - timedelta(days=2)
    number = Conversation.objects.count()
    talk = Conversation.objects.create(
        channel=channel,
        external_id=f"talk-{number}",
        created_at=ago,
        **{"owner": "bot", "newest_sent_at": ago, **changes},
    )
    event_id = 1_000_000 + talk.pk
    said = {"conversation": talk, "event_id": event_id, "said_at": ago}
    if line:
        MessageRow.objects.create(author=Author.BOT, text=line, **said)
    if chosen:
        MessageRow.objects.create(author=Author.CONTACT, text=chosen, **said)
    if options:
        offered = [{"title": title, "payload": title, "number": place} for place, title in enumerate(options, 1)]
        talk.options = {"options": offered, "turn_id": 1, "chosen_by": event_id if chosen else 0}
        talk.save()
    return talk


@pytest.fixture
def history(channel: Channel) -> Channel:
    seed(channel)
    for _ in range(30):
        add_talk(channel, line=DEAD_END)
    add_talk(channel, line=DEAD_END, newest_sent_at=timezone.now())  # the contact may still answer
    for place in range(8):
        add_talk(channel, options=["Track", "Return", "Fax"], chosen=["1", "Return"][place % 2], owner="closed")
    return channel


def test_the_planted_worst_dialog_is_named_first(history: Channel, admin_client: Client) -> None:
    # Back within a day: as a new conversation, as the same one, and too late.
    worst = list(Offload.objects.filter(misses=2).order_by("-pk")[:3])
    contact = worst[0].conversation.contact
    at = timezone.now() - timedelta(days=2)
    add_talk(history, line="Hi", contact=contact)
    for offload, hours in ((worst[1], 23), (worst[2], 25)):
        WebhookEvent.objects.create(
            source="inbox", channel=history, conversation=offload.conversation, type="conversation_started",
            idempotency_key=str(hours), sent_at=timezone.now(), outcome="merged",
            received_at=at + timedelta(hours=hours),
        )  # fmt: skip
    Conversation.objects.filter(contact=contact, owner="bot").update(created_at=at + timedelta(hours=1))
    found = find_weaknesses(Asked())
    assert found.total == HANDOVERS
    first, second, *_ = found.spots
    assert (first.line, first.handovers, first.streaks, first.back) == (WORST, HANDOVERS // 16, HANDOVERS // 16, 2)
    assert (list(first.intents), list(first.topics)) == ([("fallback", 625)], [("Billing", 625)])
    assert first.minutes == pytest.approx(12)
    assert second.handovers < first.handovers / 4
    assert [(row.line, row.conversations) for row in found.dead_ends][:1] == [(DEAD_END, 30)]
    [offer] = found.offers
    assert (offer.offered, list(offer.ignored), sorted(offer.taken)) == (8, ["Fax"], [("Return", 4), ("Track", 4)])
    assert [(row.name, row.resolved) for row in found.topics] == [("Billing", 625)]
    assert {row.key: row.late for row in found.reasons} == {"asked_for_human": 417, "bot_silent": 208}
    assert {row.key: row.handovers for row in found.reasons} == {"asked_for_human": 6_667, "bot_silent": 3_333}
    assert {row.name: row.resolved for row in found.agents} == {"Mia": 5_000, "Tom": 5_000}

    page = admin_client.get("/ops/handovers/").content.decode()
    assert f"10000 handovers. Most often after “{WORST}”: 625." in page
    urls = {kind: page.split(f"kind={kind}", 1)[1].split('"', 1)[0].replace("&amp;", "&") for kind in handovers.KINDS}
    for kind, rows in (("handover", 50), ("silent", 30), ("offer", 8)):
        listed = admin_client.get(f"/ops/handovers/conversations/?kind={kind}{urls[kind]}").content.decode()
        assert listed.count("/ops/conversations/") - 1 == rows  # one is the menu's
    assert conversations_of("handover", first.key, Asked(channel_id=make_channel().pk)) == []


def test_other_times_and_channels_are_left_out(channel: Channel) -> None:
    seed(channel, 100)
    assert find_weaknesses(Asked(days=1)).total == 0
    assert find_weaknesses(Asked(channel_id=channel.pk)).total == 100
    assert find_weaknesses(Asked(channel_id=make_channel().pk)).total == 0


def test_the_page_reads_no_more_than_its_newest_rows(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    seed(channel, 200)
    for name in ("MAX_HANDOVERS", "MAX_CONVERSATIONS", "MAX_OFFERS"):
        monkeypatch.setattr(handovers, name, 10)
    with CaptureQueriesContext(connection) as statements:
        assert find_weaknesses(Asked()).total == 10
    assert len(statements) <= 10


def test_who_may_not_read_texts_sees_none(channel: Channel, client: Client) -> None:
    seed(channel, 100)
    user = User.objects.create_user("bert", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_conversation"))
    client.force_login(user)
    page = client.get("/ops/handovers/").content.decode()
    assert WORST not in page
    assert "Line 1" not in page
    assert "100 handovers" in page
    assert "None any more" in client.get("/ops/handovers/conversations/?kind=x").content.decode()


@pytest.mark.parametrize(
    ("intent", "expected"),
    [("fallback", True), ("nlu_fallback", True), ("Default Fallback Intent", True), ("not_understood", True),
     ("NotUnderstood", True), ("parcel.none", True), ("nonetheless", False), ("parcel.lost", False), ("", False)],
)  # fmt: skip
def test_which_intents_say_that_it_was_not_understood(intent: str, expected: bool) -> None:
    assert is_miss(intent) == expected


def test_a_handover_keeps_where_it_happened(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(bot=make_bot("chatlayer"))
    walker.says("Hello")
    for number, name in enumerate(("greeting", "fallback", "fallback"), 1):
        document: Any = {"nlp": {"intent": {"name": name, "score": 0.5}}}
        calls_back(walker, {"text": f"Answer {number}"}, number, **document)
        walker.work()
        walker.says(f"What? {number}", after_s=number)
    calls_back(walker, {"payload": {"complete": "handover"}}, 9)
    walker.work()
    offload = Offload.objects.get()
    assert (offload.intent, offload.misses) == ("fallback", 2)
    assert MessageRow.objects.get(pk=offload.bot_message_id or 0).text == "Answer 3"


def test_who_came_back_is_looked_up_by_conversation_and_not_among_all_events_of_a_day(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = "\n".join(row[0] for row in handovers._rows(f"EXPLAIN {SPOTS}", Asked()))
    assert "event_of_conversation" in plan
    assert "event_received" not in plan
