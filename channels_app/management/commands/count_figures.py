"""`manage.py count_figures`: recount past figures."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser

from channels_app.lib.clocks import database_now
from channels_app.management.checked import CheckedCommand
from channels_app.management.progress import Progress
from channels_app.operations.figures.counting import count_span
from channels_app.protocol.labels import count_of

HOURS_OF_A_DAY = 24


class Command(CheckedCommand):
    help = (
        "Recounts the dashboard's figures from the events, e.g. after an upgrade from a version without them, or a "
        "restore. The guards count the last day themselves. Refused requests and the number waiting are not in any "
        "event: they stay as first counted. Example: manage.py count_figures --days 14"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=7, help="how many days back (default: 7)")

    def handle(self, *args: Any, **options: Any) -> None:
        now, days = database_now(), max(options["days"], 1)
        progress = Progress(days * HOURS_OF_A_DAY + 1)
        hours = 0
        for hours, _ in enumerate(count_span(now - timedelta(days=days), now), start=1):
            progress.show(hours)
        progress.end()
        self.stdout.write(f"Counted {count_of(hours, 'hour')}.")
