"""Shared secrets of an inbox, and how old a signed event may be."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from channels_app.adapters.settings import is_signed
from channels_app.codes import Problem, describe
from channels_app.protocol import Incoming
from channels_app.protocol.errors import SignatureError

MAX_AGE = timedelta(minutes=5)  # of an event; the platforms' own advice against replays
MIN_SECRET_BYTES = 16  # 128 bits: can't be guessed
_OTHERS = {"client_secret": "the client secret from step 1", "client_id": "the client ID from step 1"}


def check_age(sent_at: datetime, received_at: datetime) -> datetime:
    """Refuse a replayed event. Call it after the signature: before, the timestamp is only a claim.

    One that is dated ahead is taken: the clock that is wrong is ours, and its key stops replays. Returns the time
    that it counts with among others: not later than MAX_AGE from now, or all that follow would count as older.
    """
    if received_at - sent_at > MAX_AGE:
        raise SignatureError("The event is older than 5 minutes.", reason="too_old")
    return min(sent_at, received_at + MAX_AGE)


def shared_secret_problem(
    value: str,
    settings: Mapping[str, Any],
    *,
    name: str = "shared secret",
    place: str = "the settings of the virtual agent",
) -> Problem | None:
    """What is wrong with a shared secret that an admin pasted, or None. Outer spaces don't matter.

    `name` and `place`: what it is called, and where the platform shows it.
    """
    value = value.strip()
    what = next((words for key, words in _OTHERS.items() if value and value == settings.get(key)), "")
    if "://" in value or value == settings.get("base_url"):
        what = "an address"
    if what:
        return describe("CB-302", what=what, field=name, place=place)
    stranger = re.search(r"[^0-9a-fA-F]", value)
    if stranger:
        return describe("CB-301", letter=stranger[0])
    if len(value) % 2 or len(value) < 2 * MIN_SECRET_BYTES:
        return describe("CB-309", least=2 * MIN_SECRET_BYTES, count=len(value))
    return None


def matching_secret(incoming: Incoming, header: str, secrets: Sequence[str], unsigned: SignatureError) -> int:
    """Which of our hexadecimal secrets the body is signed with (0 is the first). Raises SignatureError; `unsigned`
    where there is no such header."""
    keys = [(place, key) for place, secret in enumerate(secrets) if (key := secret_bytes(secret))]
    if not keys:
        raise SignatureError("No shared secret is saved yet.", reason="no_secret")
    presented = incoming.headers.get(header, "")
    if not presented:
        raise unsigned
    for place, key in keys:
        if is_signed(incoming.body, presented, key):
            return place
    raise SignatureError("The signature does not match.", reason="bad_signature")


def secret_bytes(secret: str) -> bytes:
    """The key that a hexadecimal secret stands for; empty when it is none (`fromhex` alone would let blanks pass)."""
    trimmed = secret.strip()
    return bytes.fromhex(trimmed) if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", trimmed) else b""
