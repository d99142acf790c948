"""What all our commands have in common: none works on a database that this process can't read or write."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from channels_app.channels.readiness import NotReadyError, check_once
from channels_app.lib import outages


class CheckedCommand(BaseCommand):
    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            self.check_database(**options)
            return super().execute(*args, **options)
        except NotReadyError as error:
            raise CommandError(str(error)) from None
        except Error as error:
            trouble = outages.met(error)
            if trouble is None:
                raise
            raise CommandError(str(outages.problem_of(trouble))) from None

    def check_database(self, **options: Any) -> None:
        """Raises NotReadyError, and Django's errors."""
        check_once()
