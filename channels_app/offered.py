"""What a contact can choose from: the options that the bot offered last, with the numbers they were shown with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from channels_app.protocol import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Options that were offered in answer to the turn `turn_id`; kept with the conversation.

    `at`: when, by the database's clock; None: by a version that did not keep it.
    """

    turn_id: int = 0
    options: tuple[Option, ...] = ()
    at: datetime | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        options = (
            # Without a number it was written by a version that numbered all of them.
            Option(title=item["title"], payload=item["payload"], number=item.get("number", place))
            for place, item in enumerate(data.get("options", ()), 1)
        )
        at = datetime.fromisoformat(data["at"]) if data.get("at") else None
        return cls(turn_id=data.get("turn_id", 0), options=tuple(options), at=at)

    def to_json(self) -> dict[str, Any]:
        options = [
            {"title": option.title, "payload": option.payload, "number": option.number} for option in self.options
        ]
        return {"turn_id": self.turn_id, "options": options, "at": self.at.isoformat() if self.at else None}

    def standing(self, now: datetime, lasts: timedelta) -> tuple[Option, ...]:
        """What can still be chosen: an offer stands for as long as the channel says."""
        return () if self.at is not None and self.at + lasts < now else self.options

    def in_turn(self, turn_id: int) -> tuple[Option, ...]:
        """What was offered in this turn already: numbers go on behind them."""
        return self.options if self.turn_id == turn_id else ()

    def after(self, turn_id: int, options: Sequence[Option], now: datetime) -> "Offered":
        """What stands after the bot's next words: only another offer takes the place of an earlier turn's."""
        if not options:
            return self
        return Offered(turn_id=turn_id, options=(*self.in_turn(turn_id), *options), at=now)
