"""What a person does with a whole channel: pause, archive, copy. Each act is in the audit log, and can be undone."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction

from channels_app.access.audit import CHANGED, Actor, record_audit
from channels_app.access.changes import changing
from channels_app.channels.forms.saving import RefusedError
from channels_app.channels.forms.settings import one_line
from channels_app.lib.clocks import database_now
from channels_app.models import Channel
from offload.models import OffloadProvider

NOT_COPIED = frozenset({"id", "name", "is_active"})
"""Of what an admin may edit. Secrets, address and history are no such fields."""
PROVIDER_COPIED = (
    *("name", "is_enabled", "disabled_reason", "disabled_until"),
    *("opening_hours", "queue_rules", "teams"),
    *("opened_texts", "queue_texts", "nobody_texts", "leave_message_texts", "left_message_texts"),
    *("closed_texts", "disabled_texts"),
)
MAX_NAME = 100  # characters, as the column


def pause_channel(channel: Channel, actor: Actor, *, reason: str = "") -> None:
    """From now on the bot isn't asked: `when_paused` says what follows. Open conversations at their next message."""
    with changing(channel, actor, "paused", reason=reason) as row:
        put_active(row, False, actor.name)


def resume_channel(channel: Channel, actor: Actor, *, reason: str = "") -> None:
    """The bot answers again: new conversations, and those that it still has."""
    with changing(channel, actor, "resumed", reason=reason) as row:
        put_active(row, True, actor.name)


def archive_channel(channel: Channel, actor: Actor, *, reason: str = "") -> None:
    """Refuse what comes for it and hide it; all that it has is kept. It is paused too."""
    with changing(channel, actor, "archived", reason=reason) as row:
        put_archived(row, True, actor.name)


def restore_channel(channel: Channel, actor: Actor, *, reason: str = "") -> None:
    """Take it out of the archive. It stays paused until it is resumed."""
    with changing(channel, actor, "restored", reason=reason) as row:
        put_archived(row, False, actor.name)


def put_active(row: Channel, is_active: bool, by: str) -> None:
    """Active or paused, with who paused it and when; the caller saves."""
    if row.is_active and not is_active:
        row.is_active, row.paused_at, row.paused_by = False, database_now(), by
    elif is_active:
        row.is_active, row.paused_at, row.paused_by = True, None, ""


def put_archived(row: Channel, is_archived: bool, by: str) -> None:
    """In the archive, and then paused too; or not. The caller saves."""
    if not is_archived:
        row.archived_at = None
        return
    row.archived_at = row.archived_at or database_now()
    put_active(row, False, by)


def skip_handover_test(channel: Channel, actor: Actor, *, reason: str) -> None:
    """Go live without a tested handover; an empty reason takes that back."""
    action = "skipped handover test" if reason else "wants handover tested"
    with changing(channel, actor, action, reason=reason) as row:
        row.handover_skipped = reason


def set_reply_limit(channel: Channel, actor: Actor, limit: timedelta) -> None:
    """How long the platform waits for the bot, as it is set there; within limits.REPLY_LIMIT_S."""
    with changing(channel, actor, CHANGED) as row:
        row.reply_limit_s = int(limit.total_seconds())


def clone_channel(channel: Channel, name: str, actor: Actor) -> Channel:
    """A new channel with the same settings, for another account: without secrets, address and history.

    Raises RefusedError.
    """
    try:
        if Channel.objects.filter(name=one_line(name)).exists():
            raise ValidationError("A channel with this name already exists.", code="invalid")
    except ValidationError as error:
        raise RefusedError({"name": [error]}) from None
    secrets = channel.secret_names()
    copied = {
        field.attname: getattr(channel, field.attname)
        for field in channel._meta.concrete_fields
        if field.editable and field.name not in NOT_COPIED
    }
    settings = {key: "" if key in secrets else value for key, value in channel.settings.items()}
    with transaction.atomic():
        clone = Channel.objects.create(**copied, name=name, settings=settings, copied_from=channel.name)
        clone.inbox_channels.bulk_create(
            type(row)(
                channel=clone,
                external_id=row.external_id,
                name=row.name,
                is_enabled=row.is_enabled,
                shows_buttons=row.shows_buttons,
            )
            for row in channel.inbox_channels.all()
        )
        provider = OffloadProvider.objects.filter(channel=channel).first() or OffloadProvider()
        values = {field: getattr(provider, field) for field in PROVIDER_COPIED}
        OffloadProvider.objects.create(channel=clone, **values)
        record_audit(actor, "cloned", clone, changes={"copied_from": [None, channel.name]})
    return clone


def free_name(name: str) -> str:
    """The next name like this one that no channel has: "Acme EU 2"."""
    taken = set(Channel.objects.values_list("name", flat=True))
    stem = name[: MAX_NAME - 5]  # room for a number
    numbered = (f"{stem} {number}" for number in range(2, len(taken) + 3))
    return next(candidate for candidate in (name, *numbered) if candidate not in taken)
