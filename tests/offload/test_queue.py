"""Who is there and who waits decides: the table, the figures that it goes by, and what contacts and bots are told."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from channels_app.adapters.inboxes import Inbox
from channels_app.adapters.inboxes.answers import QueueFigures
from channels_app.channels.configuration.apply import ConfigurationError, apply_configuration
from channels_app.channels.configuration.export import export_configuration
from channels_app.channels.forms.queue_field import QueueField
from channels_app.channels.forms.routing_field import RoutingField
from channels_app.channels.forms.table_field import TableField, Typed
from channels_app.channels.live import find_channel
from channels_app.deliveries import queue_figures
from channels_app.deliveries.queue_figures import NOBODY, figures_for
from channels_app.models import AuditEntry, Channel, Conversation, MessageRow
from channels_app.protocol.errors import Effect, TemporaryError
from channels_app.protocol.languages import OFFERED
from channels_app.protocol.sentences import Occasion
from offload.left_messages import offered_choice
from offload.models import Offload, OffloadProvider, QueueLook
from offload.queue import action_for, wrong_in
from offload.services import Decision
from offload.wording import about, say_for
from tests.bridge import eventually
from tests.builders import TOKEN, make_bot
from tests.conftest import Walker
from tests.offload.test_admin import errors_of, save
from tests.world import World, answer

NIGHT = datetime(2026, 11, 27, 20, tzinfo=UTC)
RULES = [
    {"condition": "no_agent", "then": "keep"},
    {"condition": "waiting", "number": 10, "then": "closed"},
    {"condition": "longest_wait", "number": 5, "then": "say_wait"},
    {"condition": "few_agents", "number": 2, "then": "say_wait"},
]
CAREFUL = [*RULES, {"condition": "unknown", "then": "keep"}]
LAST_FIRST = [{"condition": "waiting", "number": 1, "then": "hand_over"}, *RULES]


# --- the table ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "agents", "waiting", "longest_s", "then"),
    [
        ([], 0, 99, 9_999, "hand_over"),
        (RULES, 3, 0, 0, "hand_over"),
        (RULES, 0, 0, 0, "keep"),
        (RULES, 0, 50, 9_000, "keep"),
        (RULES, 3, 9, 0, "hand_over"),
        (RULES, 3, 10, 9_000, "closed"),
        (RULES, 3, 9, 299, "hand_over"),
        (RULES, 3, 9, 300, "say_wait"),
        (RULES, 2, 0, 0, "hand_over"),
        (RULES, 1, 0, 0, "say_wait"),
        (RULES, None, None, None, "hand_over"),
        (RULES, None, 10, None, "closed"),
        (RULES, 0, None, None, "keep"),
        (CAREFUL, None, None, None, "keep"),
        (CAREFUL, 3, 0, None, "keep"),
        (CAREFUL, 1, None, None, "say_wait"),
        (CAREFUL, 3, 0, 0, "hand_over"),
        (LAST_FIRST, 0, 1, 0, "hand_over"),
        (LAST_FIRST, 0, 0, 0, "keep"),
    ],
)
def test_the_first_row_that_applies_decides(
    rules: list[dict[str, Any]], agents: int | None, waiting: int | None, longest_s: int | None, then: str
) -> None:
    assert action_for(rules, QueueFigures(agents=agents, waiting=waiting, longest_wait_s=longest_s)) == then


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ({"condition": "waiting", "number": 5, "then": "keep"}, ""),
        ({"condition": "waiting", "number": "5", "then": "keep"}, ""),
        ({"condition": "no_agent", "then": "keep"}, ""),
        ({"condition": "waiting", "then": "keep"}, "number"),
        ({"condition": "waiting", "number": 0, "then": "keep"}, "number"),
        ({"condition": "waiting", "number": -1, "then": "keep"}, "number"),
        ({"condition": "waiting", "number": 1.5, "then": "keep"}, "number"),
        ({"condition": "waiting", "number": True, "then": "keep"}, "number"),
        ({"condition": "waiting", "number": 10_000, "then": "keep"}, "number"),
        ({"condition": "rain", "then": "keep"}, "condition"),
        ({"condition": [], "then": "keep"}, "condition"),
        ({"condition": "no_agent", "then": "sing"}, "then"),
        ({"condition": "no_agent", "then": "keep", "why": ""}, "why"),
    ],
)
def test_what_is_wrong_with_a_row(row: Any, part: str) -> None:
    assert (wrong_in(row)[0], bool(wrong_in(row)[1])) == (part, bool(part))


# --- what contacts read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "seconds", "words"),
    [
        ("en", 20, "less than a minute"),
        ("en-GB", 60, "about a minute"),
        ("en", 131, "about 2 minutes"),
        ("en", 5 * 60, "about 5 minutes"),
        ("en", 13 * 60, "about 15 minutes"),
        ("en", 52 * 60, "about 50 minutes"),
        ("en", 58 * 60, "about an hour"),
        ("en", 100 * 60, "about 2 hours"),
        ("nl-BE", 131, "ongeveer 2 minuten"),
        ("nl", 7_200, "ongeveer 2 uur"),
        ("fr", 60, "environ une minute"),
        ("de", 300, "etwa 5 Minuten"),
        ("es", 300, "unos 5 minutos"),
        ("it", 300, "± 5 min"),
        ("", 7_200, "± 2 h"),
    ],
)
def test_a_wait_is_said_in_the_contacts_language(language: str, seconds: int, words: str) -> None:
    assert about(seconds, language) == words


@pytest.mark.parametrize("tag", OFFERED)
@pytest.mark.parametrize("figures", [None, QueueFigures(waiting=0, longest_wait_s=0), QueueFigures(waiting=6)])
def test_our_own_texts_are_whole_whatever_is_known(tag: str, figures: QueueFigures | None) -> None:
    for occasion in (Occasion.QUEUE, Occasion.NOBODY):
        decision = Decision(OffloadProvider(), occasion, figures)
        said = say_for(decision, NIGHT, language=tag, fallback="", name="")
        is_told = occasion is Occasion.QUEUE and figures is not None and figures.waiting == 6
        assert ("{" in said, said[-1], "6" in said) == (False, ".", is_told), said
    full = Decision(OffloadProvider(), Occasion.QUEUE, QueueFigures(agents=1, waiting=6, longest_wait_s=300))
    said = say_for(full, NIGHT, language=tag, fallback="", name="")
    assert "6" in said and about(300, tag) in said


# --- with an inbox: figures come in a thread of their own, so rows have to be committed ---------------------------

needs_commits = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_look_goes_on() -> Iterator[None]:
    yield
    for thread in threading.enumerate():
        if thread.name == "queue-figures":
            thread.join(10)


def provided(walker: Walker, **changes: Any) -> OffloadProvider:
    return OffloadProvider.objects.create(channel=walker.channel, **{"queue_rules": RULES, **changes})


def inbox_of(walker: Walker) -> Inbox:
    channel = find_channel(walker.channel.uuid)
    assert channel is not None
    return channel.inbox


def asks_for_agent(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "Sure."}], "offload": {"reason": "asked"}}]
    walker.says("agent")


@needs_commits
def test_where_nobody_is_there_the_bot_keeps_it_and_a_message_can_be_left(walker: Walker, world: World) -> None:
    provided(walker)
    world.inbox.figures["agent-availability"] = 0
    asks_for_agent(walker, world)
    sure, text = world.inbox.said("0-conv-1")
    assert (sure, text.splitlines()[-1]) == ("Sure.", "1. Leave a message")
    assert (Offload.objects.get().state, Conversation.objects.get().owner) == ("closed", "bot")
    walker.says("leave a message")
    assert world.inbox.said("0-conv-1")[2:] == [
        "Please write your message here. A colleague will read it and answer you here."
    ]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert world.inbox.notes("0-conv-1")[0].startswith("Handed over by chatbridge: the contact left a message.")
    offload = Offload.objects.latest("id")
    assert (offload.reason, offload.requested_by) == ("message_left", "contact")
    assert len(world.bot.turns) == 1


@needs_commits
def test_a_message_that_is_left_counts_where_the_bot_was_asked_for_an_agent(walker: Walker, world: World) -> None:
    provided(walker)
    world.inbox.figures["agent-availability"] = 0
    walker.says("Hi")
    asks_for_agent(walker, world)
    walker.says("leave a message")
    asked, left = Offload.objects.order_by("pk")
    assert (left.reason, left.bot_message_id) == ("message_left", asked.bot_message_id)
    assert MessageRow.objects.get(pk=left.bot_message_id or 0).text == "You said: Hi"


@needs_commits
def test_both_texts_and_the_choice_are_the_channels_own(walker: Walker, world: World) -> None:
    provided(
        walker,
        nobody_texts={"it": "Non c'è nessuno."},
        leave_message_texts={"it": "Lascia un messaggio", "*": "Message"},
        left_message_texts={"it": "Scriva qui, {name}. Rispondiamo {next_opening}."},
    )
    world.inbox.figures["agent-availability"] = 0
    walker.starts(data={"language": "it"})
    asks_for_agent(walker, world)
    assert world.inbox.said("0-conv-1")[-1].splitlines() == ["Non c'è nessuno.", "1. Lascia un messaggio"]
    walker.says("lascia un messaggio")
    assert world.inbox.said("0-conv-1")[-1] == "Scriva qui, Johan."
    assert Offload.objects.latest("id").reason == "message_left"


@pytest.mark.parametrize(
    ("texts", "language", "fallback", "title"),
    [
        (None, "nl-BE", "", "Bericht achterlaten"),
        (None, "it", "fr", "Laisser un message"),  # as the text above it
        (None, "it", "", "Leave a message"),
        (None, "", "", "Leave a message"),
        ({"*": "Message"}, "nl", "", "Message"),
        ({"it": "Messaggio"}, "pt", "", "Messaggio"),
    ],
)
def test_the_choice_is_offered_in_the_language_of_its_text(
    texts: dict[str, str] | None, language: str, fallback: str, title: str
) -> None:
    [option] = offered_choice(OffloadProvider(leave_message_texts=texts), language, fallback)
    assert option.title == title
    assert offered_choice(OffloadProvider(leave_message_texts={}), language, fallback) == ()


@needs_commits
def test_who_goes_on_with_the_bot_instead_is_answered_by_it(walker: Walker, world: World) -> None:
    provided(walker, nobody_texts={"*": "Nobody's here, {name}."})
    world.inbox.figures["agent-availability"] = 0
    asks_for_agent(walker, world)
    assert world.inbox.said("0-conv-1")[1].startswith("Nobody's here")
    world.bot.replies = [{"messages": [{"text": "Parcels, then."}]}]
    walker.says("my parcel")
    assert world.inbox.said("0-conv-1")[2:] == ["Parcels, then."]


@needs_commits
def test_a_long_wait_is_said_and_the_conversation_handed_over(walker: Walker, world: World) -> None:
    provided(walker)
    world.inbox.figures |= {"contacts-waiting": 6, "longest-wait-time": 310}
    asks_for_agent(walker, world)
    assert "Waiting before you: 6. The wait is about 5 minutes at the moment." in world.inbox.said("0-conv-1")[1]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


@needs_commits
def test_the_figures_are_of_the_teams_and_shared_for_a_while(
    walker: Walker, world: World, database_clock: Callable[[datetime], None]
) -> None:
    now = datetime(2026, 11, 27, 9, tzinfo=UTC)
    database_clock(now)
    world.inbox.figures |= {"contacts-waiting": {"a": {"value": 2}, "b": {"value": 3}, "c": {"value": 9}}}
    world.inbox.figures |= {"longest-wait-time": {"a": {"value": 60}, "b": {"value": 30.0}}}
    inbox = inbox_of(walker)
    for _ in range(3):
        assert figures_for(inbox, ["a", "b", "d"]) == QueueFigures(agents=3, waiting=5, longest_wait_s=60)
    assert world.inbox.asked == [
        ("agent-availability", {"userPresenceStatus": "AVAILABLE", "teamIds": ["a", "b", "d"]}),
        ("contacts-waiting", {"status": "NEW", "groupBy": "TEAM"}),
        ("longest-wait-time", {"status": "NEW", "groupBy": "TEAM"}),
    ]
    assert figures_for(inbox, []) == QueueFigures()  # of others, and the account was asked a moment ago
    database_clock(now + timedelta(seconds=19))
    assert figures_for(inbox, ["a", "b", "d"]) == QueueFigures(agents=3, waiting=5, longest_wait_s=60)
    world.inbox.figures = {"agent-availability": 1, "contacts-waiting": 0}
    database_clock(now + timedelta(seconds=21))
    assert figures_for(inbox, []) == QueueFigures(agents=1, waiting=0, longest_wait_s=0)
    assert figures_for(inbox, ["a", "b", "d"]).agents == 3  # type: ignore[union-attr]
    database_clock(now + timedelta(seconds=70))
    world.inbox.figures["agent-availability"] = TemporaryError("away", effect=Effect.NONE)
    assert figures_for(inbox, ["a", "b", "d"]) == QueueFigures()
    assert len(world.inbox.asked) == 6


@needs_commits
def test_a_look_that_took_more_calls_is_followed_later(
    walker: Walker, world: World, database_clock: Callable[[datetime], None]
) -> None:
    """Each call is answered 401 once, and made again with a new token."""
    now = datetime(2026, 11, 27, 9, tzinfo=UTC)
    database_clock(now)
    inbox, given = inbox_of(walker), {"agent-availability": 3, "contacts-waiting": 6, "longest-wait-time": 60}
    for name, told in given.items():
        answers = iter([answer(401, {}), told, told, told])
        world.inbox.figures[name] = lambda answers=answers: next(answers)
    assert figures_for(inbox, []).are_known  # type: ignore[union-attr]
    made = len(world.inbox.asked) + world.inbox.tokens_given
    assert len(world.inbox.asked) == 6
    database_clock(now + timedelta(seconds=5 * made - 3))
    figures_for(inbox, [])
    assert len(world.inbox.asked) == 6
    database_clock(now + timedelta(seconds=5 * made + 3))
    figures_for(inbox, [])
    assert len(world.inbox.asked) == 9


@needs_commits
@pytest.mark.parametrize("trouble", ["away", "refused", "forbidden", "odd", "busy"])
def test_a_handover_without_figures_follows_the_table_and_is_not_lost(
    walker: Walker, world: World, database_clock: Callable[[datetime], None], trouble: str
) -> None:
    database_clock(NIGHT)
    provided(walker, queue_rules=[{"condition": "no_agent", "then": "keep"}])
    told = {
        "away": TemporaryError("away", effect=Effect.NONE),
        "refused": answer(401, {"errors": ["no"]}),
        "forbidden": answer(403, {"errors": [{"code": 4002}]}),
        "odd": answer(200, {"value": "many"}),
        "busy": answer(429, {"errors": [{"code": 1003}]}),
    }[trouble]
    world.inbox.figures = dict.fromkeys(world.inbox.figures, told)
    asks_for_agent(walker, world)
    assert (world.inbox.said("0-conv-1"), world.inbox.completions("0-conv-1")) == (["Sure."], ["HANDOVER"])
    asked = len(world.inbox.asked)
    OffloadProvider.objects.update(queue_rules=CAREFUL)
    walker.delegates()
    database_clock(NIGHT + timedelta(seconds=59))
    world.bot.replies = [{"offload": {}}]
    walker.says("agent", "0-conv-2")
    assert world.inbox.said("0-conv-2")[0].endswith("1. Leave a message")
    assert len(world.inbox.asked) == asked  # left alone for a minute


@needs_commits
def test_a_handover_does_not_wait_for_slow_figures_and_who_comes_next_has_them(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_figures, "PATIENCE_S", 0.2)
    provided(walker)
    is_told = threading.Event()
    world.inbox.figures["agent-availability"] = lambda: is_told.wait(30) and 0
    asks_for_agent(walker, world)
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    is_told.set()
    eventually(lambda: QueueLook.objects.get().looking_for == NOBODY)
    world.bot.replies = [{"offload": {}}]
    walker.says("agent", "0-conv-2")
    assert world.inbox.completions("0-conv-2") == []


@needs_commits
@pytest.mark.parametrize(
    "changes", [{"queue_rules": []}, {"is_enabled": False}, {"opening_hours": {"timezone": "UTC"}}]
)
def test_no_figures_are_asked_for_where_they_decide_nothing(
    walker: Walker, world: World, changes: dict[str, Any]
) -> None:
    provided(walker, **changes)
    asks_for_agent(walker, world)
    assert world.inbox.asked == []


def test_classic_has_no_figures(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(inbox="sparkcentral")
    provided(walker, queue_rules=CAREFUL)
    asks_for_agent(walker, world)
    assert (world.inbox.asked, world.inbox.completions("0-conv-1")) == ([], ["HANDOVER"])


# --- bots are told ------------------------------------------------------------------------------------------------


@needs_commits
def test_chatlayer_is_told_the_truth_and_it_stays_true(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(bot=make_bot("chatlayer"))
    provider = provided(walker)
    provider.verify_token = "offload-token"
    provider.save()
    walker.says("agent")

    def asks() -> bool:
        session = str(walker.conversation().session_id)
        document = {"event": "offload", "sessionId": session, "version": "LIVE", "payload": {}}
        path = f"/webhooks/offload/{provider.uuid}/?challenge.verifyToken=offload-token"
        response = walker.client.post(path, json.dumps(document), content_type="application/json")
        return bool(response.json()["offloadSuccess"])

    world.inbox.figures["agent-availability"] = 0
    assert asks() is False
    assert Offload.objects.get().state == "closed"
    QueueLook.objects.all().delete()
    world.inbox.figures["agent-availability"] = 3
    assert asks() is True
    QueueLook.objects.all().delete()
    world.inbox.figures["agent-availability"] = 0  # all have gone since
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert world.inbox.said("0-conv-1") == []


def availability(walker: Walker, query: str = "", token: str = TOKEN) -> tuple[int, Any]:
    assert walker.channel.bot is not None
    path = f"/webhooks/bot/{walker.channel.bot.uuid}/availability/{query}"
    response = walker.client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
    return response.status_code, response.json()


@needs_commits
def test_a_bot_asks_beforehand(walker: Walker, world: World, database_clock: Callable[[datetime], None]) -> None:
    database_clock(NIGHT)
    unknown = dict.fromkeys(("agents", "waiting", "longest_wait_s", "next_opening"))
    world.inbox.figures |= {"contacts-waiting": 6, "longest-wait-time": 131}
    figures = {"agents": 3, "waiting": 6, "longest_wait_s": 131}
    assert availability(walker) == (200, {"open": True, **figures, "next_opening": None})
    provider = provided(walker, queue_rules=[{"condition": "waiting", "number": 5, "then": "closed"}])
    assert availability(walker) == (200, {"open": False, **figures, "next_opening": None})
    provider.opening_hours = {"timezone": "Europe/Brussels", "mon": ["09:00-17:00"]}
    provider.save()
    opening = "2026-11-30T09:00:00+01:00"
    assert availability(walker) == (200, {**unknown, "open": False, "next_opening": opening})
    assert availability(walker, token="")[0] == availability(walker, token="wrong")[0] == 401
    assert availability(walker, "?session_id=nobody")[0] == 404


@needs_commits
def test_with_several_channels_a_bot_names_the_session(walker: Walker, walk_with: Callable[..., Walker]) -> None:
    other = walk_with(bot=walker.channel.bot)
    provided(walker, is_enabled=False)
    other.says("Hi", "0-conv-2")
    session = other.conversation("0-conv-2").session_id
    assert availability(walker)[1]["open"] is True
    provided(other, is_enabled=False)
    OffloadProvider.objects.filter(channel=walker.channel).update(is_enabled=True)
    assert availability(walker, f"?session_id={session}")[1]["open"] is False
    assert availability(walker)[1]["open"] is True


# --- on the page and in files -------------------------------------------------------------------------------------


def row(number: int, condition: str, figure: str, then: str) -> dict[str, str]:
    parts = {"condition": condition, "number": figure, "then": then}
    return {f"queue_rules-{part}-{number}": value for part, value in parts.items()}


def test_the_table_on_the_page(admin_client: Client, channel: Channel) -> None:
    rows = row(0, "no_agent", "7", "keep") | row(1, "waiting", "5", "say_wait")
    page = save(admin_client, channel, **rows, teams="a, b b").content.decode()
    provider = OffloadProvider.objects.get()
    assert provider.queue_rules == [
        {"condition": "no_agent", "then": "keep"},
        {"condition": "waiting", "number": 5, "then": "say_wait"},
    ]
    assert provider.teams == ["a", "b"]
    assert "looked up when the bot asks for an agent" in page
    assert '<option value="keep" selected>keep the bot and offer' in page and 'value="a, b"' in page
    entries = AuditEntry.objects.count()
    save(admin_client, channel)
    assert AuditEntry.objects.count() == entries
    shown = save(admin_client, channel, **row(1, "waiting", "", "say_wait"))
    assert errors_of(shown)["queue_rules"] == ["Row 2: Enter a whole number from 1 to 9999."]
    shown = save(admin_client, channel, **row(2, "unknown", "", ""))
    assert errors_of(shown)["queue_rules"][0].startswith("Row 3: Choose what follows.")


@needs_commits
def test_the_page_says_what_the_queue_means_now(walker: Walker, world: World, admin_client: Client) -> None:
    provided(walker)
    world.inbox.figures |= {"contacts-waiting": 6, "longest-wait-time": 310}
    asks_for_agent(walker, world)
    url = f"/admin/channels_app/channel/{walker.channel.pk}/change/"
    told = "agents available: 3, contacts waiting: 6, longest wait: about 5 minutes. This means: hand over and say the"
    assert told in admin_client.get(url).content.decode()
    QueueLook.objects.all().delete()
    world.inbox.figures["agent-availability"] = TemporaryError("away", effect=Effect.NONE)
    figures_for(inbox_of(walker), [])
    assert "couldn&#x27;t be had at" in admin_client.get(url).content.decode()
    assert len(world.inbox.asked) == 4  # the page asks for nothing


@pytest.mark.parametrize(
    ("field", "row"),
    [
        (QueueField(), {"condition": "waiting", "number": "5", "then": ""}),
        (RoutingField(), {"condition": "always", "effect": "", "value": "x"}),
    ],
)
def test_people_are_not_told_the_names_that_programs_use(field: TableField, row: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refused:
        field.clean(Typed([row]))
    assert refused.value.messages == ["Row 1: Choose what follows."]


def test_the_table_in_a_file(channel: Channel) -> None:
    given = {"queue_rules": CAREFUL, "teams": ["a"], "queue_texts": {"nl": "Nog {waiting}."}, "nobody_texts": {}}
    given |= {"leave_message_texts": {"it": "Messaggio"}, "left_message_texts": {"it": "Scriva, {name}."}}
    document = {"channels": [{"name": channel.name, "offload_provider": given}]}
    apply_configuration(json.dumps(document).encode(), "bridge.json")
    exported = export_configuration()[0]["channels"][0]["offload_provider"]
    assert {key: exported[key] for key in given} == given
    for title in ("a" * 61, "Two\nlines"):
        given["leave_message_texts"] = {"it": title}
        with pytest.raises(ConfigurationError) as refused:
            apply_configuration(json.dumps(document).encode(), "bridge.json")
        assert "leave_message_texts.it: Write this as one line of at most 60 characters." in str(refused.value)
    del given["leave_message_texts"]
    given["queue_rules"] = [{"condition": "waiting", "then": "keep"}]
    with pytest.raises(ConfigurationError) as refused:
        apply_configuration(json.dumps(document).encode(), "bridge.json")
    assert "offload_provider.queue_rules[0].number: Enter a whole number" in str(refused.value)
