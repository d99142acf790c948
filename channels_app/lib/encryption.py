"""Secrets at rest: AES-256-GCM under keys from the environment, bound to the place where they are stored."""

import os
import threading
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from channels_app.codes import describe
from channels_app.protocol.errors import ConfigError, MissingKeyError

VERSION = "v1"
KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12  # what GCM is made for
RELOAD_S = 5.0  # between two looks into the file of the keys
SHOWABLE_LENGTH = 16  # characters; of a shorter secret, four would be too much to give away


def encrypt(text: str, context: str) -> str:
    """`context` names the place, "model.field.row-uuid.name": elsewhere the result can't be decrypted."""
    keys = _keys()
    if not keys:
        raise ConfigError("ENCRYPTION_KEYS is empty: secrets can't be saved.")
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + AESGCM(keys[0]).encrypt(nonce, text.encode(), context.encode())
    return f"{VERSION}:{_key_id(keys[0])}:{urlsafe_b64encode(sealed).decode()}"


def decrypt(token: str, context: str) -> str:
    """Raises MissingKeyError when no key fits, ConfigError when the text was changed or belongs to another place."""
    key_id, sealed = _parts(token)
    keys = _keys_named(key_id)
    if not keys and _reload_keys():
        keys = _keys_named(key_id)
    if not keys:
        raise MissingKeyError(describe("CB-104", key=key_id))
    for key in keys:
        try:
            return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context.encode()).decode()
        except InvalidTag:
            continue
    raise ConfigError(describe("CB-105", problem=f"(encryption key {key_id}) was changed outside the bridge"))


def needs_rotation(token: str) -> bool:
    """Whether another key than the first encrypted it, so that saving it again would change that."""
    return not token.startswith(tuple(f"{VERSION}:{_key_id(key)}:" for key in _keys()[:1]))


def parse_keys(text: str) -> list[bytes]:
    """The keys of ENCRYPTION_KEYS. Raises ValueError with a sentence that doesn't show one."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise ValueError("at least one key is needed: 32 bytes in URL-safe base64 (44 characters).")
    return [_parsed_key(word, position) for position, word in enumerate(words, start=1)]


def generate_key() -> str:
    return urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def fingerprint(secret: str) -> str:
    """The end of a secret, for people to recognise it by; empty when that would give away too much."""
    return secret[-4:] if len(secret) >= SHOWABLE_LENGTH else ""


def _keys() -> list[bytes]:
    return list(settings.ENCRYPTION_KEYS)


def _keys_named(key_id: str) -> list[bytes]:
    return [key for key in _keys() if _key_id(key) == key_id]


_reload_lock = threading.Lock()
_reloaded_at = -RELOAD_S


def _reload_keys() -> bool:
    """Whether the file of the keys has other ones than this process was started with; then it has these now."""
    global _reloaded_at
    file = settings.ENCRYPTION_KEYS_FILE
    if not file:
        return False
    with _reload_lock:
        if time.monotonic() - _reloaded_at < RELOAD_S:
            return True  # checked a moment ago
        _reloaded_at = time.monotonic()
        try:
            keys = parse_keys(Path(file).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        settings.ENCRYPTION_KEYS = keys
        return True


def forget_reload() -> None:
    """Look into the file at the next missing key; for tests."""
    global _reloaded_at
    _reloaded_at = -RELOAD_S


@lru_cache(maxsize=16)
def _key_id(key: bytes) -> str:
    return sha256(key).hexdigest()[:8]


def _parsed_key(word: str, position: int) -> bytes:
    try:
        key = _strict_b64decode(word.rstrip("=") + "=")
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"key {position} must be 32 bytes in URL-safe base64 (44 characters).")
    return key


def _parts(token: str) -> tuple[str, bytes]:
    version, _, rest = token.partition(":")
    key_id, _, text = rest.partition(":")
    try:
        sealed = _strict_b64decode(text)
    except ValueError:
        sealed = b""
    if version != VERSION or len(sealed) < NONCE_BYTES:
        raise ConfigError(describe("CB-105", problem="is not in the form that the bridge writes"))
    return key_id, sealed


def _strict_b64decode(text: str) -> bytes:
    """Python's decoder skips what it doesn't know; then several texts would mean the same bytes."""
    data = urlsafe_b64decode(text)
    if urlsafe_b64encode(data).decode() != text:
        raise ValueError("not base64")
    return data
