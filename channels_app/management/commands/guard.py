"""`manage.py guard`: sees to it that nothing waits, without Celery and without Redis."""

import signal
import sys
from typing import Any

from django.core.management.base import CommandParser
from django.db import Error

from channels_app.channels.readiness import NotReadyError, check_once, wait_until_usable
from channels_app.codes import Severity
from channels_app.lib import outages
from channels_app.management.checked import CheckedCommand
from channels_app.operations.workload import queue_facts
from channels_app.protocol.labels import count_of
from channels_app.upkeep.guard import Guard

WARNING, CRITICAL = 1, 2
"""Exit codes as monitors of the Nagios family read them; 0 is fine."""


class Command(CheckedCommand):
    help = (
        "Watches over all conversations: wakes workers for overdue work, frees conversations held by dead "
        "processes, and processes turns itself while no worker can be reached. Run one on every machine."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do one sweep, print what was found, and exit")
        parser.add_argument(
            "--check",
            action="store_true",
            help="print problems, for monitoring: exit code 0 fine, 1 warning, 2 error",
        )

    def check_database(self, **options: Any) -> None:
        """PostgreSQL is waited for: a guard starts with its machine. A monitor wants to know at once."""
        if options["once"]:
            super().check_database()
        elif not options["check"]:
            wait_until_usable()

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            sys.exit(self._check())
        guard = Guard()
        if options["once"]:
            self.stdout.write(str(guard.sweep()))
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: guard.stop())
        self.stdout.write("The guard is watching.")
        guard.run()

    def _check(self) -> int:
        try:
            check_once()
            facts = queue_facts()
        except NotReadyError as error:
            self.stdout.write(str(error))
            return CRITICAL
        except Error as error:
            trouble = outages.met(error)
            if trouble is None:
                raise
            self.stdout.write(str(outages.problem_of(trouble)))
            return CRITICAL
        for problem in facts.problems:
            self.stdout.write(str(problem))
        if any(problem.code.severity is Severity.ERROR for problem in facts.problems):
            return CRITICAL
        if facts.problems:
            return WARNING
        self.stdout.write(f"Fine: {count_of(facts.queue.waiting, 'conversation')} waiting.")
        return 0
