"""What broke after it had worked, and what a person can do about it: one card each, with code, cause and buttons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.timesince import timeuntil

from channels_app.channels.credentials import QUOTA_WARNING
from channels_app.channels.live import OLD_ADDRESS, OLD_SECRET_USED
from channels_app.codes import Button, Code, Place, Problem, Severity, code, describe
from channels_app.lib.clocks import database_now
from channels_app.lib.zones import clock_words
from channels_app.models import Channel
from channels_app.operations.checks.facts import Facts
from channels_app.operations.checks.refusals import DRAFT_BOT, Refusals
from channels_app.operations.checks.steps import Step, next_setup_step, pause_problem
from channels_app.operations.workload import read_queue, read_workers, work_problems

SETTLING = timedelta(hours=1)
"""How long after a rotation the platform may still use the old value: changing it there takes a moment."""
TODAY = timedelta(hours=24)
WATCHED = frozenset({OLD_SECRET_USED, OLD_ADDRESS, DRAFT_BOT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Something that a person should look at. `text` is the code's sentence, or the platform's own words."""

    problem: Problem
    text: str
    since: datetime | None = None
    door: str = ""
    """The door that refuses, if one does."""

    @property
    def code(self) -> Code:
        return self.problem.code

    @property
    def buttons(self) -> tuple[Button, ...]:
        """The catalogue's; but what the offload URL asks for stands on the channel's page, not on the bot's."""
        if self.door != "offload":
            return self.problem.buttons
        here = {Place.BOT: Place.OFFLOAD_PROVIDER}
        return tuple(replace(button, place=here.get(button.place, button.place)) for button in self.problem.buttons)

    @property
    def is_grave(self) -> bool:
        """Whether contacts get no bot because of it."""
        return self.code.severity is Severity.ERROR


def find_repairs(facts: Facts) -> list[Repair]:
    """What is wrong with a channel, the gravest first. Nothing of one that is archived."""
    if facts.channel.archived_at:
        return []
    found = [*_keys(facts), *_secret(facts), *_doors(facts), *_bot(facts), *_quota(facts)]
    return sorted(found, key=lambda repair: not repair.is_grave)


def bridge_repairs() -> list[Repair]:
    """What is wrong with who does the work: it is about all channels."""
    return [_repair(problem) for problem in work_problems(read_queue(), read_workers())]


def _repair(problem: Problem, since: datetime | None = None, door: str = "") -> Repair:
    return Repair(problem=problem, text=problem.text, since=since, door=door)


def _keys(facts: Facts) -> Iterator[Repair]:
    error, credential = facts.keys_error, facts.credential
    if error is not None and error.problem:
        yield _repair(error.problem)
    elif credential and credential.problem:
        since = credential.problem_since
        if facts.channel.first_event_at and since and credential.problem_code != "CB-203":
            yield _repair(describe("CB-204", since=clock_words(since)), since)
        else:
            cause = Problem(code(credential.problem_code or "CB-201"))
            yield Repair(problem=cause, text=credential.problem, since=since)


def _secret(facts: Facts) -> Iterator[Repair]:
    """While two secrets or addresses are taken: what is still in use of the old."""
    channel, now = facts.channel, database_now()
    seen = {group.reason: group for group in facts.refused}
    old, until, saved_at = seen.get(OLD_SECRET_USED), channel.old_secret_until, channel.shared_secret_saved_at
    if old and until and until > now and not facts.uses_new_secret and saved_at and now - saved_at > SETTLING:
        yield _repair(describe("CB-307", count=old.count, left=timeuntil(until, now)), old.last_at)
    address, until = seen.get(OLD_ADDRESS), channel.old_uuid_until
    if address and until and until > now and now - address.last_at < TODAY:
        yield _repair(describe("CB-409", left=timeuntil(until, now)), address.last_at)


def _doors(facts: Facts) -> Iterator[Repair]:
    """Requests that were turned away, unless something changed or worked since."""
    channel, bot, provider = facts.channel, facts.channel.bot, facts.provider
    yield from _news(facts.refused, channel.shared_secret_saved_at, facts.last_event_at)
    if bot:
        yield from _news(facts.bot_refused, bot.updated_at, None)
    if provider:
        yield from _news(facts.offload_refused, None, channel.handed_over_at)


def _news(groups: Sequence[Refusals], *settled_at: datetime | None) -> Iterator[Repair]:
    since = max((moment for moment in settled_at if moment), default=None)
    for group in groups:
        is_news = database_now() - group.last_at < TODAY and (since is None or group.last_at > since)
        if is_news and group.reason not in WATCHED and group.code.severity is not Severity.INFO:
            yield _repair(group.problem, group.last_at, group.door)


def _bot(facts: Facts) -> Iterator[Repair]:
    """Of a channel that has been called already; before, that is a step of its set-up."""
    channel = facts.channel
    if not channel.first_event_at or not channel.is_active:
        return
    if channel.bot is None:
        yield _repair(describe("CB-801"))
    elif problem := pause_problem(channel.bot):
        yield _repair(problem)
    if not facts.answers_somewhere:
        yield _repair(describe("CB-805"))
    draft = next((group for group in facts.offload_refused if group.reason == DRAFT_BOT), None)
    if draft and channel.live_at and database_now() - draft.last_at < TODAY:
        yield _repair(draft.problem, draft.last_at)


def _quota(facts: Facts) -> Iterator[Repair]:
    row = facts.credential
    if row and row.quota_limit and row.quota_used is not None and row.quota_used >= QUOTA_WARNING * row.quota_limit:
        yield _repair(describe("CB-207", account=row, used=row.quota_used, limit=row.quota_limit))


# --- how a channel is, in a word ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Shape, word and colour: `kind` is the name of the colour, one of live, trouble, setup, paused, archived."""

    kind: str
    shape: str
    words: str

    def __str__(self) -> str:
        return f"{self.shape} {self.words}"


def state_of(channel: Channel, steps: Sequence[Step], repairs: Sequence[Repair]) -> State:
    """How a channel is: what a person has to know first wins."""
    if channel.archived_at:
        return State(kind="archived", shape="□", words="Archived")
    if not channel.is_active:
        return State(kind="paused", shape="‖", words="Paused" if channel.paused_at else "Switched off")
    grave = next((repair for repair in repairs if repair.is_grave), None)
    if grave and channel.first_event_at:
        return State(kind="trouble", shape="▲", words=grave.code.name)
    if channel.live_at:
        return State(kind="live", shape="●", words="Live")
    number = steps.index(step) + 1 if (step := next_setup_step(steps)) else len(steps)
    return State(kind="setup", shape="○", words=f"Step {number} of {len(steps)}")
