"""manage.py simulator: an inbox and bots on one port, until Ctrl-C."""

import asyncio
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Serves the simulator."""

    help = "Simulates Sparkcentral, and bots: Chatlayer, Rasa, Dify, Direct Line, Dialogflow, a model and a demo bot."
    requires_system_checks: list[str] = []  # nothing of the bridge is used

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where, and how much is kept."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
        parser.add_argument("--port", type=int, default=9000, help="0 picks a free one (default: 9000)")
        parser.add_argument("--verbose", action="store_true", help="one line per request")
        parser.add_argument("--ledger", type=int, default=200_000, help="requests kept in the ledger")
        parser.add_argument(
            "--slow", type=float, default=3.0, help='how many seconds the demo bot takes to answer "slow"'
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until SIGINT or SIGTERM."""
        try:
            from chatbridge.simulator.server import Options, serve
        except ModuleNotFoundError as error:
            if error.name != "aiohttp":
                raise
            raise CommandError("The simulator needs aiohttp: pip install -r requirements-dev.txt") from None
        chosen = Options(
            host=options["host"],
            port=options["port"],
            is_verbose=options["verbose"],
            ledger_size=options["ledger"],
            slow_s=options["slow"],
        )
        try:
            asyncio.run(serve(chosen, self._say_ready))
        except OSError as error:
            raise CommandError(
                f"Can't listen on {chosen.host}:{chosen.port}: {error.strerror}. Try --port 0"
            ) from None

    def _say_ready(self, url: str) -> None:
        self.stdout.write(f"Simulator ready at {url}")
        self.stdout.flush()
