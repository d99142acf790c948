"""The contact sees that the bot is typing, while it thinks for long.

Each sign is a call of the account, of which there are 20 a second and 100,000 a day for all replies. So it is
shown only when the platform has said that more than half of the day's are left, and while less than half of this
second's are in use; never more than once in ten seconds in a conversation, however many processes and turns there are.
The words of the answer end it, which costs nothing; what ends without words ends it by a call of its own.
"""

import logging
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

from redis import RedisError

from channels_app.channels.credentials import has_spare_calls, note_quota
from channels_app.channels.live import LiveChannel
from channels_app.conversations.exchanges import exchange_row
from channels_app.conversations.lease import Lease
from channels_app.deliveries.throttle import LIMIT, REDIS_TIMEOUT_S, take_ticket
from channels_app.deliveries.verdicts import Verdict
from channels_app.lib.http.recorder import recorded_calls
from channels_app.lib.redis import ask_redis
from channels_app.models import Target
from channels_app.protocol.errors import BridgeError

logger = logging.getLogger(__name__)

EVERY = timedelta(seconds=10)
"""Between two signs of a conversation; media take the sign away by themselves after some 10 to 25 s."""
SHOWN_S = 30
"""How long it is known that a sign may still be seen."""


def show_typing(channel: LiveChannel, lease: Lease, event_id: int) -> None:
    """Show the sign while the bot thinks about this event, if there are calls to spare and none was shown within ten
    seconds. Never raises."""
    account = channel.inbox.account_key
    if not has_spare_calls(account):
        return
    name = _name(account, lease.external_id)
    with suppress(RedisError, OSError, ValueError):  # without Redis the number of calls is unknown
        is_first = ask_redis("SET", f"{name}:recent", "1", "NX", "EX", EVERY.seconds, timeout_s=REDIS_TIMEOUT_S)
        if is_first and take_ticket(account, reserve=LIMIT // 2) == 0:
            ask_redis("SET", f"{name}:shown", "1", "EX", SHOWN_S, timeout_s=REDIS_TIMEOUT_S)
            _call(channel, lease, event_id, is_typing=True)


def end_typing(channel: LiveChannel, lease: Lease, event_id: int) -> None:
    """Take the sign away where one may be seen and no words do it. Never raises."""
    if channel.typing_after is None:
        return
    account = channel.inbox.account_key
    if not has_spare_calls(account):
        return
    with suppress(RedisError, OSError, ValueError):
        is_shown = ask_redis("DEL", f"{_name(account, lease.external_id)}:shown", timeout_s=REDIS_TIMEOUT_S)
        if is_shown and take_ticket(account) == 0:
            _call(channel, lease, event_id, is_typing=False)


def _name(account_key: str, conversation_id: str) -> str:
    return f"chatbridge:typing:{sha256(f'{account_key} {conversation_id}'.encode()).hexdigest()[:32]}"


def _call(channel: LiveChannel, lease: Lease, event_id: int, *, is_typing: bool) -> None:
    """The next statement of the lease writes it down. Without a code: it is not what becomes of the event."""
    failed = None
    with recorded_calls() as calls:
        try:
            sent = channel.inbox.indicate_typing(lease.external_id, is_typing=is_typing)
        except BridgeError as error:
            failed = error
            logger.info("typing of a conversation of %s not shown: %s", channel.name, error.detail)
        else:
            note_quota(channel.inbox.account_key, sent.quota_used, sent.quota_limit)
    result = Verdict.SENT if failed is None else getattr(failed, "effect", Verdict.REFUSED)
    row = exchange_row(Target.INBOX, calls[-1] if calls else None, event_id=event_id, n=1, result=result, error=failed)
    lease.unwritten.append(row | {"call_code": ""})
