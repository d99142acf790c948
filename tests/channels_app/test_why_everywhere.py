"""Why did the bot not answer? Every kind of failure in every situation: page, list, API and command say the same."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

from channels_app.access.audit import Actor
from channels_app.channels.care import archive_channel, pause_channel, resume_channel
from channels_app.codes import CODES
from channels_app.lib.http.session import Answer
from channels_app.models import Channel, Conversation, Exchange, Job, WebhookEvent, WorkerSlot
from channels_app.operations.explanations.gather import explain
from channels_app.operations.interventions import hand_over_now, speak_as_bot
from channels_app.protocol.errors import Effect, TemporaryError
from channels_app.upkeep.silence import JOB, note_silences
from channels_app.web.pages.wording import rich
from tests.builders import make_bot, make_event
from tests.conftest import Walker
from tests.world import World, answer

BROKEN_OFF = TemporaryError("POST http://bot.test/bot: the connection was closed", effect=Effect.UNKNOWN)
SLOW = TemporaryError("POST http://bot.test/bot: no answer in time", effect=Effect.UNKNOWN, timed_out=True)
DOWN = TemporaryError("POST http://bot.test/bot: connection refused", effect=Effect.NONE)
HTML = Answer(200, {"content-type": "text/html"}, b"<html>Login</html>", 1)
AWAY = answer(503)


Acts = list[Callable[[], Any]]
Situation = Callable[[Walker, Acts], None]
Failing = Callable[[Walker, World, Situation], None]


@dataclass
class Told:
    """What one place says of why: the code, the sentence, and what to do."""

    code: str
    cause: str
    repairs: list[str]


def words_of(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)))


def from_page(client: Client, walker: Walker, told: Told) -> Told:
    """What of it stands in the box of the conversation's page."""
    page = client.get(f"/ops/conversations/{walker.conversation().pk}/").content.decode()
    box = page[page.index('class="cause"') :]
    box = words_of(box[: box.index("</div>")])
    code = re.search(r"All about (CB-\d+)", box)
    return Told(
        code[1] if code else "",
        told.cause if told.cause in box else box,
        [repair for repair in told.repairs if words_of(str(rich(repair))) in box],
    )


def from_list(client: Client) -> str:
    page = client.get("/ops/conversations/").content.decode()
    rows = page[page.index("<tbody") : page.index("</tbody")]
    return " ".join(sorted(set(re.findall(r"CB-\d+", rows))))


def from_api(client: Client, walker: Walker) -> Told:
    body = client.get(f"/api/v1/conversations/{walker.conversation().pk}/explain/").json()
    return Told(body["code"], body["cause"], body["repairs"])


def from_api_list(client: Client) -> str:
    (row,) = client.get("/api/v1/conversations/").json()["results"]
    return str(row["code"])


def from_command(term: str = "0-conv-1") -> Told:
    out = StringIO()
    with suppress(SystemExit):  # how the command says that nothing was found
        call_command("explain", term, "--json", stdout=out)
    body = json.loads(out.getvalue())
    return Told(body["code"], body["cause"], body["repairs"])


# --- the situations -----------------------------------------------------------------------------------------------


def alone(walker: Walker, during: Acts) -> None:
    walker.post(make_event(text="Hello"))


def together(walker: Walker, during: Acts) -> None:
    walker.post(make_event("CONVERSATION_STARTED"))
    walker.post(make_event(text="Hello", after_s=0.01))


def second(walker: Walker, during: Acts) -> None:
    """The one that is asked about comes while the first one's bot is asked."""
    walker.post(make_event(text="Hello"))
    during.append(lambda: walker.post(make_event(text="Anybody?", after_s=1)))


SITUATIONS = [alone, together, second]


def failing(world: World, during: Acts, fault: Any) -> None:
    def give() -> Any:
        while during:
            during.pop()()
        return fault

    world.bot.replies = [give] * 4


