"""Outward calls as rows for the people who ask why: secrets masked and long bodies cut before they are written."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from channels_app.conversations.lease import Lease
from channels_app.lib.clocks import database_now
from channels_app.lib.http.recorder import Call
from channels_app.lib.statements import fetch
from channels_app.models import Target
from channels_app.protocol.causes import code_of_call
from channels_app.protocol.errors import BridgeError

MAX_BODY = 4_000
"""Characters of a body that are kept: a whole turn with its usual reply, and never a megabyte."""
CUT = "… [cut here: {count} more characters]"
MASK = "•••"
# By the name of the key, in bodies of JSON and of forms; the value of a string or a number, also of one that is cut.
_NAME = r"[\w-]*(?:token|secret|password|passwd|authorization|api[_-]?key|signature|credential)[\w-]*"
_MARKS = ("token", "secret", "passw", "authorization", "api", "signature", "credential")
"""Where none of these is, nothing is named like a secret: a cheap look before the search."""
_SECRET_IN_JSON = re.compile(rf'("{_NAME}"\s*:\s*)("(?:[^"\\]|\\.)*"?|-?\d[\w.+-]*)', re.IGNORECASE)
_SECRET_IN_FORM = re.compile(rf"((?:^|&){_NAME}=)[^&]*", re.IGNORECASE)


def readable_body(body: bytes) -> str:
    """A body as it is kept and shown."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"[{len(body)} bytes that are not text]"
    text = text.replace("\0", "\ufffd")  # PostgreSQL keeps no text with it
    # Only what may be shown is searched; a bit more, so that no secret is halved unseen by the cut.
    shown = mask_secrets(text[: 2 * MAX_BODY])
    if len(shown) <= MAX_BODY and len(text) <= 2 * MAX_BODY:
        return shown
    return shown[:MAX_BODY] + CUT.format(count=len(text) - MAX_BODY)


def mask_secrets(text: str) -> str:
    """The same text with the values of what is named like a secret masked."""
    folded = text.casefold()
    if not any(mark in folded for mark in _MARKS):
        return text
    masked = _SECRET_IN_JSON.sub(rf'\1"{MASK}"', text)
    return masked if masked.lstrip()[:1] in "{[" else _SECRET_IN_FORM.sub(rf"\1{MASK}", masked)


def exchange_row(
    target: Target,
    call: Call | None,
    *,
    event_id: int,
    n: int,
    result: str,
    error: BridgeError | None,
    delivery_id: int | None = None,
    judged_as: str = "",
) -> dict[str, Any]:
    """An `Exchange` as statements take it. No call: the process that made it died, or it never left.

    `judged_as`: whom the call was made to, for `causes`, where that says more than the target.
    """
    took_ms = call.took_ms if call else 0
    cause = code_of_call(judged_as or target, error)
    return {
        "call_event_id": event_id,
        "call_target": target.value,
        "call_n": n,
        "call_delivery_id": delivery_id,
        "call_started_at": database_now() - timedelta(milliseconds=took_ms),
        "call_took_ms": took_ms,
        "call_result": str(result),
        "call_code": cause.code if cause else "",
        "call_status": (error.status if error else 0) or (call.status if call else 0),
        "call_error": error.detail if error else "",
        "call_trace_id": error.trace_id if error else "",
        "call_method": call.method if call else "",
        "call_url": call.url if call else "",
        "call_request": readable_body(call.request) if call else "",
        "call_response": readable_body(call.response) if call else "",
        "call_limits": call.limits if call else "",
    }


INSERT_EXCHANGE = """
    INSERT INTO channels_app_exchange (event_id, channel_id, delivery_id, target, n, fence, started_at, took_ms,
        result, code, status, error, trace_id, method, url, request, response, limits)
    SELECT %(call_event_id)s::bigint, %(channel_id)s, %(call_delivery_id)s::bigint, %(call_target)s,
        %(call_n)s::bigint, %(fence)s, %(call_started_at)s::timestamptz, %(call_took_ms)s::bigint, %(call_result)s,
        %(call_code)s, %(call_status)s::bigint, %(call_error)s, %(call_trace_id)s, %(call_method)s, %(call_url)s,
        %(call_request)s, %(call_response)s, %(call_limits)s
    FROM held
"""
"""Part of a statement in which `held` is the conversation, if it is still ours; its values: `exchange_values`."""


_ONE_MORE = f"""
WITH held AS (
    SELECT id FROM channels_app_conversation WHERE id = %(conversation_id)s AND fence = %(fence)s
){INSERT_EXCHANGE}
RETURNING id
"""


def exchange_values(lease: Lease) -> Mapping[str, Any]:
    """The one call that a statement writes, or none. If there are more, those before it are written now: a first word
    while the bot thinks, or that it is typing."""
    place = {"conversation_id": lease.conversation_id, "fence": lease.fence, "channel_id": lease.channel_id}
    while len(lease.unwritten) > 1:
        fetch(_ONE_MORE, {**place, **lease.unwritten.pop(0)})
    return lease.unwritten[0] if lease.unwritten else {}
