"""How long contacts wait for an answer or a human, and who waits for ever."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.records import UNKNOWN, Call, History, Notice, marker_in

SILENCES = ("504", "reset", "hang")
"""The platform doesn't say what became of the call: assumed to have arrived. If it hasn't, the platform's own timer
brings a human, in minutes that no run waits for."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Of a message for its answer or a human, or of a delegation for a word; None: for ever.

    `is_doubtful`: an answer left and met silence, so the bridge assumes it sent, and shows its doubt.
    """

    notice: Notice
    seconds: float | None
    is_doubtful: bool = False

    @property
    def name(self) -> str:
        return self.notice.marker or self.notice.type


def waits(history: History) -> Iterator[Wait]:
    """When a bot has nothing to say to a message, any later word of it will do: nobody can tell what it answers."""
    spoken: dict[str, list[tuple[float, Call]]] = defaultdict(list)
    for call in history.processed():
        spoken[call.conversation].append((call.processed_at or call.at, call))
    silent: dict[str, list[tuple[float, Call]]] = defaultdict(list)
    for call in _assumed_sent(history):
        silent[call.conversation].append((call.at, call))
    unanswered = {heard.marker for heard in history.heard if not heard.is_answered}
    for notice in history.notices:
        if notice.type == "CONVERSATION_STARTED":
            continue  # a greeting is a courtesy
        if history.is_with_agents(notice.conversation, notice.sent_at):
            yield Wait(notice, 0.0)
            continue
        any_word_will_do = not notice.marker or notice.marker in unanswered
        ends = [end for _, end in history.stints(notice.conversation) if end > notice.sent_at]
        ends += _answers(notice, spoken[notice.conversation], any_word_will_do=any_word_will_do)
        seconds = min(ends, default=float("inf")) - notice.sent_at
        if seconds < float("inf"):
            yield Wait(notice, seconds)
        else:
            doubts = _answers(notice, silent[notice.conversation], any_word_will_do=any_word_will_do)
            yield Wait(notice, None, is_doubtful=bool(doubts))


def _answers(notice: Notice, said: Sequence[tuple[float, Call]], *, any_word_will_do: bool) -> list[float]:
    """When something was said that answers this."""
    return [
        at
        for at, call in said
        if at > notice.sent_at and any(any_word_will_do or marker_in(text) == notice.marker for text in call.texts)
    ]


def _assumed_sent(history: History) -> Iterator[Call]:
    """Calls that met silence, of deliveries that ended with it."""
    assumed = {
        (sending.conversation, text)
        for sending in history.sendings
        if sending.results and sending.results[-1] == UNKNOWN
        for text in sending.texts
    }
    for call in history.calls:
        if call.fault in SILENCES and any((call.conversation, text) in assumed for text in call.texts):
            yield call
