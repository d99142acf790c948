"""Bots behind Direct Line 3.0: agents of Copilot Studio, and bots of the Bot Framework by their Azure Bot.

A message is posted, and what the bot says is read by polling; nothing marks an answer's end. Where it ends, and what
becomes of what comes later: docs/direct-line.md and decision 24.
"""

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import reduce
from typing import Any

from channels_app.adapters.bots.base import BotConnector, code_of_error, with_code
from channels_app.adapters.bots.directline_cards import read_activity
from channels_app.adapters.bots.directline_form import NOTHING, START_EVENT, DirectLineForm
from channels_app.adapters.bots.directline_line import Line, LostConversationError
from channels_app.adapters.bots.generic import turn_document
from channels_app.codes import describe
from channels_app.lib.http.recorder import Call, note_call, recorded_calls
from channels_app.lib.http.session import Answer
from channels_app.lib.jsons import object_in, objects_in, read_object
from channels_app.protocol import Reply, Turn
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, PayloadError, TemporaryError

GREETING_S = 5.0
"""How long a greeting is waited for: a bot need not have one, and the contact's message comes after it."""


class DirectLine(BotConnector):
    kind = "directline"
    label = "Direct Line (Copilot Studio, Bot Framework)"
    settings_form = DirectLineForm
    speaks_first = False  # contacts write first, and it greets with the answer to the first message

    def send(self, turn: Turn) -> Reply | None:
        if not (self.settings.get("secret") or self.settings.get("token_endpoint")):
            raise ConfigError(describe("CB-507", problem="its secret or token endpoint is not saved yet"))
        line = Line(self, turn, time.monotonic() + self.timeout_for(turn))
        try:
            with _told_as_one(turn):
                if line.conversation:
                    try:
                        return self._go_on(line, turn)
                    except LostConversationError:
                        line = Line(self, replace(turn, remembered={}), line.ends_at)
                line.begin()
                return self._converse(line, turn)
        except BridgeError as error:
            if line.conversation:
                error.remembered = line.remembered(is_answered=False)
            raise

    def _go_on(self, line: Line, turn: Turn) -> Reply:
        line.take_up()
        if turn.is_repeat or turn.type.opens:
            line.read()
        if not turn.type.opens:
            return self._converse(line, turn)
        missed = line.skip()
        reply = self._converse(line, turn)
        stale = f"what the bot said while agents had the conversation ({missed})"
        return replace(reply, dropped=(*reply.dropped, stale)) if missed else reply

    def _converse(self, line: Line, turn: Turn) -> Reply:
        message = _message_of(turn)
        if turn.is_first or message is None:
            self._hear_greeting(line, turn)
        if message is not None:
            line.tell(turn.turn_id, message)
            if not line.listen(math.inf):
                detail = "The bot took the message and has said nothing yet."
                raise TemporaryError(detail, effect=Effect.UNKNOWN, timed_out=True)
        reply = reduce(Reply.merged_with, map(read_activity, line.said), Reply())
        keeps_open = reply.offload or self.settings.get("at_end") == NOTHING
        complete = None if keeps_open else reply.complete
        return replace(reply, complete=complete, remembered=line.remembered(is_answered=True))

    def _hear_greeting(self, line: Line, turn: Turn) -> None:
        event = self.settings.get("greeting_event") or START_EVENT
        if turn.turn_id in line.told:
            return
        if event != NOTHING:
            known = {"channelData": {"chatbridge": turn_document(turn)}, "locale": turn.language}
            line.tell(f"{turn.turn_id}.start", {"type": "event", "name": event, **known})
        if event != NOTHING or (turn.type.opens and not line.since):
            line.listen(GREETING_S)

    def raise_for(self, answer: Answer) -> None:
        """Their status, with what they call the error."""
        try:
            super().raise_for(answer)
        except BridgeError as error:
            raise with_code(error, code_of_error(answer, "code", inside="error")) from None


def _message_of(turn: Turn) -> dict[str, Any] | None:
    """The contact's words or choice as an activity; None if there are none."""
    if turn.type.opens and not turn.text:
        return None
    files = [
        {"contentType": file.content_type or "application/octet-stream", "contentUrl": file.url, "name": file.name}
        for file in turn.files
        if file.url
    ]
    return {
        "type": "message",
        "text": (turn.text or "").strip() or turn.placeholder,
        "textFormat": "plain",
        "locale": turn.language,
        **_chosen(turn),
        **({"attachments": files} if files else {}),
        "channelData": {"chatbridge": turn_document(turn)},
    }


def _chosen(turn: Turn) -> dict[str, Any]:
    """What a chosen button says: our own payloads are parts of an activity."""
    payload = turn.payload
    if isinstance(payload, dict) and payload and payload.keys() <= {"text", "value"}:
        return payload if "text" in payload else {"text": turn.text, **payload}
    if isinstance(payload, str):
        return {"text": payload} if payload else {}
    return {} if payload is None else {"value": payload}


@contextmanager
def _told_as_one(turn: Turn) -> Iterator[None]:
    """A turn's calls in one for the people who ask: the message and what the bot said, or the call that failed."""
    began = time.monotonic()
    calls: list[Call] = []
    try:
        with recorded_calls() as calls:
            yield
    finally:
        if calls:
            last = calls[-1]
            call = _as_one(calls, turn.session_id) if 200 <= last.status < 300 else last
            note_call(replace(call, took_ms=round((time.monotonic() - began) * 1000)))


def _as_one(calls: Sequence[Call], contact_id: str) -> Call:
    told = next((call for call in reversed(calls) if call.method == "POST"), calls[-1])
    heard = []
    for call in calls:
        if call.method == "GET" and call.url == told.url:
            with suppress(PayloadError):
                heard += objects_in(read_object(call.response), "activities")
    said = [activity for activity in heard if object_in(activity, "from").get("id") != contact_id]
    return replace(told, response=json.dumps({"activities": said}, ensure_ascii=False).encode()) if said else told
