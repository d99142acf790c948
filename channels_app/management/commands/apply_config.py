"""`manage.py apply_config FILE`: bots and channels from a file."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from channels_app.channels import links
from channels_app.channels.configuration.apply import Applied, ConfigurationError, apply_configuration
from channels_app.codes import Problem
from channels_app.management.checked import CheckedCommand
from channels_app.models import Bot


class Command(CheckedCommand):
    help = (
        "Creates or updates the bots and channels in a file, all or none. JSON or YAML; whatever the file omits "
        "stays unchanged. docs/configuration.md explains the format."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="a .json or .yaml file; - reads standard input")
        parser.add_argument("--plan", action="store_true", help="show what would change, and change nothing")
        parser.add_argument("--json", action="store_true", help="print only the result, as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        is_plan: bool = options["plan"]
        try:
            applied = apply_configuration(read(options["file"]), options["file"], is_plan=is_plan)
        except ConfigurationError as error:
            problems = "\n".join(f"  - {problem}" for problem in error.problems)
            raise CommandError(f"The file is refused, and nothing was changed.\n{problems}") from None
        result = result_document(applied, is_plan=is_plan)
        if options["json"]:
            self.stdout.write(json.dumps(result, ensure_ascii=False, indent=2))
            return
        for one, document in zip(applied, [*result["bots"], *result["channels"]], strict=True):
            self.report(one, document)
        self.stdout.write("This was a plan: nothing was changed." if is_plan else summary(applied))

    def report(self, one: Applied, document: dict[str, Any]) -> None:
        self.stdout.write(f"{one.changed:<9}  {one.row._meta.verbose_name} “{one.row.name}”")
        for line in one.lines:
            self.stdout.write(f"             {line}")
        for key in ("reply_url", "webhook_url", "offload_url", "write_back_url"):
            if document.get(key):
                self.stdout.write(f"           {key}  {document[key]}")
        for warning in one.warnings:
            self.stderr.write(f"warning: {one.row._meta.verbose_name} “{one.row.name}”: {warning}")


def read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}.") from None


def summary(applied: list[Applied]) -> str:
    counts = {word: sum(one.changed == word for one in applied) for word in ("created", "updated", "unchanged")}
    return ", ".join(f"{count} {word}" for word, count in counts.items()) + "."


def result_document(applied: list[Applied], *, is_plan: bool = False) -> dict[str, list[dict[str, Any]]]:
    """For machines. What a plan would create has no addresses yet: null."""
    documents: dict[str, list[dict[str, Any]]] = {"bots": [], "channels": []}
    for one in applied:
        uuid = None if is_plan and one.changed == "created" else one.row.uuid
        named = {"name": one.row.name, "uuid": uuid and str(uuid)}
        if isinstance(one.row, Bot):
            urls = {"reply_url": uuid and links.reply_url(uuid)}
        else:
            provider = None if (is_plan and one.is_provider_new) or not one.provider else one.provider.uuid
            urls = {
                "webhook_url": uuid and links.webhook_url(uuid),
                "offload_url": provider and links.offload_url(provider),
                "write_back_url": provider and links.write_back_url(provider),
            }
        documents["bots" if isinstance(one.row, Bot) else "channels"].append(
            {**named, **urls, "changed": one.changed, "warnings": [_warning(problem) for problem in one.warnings]}
        )
    return documents


def _warning(problem: Problem) -> dict[str, str]:
    return {"code": str(problem.code), "text": problem.text}
