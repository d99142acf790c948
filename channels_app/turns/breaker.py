"""A circuit breaker per bot, in its row: shared by all workers, visible, and alive without Redis.

After some failed calls in a row the bot is left alone: conversations go to humans at once instead of each
waiting for its own time-outs. From time to time one turn is allowed as a trial; the first success ends the pause.
"""

from django.db.models import F
from django.db.models.functions import Now

from channels_app.channels.live import LiveChannel
from channels_app.conversations.lease import Lease
from channels_app.models import Bot


def may_call_bot(lease: Lease, channel: LiveChannel) -> bool:
    """Whether this turn may call the bot. While it is paused: only one turn each `bot_pause`, as a trial."""
    if lease.bot_id is None or lease.bot_paused_until is None:
        return True
    if lease.bot_paused_until > lease.now:
        return False
    due = Bot.objects.filter(pk=lease.bot_id, paused_until__lte=Now())
    return bool(due.update(paused_until=Now() + channel.bot_pause))


def note_success(lease: Lease) -> None:
    """The bot took a turn. Costs nothing while all is well."""
    if lease.bot_id and (lease.bot_failures or lease.bot_paused_until):
        Bot.objects.filter(pk=lease.bot_id).update(failures=0, paused_until=None)


def note_failure(lease: Lease, channel: LiveChannel) -> None:
    """The bot failed once more; with the `max_failures`-th time its pause begins."""
    if lease.bot_id is None:
        return
    rows = Bot.objects.filter(pk=lease.bot_id)
    rows.update(failures=F("failures") + 1)
    rows.filter(failures__gte=channel.max_failures).update(paused_until=Now() + channel.bot_pause)
