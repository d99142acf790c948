"""`manage.py reencrypt`: the second step of a change of encryption keys."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from channels_app.errors import ConfigError
from channels_app.rekeying import reencrypt_all


class Command(BaseCommand):
    help = (
        "Encrypts all saved secrets with the first key of ENCRYPTION_KEYS; afterwards the other keys can go. "
        "Safe to repeat, and to run while the bridge works."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = 0
        try:
            for name in reencrypt_all():
                done += 1
                self.stdout.write(f"Encrypted anew: {name}")
        except ConfigError as error:
            raise CommandError(f"After {done} row(s): {error.problem or error.detail}") from error
        self.stdout.write(
            f"{done} row(s). Access tokens renew themselves within the hour; then take the old keys away."
        )
