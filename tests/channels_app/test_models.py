"""Secrets in rows: encrypted at rest, bound to their row, and replaceable when their key is lost."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from channels_app.models import Bot, Channel
from channels_app.protocol.errors import ConfigError
from offload.models import OffloadProvider
from tests.builders import SHARED_SECRET, TOKEN, make_bot, make_channel

pytestmark = pytest.mark.django_db
OTHER_KEY = [b"another key of exactly 32 bytes!"]


def everything_in(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(string_agg(row::text, ' '), '') FROM {table} AS row")
        return str(cursor.fetchone()[0])


def test_no_secret_is_readable_in_the_database() -> None:
    channel = make_channel()
    provider = OffloadProvider(channel=channel)
    provider.verify_token, provider.write_back_secret = "verify-canary-of-tests", "ab" * 16
    provider.save()
    tables = ("channels_app_channel", "channels_app_bot", "offload_offloadprovider")
    stored = "".join(everything_in(table) for table in tables)
    assert channel.clear_settings()["client_id"] in stored  # it looks at the right place
    for secret in (TOKEN, SHARED_SECRET, "client-secret-of-the-tests", "verify-canary-of-tests", "ab" * 16):
        assert secret not in stored


def test_what_did_not_change_keeps_its_ciphertext() -> None:
    bot = make_bot()
    before = dict(bot.settings)
    bot.put_settings({**bot.clear_settings(), "timeout_s": 5})
    assert bot.settings["token"] == before["token"]
    bot.put_settings({**bot.clear_settings(), "token": "a new token"})
    assert bot.settings["token"] != before["token"]
    assert bot.clear_settings()["token"] == "a new token"


def test_a_ciphertext_is_worth_nothing_in_another_row() -> None:
    thief = make_bot()
    thief.settings["token"] = make_bot().settings["token"]
    with pytest.raises(ConfigError):
        thief.clear_settings()


def test_a_secret_whose_key_is_lost_can_be_given_anew(settings: Any) -> None:
    bot = make_bot()
    settings.ENCRYPTION_KEYS = OTHER_KEY
    with pytest.raises(ConfigError):
        bot.clear_settings()
    bot.put_settings({"url": "http://bot.test/bot", "token": "given anew"})
    assert bot.clear_settings()["token"] == "given anew"


def test_the_first_key_encrypts_and_all_decrypt(settings: Any) -> None:
    channel = make_channel(bot=None)
    settings.ENCRYPTION_KEYS = [*OTHER_KEY, *settings.ENCRYPTION_KEYS]
    assert Channel.objects.get(pk=channel.pk).shared_secret == SHARED_SECRET


def test_saving_encrypts_with_the_newest_key(settings: Any) -> None:
    bot = make_bot()
    settings.ENCRYPTION_KEYS = [*OTHER_KEY, *settings.ENCRYPTION_KEYS]
    bot.put_settings(bot.clear_settings())
    settings.ENCRYPTION_KEYS = OTHER_KEY
    assert bot.clear_settings()["token"] == TOKEN


def test_each_save_is_a_new_revision_for_other_processes() -> None:
    bot = make_bot()
    revision = bot.revision
    bot.save()
    assert Bot.objects.get(pk=bot.pk).revision == revision + 1


def test_after_reencrypt_the_old_keys_can_go(settings: Any) -> None:
    channel = make_channel()
    provider = OffloadProvider(channel=channel)
    provider.verify_token, provider.write_back_secret = "verify-canary-of-tests", "ab" * 16
    provider.save()
    settings.ENCRYPTION_KEYS = [*OTHER_KEY, *settings.ENCRYPTION_KEYS]
    call_command("reencrypt", stdout=StringIO())
    settings.ENCRYPTION_KEYS = OTHER_KEY
    channel.refresh_from_db()
    assert channel.shared_secret == SHARED_SECRET
    assert channel.clear_settings()["client_secret"].startswith("client-secret")
    assert channel.bot is not None
    assert channel.bot.clear_settings()["token"] == TOKEN
    assert OffloadProvider.objects.get().verify_token == "verify-canary-of-tests"


def test_reencrypt_says_which_key_is_missing(settings: Any) -> None:
    make_bot()
    settings.ENCRYPTION_KEYS = OTHER_KEY
    with pytest.raises(CommandError, match="key"):
        call_command("reencrypt", stdout=StringIO())
