"""What keeps a team from learning in time that contacts wait for an agent."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta

from channels_app.adapters.inboxes import INBOXES, inbox_class
from channels_app.channels.live import find_channel
from channels_app.codes import Problem, describe
from channels_app.lib.clocks import database_now
from channels_app.models import Channel, Job
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.labels import count_of
from offload.models import AlertWay, HandoverAlert

WATCHING = "watched handovers"
"""The job that looks which conversations agents have opened. Its positions: by account, until when it isn't asked."""
GRACE = timedelta(minutes=1)
"""After that, within which it is asked again."""
SHOWN_FOR = timedelta(days=1)


def handover_problems() -> list[Problem]:
    return [*_alerts_not_sent(), *_unseen()]


def unseen_channels() -> Mapping[int, str]:
    """Channels, with their names, of accounts that didn't tell lately which conversations agents have opened."""
    since = (database_now() - GRACE).timestamp()
    accounts = {name for name, until in Job.read_positions(WATCHING).items() if until > since}
    kinds = [kind for kind in INBOXES if inbox_class(kind).tells_locks]
    rows = Channel.objects.filter(inbox__in=kinds, archived_at=None) if accounts else Channel.objects.none()
    return dict(_of_accounts(rows.order_by("name"), accounts))


def _of_accounts(rows: Iterable[Channel], accounts: set[str]) -> Iterator[tuple[int, str]]:
    for row in rows:
        with suppress(BridgeError):  # its keys can't be read
            channel = find_channel(row.uuid)
            if channel is not None and channel.inbox.account_key in accounts:
                yield row.pk, row.name


def _unseen() -> Iterator[Problem]:
    names = [f"“{name}”" for name in unseen_channels().values()]
    if names:
        what = f"which conversations of {', '.join(names)} agents have opened"
        yield describe("CB-821", what=what, problem="there are no alerts until it does")


def _alerts_not_sent() -> Iterator[Problem]:
    """Of each way by which the last one failed."""
    tried = HandoverAlert.objects.filter(tries__gt=0, offload__finished_at__gt=database_now() - SHOWN_FOR)
    for way in AlertWay:
        of_way = tried.filter(way=way)
        last = of_way.order_by("-pk").first()
        if last is not None and last.sent_at is None:
            count = of_way.filter(sent_at=None).count()
            yield describe("CB-822", alerts=count_of(count, "alert"), way=way.label, problem=last.last_error)