def patience_ends(walker: Walker) -> None:
    WebhookEvent.objects.filter(state="bot_wait").update(wait_until=timezone.now())
    Conversation.objects.filter(wake_at__isnull=False).update(wake_at=timezone.now())
    walker.work()


def bot_fails(fault: Any, code: str) -> tuple[Failing, str]:
    def go(walker: Walker, world: World, situation: Situation) -> None:
        during: Acts = []
        failing(world, during, fault)
        situation(walker, during)
        walker.work()
        patience_ends(walker)

    return go, code


def inbox_fails(fault: Any, code: str, *, calls: int) -> tuple[Failing, str]:
    def go(walker: Walker, world: World, situation: Situation) -> None:
        during: Acts = []
        situation(walker, during)

        def give() -> Any:
            while during:
                during.pop()()
            return {"messages": [{"text": "Here you are"}]}

        world.bot.replies = [give]
        world.inbox.faults = [fault] * calls
        for _ in range(8):
            walker.work(patiently=False)
            shift = timedelta(seconds=60)
            WebhookEvent.objects.filter(outcome=None).update(
                received_at=F("received_at") - shift, wait_until=timezone.now()
            )
            Conversation.objects.filter(wake_at__isnull=False).update(wake_at=timezone.now())

    return go, code


def nobody_works(walker: Walker, world: World, situation: Situation) -> None:
    long_ago = timezone.now() - timedelta(minutes=5)
    WorkerSlot.objects.create(
        name="gone/1/1/worker", host="gone", pid=1, kind="worker", started_at=long_ago, beat_at=long_ago
    )
    during: Acts = []
    situation(walker, during)
    for act in during:
        act()
    WebhookEvent.objects.update(received_at=F("received_at") - timedelta(minutes=2))
    Conversation.objects.update(wake_at=timezone.now() - timedelta(minutes=2))


KINDS = {
    "bot 500": bot_fails(answer(500), "CB-502"),
    "slow": bot_fails(SLOW, "CB-501"),
    "broken off": bot_fails(BROKEN_OFF, "CB-526"),
    "HTML": bot_fails(HTML, "CB-503"),
    "silent": bot_fails(answer(204), "CB-508"),
    "down": bot_fails(DOWN, "CB-506"),
    "only a file": bot_fails({"messages": [{"attachment": {"url": "data:nothing"}}]}, "CB-518"),
    "inbox refused": inbox_fails(answer(400), "CB-605", calls=1),
    "inbox away": inbox_fails(AWAY, "CB-608", calls=99),
    "worker dead": (nobody_works, "CB-701"),
}


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_all_places_say_the_same_and_it_is_true(
    walk_with: Callable[..., Walker], world: World, admin_client: Client, kind: str, situation: Situation
) -> None:
    walker = walk_with(bot=make_bot(token="")) if kind == "HTML" else walk_with()
    fail, code = KINDS[kind]
    fail(walker, world, situation)
    told = from_api(admin_client, walker)
    assert told.code == code and told.cause and told.repairs == list(CODES[code].repairs)
    assert from_command() == told
    assert from_page(admin_client, walker, told) == told
    assert (from_list(admin_client), from_api_list(admin_client)) == (code, code)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_wrong_secret_is_named_where_somebody_looks_for_the_conversation(
    walker: Walker, admin_client: Client, situation: Situation
) -> None:
    Channel.objects.filter(pk=walker.channel.pk).update(revision=99)
    walker.channel.shared_secret = "ab" * 32
    walker.channel.save()
    during: Acts = []
    situation(walker, during)
    for act in during:
        act()
    told = from_command()
    assert (told.code, told.repairs) == ("CB-305", list(CODES["CB-305"].repairs))
    page = words_of(admin_client.get("/ops/conversations/?q=0-conv-1").content.decode())
    assert told.cause in page and "CB-305" in page
    assert admin_client.get("/api/v1/conversations/?q=0-conv-1").json()["results"] == []


