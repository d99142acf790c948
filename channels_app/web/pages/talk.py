"""Explanations and transcripts as templates take them: with addresses, times and signs."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.urls import reverse

from channels_app.operations.explanations import Check, Explanation, State, Try
from channels_app.operations.transcripts import Line, Text, Transcript
from channels_app.protocol.labels import count_of, duration, milliseconds, one_line, visible
from channels_app.web.links import buttons_of, code_url, group_url
from channels_app.web.pages.wording import rich
from channels_app.web.times import clock, day

SIGNS = {
    State.OK: ("✓", "ok"),
    State.FAILED: ("✗", "failed"),
    State.STOPPED: ("■", "ends here"),
    State.WAITING: ("…", "waiting"),
    State.SKIPPED: ("–", "not reached"),
}
"""A visual sign, and a word for screen readers."""


_OF_ANOTHER = ("was_ours", "may_answer", "bot_answered")
"""Checks that may end because of another message."""


def explanation_box(explanation: Explanation) -> dict[str, Any]:
    """The box on top of a conversation."""
    stop, group = explanation.stop, explanation.group
    return {
        "headline": explanation.headline,
        "is_answered": explanation.is_answered,
        "is_open": explanation.is_open,
        "checks": [_check(check) for check in explanation.checks],
        "cause": explanation.cause,
        "code": stop.code if stop else "",
        "code_url": code_url(stop.code) if stop else "",
        "repairs": [rich(repair) for repair in explanation.repairs],
        "buttons": _buttons(explanation),
        "earlier_id": explanation.ids.get("earlier_event") if stop and stop.name in _OF_ANOTHER else None,
        "group": group,
        "refusing": explanation.refusing,
        "refusing_code_url": code_url(str(explanation.refusing.problem.code)) if explanation.refusing else "",
        "refusing_buttons": buttons_of(explanation.refusing.problem, explanation.ids) if explanation.refusing else [],
        "group_url": group_url(group.id) if group else "",
    }


def _buttons(explanation: Explanation) -> list[dict[str, str]]:
    """Those that lead away from here."""
    stop = explanation.stop
    elsewhere = {name: pk for name, pk in explanation.ids.items() if name != "conversation"}
    return buttons_of(stop.problem, elsewhere) if stop and stop.problem else []


def _check(check: Check) -> dict[str, Any]:
    sign, word = SIGNS[check.state]
    return {
        "row": check,
        "sign": sign,
        "word": word,
        "time": clock(check.at) if check.at else "",
        "took": milliseconds(check.took_ms) if check.took_ms is not None else "",
        "code_url": code_url(check.code),
        "event_url": reverse("ops:event", args=[check.event_id]) if check.event_id else "",
        "tries": [_try(one) for one in check.tries],
    }


def _try(one: Try) -> dict[str, Any]:
    return {
        "row": one,
        "sign": SIGNS[one.state],
        "time": clock(one.at),
        "took": milliseconds(one.took_ms),
        "url": reverse("ops:exchange", args=[one.exchange_id]),
        "code_url": code_url(one.code),
    }


# --- the transcript -----------------------------------------------------------------------------------------------

SHOWN = {"": "All", "messages": "Messages", "system": "System"}
"""What a transcript can be narrowed down to."""


def transcript_lines(transcript: Transcript, show: str) -> Iterator[dict[str, Any]]:
    """The lines to be shown, with a heading where a day begins."""
    today = ""
    for line in transcript.lines:
        if (show == "messages" and not line.is_message) or (show == "system" and line.is_message):
            continue
        date = day(line.at)
        yield {**_line(line, transcript), "day": date if date != today else ""}
        today = date


def _line(line: Line, transcript: Transcript) -> dict[str, Any]:
    url = line.attachment_url
    return {
        "row": replace(line, text=visible(line.text), name=one_line(line.name), detail=visible(line.detail)),
        "time": clock(line.at),
        "gap": duration(line.gap_s) if line.gap_s else "",
        "took": milliseconds(line.took_ms) if line.took_ms is not None else "",
        "instead": _instead(line, transcript),
        "url": url if is_web_address(url) else "",
        "not_a_link": "" if is_web_address(url) else visible(url),
        "code_url": code_url(line.code),
        "event_url": reverse("ops:event", args=[line.event_id]) if line.event_id else "",
        "calls": [reverse("ops:exchange", args=[number]) for number in line.exchange_ids],
    }


def _instead(line: Line, transcript: Transcript) -> str:
    """What is shown where there are no words."""
    if line.text or line.attachment_url:
        return ""
    return {
        Text.MASKED: "You may not read texts.",
        Text.DELETED: f"Text deleted after {count_of(transcript.keep_days, 'day')}.",
        Text.WAITING: "Not handled yet.",
    }.get(line.state, "A message without text: a picture or a sticker.")


def is_web_address(url: str) -> bool:
    """Only these become links: a bot may send any text as an address."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
