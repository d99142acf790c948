"""`manage.py replay`: do again what failed for good."""

import getpass
import time
from argparse import ArgumentTypeError
from collections import Counter
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from channels_app.conversations.wakeups import wake_a_worker
from channels_app.management.checked import CheckedCommand
from channels_app.management.progress import Progress
from channels_app.operations.replays import Replayed, Selection, plan_replay, replay_all


class Command(CheckedCommand):
    help = (
        "Retries events that failed for good, oldest first. Nothing is sent twice, and conversations that agents "
        "now have are skipped. Begin with --dry-run. "
        'Example: manage.py replay --channel "Acme EU" --since 2026-03-01T10:00 --dry-run'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--channel", default="", help="only events of the channel with this name")
        parser.add_argument(
            "--conversation", default="", help="only events of the conversation with this id in the inbox"
        )
        parser.add_argument("--since", type=_moment, help="only events received at or after this time")
        parser.add_argument("--until", type=_moment, help="only events received before this time")
        parser.add_argument("--reason", default="", help="only events whose recorded reason contains these words")
        parser.add_argument("--rate", type=float, default=5.0, help="at most this many events a second (default: 5)")
        parser.add_argument("--dry-run", action="store_true", help="print what would be done, change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        names = ("channel", "conversation", "since", "until", "reason")
        selection = Selection(**{name: options[name] for name in names})
        total = selection.events().count()
        if options["dry_run"]:
            found = selection.events().select_related("conversation").iterator()
            self._report("Would be", Counter(plan_replay(event) for event in found))
            return
        done: Counter[Replayed] = Counter()
        progress = Progress(total)
        try:
            for _, verdict in replay_all(selection, by=getpass.getuser()):
                done[verdict] += 1
                wake_a_worker()
                progress.show(sum(done.values()))
                time.sleep(1 / options["rate"])
        except KeyboardInterrupt:
            self.stderr.write("\nStopped; the rest is unchanged. The same command continues from here.")
        progress.end()
        self._report("Was", done)

    def _report(self, verb: str, counts: "Counter[Replayed]") -> None:
        if not counts:
            self.stdout.write("Nothing has failed for good in this selection.")
        for verdict in Replayed:
            if counts[verdict]:
                self.stdout.write(f"{verb} {verdict}: {counts[verdict]}")


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    if moment is None:
        raise ArgumentTypeError(f"“{text}” is not a time. Write it like 2026-03-01T10:00 (UTC), or append +01:00.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
