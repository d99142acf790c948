"""What a language model reads of a turn: the system prompt, and what was said, within its budget. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from channels_app.adapters.bots.openai_form import DEFAULT_HISTORY_TOKENS
from channels_app.lib.clocks import database_now
from channels_app.protocol import EventType, PastMessage, Turn
from channels_app.protocol.visible import cut

BYTES_PER_TOKEN = 3
"""Of text, at least, with the tokenizers of today: English has 4 and more, Japanese about 3."""
TOKENS_AROUND = 4  # of each message, for its role
MAX_VALUE = 200  # characters of what stands for a variable
NOTES = {
    EventType.CONVERSATION_STARTED: "(The conversation begins. Greet the contact.)",
    EventType.CONVERSATION_DELEGATED: "(A colleague gives the conversation back to you. Continue it.)",
}
"""Stand for the contact's words where there are none: many models answer only to somebody."""

_VARIABLE = re.compile(r" ?\{(\w+(?:\.\w+)?)\}")
Said = tuple[str, str]
"""Role and words."""


def greeting_of(turn: Turn, settings: Mapping[str, Any]) -> str:
    """What the bot's author wants said first, if this begins a conversation; empty: nothing."""
    begins = turn.is_first or turn.type is EventType.CONVERSATION_STARTED
    return filled(settings.get("first_message") or "", turn).strip() if begins and not turn.is_test else ""


def messages_of(turn: Turn, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of a call, the contact's words last."""
    system = filled(settings.get("prompt") or "", turn)
    if greeting := greeting_of(turn, settings):
        system += f"\n\nThe contact reads this just before your answer, so don't greet again:\n{greeting}"
    budget = settings.get("history_tokens")
    kept = _within(DEFAULT_HISTORY_TOKENS if budget is None else budget, map(_as_said, turn.history))
    said = _joined([*kept, ("user", _words(turn))])
    return [{"role": role, "content": words} for role, words in (("system", system), *said)]


def filled(text: str, turn: Turn) -> str:
    """The text with what is known in place of its variables; one that isn't known leaves no gap. What stands in other
    braces stays."""
    known = _known(turn)

    def value_of(found: re.Match[str]) -> str:
        if found[1] not in known and not found[1].startswith("attribute."):
            return found[0]
        value = cut(" ".join(known.get(found[1], "").split()), MAX_VALUE)
        return found[0].partition("{")[0] + value if value else ""

    return _VARIABLE.sub(value_of, text)


def _known(turn: Turn) -> dict[str, str]:
    return {
        "contact_name": turn.contact.primary_identifier,
        "language": turn.language,
        "medium": turn.medium,
        "inbox_channel": turn.inbox_channel.name if turn.inbox_channel else "",
        "topics": ", ".join(turn.topics),
        "today": f"{database_now():%A, %-d %B %Y}",
        **{f"attribute.{item.attribute}": item.value for item in turn.attributes},
    }


def _words(turn: Turn) -> str:
    """What the contact says; a file has a placeholder. A choice of another bot's options has a title."""
    text = (turn.text or "").strip()
    return text or NOTES.get(turn.type) or turn.placeholder


def _as_said(past: PastMessage) -> Said:
    """Agents speak on our side: a contact can't write as one of them."""
    if past.author == "contact":
        return "user", past.text
    return "assistant", f"{past.name or 'A colleague'}: {past.text}" if past.author == "agent" else past.text


def _within(budget: int, said: Iterable[Said]) -> list[Said]:
    """The newest of them that fit."""

    def fitting() -> Iterator[Said]:
        left = budget
        for role, words in reversed(list(said)):
            left -= len(words.encode()) // BYTES_PER_TOKEN + TOKENS_AROUND
            if left < 0:
                return
            yield role, words

    return list(fitting())[::-1]


def _joined(said: list[Said]) -> list[Said]:
    """Roles in turn, the contact's first: some models take nothing else."""
    turns: list[Said] = [] if said[0][0] == "user" else [("user", NOTES[EventType.CONVERSATION_STARTED])]
    for role, words in said:
        if turns and turns[-1][0] == role:
            turns[-1] = (role, f"{turns[-1][1]}\n\n{words}")
        else:
            turns.append((role, words))
    return turns
