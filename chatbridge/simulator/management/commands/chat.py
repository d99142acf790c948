"""manage.py chat: be a contact, in the terminal."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatbridge.environment import Environment
from chatbridge.simulator.control_client import Api, SimulatorError
from chatbridge.simulator.terminal import Chat


class Command(BaseCommand):
    """A conversation through the simulator's inbox."""

    help = "Talk to one of the simulator's virtual agents as a contact; lines can also be piped in."
    requires_system_checks: list[str] = []  # nothing of the bridge is used

    def add_arguments(self, parser: ArgumentParser) -> None:
        """With whom, as whom, and what."""
        parser.add_argument("--simulator", default="http://127.0.0.1:9000", help="URL of the running simulator")
        parser.add_argument(
            "--wait",
            type=float,
            default=0,
            metavar="SECONDS",
            help="how long to wait for a simulator that is starting",
        )
        parser.add_argument(
            "--run-file",
            type=Path,
            metavar="FILE",
            help="what `make run` writes when it is ready: its SIMULATOR_URL counts as soon as it is there",
        )
        parser.add_argument("--virtual-agent", help="id or name (default: the first)")
        parser.add_argument("--as", dest="contact", default="Johan", help="the contact's name")
        parser.add_argument("--medium", default="", help="default: whatsapp; rtm shows buttons")
        parser.add_argument("--conversation", help="continue this one")
        parser.add_argument("text", nargs="*", metavar="TEXT", help="send only this, print the answer, and exit")

    def handle(self, *args: Any, **options: Any) -> None:
        """Interactive at a terminal, line by line otherwise."""
        api = Api(options["simulator"])
        chat = Chat(
            api,
            virtual_agent=options["virtual_agent"],
            contact=options["contact"],
            medium=options["medium"],
            conversation=options["conversation"],
            is_coloured=sys.stdout.isatty() and not options["no_color"],
        )
        try:
            api.await_virtual_agent(options["wait"], self.stderr.write, lambda: _address(**options))
            if options["text"]:
                chat.run_lines([" ".join(options["text"])])
            elif sys.stdin.isatty():
                chat.run_interactive()
            else:
                chat.run_lines(sys.stdin)
        except SimulatorError as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            self.stdout.write("")


def _address(*, simulator: str, run_file: Path | None, **_: Any) -> str:
    environment = Environment({})
    if run_file:
        environment.add_defaults(run_file)
    return environment.text("SIMULATOR_URL", simulator)