@pytest.mark.parametrize("policy", ["say_text", "stay_silent"])
def test_a_channel_that_keeps_the_conversation_says_it_in_its_list_too(
    walk_with: Callable[..., Walker], world: World, admin_client: Client, policy: str
) -> None:
    walker = walk_with(on_bot_failure=policy, fallback_text="Later, please.")
    world.bot.replies = [answer(500)] * 2
    walker.says("Hello")
    assert from_api(admin_client, walker).code == from_list(admin_client) == "CB-502"


@pytest.mark.parametrize("wish", [{"complete": "handover"}, {"offload": {"reason": "asked"}}])
def test_what_agents_got_because_somebody_wanted_so_is_no_failure(
    walker: Walker, world: World, admin_client: Client, wish: dict[str, Any]
) -> None:
    world.bot.replies = [{"messages": [{"text": "Bye"}], **wish}]
    walker.says("agent")
    walker.says("Anybody?")
    assert from_api(admin_client, walker).code == from_list(admin_client) == "CB-610"


def test_a_failure_of_an_earlier_stint_is_not_blamed(walker: Walker, world: World, admin_client: Client) -> None:
    world.bot.replies = [answer(500)] * 2
    walker.says("Hello")
    world.inbox.gone.clear()
    walker.delegates(after_s=1)
    world.inbox.gone.add("0-conv-1")  # an agent takes it without a word
    walker.says("Still there?", after_s=2)
    walker.says("Anybody?", after_s=3)
    assert from_api(admin_client, walker).code == from_list(admin_client) == "CB-610"


def test_who_waited_for_the_own_conversations_slow_bot_is_not_told_to_add_workers(
    walker: Walker, world: World, admin_client: Client
) -> None:
    walker.says("Hello")
    walker.says("And?", after_s=1)
    first, second = WebhookEvent.objects.order_by("id")
    began, ended = first.received_at, first.received_at + timedelta(seconds=40)
    Exchange.objects.filter(event=first, target="bot").update(started_at=began, took_ms=40_000)
    WebhookEvent.objects.filter(pk=second.pk).update(received_at=began, called_at=ended)
    [check] = [check for check in explain(walker.conversation().pk).checks if check.name == "picked_up"]
    assert (check.code, check.detail) == ("", "waited 40 s, for an earlier message of this conversation")
    WebhookEvent.objects.filter(pk=second.pk).update(called_at=ended + timedelta(seconds=30))
    [check] = [check for check in explain(walker.conversation().pk).checks if check.name == "picked_up"]
    assert check.code == "CB-702" and "30" in str(check.problem)


ANNA, BERTA = (Actor(name=name, via="admin") for name in ("anna", "berta"))


@pytest.fixture
def all_say(admin_client: Client) -> Callable[[Walker], Told]:
    """What page, API, command and both lists say of the conversation's latest message, with one code."""

    def ask(walker: Walker) -> Told:
        told = from_api(admin_client, walker)
        assert from_command() == told
        assert not told.cause or from_page(admin_client, walker, told) == told
        assert (from_list(admin_client), from_api_list(admin_client)) == (told.code, told.code)
        return told

    return ask


@pytest.mark.parametrize("policy", ["hand_over", "say_text"])
@pytest.mark.parametrize(("act", "code"), [(pause_channel, "CB-803"), (archive_channel, "CB-804")])
def test_a_channel_that_was_switched_off_is_told_of_as_it_was_then(
    walk_with: Callable[..., Walker], all_say: Callable[[Walker], Told], policy: str, act: Any, code: str
) -> None:
    walker = walk_with(when_paused=policy, paused_texts={"*": "We are away."})
    walker.post(make_event(text="Hello"))  # accepted before, handled after
    act(walker.channel, ANNA)
    walker.work()
    told = all_say(walker)
    assert told.code == code and ("anna" in told.cause) == (code == "CB-803")
    Channel.objects.update(archived_at=None)
    resume_channel(walker.channel, ANNA)
    assert all_say(walker).code == code
    pause_channel(walker.channel, BERTA)
    told = all_say(walker)
    assert told.code == code and "berta" not in told.cause


