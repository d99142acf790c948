"""`manage.py explain`: why the bot did not answer, for anything that identifies a conversation."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from channels_app.lib.zones import zone_words
from channels_app.management.checked import CheckedCommand
from channels_app.operations.explanations import Check, Explanation, State
from channels_app.operations.explanations.gather import explain
from channels_app.operations.explanations.silences import explain_silence
from channels_app.operations.search import ConversationLine, find_conversations
from channels_app.protocol.labels import milliseconds, visible

NOT_FOUND = 1
"""Exit code when nothing fits."""
MAX_OTHERS = 10
SIGNS = {State.OK: "✓", State.FAILED: "✗", State.STOPPED: "■", State.WAITING: "…", State.SKIPPED: "–"}


class Command(CheckedCommand):
    help = (
        "Explains why the bot did not answer the last message of a conversation, or a given one. Accepts what the "
        "pages' search box accepts: an id or address from Sparkcentral, a contact, “event 12”, a trace id, words "
        "from a message. Example: manage.py explain 0-01e67a8c216-000-8c9ea98e"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("term", nargs="+", metavar="TERM", help="anything that identifies the conversation")
        parser.add_argument("--json", action="store_true", help="JSON output, the same as from the API")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = find_conversations(" ".join(options["term"]), reads_text=True).lines
        found = lines[0] if lines else None
        told = explain(found.conversation.pk, found.event_id) if found else explain_silence()
        if options["json"]:
            self.stdout.write(json.dumps(told.to_json(), cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))
        else:
            told_lines = [*_head(found), *explanation_lines(told), *_others(lines[1:])]
            self.stdout.write("\n".join(visible(line) for line in told_lines))
        if found is None:
            sys.exit(NOT_FOUND)


def _head(found: ConversationLine | None) -> Iterator[str]:
    if found:
        row = found.conversation
        yield f"Conversation {row.external_id} on {row.channel}, {row.get_owner_display()}"


def _others(lines: tuple[ConversationLine, ...]) -> Iterator[str]:
    if lines:
        yield f"\n{len(lines)} more match; name one by its id:"
        yield from (f"  {line.conversation.external_id}" for line in lines[:MAX_OTHERS])


def explanation_lines(told: Explanation) -> Iterator[str]:
    """An explanation for a terminal."""
    if told.refusing:
        yield f"{told.refusing.text} {told.refusing.problem.code}, the last at {told.refusing.refused_at:%H:%M:%S} UTC"
    yield told.headline
    yield zone_words() if any(check.at for check in told.checks) else ""
    for check in told.checks:
        yield from _check_lines(check)
    if told.cause:
        yield f"\nWhy: {told.cause}"
    if told.repairs:
        yield "What to do:"
        yield from (f"  - {repair}" for repair in told.repairs)


def _check_lines(check: Check) -> Iterator[str]:
    at = f"{check.at:%H:%M:%S}.{check.at.microsecond // 1000:03}" if check.at else ""
    word = "" if check.state is State.OK else f" ({check.state.word})"
    took = milliseconds(check.took_ms) if check.took_ms is not None else ""
    more = "  ".join(filter(None, (check.detail, took, check.code)))
    yield f"{SIGNS[check.state]} {at:12}  {check.title}{word}{'  ' if more else ''}{more}"
    for one in check.tries:
        parts = (one.detail, milliseconds(one.took_ms), one.code, f"call {one.exchange_id}")
        yield f"{'':16}{SIGNS[one.state]} try {one.n}  {'  '.join(filter(None, parts))}"
