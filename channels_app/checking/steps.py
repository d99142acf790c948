"""The set-up of a channel as a list of steps. Progress is computed from facts; nothing is ticked by hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Self

from django.utils import timezone
from django.utils.formats import date_format

from channels_app.bots import bot_class
from channels_app.channels import make_inbox
from channels_app.checking import check_address
from channels_app.checking.refusals import Refusals, recent_refusals
from channels_app.codes import Problem, describe
from channels_app.errors import BridgeError
from channels_app.inboxes import inbox_class
from channels_app.links import webhook_url
from channels_app.models import Bot, Channel, Credential, EventSource, Outcome, WebhookEvent


class Progress(StrEnum):
    DONE = "done"
    TODO = "to do"
    WAITING = "waiting"
    PROBLEM = "needs attention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """An address of ours to paste somewhere else."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do. `where` names the menu of the other product, `field` the field of the page it ends in."""

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


HOW_TO_PASTE = "Copy this URL and paste it there. Keep that pop-up open: it shows the shared secret of the next step."
KINDS_OF_VIRTUAL_AGENT = (
    "Inception answers new conversations by itself; Delegation waits until an agent gives it a conversation."
)
SECRET_REASONS = ("bad_signature", "old_secret")
"""Why an event is refused although a secret is saved."""
PATIENCE = timedelta(minutes=10)
"""So long an admin may take to switch the virtual agent on and to write from a phone; then something is missing."""


def setup_steps(channel: Channel) -> list[Step]:
    """What is done and what is next. Steps that need the offload provider are its own."""
    refused = recent_refusals("inbox", channel.uuid)
    has_events = WebhookEvent.objects.filter(channel=channel, source=EventSource.INBOX).exists()
    return [
        _keys(channel),
        _connection(channel, has_events=has_events),
        _webhook_url(channel, is_called=has_events or bool(refused)),
        _shared_secret(channel, refused),
        _bot(channel),
        _first_answer(channel, has_events=has_events),
    ]


def _keys(channel: Channel) -> Step:
    saved = channel.settings
    is_saved = bool(saved) and all(saved.get(name) for name in channel.secret_names())
    return Step(
        title="Create API keys and enter them here",
        progress=Progress.DONE if is_saved else Progress.TODO,
        where=inbox_class(channel.inbox).keys_menu,
        detail="The secret is stored encrypted and never shown again.",
        field="client_id",
        field_label="API keys",
    )


def _connection(channel: Channel, *, has_events: bool) -> Step:
    step = Step(
        title="Check the connection",
        progress=Progress.TODO,
        detail="Press “Test connection”. Nothing is sent to anybody.",
    )
    try:
        account_key = make_inbox(channel).account_key
    except BridgeError as error:
        return step.troubled(error.problem) if error.problem else replace(step, detail=error.detail)
    credential = Credential.objects.filter(account_key=account_key).first()
    if credential and credential.problem:
        return _refused_keys(step, credential, is_live=has_events)
    if credential and credential.token_encrypted:
        return replace(step, progress=Progress.DONE, detail="The keys are accepted.")
    return step


def _refused_keys(step: Step, credential: Credential, *, is_live: bool) -> Step:
    code, since = credential.problem_code, credential.problem_since
    if is_live and code == "CB-201" and since:
        return step.troubled(describe("CB-204", since=date_format(timezone.localtime(since), "j M H:i")))
    return replace(step, progress=Progress.PROBLEM, detail=credential.problem, code=code)


def _webhook_url(channel: Channel, *, is_called: bool) -> Step:
    url = webhook_url(channel.uuid)
    verdict = check_address(url)
    step = Step(
        title="Give your inbox our webhook URL",
        progress=Progress.DONE if is_called else Progress.TODO,
        where=inbox_class(channel.inbox).virtual_agent_menu,
        detail="Your inbox calls this URL." if is_called else f"{HOW_TO_PASTE} {KINDS_OF_VIRTUAL_AGENT}",
        addresses=[Address(label="Webhook URL", url=url)],
    )
    if is_called or verdict.is_ok:
        return step
    return replace(step, progress=Progress.PROBLEM, detail=f"{verdict.detail} {step.detail}", code=verdict.code)


