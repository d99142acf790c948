"""`manage.py guard`: sees to it that nothing waits, without Celery and without Redis."""

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from channels_app.codes import Severity
from channels_app.guard import Guard
from channels_app.wording import count_of
from channels_app.workload import queue_facts

WARNING, CRITICAL = 1, 2
"""Exit codes as monitors of the Nagios family read them; 0 is fine."""


class Command(BaseCommand):
    help = (
        "Watches over all conversations: wakes workers for what waits too long, frees what dead processes held, "
        "and works itself while no worker can be told. Run one on every machine."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="look once, say what was found, and end")
        parser.add_argument(
            "--check",
            action="store_true",
            help="say what is wrong, for a monitor: exit code 0 fine, 1 warning, 2 error",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            sys.exit(self._check())
        guard = Guard()
        if options["once"]:
            self.stdout.write(str(guard.look()))
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: guard.stop())
        self.stdout.write("The guard is watching.")
        guard.run()

    def _check(self) -> int:
        try:
            facts = queue_facts()
        except DatabaseError as error:
            self.stdout.write(f"PostgreSQL does not answer: {error}")
            return CRITICAL
        for problem in facts.problems:
            self.stdout.write(str(problem))
        if any(problem.code.severity is Severity.ERROR for problem in facts.problems):
            return CRITICAL
        if facts.problems:
            return WARNING
        self.stdout.write(f"Fine: {count_of(facts.queue.waiting, 'conversation')} waiting.")
        return 0
