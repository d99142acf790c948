"""`manage.py export_config`: bots and channels as a file for `apply_config`."""

import json
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandParser

from channels_app.configuration_export import export_configuration

WIDTH = 120  # characters of a line of YAML


class Command(BaseCommand):
    help = (
        "Writes all bots and channels in the form that apply_config reads. "
        "Secrets are not in it: they are references such as ${ENV:ACME_EU_CLIENT_SECRET}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="write JSON instead of YAML")

    def handle(self, *args: Any, **options: Any) -> None:
        document, variables = export_configuration()
        if options["json"]:
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))
            return
        if variables:
            self.stdout.write(
                "# Before apply_config, set these variables (or NAME_FILE for a file that holds the value):"
            )
            self.stdout.write("".join(f"#   {name}\n" for name in variables))
        self.stdout.write(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=WIDTH))
