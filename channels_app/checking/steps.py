"""The set-up of a channel as a list of steps. Progress is computed from facts; nothing is ticked by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from channels_app.bots import bot_class
from channels_app.channels import make_inbox
from channels_app.checking import check_address
from channels_app.checking.refusals import Refusals, recent_refusals
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
    addresses: Sequence[Address] = ()
    field: str = ""
    field_label: str = ""


HOW_TO_PASTE = "Copy this URL and paste it there. Keep that pop-up open: it shows the shared secret of the next step."
KINDS_OF_VIRTUAL_AGENT = (
    "Inception answers new conversations by itself; Delegation waits until an agent gives it a conversation."
)
NO_EVENT_YET = (
    "No event yet? Check there: the virtual agent is switched on for a channel; no other Inception agent has that "
    "channel; a Delegation agent needs an agent who gives it a conversation; the URL is exactly the one above."
)


def setup_steps(channel: Channel) -> list[Step]:
    """What is done and what is next. Steps that need the offload provider are its own."""
    refused = recent_refusals("inbox", channel.uuid)
    has_events = WebhookEvent.objects.filter(channel=channel, source=EventSource.INBOX).exists()
    return [
        _keys(channel),
        _connection(channel),
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


def _connection(channel: Channel) -> Step:
    progress, detail = Progress.TODO, "Press “Test connection”. Nothing is sent to anybody."
    credential = _credential(channel)
    if credential and credential.problem:
        progress, detail = Progress.PROBLEM, credential.problem
    elif credential and credential.token_encrypted:
        progress, detail = Progress.DONE, "The keys are accepted."
    return Step(title="Check the connection", progress=progress, detail=detail)


def _credential(channel: Channel) -> Credential | None:
    try:
        return Credential.objects.filter(account_key=make_inbox(channel).account_key).first()
    except BridgeError as error:
        return Credential(problem=error.detail)


def _webhook_url(channel: Channel, *, is_called: bool) -> Step:
    url = webhook_url(channel.uuid)
    verdict = check_address(url)
    progress = Progress.DONE if is_called else Progress.TODO if verdict.is_ok else Progress.PROBLEM
    detail = "Your inbox calls this URL."
    if not is_called:
        detail = f"{'' if verdict.is_ok else verdict.detail} {HOW_TO_PASTE} {KINDS_OF_VIRTUAL_AGENT}"
    return Step(
        title="Give your inbox our webhook URL",
        progress=progress,
        where=inbox_class(channel.inbox).virtual_agent_menu,
        detail=detail.strip(),
        addresses=[Address(label="Webhook URL", url=url)],
    )


def _shared_secret(channel: Channel, refused: Sequence[Refusals]) -> Step:
    since = channel.shared_secret_saved_at
    is_saved = bool(channel.shared_secret_encrypted)
    news = [group for group in refused if since is None or group.last_at > since]
    wrong = next((group for group in news if group.reason == "bad_signature"), None)
    progress, detail = Progress.TODO, "“Shared Secret” in the pop-up of the virtual agent. It has only 0-9 and a-f."
    if is_saved and wrong:
        progress = Progress.PROBLEM
        detail = (
            f"{_events(wrong)} refused: the signature does not match. Usual causes: the secret of another virtual "
            "agent, or it was made anew there. Copy it again."
        )
    elif is_saved:
        progress, detail = Progress.DONE, "Saved."
    elif news:
        progress, detail = Progress.PROBLEM, f"{_events(news[0])} refused: no shared secret is saved yet. {detail}"
    return Step(
        title="Paste the shared secret",
        progress=progress,
        where=inbox_class(channel.inbox).virtual_agent_menu,
        detail=detail,
        field="shared_secret",
        field_label="Shared secret",
    )


def _events(group: Refusals) -> str:
    return "1 event was" if group.count == 1 else f"{group.count} events were"


def _bot(channel: Channel) -> Step:
    bot = channel.bot
    progress, detail = Progress.TODO, "Choose a bot below, or add one there. Until then your agents get everything."
    if bot:
        problem = _problem_of_bot(bot)
        progress = Progress.PROBLEM if problem else Progress.DONE
        later = " It answers by calling us: its reply URL is on the bot's page." if _answers_later(bot) else ""
        detail = problem or f"{bot.name} answers first.{later}"
    return Step(title="Choose your bot", progress=progress, detail=detail, field="bot", field_label="Bot")


def _answers_later(bot: Bot) -> bool:
    return bot_class(bot.kind).answers_later


def pause_words(bot: Bot) -> str:
    """What is to be said of a bot that is left alone for a while; nothing for one that works."""
    if bot.paused_until is None:
        return ""
    return (
        f"It failed {bot.failures} times in a row. Until it answers again, contacts are not kept waiting for it: "
        "each channel does what it is set to do when the bot fails."
    )


def _problem_of_bot(bot: Bot) -> str:
    if bot.paused_until:
        return pause_words(bot)
    refused = next(iter(recent_refusals("bot", bot.uuid)), None)
    if refused is None or refused.last_at < bot.updated_at:
        return ""
    calls = "1 of its calls was" if refused.count == 1 else f"{refused.count} of its calls were"
    return f"{calls} refused lately: {refused.words}. See the bot's page."


def _first_answer(channel: Channel, *, has_events: bool) -> Step:
    progress, detail = Progress.WAITING, f"Waiting for the first message. {NO_EVENT_YET}"
    answered = WebhookEvent.objects.filter(channel=channel, outcome__in=(Outcome.REPLIED, Outcome.RESOLVED))
    if not channel.is_active:
        progress, detail = Progress.PROBLEM, "The channel is switched off: your agents get every conversation."
    elif not channel.covers_all_inbox_channels and not channel.inbox_channels.filter(is_enabled=True).exists():
        progress, detail = Progress.PROBLEM, "The bot answers nowhere: tick at least one inbox channel below."
    elif has_events and answered.exists():
        progress, detail = Progress.DONE, "Your inbox accepted an answer of the bot. This channel is live."
    elif has_events:
        detail = "Events arrive. Waiting for the first answer of the bot that your inbox accepts."
    return Step(
        title="Switch the virtual agent on, and write “hello” from a phone",
        progress=progress,
        where=inbox_class(channel.inbox).switch_on_menu,
        detail=detail,
    )