def test_what_was_kept_waits_for_a_worker_once_the_bot_is_switched_on(
    walk_with: Callable[..., Walker], all_say: Callable[[Walker], Told]
) -> None:
    walker = walk_with(when_paused="keep")
    WorkerSlot.objects.create(
        name="w/1/1/worker", host="w", pid=1, kind="worker", started_at=timezone.now(), beat_at=timezone.now()
    )
    pause_channel(walker.channel, ANNA)
    walker.post(make_event(text="Hello"))
    WebhookEvent.objects.update(received_at=F("received_at") - timedelta(seconds=150))
    walker.work(patiently=False)
    assert all_say(walker).code == "CB-818"
    assert from_command("Johan").code == "CB-818"  # who wrote is read later
    resume_channel(walker.channel, ANNA)
    WebhookEvent.objects.update(wait_until=timezone.now() - timedelta(seconds=5))
    assert all_say(walker).code == ""  # its turn has just come
    WebhookEvent.objects.update(wait_until=timezone.now() - timedelta(seconds=15))
    assert all_say(walker).code == "CB-702"
    WorkerSlot.objects.update(beat_at=timezone.now() - timedelta(minutes=5))
    assert all_say(walker).code == "CB-701"


@pytest.mark.parametrize("policy", ["hand_over", "say_text"])
def test_a_bot_that_was_not_asked_for_a_file_did_not_answer_it(
    walk_with: Callable[..., Walker], all_say: Callable[[Walker], Told], policy: str
) -> None:
    walker = walk_with(on_contact_file=policy, file_texts={"*": "No files, please."})
    walker.post(make_event(text=None))
    walker.work()
    assert all_say(walker).code == "CB-817"
    told = explain(walker.conversation().pk)
    assert told.headline.startswith("The bot was not asked.") and not told.is_answered


def falls_silent(walker: Walker) -> None:
    """Until the question, and until the end."""
    if not Job.objects.exists():
        Job.objects.create(name=JOB, next_at=walker.channel.created_at, positions={f"begun {walker.channel.pk}": 0})
        Job.objects.update(positions={f"{place} {walker.channel.pk}": 0 for place in ("begun", "asked")})
    WebhookEvent.objects.update(received_at=F("received_at") - timedelta(minutes=61))
    note_silences()
    walker.work()


SILENCE = {"silence_texts": {"*": "Still there?"}, "silence_end_texts": {"*": "Bye."}}
NO_FILE = {"attachment": {"url": "data:nothing"}}
TEXTS = {name: {"*": "A text of ours."} for name in ("apology_texts", "fallback_texts", "file_texts", "paused_texts")}
CAUSES: dict[str, tuple[dict[str, Any], list[Any], list[int], int, str]] = {
    # rule, the bot's replies, what the inbox answers, how often the contact is silent, code of the next message
    "silence, handed over": ({"on_silence": "hand_over", **SILENCE}, [], [], 2, "CB-610"),
    "silence, resolved": ({"on_silence": "resolve", **SILENCE}, [], [], 2, "CB-610"),
    "question refused": ({"on_silence": "resolve", **SILENCE}, [], [200, 400], 1, "CB-605"),
    "end refused": ({"on_silence": "resolve", **SILENCE}, [], [200, 200, 400], 2, "CB-605"),
    "apology refused": ({"on_bot_failure": "say_text"}, [answer(500)] * 2, [400], 0, "CB-502"),
    "apology and handover": ({"on_bot_failure": "say_text"}, [answer(500)] * 2, [400, 400], 0, "CB-502"),
    "text of a pause": ({"is_active": False, "when_paused": "say_text"}, [], [400], 0, "CB-802"),
    "nothing to show": ({"on_bot_failure": "say_text"}, [{"messages": [{"list": 1}]}], [400], 0, "CB-518"),
    "nothing but a file": ({}, [{"messages": [NO_FILE]}], [], 0, "CB-518"),
    "a file and the end": ({}, [{"messages": [NO_FILE], "complete": "resolved"}], [], 0, "CB-518"),
    "a file and no room for our words": ({}, [{"messages": [NO_FILE] * 2}], [400], 0, "CB-518"),
    "reply refused": ({}, [], [400], 0, "CB-605"),
}


