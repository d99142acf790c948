"""The floor: the least that a web process does for an event that must not be lost. HMAC, one row, one wake-up."""

import hashlib
import hmac
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
import redis

from tests.bench.events import SHARED_SECRET, SIGNATURE_HEADER

_INSERT = "INSERT INTO event (raw) VALUES (%s)"
_KEY = bytes.fromhex(SHARED_SECRET)
_HEADER = f"HTTP_{SIGNATURE_HEADER.upper().replace('-', '_')}"
_JSON = [("Content-Type", "application/json"), ("Content-Length", "2")]


class _Kept(threading.local):
    """The connections of a thread."""

    def __init__(self) -> None:
        self.database = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self.redis = redis.Redis.from_url(os.environ["REDIS_URL"])


_kept = _Kept()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    signature = hmac.new(_KEY, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, environ.get(_HEADER, "")):
        start_response("401 Unauthorized", _JSON)
        return [b"{}"]
    _kept.database.execute(_INSERT, [body])
    _kept.redis.lpush("wakeups", "work")
    start_response("200 OK", _JSON)
    return [b"{}"]
