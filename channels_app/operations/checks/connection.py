"""What "Test connection" finds of a channel or a bot, line by line. Never raises, changes nothing on the platforms."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from django.conf import settings

from channels_app.adapters.inboxes import elsewhere, inbox_class
from channels_app.adapters.inboxes.keys import check_keys
from channels_app.channels.accounts import keep_token
from channels_app.channels.links import READY, reply_url, webhook_url
from channels_app.channels.live import make_bot, make_inbox
from channels_app.codes import Problem, describe
from channels_app.lib.http.addresses import AllowList, Target, is_internal_host
from channels_app.lib.http.session import ApiSession
from channels_app.lib.zones import clock_words
from channels_app.models import Bot, Channel
from channels_app.operations.checks.newest import newest_events
from channels_app.protocol.checks import CheckLine
from channels_app.protocol.errors import BridgeError
from offload.services import provider_of

logger = logging.getLogger(__name__)

REFUSED_KEYS = "CB-201"
OWN_URL = "Our own URL"
OWN_URL_TIMEOUT_S = 10.0  # how long the platforms wait for our answer
OWN_URL_MAX_BYTES = 10_000


def check_channel(channel: Channel) -> list[CheckLine]:
    """Keys, clock, our own URL, shared secret, bot, last event: everything that a conversation needs."""
    url = webhook_url(channel.uuid)
    keys = _safely("API keys", lambda: _check_keys(channel))
    return [
        *keys,
        *(_safely("Queue figures", lambda: _check_queue(channel)) if keys[0].is_ok else []),
        check_address(url),
        *_safely(OWN_URL, lambda: [_check_own_url(url)]),
        *_safely("Shared secret", lambda: [_check_shared_secret(channel)]),
        *(check_bot(channel.bot) if channel.bot else [_no_bot()]),
        *_safely("Last event", lambda: [_last_event(channel)]),
    ]


def check_bot(bot: Bot) -> list[CheckLine]:
    """One test turn to the bot, without a contact; and our address, if the bot answers by calling us."""

    def check() -> list[CheckLine]:
        connector = make_bot(bot)
        lines = [*connector.check(), *_warnings(connector.warnings(connector.settings))]
        address = check_address(reply_url(bot.uuid), "Reply address", caller=connector.label)
        return [*lines, address] if connector.answers_later else lines

    return _safely("Bot", check)


def check_address(url: str, title: str = "Webhook address", *, caller: str = "Sparkcentral") -> CheckLine:
    """Whether a platform on the internet can reach our address, judging by its form."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" and not is_internal_host(host) and not host.endswith(".test"):  # .test is reserved
        return CheckLine(title=title, is_ok=True, detail=f"{settings.PUBLIC_BASE_URL} is a public https address.")
    return CheckLine.failed(title, describe("CB-101", caller=caller, url=settings.PUBLIC_BASE_URL))


def _check_keys(channel: Channel) -> list[CheckLine]:
    inbox = make_inbox(channel)
    lines = [*check_keys(inbox), *_warnings(inbox.warnings(inbox.settings))]
    if lines[0].is_ok or lines[0].code == REFUSED_KEYS:
        keep_token(inbox)  # or why there is none: the channel's page keeps saying so
    if lines[0].code == REFUSED_KEYS:
        where = next((name for name in _accepting_servers(channel)), None)
        if where:
            return [CheckLine.failed("API keys", describe("CB-202", region=where), lines[0].took_ms), *lines[1:]]
    return lines


def _warnings(problems: list[Problem]) -> list[CheckLine]:
    """What works, and should be otherwise: no verdict."""
    return [
        CheckLine(title="Settings", is_ok=True, is_note=True, detail=problem.text, code=str(problem.code))
        for problem in problems
    ]


def _accepting_servers(channel: Channel) -> Iterator[str]:
    """The platform's other servers that take the saved keys: people choose the wrong region easily."""
    for name, keys in elsewhere(channel.inbox, channel.clear_settings()).items():
        if check_keys(inbox_class(channel.inbox)(keys))[0].is_ok:
            yield name


def _check_queue(channel: Channel) -> list[CheckLine]:
    """What the channel's settings need beside messages. Without figures agents take over, which is not what its table
    says; without locks only alerts and times are missing."""
    provider = provider_of(channel.pk)
    needs_figures = provider is not None and bool(provider.queue_rules)
    lines = make_inbox(channel).check_queue(needs_figures=needs_figures, needs_locks=bool(channel.alert_minutes))
    return [line if line.is_ok or (needs_figures and line is lines[0]) else replace(line, is_ok=True, is_note=True)
            for line in lines]  # fmt: skip


def _check_own_url(url: str) -> CheckLine:
    """Open our own address as a platform would reach it: through DNS, TLS and the proxy to a web process."""
    api = ApiSession(
        timeout_s=OWN_URL_TIMEOUT_S,
        max_bytes=OWN_URL_MAX_BYTES,
        allow_private=AllowList.parse([Target.parse(url).host]),  # our own may well be internal
    )
    try:
        answer = api.call("GET", url)
    except BridgeError as error:
        return CheckLine.failed(OWN_URL, describe("CB-102", problem=error.detail.rstrip(".")))
    if answer.status != 200 or READY.encode() not in answer.body:
        problem = f"something else answered {answer.status} there"
        return CheckLine.failed(OWN_URL, describe("CB-102", problem=problem), answer.took_ms)
    return CheckLine(
        title=OWN_URL, is_ok=True, detail="This bridge answers at its public address.", took_ms=answer.took_ms
    )


def _last_event(channel: Channel) -> CheckLine:
    """No verdict, but what a person wants to know next."""
    at = newest_events([channel.pk])[channel.pk]
    detail = f"The last one came at {clock_words(at)}." if at else "None yet: write “hello” from a phone."
    return CheckLine(title="Last event", is_ok=True, detail=detail, is_note=True)


def _check_shared_secret(channel: Channel) -> CheckLine:
    if channel.shared_secret:
        detail = "Saved. Only a real event can prove that it is the right one."
        return CheckLine(title="Shared secret", is_ok=True, detail=detail)
    return CheckLine.failed("Shared secret", describe("CB-304", events="Every event is"))


def _no_bot() -> CheckLine:
    return CheckLine.failed("Bot", describe("CB-801"))


def _safely(title: str, check: Callable[[], list[CheckLine]]) -> list[CheckLine]:
    """A verdict in any case: the page that shows it must not fail along with what it checks."""
    try:
        return check()
    except BridgeError as error:
        code = str(error.problem.code) if error.problem else ""
        return [CheckLine(title=title, is_ok=False, detail=error.detail, code=code)]
    except Exception:
        logger.exception("check of %s", title)
        return [CheckLine.failed(title, describe("CB-709"))]
