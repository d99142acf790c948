"""`manage.py guard`: sees to it that nothing waits, without Celery and without Redis."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from channels_app.guard import Guard


class Command(BaseCommand):
    help = (
        "Watches over all conversations: wakes workers for what waits too long, frees what dead processes held, "
        "and works itself while no worker can be told. Run one on every machine."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="look once, say what was found, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        guard = Guard()
        if options["once"]:
            self.stdout.write(str(guard.look()))
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: guard.stop())
        self.stdout.write("The guard is watching.")
        guard.run()