def _shared_secret(channel: Channel, refused: Sequence[Refusals]) -> Step:
    is_saved = bool(channel.shared_secret_encrypted)
    todo = "“Shared Secret” in the pop-up of the virtual agent. It has only 0-9 and a-f."
    step = Step(
        title="Paste the shared secret",
        progress=Progress.DONE if is_saved else Progress.TODO,
        where=inbox_class(channel.inbox).virtual_agent_menu,
        detail="Saved." if is_saved else todo,
        field="shared_secret",
        field_label="Shared secret",
    )
    since = channel.shared_secret_saved_at
    news = [group for group in refused if since is None or group.last_at > since]
    wrong = next((group for group in news if group.reason in (SECRET_REASONS if is_saved else ("no_secret",))), None)
    return step.troubled(wrong.problem, "" if is_saved else todo) if wrong else step


def _bot(channel: Channel) -> Step:
    bot = channel.bot
    step = Step(title="Choose your bot", progress=Progress.TODO, field="bot", field_label="Bot")
    if bot is None:
        return replace(step, detail="Choose a bot below, or add one there. Until then your agents get everything.")
    problem = pause_problem(bot) or _refused_calls(bot)
    if problem:
        return step.troubled(problem, "See the bot's page.")
    later = " It answers by calling us: its reply URL is on the bot's page." if _answers_later(bot) else ""
    return replace(step, progress=Progress.DONE, detail=f"{bot.name} answers first.{later}")


def _answers_later(bot: Bot) -> bool:
    return bot_class(bot.kind).answers_later


def pause_problem(bot: Bot) -> Problem | None:
    """What is to be said of a bot that is left alone for a while; nothing for one that works."""
    return describe("CB-510", failures=bot.failures) if bot.paused_until else None


def _refused_calls(bot: Bot) -> Problem | None:
    refused = next(iter(recent_refusals("bot", bot.uuid)), None)
    return refused.problem if refused and refused.last_at >= bot.updated_at else None


def _first_answer(channel: Channel, *, has_events: bool) -> Step:
    answered = WebhookEvent.objects.filter(channel=channel, outcome__in=(Outcome.REPLIED, Outcome.RESOLVED))
    step = Step(
        title="Switch the virtual agent on, and write “hello” from a phone",
        progress=Progress.WAITING,
        where=inbox_class(channel.inbox).switch_on_menu,
        detail="Waiting for the first message.",
    )
    problem = _reason_not_to_answer(channel)
    if problem:
        return step.troubled(problem)
    if has_events and answered.exists():
        detail = "Your inbox accepted an answer of the bot. This channel is live."
        return replace(step, progress=Progress.DONE, detail=detail)
    if has_events:
        return replace(step, detail="Events arrive. Waiting for the first answer of the bot that your inbox accepts.")
    return _overdue(step, channel)


def _reason_not_to_answer(channel: Channel) -> Problem | None:
    if channel.archived_at:
        return describe("CB-804")
    if channel.paused_at:
        return describe("CB-803", who=channel.paused_by or "somebody")
    if not channel.is_active:
        return describe("CB-802")
    answers_somewhere = channel.covers_all_inbox_channels or channel.inbox_channels.filter(is_enabled=True).exists()
    return None if answers_somewhere else describe("CB-805")


def _overdue(step: Step, channel: Channel) -> Step:
    """Still waiting, with what to check when that takes too long."""
    since = channel.shared_secret_saved_at
    if since is None or timezone.now() - since < PATIENCE:
        return step
    problem = describe("CB-401")
    return replace(step, detail=problem.text, code=str(problem.code))
