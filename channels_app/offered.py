"""What a contact can choose from: the options of the bot's latest words, with the numbers they were shown with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from channels_app.protocol import Option


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Options that were offered in answer to the turn `turn_id`; kept with the conversation."""

    turn_id: int = 0
    options: tuple[Option, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        options = (
            # Without a number it was written by a version that numbered all of them.
            Option(title=item["title"], payload=item["payload"], number=item.get("number", place))
            for place, item in enumerate(data.get("options", ()), 1)
        )
        return cls(turn_id=data.get("turn_id", 0), options=tuple(options))

    def to_json(self) -> dict[str, Any]:
        options = [
            {"title": option.title, "payload": option.payload, "number": option.number} for option in self.options
        ]
        return {"turn_id": self.turn_id, "options": options}

    def in_turn(self, turn_id: int) -> tuple[Option, ...]:
        """What was offered in this turn already: numbers go on behind them."""
        return self.options if self.turn_id == turn_id else ()

    def after(self, turn_id: int, options: Sequence[Option], *, has_spoken: bool) -> "Offered":
        """What stands after the bot's next words: they replace the options of earlier turns, even without new ones.

        Otherwise "2" in answer to "how many?" would choose from a list that has long scrolled away.
        """
        if not has_spoken:
            return self
        return Offered(turn_id=turn_id, options=(*self.in_turn(turn_id), *options))
