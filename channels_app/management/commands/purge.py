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
"""Between two batches: the bridge goes on working meanwhile."""


class Command(CheckedCommand):
    help = (
        "Deletes the texts of messages, the bodies of events and calls, what bots sent with a handover, and what "
        "names contacts, once their channel's time for texts is over. Times, outcomes and codes stay. The guards do "
        "this every hour; use it after a channel's time was made shorter. Begin with --dry-run. "
        "Example: manage.py purge --days 7 --dry-run"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, help="keep so many days of all channels, instead of each one's own")
        parser.add_argument("--dry-run", action="store_true", help="say how many events it is about, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if days is not None and days < 1:
            raise CommandError("Keep one day at least: --days 1. What is being talked about now is needed.")
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
                time.sleep(max(PAUSE_S, purged.took_s))  # somebody wants it done: half of the time at most
        except KeyboardInterrupt:
            self.stderr.write("\nStopped; what is deleted is deleted. The same command goes on from here.")
        progress.end()
        self._report("were", done)

    def _report(self, verb: str, counts: "Counter[str]") -> None:
        if not any(counts.values()):
            self.stdout.write("No text is old enough.")
        for channel, events in counts.items():
            if events:
                self.stdout.write(f"{channel}: texts of {count_of(events, 'event')} {verb} deleted")
