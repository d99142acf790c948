"""Whether this process can work with the database that it was given; asked at every start, and by `/readyz`.

Its version, its tables, and whether what is encrypted there can be read with the keys of this process.
"""

import sys
import time
from collections.abc import Callable, Iterator

from django.db import Error, connection
from django.db.migrations.exceptions import NodeNotFoundError
from django.db.migrations.executor import MigrationExecutor

from channels_app.channels.live import remember_channels
from channels_app.lib import outages
from channels_app.lib.encryption import decrypt, encrypt
from channels_app.lib.postgres import waiting_at_most
from channels_app.models import Bot, Channel, KeyCheck
from channels_app.protocol.errors import ConfigError, MissingKeyError
from channels_app.protocol.labels import count_of
from offload.models import OffloadProvider

POSTGRES_LEAST = 15
"""The oldest major version that the tests run on: what Debian 12 has. Older ones lack NULLS NOT DISTINCT."""
ASK_S = 2.0
"""What `/readyz` waits for an answer."""
ASK_AGAIN_S = 1.0
MAX_NAMED = 5
_CHECK_PK = 1
_CHECK_CONTEXT = "channels_app.keycheck"
_CHECK = "chatbridge"


class NotReadyError(Exception):
    """This process must not work with this database; the text is for the person who started it.

    `is_final`: only a different environment will help. Otherwise it may be getting fixed right now, and a web
    process starts and says 503.
    """

    def __init__(self, text: str, *, is_final: bool) -> None:
        super().__init__(text)
        self.is_final = is_final


def check_database() -> None:
    """Raises NotReadyError, and Django's errors when it can't be asked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        version = cursor.fetchone()[0]
    if version < POSTGRES_LEAST:
        why = f"it is version {version}, and {POSTGRES_LEAST} or later is needed"
        raise NotReadyError(_unusable(why), is_final=True)
    missing = _missing_migrations()
    if missing:
        more = len(missing) - MAX_NAMED
        names = ", ".join([*missing[:MAX_NAMED], *([f"and {more} more"] if more > 0 else [])])
        raise NotReadyError(_unusable(f"migrations are missing: run manage.py migrate ({names})"), is_final=False)
    check_keys()


def check_keys() -> None:
    """Raises NotReadyError that names what can't be read; notes what the keys are known by, the first time."""
    unread = list(unreadable_secrets())
    if unread:
        lines = "".join(f"\n  - {name}: {error.detail}" for name, error in unread[:MAX_NAMED])
        more = f"\n  - and {len(unread) - MAX_NAMED} more" if len(unread) > MAX_NAMED else ""
        raise NotReadyError(
            f"CB-104: {count_of(len(unread), 'saved secret')} can't be read with the ENCRYPTION_KEYS of this process."
            f"{lines}{more}\nAdd the missing key after the current one. If it is lost for good, run "
            "manage.py reencrypt --forget-unreadable, and enter these secrets again.",
            is_final=True,
        )


def unreadable_secrets() -> Iterator[tuple[str, MissingKeyError]]:
    """What this process lacks the key for, by its name. Archived channels are no reason not to start."""
    rows = [*Bot.objects.all(), *Channel.objects.filter(archived_at=None)]
    providers = OffloadProvider.objects.filter(channel__archived_at=None).select_related("channel")
    owners = [(f"{row._meta.verbose_name} “{row}”", row.sealed_secrets()) for row in rows]
    owners += [(f"offload provider of channel “{row.channel}”", row.sealed_secrets()) for row in providers]
    for owner, secrets in [*owners, ("check of the keys", {"value": (_kept_check(), _CHECK_CONTEXT)})]:
        for name, (sealed, context) in secrets.items():
            try:
                decrypt(sealed, context)
            except MissingKeyError as error:
                yield f"{owner}, {name}", error
            except ConfigError:  # changed by hand: the channel's own trouble, told where it is used
                pass


def renew_check() -> None:
    """From now on the first of this process' keys is the installation's."""
    KeyCheck.objects.update_or_create(pk=_CHECK_PK, defaults={"check_encrypted": encrypt(_CHECK, _CHECK_CONTEXT)})


def _kept_check() -> str:
    row = KeyCheck.objects.filter(pk=_CHECK_PK).first()
    if row is None:
        first = KeyCheck(pk=_CHECK_PK, check_encrypted=encrypt(_CHECK, _CHECK_CONTEXT))
        KeyCheck.objects.bulk_create([first], ignore_conflicts=True)
        row = KeyCheck.objects.get(pk=_CHECK_PK)
    return row.check_encrypted


def _missing_migrations() -> list[str]:
    try:
        executor = MigrationExecutor(connection)
    except NodeNotFoundError as error:  # it has some of the migrations that others have replaced, and not all
        why = 'its tables are too old for this version to migrate: see "Upgrade" in docs/operations.md'
        raise NotReadyError(_unusable(why), is_final=False) from error
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def _unusable(why: str) -> str:
    return str(outages.problem_of(outages.Trouble(why)))


# --- who asks -----------------------------------------------------------------------------------------------------


_LOOK = """
SELECT current_setting('transaction_read_only') = 'on',
    (SELECT check_encrypted FROM channels_app_keycheck WHERE id = %s)
"""


class _Checked:
    """`has_passed`: this process has found that it can work with this database, and nothing has spoken against it."""

    has_passed = False


def forget() -> None:
    """Look again at the next question: a key was missing."""
    _Checked.has_passed = False


def check_once() -> None:
    """`check_database`, unless this process has passed it before."""
    if not _Checked.has_passed:
        check_database()
        _Checked.has_passed = True


def why_not_ready() -> str:
    """For `/readyz`, so without names: why this process should get no requests now; "" if it should."""
    with waiting_at_most(ASK_S):
        try:
            if not _Checked.has_passed:
                check_once()
                remember_channels()
            with connection.cursor() as cursor:
                cursor.execute(_LOOK, [_CHECK_PK])
                is_read_only, check = cursor.fetchone()
            if check is not None:
                decrypt(check, _CHECK_CONTEXT)
        except NotReadyError as error:
            return str(error).partition("\n")[0]
        except ConfigError as error:  # other processes go on with other keys
            return str(error.problem or error)
        except Error as error:
            trouble = outages.met(error)
            if trouble is None:
                raise
            return _unusable(trouble.why)
    if is_read_only:
        connection.close()  # its place may be taken by another server by now
        return _unusable(outages.READ_ONLY)
    return _unusable(outages.hidden()) if outages.hidden() else ""


def wait_until_usable(sleep: Callable[[float], None] = time.sleep) -> None:
    """For a process that can do nothing without PostgreSQL: wait for it, and end when it must not be used."""
    while True:
        try:
            check_once()
            return
        except NotReadyError as error:
            refuse(error)
        except Error as error:
            if outages.met(error) is None:
                raise
        sleep(ASK_AGAIN_S)


def refuse(error: NotReadyError, *, status: int = 1) -> None:
    """End this process with the sentence, and without a traceback."""
    sys.stderr.write(f"chatbridge can't start: {error}\n")
    sys.stderr.flush()
    raise SystemExit(status)
