"""New secrets, new API keys and new addresses, without losing an event on the way. Only by a person's order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Max, Sum

from channels_app.access.audit import Actor, record_audit
from channels_app.access.changes import changing
from channels_app.adapters.inboxes import elsewhere, inbox_class, shared_secret_problem
from channels_app.adapters.inboxes.keys import check_keys
from channels_app.channels.accounts import keep_token
from channels_app.channels.live import NEW_SECRET, OLD_ADDRESS, OLD_SECRET_USED
from channels_app.lib.clocks import database_now
from channels_app.models import Channel, IntakeCount
from channels_app.protocol.checks import CheckLine
from channels_app.protocol.errors import ConfigError

OVERLAPS = (timedelta(0), timedelta(hours=1), timedelta(hours=24), timedelta(days=7))
"""How long the secret before may be taken beside the new one."""
OVERLAP = timedelta(hours=24)
ADDRESS_OVERLAP = timedelta(days=7)
"""How long the previous address keeps working."""
QUIET = timedelta(hours=1)
"""The old secret can be retired once it has been unused for this long and the new one has been used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """How often something was used, and when last."""

    count: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Two things that are taken at once: how often each came since, and until when the old one is."""

    until: datetime
    old: Uses
    new: Uses
    since: datetime | None = None

    @property
    def is_safe_to_retire(self) -> bool:
        """Whether the new one is in use, and the old one not for a while."""
        last_at = self.old.last_at or self.since
        return self.new.count > 0 and (last_at is None or database_now() - last_at > QUIET)


# --- shared secret ------------------------------------------------------------------------------------------------


def rotate_shared_secret(
    channel: Channel, secret: str, actor: Actor, *, overlap: timedelta = OVERLAP, reason: str = ""
) -> None:
    """Accept the new secret, and for `overlap` the previous one too. Raises ConfigError with what is wrong with it."""
    problem = shared_secret_problem(secret, channel.clear_settings())
    if problem:
        raise ConfigError(problem)
    with changing(channel, actor, "rotated shared secret", reason=reason) as row:
        put_shared_secret(row, secret, actor.name, overlap=overlap)


def put_shared_secret(row: Channel, secret: str, by: str, *, overlap: timedelta = timedelta(0)) -> None:
    """Set it, remembering the previous one; the caller saves. An empty one forgets both, the same again
    changes nothing."""
    before = _readable_secret(row)
    if secret == before and bool(secret) == bool(row.shared_secret_encrypted):
        return
    now = database_now()
    row.shared_secret = secret
    row.shared_secret_saved_at, row.shared_secret_saved_by = (now, by) if secret else (None, "")
    if not secret:
        row.old_secret_encrypted, row.old_secret_until = "", None
    elif before and before != secret:
        row.old_secret, row.old_secret_until = before, now + overlap
        _forget_uses(row, NEW_SECRET, OLD_SECRET_USED)


def _readable_secret(row: Channel) -> str:
    """Also empty when the key it was encrypted with is lost: it can no longer verify a signature."""
    try:
        return row.shared_secret
    except ConfigError:
        return ""


def keep_old_secret(channel: Channel, actor: Actor, *, longer: timedelta = OVERLAP) -> None:
    """Accept the previous secret for this long from now on, even if it had expired. Raises ConfigError without one."""
    with changing(channel, actor, "kept old secret longer") as row:
        if not row.old_secret_encrypted:
            raise ConfigError("There is no previous shared secret.")
        row.old_secret_until = database_now() + longer


def retire_old_secret(channel: Channel, actor: Actor) -> None:
    """Refuse the secret before from now on. It is kept, to recognise a sender that still has it."""
    with changing(channel, actor, "retired old secret") as row:
        if row.old_secret_until and row.old_secret_until > database_now():
            row.old_secret_until = database_now()


def secret_rotation(channel: Channel) -> Rotation | None:
    """How the rotation of the shared secret stands; None when only one is taken."""
    until = channel.old_secret_until
    if until is None or until <= database_now():
        return None
    uses = _uses_of(channel, NEW_SECRET, OLD_SECRET_USED)
    since = channel.shared_secret_saved_at
    return Rotation(until=until, old=uses[OLD_SECRET_USED], new=uses[NEW_SECRET], since=since)


# --- API keys -----------------------------------------------------------------------------------------------------


def replace_keys(
    channel: Channel, settings: Mapping[str, Any], actor: Actor, *, reason: str = ""
) -> Sequence[CheckLine]:
    """Try these settings of the inbox, and save them only if its server gives a token; the lines of the test.

    `settings` are whole and in clear, as the adapter's form gives them. Not inside a transaction: it calls out.
    """
    inbox = inbox_class(channel.inbox)(settings)
    lines = check_keys(inbox)
    if not lines or not lines[0].is_ok:
        return lines
    with changing(channel, actor, "replaced API keys", reason=reason) as row:
        row.put_settings(dict(settings))
        row.keys_saved_at, row.keys_saved_by = database_now(), actor.name
    keep_token(inbox)
    return lines


def switch_server(channel: Channel, actor: Actor) -> str:
    """Try the saved keys on the platform's other servers, and keep the first that accepts them; its name.

    Raises ConfigError when none does.
    """
    for name, settings in elsewhere(channel.inbox, channel.clear_settings()).items():
        lines = replace_keys(channel, settings, actor)
        if lines and lines[0].is_ok:
            return name
    raise ConfigError("No other server accepts these keys: copy both values again.")


# --- webhook URL --------------------------------------------------------------------------------------------------


def rotate_address(channel: Channel, actor: Actor, *, reason: str = "") -> None:
    """Give the channel a new webhook URL; the previous one works for ADDRESS_OVERLAP.

    A row's uuid is part of what its secrets are encrypted with, so they are re-encrypted. Raises ConfigError
    when that can't be done.
    """
    with transaction.atomic():
        row = Channel.objects.select_for_update(of=("self",)).get(pk=channel.pk)
        settings, secret, old_secret = row.clear_settings(), row.shared_secret, row.old_secret
        before, row.uuid = row.uuid, uuid4()
        row.old_uuid, row.old_uuid_until = before, database_now() + ADDRESS_OVERLAP
        row.put_settings(settings)
        row.shared_secret, row.old_secret = secret, old_secret
        row.save()
        changes = {"uuid": [str(before), str(row.uuid)]}
        record_audit(actor, "rotated webhook URL", row, changes=changes, reason=reason)


def retire_old_address(channel: Channel, actor: Actor) -> None:
    """Let the address before lead nowhere from now on."""
    with changing(channel, actor, "retired old webhook URL") as row:
        if row.old_uuid_until and row.old_uuid_until > database_now():
            row.old_uuid_until = database_now()


def address_rotation(channel: Channel) -> Rotation | None:
    """How the change of the webhook URL stands; None when only one works. The new one's events are not counted."""
    until = channel.old_uuid_until
    if channel.old_uuid is None or until is None or until <= database_now():
        return None
    return Rotation(until=until, old=_uses_of(channel, OLD_ADDRESS)[OLD_ADDRESS], new=Uses())


def _uses_of(channel: Channel, *reasons: str) -> dict[str, Uses]:
    owners = [uuid for uuid in (channel.uuid, channel.old_uuid) if uuid]
    rows = IntakeCount.objects.filter(door="inbox", owner_uuid__in=owners, reason__in=reasons)
    found = {
        group["reason"]: Uses(count=group["total"], last_at=group["last"])
        for group in rows.values("reason").annotate(total=Sum("count"), last=Max("last_at")).order_by()
    }
    return {reason: found.get(reason, Uses()) for reason in reasons}


def _forget_uses(channel: Channel, *reasons: str) -> None:
    """The counts restart with each rotation."""
    owners = [uuid for uuid in (channel.uuid, channel.old_uuid) if uuid]
    IntakeCount.objects.filter(door="inbox", owner_uuid__in=owners, reason__in=reasons).delete()
