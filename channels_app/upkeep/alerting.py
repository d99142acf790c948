"""Tells a team, by mail and webhook, that contacts wait for an agent longer than their channel allows.

What is to be told is a row first, one for each handover and way: so each is told once, and a server that is away only
delays it. Those of a channel that are due together go out together. No turn waits for any of it.
"""

import logging
import smtplib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from json import dumps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.urls import reverse

from channels_app.adapters.inboxes import inbox_class
from channels_app.adapters.settings import signature
from channels_app.lib.clocks import database_now
from channels_app.lib.http.session import ApiSession
from channels_app.models import Channel
from channels_app.operations.handover_health import unseen_channels
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.labels import count_of, one_line
from offload.models import AlertWay, HandoverAlert, Offload, OffloadProvider
from offload.opening_hours import is_open
from offload.waiting import is_late, still_waits, waited_minutes, waiting_handovers

JOB = "alerts"
MAX_TRIES = 7
FIRST_WAIT = timedelta(minutes=1)
"""After the first failed try; twice as long after each other one: an hour in all."""
MAX_AT_ONCE = 500
TIMESTAMP_HEADER, SIGNATURE_HEADER = "X-Chatbridge-Timestamp", "X-Chatbridge-Signature"

logger = logging.getLogger(__name__)
_session = ApiSession(timeout_s=10, max_bytes=100_000)


class AlertError(Exception):
    """It was not sent; the text says why, without any secret."""


def raise_alerts() -> tuple[int, int]:
    """How many handovers the team has been told about now, and how many alerts failed."""
    now = database_now()
    _write_down(now)
    return _send_due(now)


def _write_down(now: datetime) -> None:
    late = [offload for offload in waiting_handovers() if is_late(offload, now) and _tells_locks(offload)]
    unseen = unseen_channels() if late else {}
    late = [offload for offload in late if offload.conversation.channel_id not in unseen]
    providers = OffloadProvider.objects.filter(channel__in={offload.conversation.channel_id for offload in late})
    closed = {row.channel_id for row in providers if not (row.is_enabled and is_open(row.opening_hours, now))}
    rows = [
        HandoverAlert(offload=offload, way=way, due_at=now)
        for offload in late
        if offload.conversation.channel_id not in closed
        for way in _ways(offload.conversation.channel)
    ]
    HandoverAlert.objects.bulk_create(rows, ignore_conflicts=True)


def _tells_locks(offload: Offload) -> bool:
    return inbox_class(offload.conversation.channel.inbox).tells_locks


def _ways(channel: Channel) -> list[AlertWay]:
    wanted = {AlertWay.MAIL: bool(_recipients(channel)), AlertWay.WEBHOOK: bool(settings.ALERT_WEBHOOK_URL)}
    return [way for way, is_set in wanted.items() if is_set]


def _recipients(channel: Channel) -> list[str]:
    own = [part.strip() for part in channel.alert_mail_to.split(",") if part.strip()]
    return (own or list(settings.ALERT_MAIL_TO)) if settings.EMAIL_HOST else []


def _send_due(now: datetime) -> tuple[int, int]:
    rows = HandoverAlert.objects.filter(sent_at=None, due_at__lte=now, tries__lt=MAX_TRIES).order_by("pk")
    due = rows.select_related("offload__conversation__channel")[:MAX_AT_ONCE]
    told, failed = set[int](), 0
    broken = set[str]()
    for (way, _), alerts in _by_channel(due).items():
        ids = [alert.pk for alert in alerts]
        if way in broken:  # the same server failed a moment ago
            continue
        try:
            _WAYS[AlertWay(way)]([alert.offload for alert in alerts], now)
        except AlertError as error:
            logger.warning("alert by %s about %s: %s", way, count_of(len(ids), "handover"), error)
            broken.add(way)
            failed += len(ids)
            for alert in alerts:
                due_at = now + FIRST_WAIT * 2**alert.tries
                HandoverAlert.objects.filter(pk=alert.pk).update(
                    tries=F("tries") + 1, due_at=due_at, last_error=str(error)[:200]
                )
        else:
            HandoverAlert.objects.filter(pk__in=ids).update(tries=F("tries") + 1, sent_at=now, last_error="")
            told |= {alert.offload_id for alert in alerts}
    return len(told), failed


