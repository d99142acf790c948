"""What a process must find in its database before it works with it: version, tables, and secrets that it can read."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.exceptions import NodeNotFoundError
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Q
from django.test import Client

from channels_app.channels import readiness
from channels_app.channels.live import forget_channels
from channels_app.conversations.claim import claim_due_conversation
from channels_app.lib import encryption
from channels_app.models import Bot, Channel, KeyCheck, WebhookEvent
from channels_app.protocol.errors import MissingKeyError
from channels_app.turns import handle
from channels_app.turns.pump import Pump
from offload.models import OffloadProvider
from tests.bridge import BASE_DIR, PATIENCE_S, database_of_this_test, fresh_database
from tests.builders import make_channel, make_event
from tests.conftest import Walker

pytestmark = pytest.mark.django_db

OTHER_KEY = b"x" * 32


@pytest.fixture
def other_keys(channel: Channel, settings: Any) -> Channel:
    """A channel, its bot and its provider, and a process that was started with another key."""
    provider = OffloadProvider(channel=channel)
    provider.verify_token = "verify-token-of-the-tests"
    provider.save()
    readiness.check_database()
    settings.ENCRYPTION_KEYS = [OTHER_KEY]
    forget_channels()
    return channel


def test_what_can_not_be_read_is_named(other_keys: Channel) -> None:
    with pytest.raises(readiness.NotReadyError) as caught:
        readiness.check_database()
    text = str(caught.value)
    assert caught.value.is_final
    for name in (f"channel “{other_keys}”, shared_secret", f"bot “{other_keys.bot}”, token", "verify_token", "check"):
        assert name in text
    assert "client-secret" not in text
    assert "reencrypt --forget-unreadable" in text


def test_other_keys_are_noticed_where_no_secret_is_saved_yet(db: None, settings: Any) -> None:
    readiness.check_database()
    settings.ENCRYPTION_KEYS = [OTHER_KEY]
    with pytest.raises(readiness.NotReadyError, match="check of the keys"):
        readiness.check_database()


def test_an_archived_channel_is_no_reason(channel: Channel, settings: Any, django_user_model: Any) -> None:
    from django.utils import timezone

    Channel.objects.update(archived_at=timezone.now(), bot=None)
    Bot.objects.all().delete()
    settings.ENCRYPTION_KEYS = [OTHER_KEY]
    readiness.check_database()


@pytest.mark.parametrize("command", ["export_config", "replay", "explain", "apply_config", "purge"])
def test_no_command_works_with_other_keys(other_keys: Channel, command: str) -> None:
    arguments = {"apply_config": ["-"], "explain": ["x"]}.get(command, [])
    with pytest.raises(CommandError, match="can't be read"):
        call_command(command, *arguments, stdout=StringIO())


def test_a_key_that_is_lost_for_good_can_be_forgotten(other_keys: Channel) -> None:
    with pytest.raises(CommandError, match="can't be read"):
        call_command("reencrypt", stdout=StringIO())
    output = StringIO()
    call_command("reencrypt", "--forget-unreadable", stdout=output)
    assert "Cleared, to be entered again" in output.getvalue()
    readiness.check_database()
    other_keys.refresh_from_db()
    assert other_keys.shared_secret == ""
    assert not KeyCheck.objects.get().check_encrypted.startswith("v1::")


def test_after_reencrypt_the_check_belongs_to_the_new_key(channel: Channel, settings: Any) -> None:
    readiness.check_database()
    settings.ENCRYPTION_KEYS = [OTHER_KEY, *settings.ENCRYPTION_KEYS]
    call_command("reencrypt", stdout=StringIO())
    settings.ENCRYPTION_KEYS = [OTHER_KEY]
    readiness.check_database()


# --- a process that runs ------------------------------------------------------------------------------------------


def test_an_event_that_nobody_can_verify_is_handed_over_inline(other_keys: Channel, client: Client) -> None:
    Channel.objects.update(fallback_text="One moment.")
    walker = Walker(client, other_keys)
    response = walker.post(make_event())
    assert response.status_code == 200
    assert response.json()["complete"] == "HANDOVER"
    assert response.json()["sendMessage"] == {"text": "One moment."}
    assert not WebhookEvent.objects.exists()
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert "ENCRYPTION_KEYS" in ready.json()["why"]
    assert other_keys.name not in ready.json()["why"]


def test_a_process_with_an_older_list_verifies_with_what_it_knows(walker: Walker, settings: Any) -> None:
    """An admin has saved the channel with a new key in another process."""
    assert walker.post(make_event("CONVERSATION_STARTED")).json() == {}
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [OTHER_KEY, *old]
    call_command("reencrypt", stdout=StringIO())
    settings.ENCRYPTION_KEYS = old
    assert walker.client.get("/readyz").status_code == 503
    assert walker.post(make_event()).json() == {}  # what it holds in clear is as it was
    Channel.objects.get().save()
    assert walker.post(make_event()).json()["complete"] == "HANDOVER"
    assert walker.post(make_event(), secret="11" * 32).status_code == 401


def test_keys_of_a_file_are_read_again(channel: Channel, settings: Any, tmp_path: Path) -> None:
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [OTHER_KEY, *old]
    call_command("reencrypt", stdout=StringIO())
    channel.refresh_from_db()
    settings.ENCRYPTION_KEYS = old
    with pytest.raises(MissingKeyError):
        channel.clear_settings()
    file = tmp_path / "keys"
    file.write_text(",".join(base64.urlsafe_b64encode(key).decode() for key in [OTHER_KEY, *old]))
    settings.ENCRYPTION_KEYS_FILE = str(file)
    encryption.forget_reload()
    assert channel.clear_settings()["client_secret"]


def test_a_worker_without_the_key_leaves_the_conversation_to_others_unharmed(
    walker: Walker, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    walker.post(make_event())
    old = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = [OTHER_KEY, *old]
    call_command("reencrypt", stdout=StringIO())
    settings.ENCRYPTION_KEYS = old
    forget_channels()
    walker.let_time_pass()
    pump = Pump("worker")
    lease = claim_due_conversation(pump.keeper.slot)
    assert lease is not None
    pump._take_step(lease, handle.take_step)
    event = WebhookEvent.objects.get()
    assert (event.outcome, event.attempts) == (None, 0)
    assert pump._claim() is None  # it rests
    assert "CB-104" in caplog.text
    settings.ENCRYPTION_KEYS = [OTHER_KEY]
    walker.work()
    assert walker.outcomes() == ["replied"]


# --- tables and version -------------------------------------------------------------------------------------------


def test_missing_migrations_are_told_by_ready_and_by_commands(client: Client) -> None:
    newest = MigrationRecorder(connection).migration_qs.filter(app="offload").latest("name")
    newest.delete()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "migrations are missing" in response.json()["why"]
    with pytest.raises(CommandError, match="migrations are missing"):
        call_command("export_config", stdout=StringIO())


@pytest.mark.parametrize(
    ("app", "applied"),
    [("channels_app", "0010_hot_rows"), ("channels_app", "0043_alerts"), ("offload", "0014_queue")],
)
def test_a_database_from_amid_the_replaced_migrations_is_told(client: Client, app: str, applied: str) -> None:
    """Neither taken for a migrated one, nor for one that `migrate` would help."""
    recorded = MigrationRecorder(connection).migration_qs.filter(app=app)
    recorded.filter(Q(name__gt=applied) | Q(name__contains="squashed")).delete()
    response = client.get("/readyz")
    assert response.status_code == 503
    assert "too old for this version to migrate" in response.json()["why"]
    with pytest.raises(NodeNotFoundError, match="some of the replaced migrations are already applied"):
        call_command("migrate", stdout=StringIO())


def test_an_old_postgresql_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "POSTGRES_LEAST", 99)
    with pytest.raises(readiness.NotReadyError, match="99 or later") as caught:
        readiness.check_database()
    assert caught.value.is_final


START = {
    "guard": ["manage.py", "guard"],
    "worker": ["-m", "celery", "-A", "chatbridge", "worker"],
    "web": ["-m", "gunicorn", "chatbridge.wsgi", "--bind", "127.0.0.1:0"],
}


def refusals(names: Iterable[str], database_url: str, **changes: str) -> dict[str, str]:
    """What each of these processes says, started at once, when it ends by itself with a failure."""
    environment = os.environ | {"DATABASE_URL": database_url, "DEBUG": "0", "WEB_CONCURRENCY": "1"} | changes

    def start(name: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, *START[name]]
        return subprocess.run(
            command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    with ThreadPoolExecutor() as pool:
        done = dict(zip(names, pool.map(start, names), strict=True))
    assert all(process.returncode for process in done.values()), done
    return {name: process.stderr for name, process in done.items()}


def test_guard_and_worker_do_not_start_on_a_database_without_tables() -> None:
    with fresh_database() as url:
        said = refusals(["guard", "worker"], url)
    for name, text in said.items():
        assert "migrations are missing: run manage.py migrate" in text, name
        assert "Traceback" not in text, name


@pytest.mark.django_db(transaction=True)
def test_no_process_starts_with_other_keys() -> None:
    make_channel()
    readiness.check_database()
    keys = base64.urlsafe_b64encode(OTHER_KEY).decode()
    said = refusals(START, database_of_this_test(), ENCRYPTION_KEYS=keys)
    for name, text in said.items():
        assert "shared_secret" in text, name
        assert "Traceback" not in text, name
