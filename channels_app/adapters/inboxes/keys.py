"""Whether an account's API keys work, and our clock is the platform's: what an admin is told of them."""

import time
from datetime import UTC
from email.utils import parsedate_to_datetime

from channels_app.adapters.inboxes.base import Inbox
from channels_app.codes import describe
from channels_app.lib.clocks import database_now
from channels_app.lib.http.session import Answer
from channels_app.protocol.causes import TOKEN, describe_call
from channels_app.protocol.checks import CheckLine
from channels_app.protocol.errors import BridgeError

MAX_CLOCK_SKEW_S = 60  # seconds; far below MAX_AGE, so that it is noticed before events are refused


def check_keys(inbox: Inbox) -> list[CheckLine]:
    """Try the keys and compare the clocks; changes nothing on the platform and never raises."""
    started = time.monotonic()
    try:
        answer = inbox.request_token()
    except BridgeError as error:
        took_ms = int((time.monotonic() - started) * 1000)
        return [CheckLine.failed("API keys", describe_call(TOKEN, error, inbox=inbox.label), took_ms)]
    try:
        inbox.read_token(answer)
    except BridgeError as error:
        line = CheckLine.failed("API keys", describe_call(TOKEN, error, inbox=inbox.label), answer.took_ms)
    else:
        detail = f"Token from {inbox.server_name} in {answer.took_ms} ms."
        line = CheckLine(title="API keys", is_ok=True, detail=detail, took_ms=answer.took_ms)
    return [line, *_clock_lines(answer, inbox.server_name)]


def _clock_lines(answer: Answer, server_name: str) -> list[CheckLine]:
    """How far our clock and theirs are apart, if the answer tells."""
    try:
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return []  # without their time there is nothing to say
    skew_s = round(abs((database_now() - theirs.replace(tzinfo=theirs.tzinfo or UTC)).total_seconds()))
    if skew_s <= MAX_CLOCK_SKEW_S:
        return [CheckLine(title="Clock", is_ok=True, detail=f"Within {MAX_CLOCK_SKEW_S} s of {server_name}.")]
    return [
        CheckLine.failed("Clock", describe("CB-704", machine="PostgreSQL's server", server=server_name, skew=skew_s))
    ]
