"""Secrets at rest: nobody reads, changes or moves one without the key and the place."""

import base64
import os
import subprocess
import sys

import pytest
from django.test import override_settings
from hypothesis import assume, given
from hypothesis import strategies as st

from channels_app.lib.encryption import decrypt, encrypt, fingerprint, generate_key, needs_rotation, parse_keys
from channels_app.protocol.errors import ConfigError

OLD, NEW = b"o" * 32, b"n" * 32
CONTEXT = "Channel.settings.0b0f.client_secret"


@pytest.fixture(autouse=True, scope="module")
def keys():
    with override_settings(ENCRYPTION_KEYS=[OLD]):
        yield


@given(st.text(), st.text())
def test_what_was_encrypted_is_read_again(text, context):
    token = encrypt(text, context)
    assert decrypt(token, context) == text
    assert token.startswith("v1:")
    assert token.isascii()


def test_the_same_text_never_looks_the_same():
    assert encrypt("text", CONTEXT) != encrypt("text", CONTEXT)


@given(st.text(min_size=1), st.data())
def test_any_changed_character_is_noticed(text, data):
    token = encrypt(text, CONTEXT)
    place = data.draw(st.integers(0, len(token) - 1))
    changed = token[:place] + data.draw(st.characters(codec="utf-8")) + token[place + 1 :]
    assume(changed != token)
    with pytest.raises(ConfigError):
        decrypt(changed, CONTEXT)


@given(st.text())
def test_any_text_that_we_did_not_write_is_refused(text):
    for token in (text, "v1:" + text, ":".join(encrypt("x", CONTEXT).split(":")[:2]) + ":" + text):
        with pytest.raises(ConfigError):
            decrypt(token, CONTEXT)


@given(st.text(), st.text())
def test_a_secret_means_nothing_in_another_place(here, there):
    assume(here != there)
    with pytest.raises(ConfigError):
        decrypt(encrypt("text", here), there)


def test_the_first_key_encrypts_and_all_decrypt(settings):
    old = encrypt("text", CONTEXT)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    new = encrypt("text", CONTEXT)
    assert decrypt(old, CONTEXT) == decrypt(new, CONTEXT) == "text"
    assert needs_rotation(old)
    assert not needs_rotation(new)


def test_a_missing_key_is_named(settings):
    token = encrypt("text", CONTEXT)
    settings.ENCRYPTION_KEYS = [NEW]
    with pytest.raises(ConfigError, match=f"key {token.split(':')[1]}"):
        decrypt(token, CONTEXT)


def test_without_a_key_nothing_is_saved(settings):
    settings.ENCRYPTION_KEYS = []
    with pytest.raises(ConfigError, match="ENCRYPTION_KEYS"):
        encrypt("text", CONTEXT)


def test_a_generated_key_is_a_key():
    first, second = generate_key(), generate_key()
    assert first != second
    assert parse_keys(f" {first},{second} ,") == [base64.urlsafe_b64decode(first), base64.urlsafe_b64decode(second)]
    assert parse_keys(first.rstrip("=")) == parse_keys(first)


@pytest.mark.parametrize(
    "word", ["canary", "Y2FuYXJ5", "c" * 43 + "!", base64.b64encode(b"\xff" * 32).decode(), "ü" * 44]
)
def test_a_wrong_key_is_named_by_its_position_only(word):
    with pytest.raises(ValueError, match="key 2 must be 32 bytes") as caught:
        parse_keys(f"{generate_key()},{word}")
    assert word not in str(caught.value)


@pytest.mark.parametrize("text", ["", " , "])
def test_no_key_at_all_is_said(text):
    with pytest.raises(ValueError, match="at least one key"):
        parse_keys(text)


def test_keys_can_be_parsed_before_there_are_settings():
    code = "from channels_app.lib.encryption import generate_key, parse_keys; parse_keys(generate_key())"
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@given(st.text())
def test_a_fingerprint_gives_little_away(secret):
    shown = fingerprint(secret)
    assert shown == "" or (secret.endswith(shown) and len(shown) == 4 and len(secret) >= 16)


def test_a_long_secret_is_recognised_by_its_end():
    assert fingerprint("0123456789abcdef") == "cdef"
    assert fingerprint("0123456789abcde") == ""
