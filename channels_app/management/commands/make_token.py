"""`manage.py make_token USER NAME`: an API token, shown once."""

import getpass
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser

from channels_app.access.audit import Actor
from channels_app.access.tokens import DEFAULT_DAYS, MAX_DAYS, make_token
from channels_app.lib.clocks import database_now
from channels_app.management.checked import CheckedCommand
from channels_app.models import ApiToken


class Command(CheckedCommand):
    help = (
        "Creates an API token for a user and prints it; it is shown only this once. The token has its user's "
        'permissions. Example: manage.py make_token reporting "nightly report" --days 90'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="the user as whom a program with this token acts")
        parser.add_argument("name", metavar="NAME", help="what the token is for")
        parser.add_argument(
            "--days",
            type=int,
            default=DEFAULT_DAYS,
            help=f"days until it expires, 1 to {MAX_DAYS} (default: {DEFAULT_DAYS})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model()
        user = users._default_manager.filter(**{users.USERNAME_FIELD: options["user"]}).first()
        if user is None:
            raise CommandError(f"There is no user “{options['user']}”. Add one under People.")
        if not 1 <= options["days"] <= MAX_DAYS:
            raise CommandError(f"--days must be a number from 1 to {MAX_DAYS}.")
        ends_at = database_now() + timedelta(days=options["days"])
        row = ApiToken(user=user, name=options["name"][:100], expires_at=ends_at)
        self.stdout.write(make_token(row, Actor(name=getpass.getuser(), via="command")))
        self.stderr.write(f"It is valid until {ends_at:%d %b %Y}. Only its digest is stored: copy it now.")
