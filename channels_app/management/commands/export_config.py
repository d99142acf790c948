"""`manage.py export_config`: bots and channels as a file for `apply_config`."""

import json
from typing import Any

from django.core.management.base import CommandParser

from channels_app.channels.configuration.export import as_yaml, export_configuration
from channels_app.management.checked import CheckedCommand


class Command(CheckedCommand):
    help = (
        "Writes all bots and channels in the format that apply_config reads. It contains no secrets, only "
        "references such as ${ENV:ACME_EU_CLIENT_SECRET}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="write JSON instead of YAML")

    def handle(self, *args: Any, **options: Any) -> None:
        document, variables = export_configuration()
        if options["json"]:
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))
            return
        self.stdout.write(as_yaml(document, variables))
