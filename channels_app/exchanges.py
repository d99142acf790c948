"""Outward calls as rows for the people who ask why: secrets masked and long bodies cut before they are written."""

import re
from datetime import timedelta
from typing import Any

from django.utils import timezone

from channels_app.errors import BridgeError
from channels_app.models import Target
from channels_app.recorder import Call

BODY_MOST = 4_000
"""Characters of a body that are kept: a whole turn with its usual reply, and never a megabyte."""
CUT = "… [cut here: {count} more characters]"
MASK = "•••"
# By the name of the key, in bodies of JSON and of forms; the value of a string or a number, also of one that is cut.
_NAME = r"[\w-]*(?:token|secret|password|passwd|authorization|api[_-]?key|signature|credential)[\w-]*"
_SECRET_IN_JSON = re.compile(rf'("{_NAME}"\s*:\s*)("(?:[^"\\]|\\.)*"?|-?\d[\w.+-]*)', re.IGNORECASE)
_SECRET_IN_FORM = re.compile(rf"((?:^|&){_NAME}=)[^&]*", re.IGNORECASE)


def readable_body(body: bytes) -> str:
    """A body as it is kept and shown."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"[{len(body)} bytes that are no text]"
    text = text.replace("\0", "\ufffd")  # PostgreSQL keeps no text with it
    # Only what may be shown is searched; a bit more, so that no secret is halved unseen by the cut.
    shown = mask_secrets(text[: 2 * BODY_MOST])
    if len(shown) <= BODY_MOST and len(text) <= 2 * BODY_MOST:
        return shown
    return shown[:BODY_MOST] + CUT.format(count=len(text) - BODY_MOST)


def mask_secrets(text: str) -> str:
    """The same text with the values of what is named like a secret masked."""
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
    code: str = "",
    delivery_id: int | None = None,
) -> dict[str, Any]:
    """An `Exchange` as statements take it. No call: the process that made it died, or it never left."""
    took_ms = call.took_ms if call else 0
    return {
        "event_id": event_id,
        "target": target,
        "n": n,
        "delivery_id": delivery_id,
        "started_at": (timezone.now() - timedelta(milliseconds=took_ms)).isoformat(),
        "took_ms": took_ms,
        "result": result,
        "code": code,
        "status": error.status if error else call.status if call else 0,
        "error": error.detail if error else "",
        "trace_id": error.trace_id if error else "",
        "method": call.method if call else "",
        "url": call.url if call else "",
        "request": readable_body(call.request) if call else "",
        "response": readable_body(call.response) if call else "",
    }


INSERT_EXCHANGES = """
    INSERT INTO channels_app_exchange (event_id, channel_id, delivery_id, target, n, fence, started_at, took_ms,
        result, code, status, error, trace_id, method, url, request, response)
    SELECT call.event_id, %(channel_id)s, call.delivery_id, call.target, call.n, %(fence)s, call.started_at,
        call.took_ms, call.result, call.code, call.status, call.error, call.trace_id, call.method, call.url,
        call.request, call.response
    FROM held, jsonb_to_recordset(%(exchanges)s) AS call(event_id bigint, delivery_id bigint, target text, n int,
        started_at timestamptz, took_ms int, result text, code text, status int, error text, trace_id text,
        method text, url text, request text, response text)
"""
UPDATE_DELIVERIES = """
    UPDATE channels_app_delivery AS delivery
    SET state = tried.state, finished_at = CASE WHEN tried.is_final THEN clock_timestamp() END,
        last_status = tried.status, last_error = tried.error, trace_id = tried.trace_id
    FROM held, jsonb_to_recordset(%(deliveries)s)
        AS tried(id bigint, state text, is_final bool, status int, error text, trace_id text)
    WHERE delivery.id = tried.id
"""
"""Parts of statements in which `held` is the conversation, if it is still ours."""