@pytest.mark.parametrize("kind", CAUSES)
def test_what_came_first_is_the_cause_everywhere(
    walk_with: Callable[..., Walker], world: World, all_say: Callable[[Walker], Told], kind: str
) -> None:
    rule, replies, faults, silences, code = CAUSES[kind]
    walker = walk_with(**TEXTS | rule)
    world.bot.replies = list(replies)
    world.inbox.faults = [answer(status) if status != 200 else None for status in faults]
    walker.says("Hello")
    for _ in range(silences):
        falls_silent(walker)
    assert all_say(walker).code == ("" if code == "CB-610" else code)
    walker.says("Anybody?", after_s=1)
    assert all_say(walker).code == code


@pytest.mark.parametrize("inbox", ["hootsuite", "sparkcentral"])
@pytest.mark.parametrize("complete", [None, "resolved", "handover"])
def test_a_contact_is_told_when_all_that_the_bot_said_was_a_file_that_is_lost(
    walk_with: Callable[..., Walker], world: World, all_say: Callable[[Walker], Told], inbox: str, complete: str | None
) -> None:
    walker = walk_with(inbox=inbox, fallback_texts={"*": "An agent will help you."})
    reply = {"messages": [NO_FILE, NO_FILE], "topics": ["Maps"], "attributes": {"map": "1"}, "complete": complete}
    world.bot.replies = [reply]
    walker.says("map")
    assert world.inbox.said("0-conv-1") == ["An agent will help you."]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert {"applyTopics": ["Maps"], "setContactAttributes": {"map": "1"}}.items() <= world.inbox.calls[-1][1].items()
    told = all_say(walker)
    reason = WebhookEvent.objects.get().reason
    assert "Can't be shown: nothing but a file; " in reason and "can't be read" in reason
    assert told.code == "CB-518" and "can't be read" in told.cause and "Sparkcentral" not in told.cause
    codes = Exchange.objects.filter(target="inbox").order_by("id").values_list("code", flat=True)
    assert list(codes) == ["CB-613", "CB-613", "CB-518", ""]


def test_a_file_that_is_lost_beside_words_is_no_link(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "The map", **NO_FILE}]}]
    walker.says("map")
    assert world.inbox.said("0-conv-1") == ["The map"]
    details = [check.detail for check in explain(walker.conversation().pk).checks]
    assert any("1 file left out" in detail for detail in details) and not any(
        "as a link" in detail for detail in details
    )


@pytest.mark.parametrize("kind", ["bot's later words", "message of the team"])
def test_words_that_nobody_waited_for_and_that_the_inbox_refused_are_the_cause(
    walker: Walker, world: World, admin_client: Client, all_say: Callable[[Walker], Told], kind: str
) -> None:
    walker.says("Hello")
    world.inbox.faults = [answer(400)]
    if kind == "bot's later words":
        walker.bot_says("One thing more")
    else:
        speak_as_bot(walker.conversation(), "One thing more", ANNA)
    walker.work()
    assert all_say(walker).code == "CB-605"
    walker.says("Anybody?", after_s=1)
    assert all_say(walker).code == "CB-605"


def test_what_the_team_did_since_does_not_hide_why_the_bot_did_not_answer(
    walker: Walker, world: World, all_say: Callable[[Walker], Told]
) -> None:
    world.bot.replies = [answer(500)] * 2
    walker.says("Hello")
    hand_over_now(walker.conversation(), ANNA)
    walker.work()
    assert all_say(walker).code == "CB-502"