def _by_channel(due: Iterable[HandoverAlert]) -> Mapping[tuple[str, int], list[HandoverAlert]]:
    """By way and channel, without those whom an agent has opened in the meantime: those need no alert."""
    found = defaultdict(list)
    for alert in due:
        if still_waits(alert.offload):
            found[alert.way, alert.offload.conversation.channel_id].append(alert)
        else:
            alert.delete()
    return found


# --- what is said ---------------------------------------------------------------------------------------------------


def _title(offloads: Sequence[Offload]) -> str:
    """Nothing of the contact: a mail is no place for it."""
    waits = "waits" if len(offloads) == 1 else "wait"
    channel = one_line(offloads[0].conversation.channel.name)
    return f"{channel}: {count_of(len(offloads), 'contact')} {waits} for an agent"


def _url(offload: Offload) -> str:
    return f"{settings.PUBLIC_BASE_URL}{reverse('ops:conversation', args=[offload.conversation_id])}"


def _line(offload: Offload, now: datetime) -> str:
    return f"{waited_minutes(offload, now):.0f} min, {offload.get_reason_display()}: {_url(offload)}"


def _text(offloads: Sequence[Offload], now: datetime) -> str:
    page = f"{settings.PUBLIC_BASE_URL}{reverse('ops:handovers')}"
    return "\n".join([f"{_title(offloads)}.", *(_line(offload, now) for offload in offloads), "", f"All: {page}"])


def _mail(offloads: Sequence[Offload], now: datetime) -> None:
    to = _recipients(offloads[0].conversation.channel)
    if not to:
        raise AlertError("No mail server or no address is set any more.")
    try:
        EmailMessage(subject=_title(offloads), body=_text(offloads, now), to=to).send()
    except smtplib.SMTPResponseException as error:
        raise AlertError(f"The mail server answered {error.smtp_code}.") from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise AlertError(f"The mail could not be sent: {type(error).__name__}.") from error


def _webhook(offloads: Sequence[Offload], now: datetime) -> None:
    """`text` is what chats show; signed like a bot's later reply, if a secret is set."""
    url = settings.ALERT_WEBHOOK_URL
    body = dumps(_document(offloads, now), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if settings.ALERT_WEBHOOK_SECRET:
        seconds = str(int(now.timestamp()))
        signed = f"{seconds}.".encode() + body
        headers |= {TIMESTAMP_HEADER: seconds}
        headers |= {SIGNATURE_HEADER: signature(signed, settings.ALERT_WEBHOOK_SECRET.encode())}
    try:
        status = _session.call("POST", url, data=body, headers=headers).status
    except BridgeError as error:
        path = urlsplit(url).path  # of some chats it is the secret
        raise AlertError(error.detail.replace(path, "/…") if path else error.detail) from error
    if not 200 <= status < 300:
        raise AlertError(f"The webhook answered {status}.")


def _document(offloads: Sequence[Offload], now: datetime) -> dict[str, Any]:
    channel = offloads[0].conversation.channel
    return {
        "type": "contacts_waiting",
        "text": _text(offloads, now),
        "channel": {"id": channel.pk, "name": channel.name},
        "waiting": [
            {
                "conversation": {
                    "id": offload.conversation_id,
                    "external_id": offload.conversation.external_id,
                    "url": _url(offload),
                },
                "reason": offload.reason,
                "handed_over_at": offload.finished_at.isoformat() if offload.finished_at else None,
                "minutes": round(waited_minutes(offload, now)),
            }
            for offload in offloads
        ],
    }


_WAYS: Mapping[AlertWay, Callable[[Sequence[Offload], datetime], None]] = {
    AlertWay.MAIL: _mail,
    AlertWay.WEBHOOK: _webhook,
}
