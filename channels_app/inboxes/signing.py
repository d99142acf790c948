"""Shared secrets of an inbox, and how old a signed event may be."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from channels_app.errors import SignatureError

MAX_AGE = timedelta(minutes=5)  # of an event; the platforms' own advice against replays
MIN_SECRET_BYTES = 16  # 128 bits: nobody guesses it


def check_age(sent_at: datetime, received_at: datetime) -> None:
    """Refuse a replayed event. Call it after the signature: before, the timestamp is only a claim."""
    if received_at - sent_at > MAX_AGE:
        raise SignatureError("The event is older than 5 minutes.", reason="too_old")
    if sent_at - received_at > MAX_AGE:
        raise SignatureError("The event is more than 5 minutes in the future.", reason="in_future")


def shared_secret_problem(value: str, settings: Mapping[str, Any]) -> str | None:
    """What is wrong with a shared secret that an admin pasted, in a sentence, or None. Outer spaces don't matter."""
    value = value.strip()
    place = "The shared secret is in the Virtual Agent pop-up."
    for key, name in (("client_secret", "client secret"), ("client_id", "client ID")):
        if value and value == settings.get(key):
            return f"This is the {name} from step 1. {place}"
    if "://" in value or value == settings.get("base_url"):
        return f"This is an address. {place}"
    stranger = re.search(r"[^0-9a-fA-F]", value)
    if stranger:
        return (
            f"A shared secret has only 0-9 and a-f. This one contains '{stranger[0]}'. Did you copy the clientSecret?"
        )
    if len(value) % 2 or len(value) < 2 * MIN_SECRET_BYTES:
        return (
            f"A shared secret has an even number of characters, at least {2 * MIN_SECRET_BYTES}. "
            f"This one has {len(value)}: copy it again, from its first to its last character."
        )
    return None


def secret_bytes(secret: str) -> bytes:
    """The key that a hexadecimal secret stands for; empty when it is none (`fromhex` alone would let blanks pass)."""
    trimmed = secret.strip()
    return bytes.fromhex(trimmed) if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", trimmed) else b""
