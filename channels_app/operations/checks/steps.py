"""The set-up of a channel as a list of steps. Progress is computed from facts; nothing is ticked by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Self

from django.utils import timezone
from django.utils.formats import date_format

from channels_app.adapters.bots import bot_class
from channels_app.adapters.inboxes import inbox_class
from channels_app.channels.links import offload_url, reply_url, webhook_url, write_back_url
from channels_app.codes import Problem, describe
from channels_app.lib.clocks import database_now
from channels_app.lib.zones import clock_words
from channels_app.models import Bot, Channel, Credential
from channels_app.operations.checks.connection import check_address
from channels_app.operations.checks.facts import Facts
from channels_app.protocol.causes import WRONG_SECRET


class Progress(StrEnum):
    DONE = "done"
    SKIPPED = "skipped"
    TODO = "to do"
    WAITING = "waiting"
    PROBLEM = "needs attention"

    @property
    def is_over(self) -> bool:
        return self in (Progress.DONE, Progress.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One of our addresses, to paste into another product."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do. `where` names the menu of the other product, `field` the field of the page it ends in."""

    key: str
    """What the page offers beside it: keys, connection, url, secret, bot, answer or hand_over."""
    title: str
    progress: Progress
    where: str = ""
    detail: str = ""
    code: str = ""
    """The catalogue's, when something is wrong."""
    addresses: Sequence[Address] = ()
    field: str = ""
    field_label: str = ""

    def troubled(self, problem: Problem, more: str = "") -> Self:
        """The same step, needing attention; `more` follows the problem's sentence."""
        detail = f"{problem.text} {more}".strip()
        return replace(self, progress=Progress.PROBLEM, detail=detail, code=str(problem.code))

    def done(self, detail: str) -> Self:
        return replace(self, progress=Progress.DONE, detail=detail)


KINDS_OF_VIRTUAL_AGENT = (
    "Inception answers new conversations by itself; Delegation waits until an agent delegates a conversation to it."
)
ANYBODY = ("no_signature", "too_large")
"""Refused requests that any stranger could send: they prove nothing about the inbox."""
TIMEOUT_RULE = "Also set its two timeouts there, and choose “New” for timeouts and errors, never “Resolved”."
OF_WRITE_BACK = "The write-back URL is optional: it shows you here how agents ended a conversation."
PATIENCE = timedelta(minutes=10)
"""How long an admin may take to turn the virtual agent on and write from a phone; after that something is missing."""


def setup_steps(facts: Facts) -> list[Step]:
    """What is done and what is next."""
    steps = (_keys, _connection, _webhook_url, _shared_secret, _bot, _first_answer, _hand_over)
    return [step(facts) for step in steps]


def next_setup_step(steps: Sequence[Step], *, has_worked: bool = False) -> Step | None:
    """The first that is not over; None when all is done. Of a channel that has worked what failed comes first."""
    failed = (step for step in steps if has_worked and step.progress is Progress.PROBLEM)
    return next(failed, None) or next((step for step in steps if not step.progress.is_over), None)


def _keys(facts: Facts) -> Step:
    channel = facts.channel
    saved = channel.settings
    is_saved = bool(saved) and all(saved.get(name) for name in channel.secret_names())
    return Step(
        key="keys",
        title="Create API keys and enter them here",
        progress=Progress.DONE if is_saved else Progress.TODO,
        where=inbox_class(channel.inbox).keys_menu,
        detail="The secret is stored encrypted and never shown again.",
        field="client_id",
        field_label="API keys",
    )


def _connection(facts: Facts) -> Step:
    step = Step(
        key="connection",
        title="Check the connection",
        progress=Progress.TODO,
        detail="Press “Test connection”. Nothing is sent to any contact.",
    )
    error, credential = facts.keys_error, facts.credential
    if error:
        return step.troubled(error.problem) if error.problem else replace(step, detail=error.detail)
    if credential and credential.problem:
        return _refused_keys(step, credential, is_live=facts.channel.first_event_at is not None)
    if credential and credential.token_encrypted:
        return step.done("The keys are accepted.")
    return step


def _refused_keys(step: Step, credential: Credential, *, is_live: bool) -> Step:
    code, since = credential.problem_code, credential.problem_since
    if is_live and code == "CB-201" and since:
        return step.troubled(describe("CB-204", since=clock_words(since)))
    return replace(step, progress=Progress.PROBLEM, detail=credential.problem, code=code)


def _webhook_url(facts: Facts) -> Step:
    channel = facts.channel
    url = webhook_url(channel.uuid)
    step = Step(
        key="url",
        title="Give your inbox our webhook URL",
        progress=Progress.TODO,
        where=inbox_class(channel.inbox).virtual_agent_menu,
        detail=f"{inbox_class(channel.inbox).adding_words} {KINDS_OF_VIRTUAL_AGENT}",
        addresses=[Address(label="Webhook URL", url=url)],
    )
    is_called = any(group.reason not in ANYBODY for group in facts.refused)
    if channel.first_event_at or is_called:
        return step.done("Your inbox calls this URL.")
    verdict = check_address(url)
    if verdict.is_ok:
        return step
    return replace(step, progress=Progress.PROBLEM, detail=f"{verdict.detail} {step.detail}", code=verdict.code)


