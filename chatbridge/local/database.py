"""Django in the local run's own process: tables, the admin user, the demo's configuration."""

import json
import os
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import IO, Any

import django
from django.core.management import CommandError, call_command

from chatbridge.local.processes import LocalError

ADMIN = "admin"


def set_up_django(log: IO[str]) -> None:
    """Raises LocalError with the list of what is wrong in the environment. Log records go to `log`, not the screen."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")
    try:
        with redirect_stderr(log):
            django.setup()
    except SystemExit as error:  # the settings' list
        raise LocalError(str(error)) from error


def migrate(log: IO[str]) -> None:
    call_command("migrate", interactive=False, stdout=log, stderr=log)


def renew_admin_password(known: str, fresh: str) -> bool:
    """Gives the admin user the fresh password, unless its present one isn't the one we know: then False."""
    from django.contrib.auth import get_user_model  # models need a Django that is set up

    users = get_user_model().objects
    admin = users.filter(username=ADMIN).first()
    if admin is None:
        users.create_superuser(ADMIN, password=fresh)
        return True
    if not admin.check_password(known):
        return False
    admin.set_password(fresh)
    admin.save(update_fields=["password"])
    return True


def apply_configuration(file: Path) -> dict[str, Any]:
    """What `manage.py apply_config FILE --json` prints. Raises LocalError."""
    output = StringIO()
    try:
        call_command("apply_config", str(file), "--json", stdout=output)
    except CommandError as error:
        raise LocalError(f"The demo's configuration, {file}, is refused: {error}") from error
    result: dict[str, Any] = json.loads(output.getvalue())
    return result


def close_connections() -> None:
    """Ends the connection pool, so that PostgreSQL can stop at once."""
    from django.db import connection  # reads the settings
    from django.db.backends.postgresql.base import DatabaseWrapper

    connection.close()
    if isinstance(connection, DatabaseWrapper):
        connection.close_pool()
