"""What people read for the words of the rows: the same on every page, in exports and in commands."""

from channels_app.codes import CODES, Severity
from channels_app.protocol import EventType

EVENT_WORDS: dict[str, str] = {
    EventType.CONVERSATION_STARTED: "conversation started",
    EventType.CONVERSATION_DELEGATED: "delegated to the bot by an agent",
    EventType.MESSAGE_RECEIVED: "message of the contact",
    EventType.BOT_REPLIED: "message of the bot",
    EventType.OFFLOAD_REQUESTED: "bot asks for an agent",
    EventType.HANDOVER_ORDERED: "handover ordered",
    EventType.MESSAGE_ORDERED: "message of your team",
    EventType.CONTACT_SILENT: "silence of the contact",
    EventType.CONVERSATION_RESOLVED: "resolved by the agents",
    EventType.CONVERSATION_PENDING: "set to pending by the agents",
}
RESULT_WORDS = {
    "sent": "accepted",
    "unknown": "no answer: it may have arrived",
    "none": "did not arrive",
    "failed": "failed: it may have had an effect",
    "gone": "no longer ours",
    "refused": "refused",
    "retry": "to be retried",
}
"""Of one call."""
DOOR_WORDS = {
    "inbox": "Sparkcentral",
    "bot": "the bot",
    "offload": "the bot's offload request",
    "write_back": "Sparkcentral's write back",
    "admin": "a person of your team",
    "bridge": "chatbridge",
}
"""Who caused an event, by its source."""

_OBEYED = (*(code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"), 0x2028, 0x2029)
_TURNING = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Characters that turn the direction of those around them: "exe.gnp" may read "png.exe"."""
_VISIBLE = {code: f"[U+{code:04X}]" for code in (*_OBEYED, *_TURNING)}
_ESCAPED = {code: f"\\u{code:04x}" for code in (*_OBEYED, *_TURNING)}


def visible(text: str) -> str:
    """Foreign text for a page or a file: control characters are written out. Lines stay lines."""
    return text.replace("\r\n", "\n").translate(_VISIBLE)


def one_line(text: str) -> str:
    """The same for a name: line breaks in it can't forge lines of our own."""
    return " ".join(visible(text).split())


def visible_json(text: str) -> str:
    """The same for JSON, which means the same afterwards: outside its strings there is nothing of the kind."""
    return text.translate(_ESCAPED)


HARMLESS_CODES = frozenset(code for code, known in CODES.items() if known.severity is Severity.INFO)
"""Codes that tell something worth knowing, and no trouble."""

_SECOND, _MINUTE, _HOUR, _DAY = 1, 60, 3600, 86_400


def event_word(type_: str) -> str:
    return EVENT_WORDS.get(type_, type_)


def result_word(result: str) -> str:
    return RESULT_WORDS.get(result, result)


def is_trouble(code: str, error: str = "") -> bool:
    """Whether a call with this code and error went wrong."""
    return code not in HARMLESS_CODES if code else bool(error)


def milliseconds(took_ms: int) -> str:
    """How long a call took: "240 ms", "1.9 s"."""
    return f"{took_ms} ms" if took_ms < 1000 else duration(took_ms / 1000)


def duration(seconds: float) -> str:
    """A time span for people: "0.4 s", "12 s", "3 min", "2 h 5 min", "4 days"."""
    if seconds < 10 * _SECOND:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        hours, rest = divmod(int(seconds), _HOUR)
        return f"{hours} h {rest // _MINUTE} min" if rest >= _MINUTE else f"{hours} h"
    return f"{seconds // _DAY:.0f} days"


def count_of(count: int, word: str, plural: str = "") -> str:
    """ "1 message", "3 messages"."""
    return f"{count} {word if count == 1 else plural or word + 's'}"
