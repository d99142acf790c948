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
        "Does again what failed for good, oldest first. Nothing is said twice: what was sent stays sent, and "
        "conversations that agents have by now are skipped. Begin with --dry-run. "
        'Example: manage.py replay --channel "Acme EU" --since 2026-03-01T10:00 --dry-run'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--channel", default="", help="only of the channel with this name")
        parser.add_argument("--conversation", default="", help="only of the conversation with this id in the inbox")
        parser.add_argument("--since", type=_moment, help="only what came at or after this time")
        parser.add_argument("--until", type=_moment, help="only what came before this time")
        parser.add_argument("--reason", default="", help="only where the written reason holds these words")
        parser.add_argument("--rate", type=float, default=5.0, help="events a second at the most (default: 5)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, change nothing")

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
            self.stderr.write("\nStopped; the rest is as it was. The same command goes on from here.")
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
        raise ArgumentTypeError(f"“{text}” is no time. Write it like 2026-03-01T10:00 (UTC) or with +01:00 behind it.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
