"""What "Test connection" finds of a channel or a bot, line by line. Never raises, changes nothing on the platforms."""

import logging
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from channels_app.addresses import is_public
from channels_app.channels import make_bot, make_inbox
from channels_app.codes import describe
from channels_app.credentials import TokenRow
from channels_app.errors import BridgeError
from channels_app.inboxes import Inbox
from channels_app.links import reply_url, webhook_url
from channels_app.models import Bot, Channel, Credential
from channels_app.protocol import CheckLine
from channels_app.tokens import LEASE_S

logger = logging.getLogger(__name__)

INTERNAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home", ".test")
"""Names that mean nothing on the internet. What a name stands for elsewhere can't be seen from here."""


def check_channel(channel: Channel) -> list[CheckLine]:
    """Keys, clock, our own address, shared secret, bot: everything that a first conversation needs."""
    return [
        *_safely("API keys", lambda: _check_keys(channel)),
        check_address(webhook_url(channel.uuid)),
        *_safely("Shared secret", lambda: [_check_shared_secret(channel)]),
        *(check_bot(channel.bot) if channel.bot else [_no_bot()]),
    ]


def check_bot(bot: Bot) -> list[CheckLine]:
    """One test turn to the bot, with nobody behind it; and our address, when the bot answers by calling us."""

    def check() -> list[CheckLine]:
        connector = make_bot(bot)
        lines = connector.check()
        address = check_address(reply_url(bot.uuid), "Reply address", caller=connector.label)
        return [*lines, address] if connector.answers_later else lines

    return _safely("Bot", check)


def check_address(url: str, title: str = "Webhook address", *, caller: str = "Sparkcentral") -> CheckLine:
    """Whether a platform on the internet can reach this address of ours, as far as its form tells."""
    parts = urlsplit(url)
    if parts.scheme == "https" and not _is_internal(parts.hostname or ""):
        return CheckLine(title=title, is_ok=True, detail=f"{settings.PUBLIC_BASE_URL} is a public https address.")
    return CheckLine.failed(title, describe("CB-101", caller=caller, url=settings.PUBLIC_BASE_URL))


def keep_token(inbox: Inbox) -> None:
    """Share a token got with the keys as they are now: workers need not ask, and the keys are known to work."""
    row = TokenRow(inbox.account_key)
    if not row.claim_refresh(lease_s=LEASE_S):
        return  # a worker is at it
    try:
        row.save(inbox.fetch_token())
    except BridgeError as error:
        row.refresh_failed(error)


def forget_token(channel: Channel) -> None:
    """The keys were changed: what was known about the account has to be proven again."""
    try:
        account_key = make_inbox(channel).account_key
    except BridgeError:
        return  # unreadable keys name no account
    Credential.objects.filter(account_key=account_key).update(
        token_encrypted="", token_expires_at=None, token_refresh_at=None, problem="", problem_since=None
    )


def _check_keys(channel: Channel) -> list[CheckLine]:
    inbox = make_inbox(channel)
    lines = inbox.check()
    if lines and lines[0].is_ok:
        keep_token(inbox)
    return lines


def _check_shared_secret(channel: Channel) -> CheckLine:
    if channel.shared_secret:
        detail = "Saved. Only a real event can prove that it is the right one."
        return CheckLine(title="Shared secret", is_ok=True, detail=detail)
    return CheckLine.failed("Shared secret", describe("CB-304", events="Every event is"))


def _no_bot() -> CheckLine:
    return CheckLine.failed("Bot", describe("CB-801"))


def _is_internal(host: str) -> bool:
    try:
        return not is_public(ip_address(host))
    except ValueError:  # a name
        return "." not in host or host.endswith(INTERNAL_NAMES)


def _safely(title: str, check: Callable[[], list[CheckLine]]) -> list[CheckLine]:
    """A verdict whatever happens: the page that shows it must not fail with what it looks at."""
    try:
        return check()
    except BridgeError as error:
        code = str(error.problem.code) if error.problem else ""
        return [CheckLine(title=title, is_ok=False, detail=error.detail, code=code)]
    except Exception:
        logger.exception("check of %s", title)
        return [CheckLine.failed(title, describe("CB-709"))]
