"""`manage.py reencrypt`: the second step of a change of encryption keys."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from channels_app.management.checked import CheckedCommand
from channels_app.protocol.errors import ConfigError
from channels_app.protocol.labels import count_of
from channels_app.upkeep.reencryption import forget_unreadable, reencrypt_all


class Command(CheckedCommand):
    help = (
        "Encrypts all saved secrets with the first key of ENCRYPTION_KEYS; afterwards the other keys can be "
        "removed. Safe to repeat, and to run while the bridge works."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--forget-unreadable",
            action="store_true",
            help="a key is lost for good: clear the secrets that need it, and list them",
        )

    def check_database(self, **options: Any) -> None:
        if not options["forget_unreadable"]:
            super().check_database(**options)

    def handle(self, *args: Any, **options: Any) -> None:
        done = 0
        if options["forget_unreadable"]:
            for name in forget_unreadable():
                self.stdout.write(f"Cleared, to be entered again: {name}")
        try:
            for name in reencrypt_all():
                done += 1
                self.stdout.write(f"Re-encrypted: {name}")
        except ConfigError as error:
            raise CommandError(f"After {count_of(done, 'row')}: {error.problem or error.detail}") from error
        self.stdout.write(
            f"{count_of(done, 'row')}. Access tokens renew themselves within the hour; after that remove the old keys."
        )
