"""What a contact can choose from: the options that the bot offered last, with the numbers they were shown with."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from channels_app.protocol import ContactMessage, Option
from channels_app.protocol.options import choose, is_token
from channels_app.protocol.spoken import choose_spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Options that were offered in answer to the turn `turn_id`; kept with the conversation.

    `at`: when, by the database's clock, and `stint`: in which one; None: by a version that did not keep it.
    `after`: the newest event that was there already, put in by the statement that writes the offer down: its contact
    had not seen it. `chosen_by`: the event whose message chose first; 0: none has.
    """

    turn_id: int = 0
    options: tuple[Option, ...] = ()
    at: datetime | None = None
    stint: int | None = None
    after: int = 0
    chosen_by: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        options = (
            # Without a number it was written by a version that numbered all of them.
            Option(
                title=item["title"],
                payload=json.loads(item["exact"]) if "exact" in item else item["payload"],
                number=item.get("number", place),
                token=item.get("token", ""),
                bots_title=item.get("bots_title", ""),
            )
            for place, item in enumerate(data.get("options", ()), 1)
        )
        at = datetime.fromisoformat(data["at"]) if data.get("at") else None
        return cls(
            turn_id=data.get("turn_id", 0),
            options=tuple(options),
            at=at,
            stint=data.get("stint"),
            after=data.get("after", 0),
            chosen_by=data.get("chosen_by", 0),
        )

    def to_json(self) -> dict[str, Any]:
        names = ("title", "number", "token", "bots_title")
        options = [
            {name: getattr(option, name) for name in names if name != "bots_title" or option.bots_title}
            | _kept(option.payload)
            for option in self.options
        ]
        at = self.at.isoformat() if self.at else None
        kept = {name: getattr(self, name) for name in ("turn_id", "stint", "after", "chosen_by")}
        return {**kept, "options": options, "at": at}

    def choice(
        self, message: ContactMessage, event_id: int, *, stint: int, now: datetime, lasts: timedelta
    ) -> Option | None:
        """What this message of the contact chooses. By a bare number only once, and only in the stint of the offer:
        later it may answer another question."""
        standing = self.standing(now, lasts) if event_id > self.after else ()
        if message.payload is not None:
            is_press = is_token(message.payload)
            return next((one for one in standing if message.payload == (one.token if is_press else one.payload)), None)
        is_asked = self.chosen_by in (0, event_id) and self.stint in (None, stint)
        text = message.text or ""
        return choose(text, standing, by_number=is_asked) or choose_spoken(text, standing, by_number=is_asked)

    def chosen(self, event_id: int) -> "Offered":
        """The same, when this event's message has chosen."""
        return replace(self, chosen_by=self.chosen_by or event_id)

    def standing(self, now: datetime, lasts: timedelta) -> tuple[Option, ...]:
        """What can still be chosen: an offer stands for as long as the channel says."""
        return () if self.at is not None and self.at + lasts < now else self.options

    def in_turn(self, turn_id: int) -> tuple[Option, ...]:
        """What was offered in this turn already: numbers go on behind them."""
        return self.options if self.turn_id == turn_id else ()

    def followed_by(self, turn_id: int, stint: int, options: Sequence[Option], now: datetime) -> "Offered":
        """What stands after the bot's next words: only another offer takes the place of an earlier turn's."""
        if not options:
            return self
        return Offered(turn_id=turn_id, options=(*self.in_turn(turn_id), *options), at=now, stint=stint)


def _kept(payload: Any) -> dict[str, Any]:
    """A payload as PostgreSQL can keep it. `exact`: as text, where it changes the order of keys or takes no letter of
    it; a version before reads `payload` only."""
    written = json.dumps(payload, ensure_ascii=False)
    is_storable = "\\u0000" not in written and not _SURROGATE.search(written)
    if is_storable and not isinstance(payload, dict | list):
        return {"payload": payload}
    return {"payload": payload if is_storable else None, "exact": json.dumps(payload)}


_SURROGATE = re.compile("[\ud800-\udfff]")