def _shared_secret(facts: Facts) -> Step:
    channel = facts.channel
    is_saved = bool(channel.shared_secret_encrypted)
    todo = (
        "Copy “Shared Secret” from there: it contains only 0-9 and a-f. If you are asked to enter one there, "
        "generate it "
        "here, copy it and save."
    )
    step = Step(
        key="secret",
        title="Paste the shared secret",
        progress=Progress.DONE if is_saved else Progress.TODO,
        where=inbox_class(channel.inbox).secret_menu,
        detail=_saved_words(channel) if is_saved else todo,
        field="shared_secret",
        field_label="Shared secret",
    )
    times = (channel.shared_secret_saved_at, channel.first_event_at and facts.last_event_at)
    since = max((moment for moment in times if moment), default=None)
    news = [group for group in facts.refused if since is None or group.last_at > since]
    wrong = next((group for group in news if group.reason in (WRONG_SECRET if is_saved else ("no_secret",))), None)
    return step.troubled(wrong.problem, "" if is_saved else todo) if wrong else step


def _saved_words(channel: Channel) -> str:
    at, by = channel.shared_secret_saved_at, channel.shared_secret_saved_by
    return f"Saved {date_format(timezone.localtime(at), 'j M Y')}{f' by {by}' if by else ''}." if at else "Saved."


def _bot(facts: Facts) -> Step:
    bot = facts.channel.bot
    step = Step(key="bot", title="Choose your bot", progress=Progress.TODO, field="bot", field_label="Bot")
    if bot is None:
        return replace(
            step, detail="Choose a bot below, or add one there. Until then your agents get every conversation."
        )
    answers_later = bot_class(bot.kind).answers_later
    if answers_later:
        step = replace(step, addresses=[Address(label="Reply URL", url=reply_url(bot.uuid))])
    problem = pause_problem(bot) or _refused_calls(facts, bot)
    if problem:
        return step.troubled(problem, "See the bot's page.")
    later = " It answers by calling us: give its platform the reply URL." if answers_later else ""
    return step.done(f"{bot.name} answers first.{later}")


def pause_problem(bot: Bot) -> Problem | None:
    """What is to be said of a bot that is left alone for a while; nothing for one that works."""
    return describe("CB-510", failures=bot.failures) if bot.paused_until else None


def _refused_calls(facts: Facts, bot: Bot) -> Problem | None:
    refused = next((group for group in facts.bot_refused if not group.is_harmless), None)
    return refused.problem if refused and refused.last_at >= bot.updated_at else None


def _first_answer(facts: Facts) -> Step:
    channel = facts.channel
    step = Step(
        key="answer",
        title="Turn the virtual agent on, and write “hello” from a phone",
        progress=Progress.WAITING,
        where=inbox_class(channel.inbox).switch_on_menu,
        detail=f"{TIMEOUT_RULE} Waiting for the first message.",
    )
    problem = _reason_not_to_answer(facts)
    if problem:
        return step.troubled(problem)
    if channel.live_at:
        asked = (
            " Press one of the bot's buttons once: the bot's page shows the result." if _tries_buttons(channel) else ""
        )
        return step.done(
            f"{channel} answered its first customer at {clock_words(channel.live_at)}. This channel is live.{asked}"
        )
    if channel.first_event_at:
        came = f"First event received at {clock_words(channel.first_event_at)}."
        return replace(step, detail=f"{came} Waiting for your inbox to accept the bot's first answer.")
    return _overdue(step, channel)


def _tries_buttons(channel: Channel) -> bool:
    return channel.bot is not None and bot_class(channel.bot.kind).tries_buttons


def _reason_not_to_answer(facts: Facts) -> Problem | None:
    channel = facts.channel
    if channel.archived_at:
        return describe("CB-804")
    if channel.paused_at:
        return describe("CB-803", who=channel.paused_by or "someone")
    if not channel.is_active:
        return describe("CB-802")
    return None if facts.answers_somewhere else describe("CB-805")


def _overdue(step: Step, channel: Channel) -> Step:
    """Still waiting, with what to check when that takes too long."""
    since = channel.shared_secret_saved_at
    if since is None or database_now() - since < PATIENCE:
        return step
    problem = describe("CB-401")
    return replace(step, detail=problem.text, code=str(problem.code))


def _hand_over(facts: Facts) -> Step:
    channel, provider = facts.channel, facts.provider
    reports = inbox_class(channel.inbox).write_back_menu
    step = Step(
        key="hand_over",
        title="Check the handover to your agents",
        progress=Progress.WAITING,
        where="; ".join(filter(None, ("Chatlayer › Settings › Offloading › Webhook", reports))),
        detail="Chatlayer needs the offload URL and the verify token; other bots ask for an agent in their reply. "
        f"Then make the bot hand over, e.g. by writing “agent”.{f' {OF_WRITE_BACK}' if reports else ''}",
        field="offload_provider-0-verify_token",
        field_label="Verify token",
    )
    if provider:
        addresses = [Address(label="Offload URL", url=offload_url(provider.uuid))]
        if reports:
            addresses.append(Address(label="Write-back URL", url=write_back_url(provider.uuid)))
        step = replace(step, addresses=addresses)
    else:
        step = replace(step, detail=f"Save this page once to get the addresses. {step.detail}")
    if channel.handed_over_at:
        return step.done(f"Your inbox accepted a handover at {clock_words(channel.handed_over_at)}.")
    if channel.handover_skipped:
        return replace(step, progress=Progress.SKIPPED, detail=f"Skipped: {channel.handover_skipped}")
    refused = next((group for group in facts.offload_refused if not group.is_harmless), None)
    return step.troubled(refused.problem, step.detail) if refused else step
