"""A conversation as a download: as text, as JSON, or as a bug report without any message texts."""

from collections.abc import Iterable
from dataclasses import asdict
from itertools import chain
from typing import Any

from django.conf import settings
from django.utils.timezone import localtime

from channels_app.lib.attributes import attributes
from channels_app.lib.clocks import database_now
from channels_app.lib.masking import MASK, QUOTING_KEYS, without_values
from channels_app.lib.zones import zone_words
from channels_app.models import ContactRow, Conversation, Exchange, MessageRow
from channels_app.operations.explanations.gather import explain
from channels_app.operations.transcripts import Line, Text, Transcript, load_transcript
from channels_app.protocol.labels import one_line, visible

MAX_EVENTS = 1000
"""Of one export: a conversation of months."""
MAX_CALLS = 100
MAX_WORDS = 1000
"""Messages whose words are looked for in a report, the latest."""
_INSTEAD = {
    Text.MASKED: "(hidden)",
    Text.DELETED: "(deleted)",
    Text.NONE: "(no text)",
    Text.WAITING: "(not handled yet)",
}


def transcript_text(transcript: Transcript) -> str:
    """One line for each thing, with the date."""
    conversation = transcript.conversation
    head = [
        f"Conversation {one_line(conversation.external_id)}",
        f"Channel: {one_line(str(conversation.channel))}",
        f"Contact: {one_line(transcript.contact) or 'unknown'}",
        f"Now: {conversation.get_owner_display()}",
        f"Exported: {localtime(database_now()):%Y-%m-%d %H:%M:%S}. {zone_words()}",
        "",
    ]
    return "\n".join([*head, *(_text_line(line) for line in transcript.lines)]) + "\n"


def _text_line(line: Line) -> str:
    said = visible(line.text).replace("\n", "\n    ") or _INSTEAD.get(line.state, "")
    words = [
        said,
        one_line(line.attachment_url),
        f"[{line.fate}]" if line.fate else "",
        f"[{line.code}]" if line.code else "",
        f"({one_line(line.detail)})" if line.detail else "",
    ]
    local = localtime(line.at)
    at = f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03}"
    return f"{at} {one_line(line.name)}: {' '.join(filter(None, words))}"


def transcript_json(transcript: Transcript) -> dict[str, Any]:
    """The same for programs; times are datetimes, left to the encoder."""
    conversation = transcript.conversation
    return {
        "conversation": conversation.pk,
        **attributes(conversation, "external_id", "medium", "owner"),
        "session_id": str(conversation.session_id),
        "channel": {"id": conversation.channel_id, "name": conversation.channel.name},
        "inbox_channel": str(conversation.inbox_channel or ""),
        "contact": transcript.contact,
        "topics": list(transcript.topics),
        "is_masked": not transcript.reads_text,
        "before": transcript.before,
        "lines": [_json_line(line) for line in transcript.lines],
    }


def _json_line(line: Line) -> dict[str, Any]:
    return {
        **asdict(line),
        "voice": str(line.voice),
        "state": str(line.state),
        "exchange_ids": list(line.exchange_ids),
    }


_SETTINGS = (
    *("inbox", "is_active", "greeting", "offer_hours", "burst_quiet_ms"),
    *("drops_overtaken_answers", "hands_over_on_words", "max_misses", "miss_intents", "on_contact_file", "on_silence"),
    *("bot_tries", "typing_after_s", "answer_within_s", "on_bot_failure", "failure_policies"),
    *("hold_after_s", "when_paused", "inline_answers"),
)


def bug_report(conversation_id: int) -> dict[str, Any]:
    """What is needed to look for a fault, without any message text. Raises Conversation.DoesNotExist."""
    transcript = load_transcript(conversation_id, events_most=MAX_EVENTS)
    channel = transcript.conversation.channel
    names = ("id", "event_id", "target", "n", "started_at", "took_ms", "result", "code", "status", "error", "trace_id")
    events = transcript.conversation.events.order_by("-pk").values_list("pk", flat=True)[:MAX_EVENTS]
    calls = Exchange.objects.filter(event_id__in=list(events)).order_by("-pk").values(*names)
    report = {
        "version": settings.VERSION,
        "made_at": database_now(),
        "channel": attributes(channel, *_SETTINGS) | {"bot": channel.bot.kind if channel.bot else None},
        "explanation": explain(conversation_id).to_json(),
        "transcript": transcript_json(transcript) | {"contact": MASK if transcript.contact else ""},
        "calls": list(calls[:MAX_CALLS]),
    }
    return dict(without_values(report, words_in([transcript.conversation]), QUOTING_KEYS))


def words_in(conversations: Iterable[Conversation]) -> frozenset[str]:
    """What was said in these and by whom: a platform may quote it in an error."""
    rows = list(conversations)
    contacts = ContactRow.objects.filter(conversations__in=rows)
    names = contacts.values_list("primary_identifier", "secondary_identifier", "external_id")
    said = MessageRow.objects.filter(conversation__in=rows).order_by("-pk").values_list("text", flat=True)
    return frozenset({*said[:MAX_WORDS], *chain.from_iterable(names)})
