"""`manage.py purge`: delete texts whose time is over, now."""

import time
from collections import Counter
from typing import Any

from django.core.management.base import CommandError, CommandParser

from channels_app.management.checked import CheckedCommand
from channels_app.management.progress import Progress
from channels_app.protocol.labels import count_of
from channels_app.upkeep.retention import count_due, purge_texts

PAUSE_S = 0.05
"""Between two batches, so that the bridge can keep working."""


class Command(CheckedCommand):
    help = (
        "Deletes message texts, the bodies of events and calls, data that bots sent with a handover, and contact "
        "names, once past their channel's retention period. Times, outcomes and codes stay. The guards do this "
        "every hour; use it after shortening a channel's period. Begin with --dry-run. "
        "Example: manage.py purge --days 7 --dry-run"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days", type=int, help="keep this many days for all channels, instead of each channel's setting"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print how many events this would affect, change nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if days is not None and days < 1:
            raise CommandError("Keep at least one day: --days 1. Current conversations need their texts.")
        due = count_due(days=days)
        if options["dry_run"]:
            self._report("would be", due)
            return
        done: Counter[str] = Counter()
        progress = Progress(sum(due.values()))
        try:
            for purged in purge_texts(days=days):
                done[purged.channel] += purged.events
                progress.show(sum(done.values()))
                time.sleep(max(PAUSE_S, purged.took_s))  # an operator wants it done: half of the time at most
        except KeyboardInterrupt:
            self.stderr.write("\nStopped; what has been deleted stays deleted. The same command continues from here.")
        progress.end()
        self._report("were", done)

    def _report(self, verb: str, counts: "Counter[str]") -> None:
        if not any(counts.values()):
            self.stdout.write("No text is old enough.")
        for channel, events in counts.items():
            if events:
                self.stdout.write(f"{channel}: texts of {count_of(events, 'event')} {verb} deleted")
