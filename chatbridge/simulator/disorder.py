"""Events as a bad day on the network delivers them: late, overtaken by newer ones, and twice."""

import random
from dataclasses import dataclass, field

from chatbridge.simulator.conversation import JSON


@dataclass(slots=True)
class Disorder:
    """Shares of all events. Doubled ones come at the same moment or a while later; late ones up to `late_s` late."""

    doubled: float = 0.0
    late: float = 0.0
    late_s: float = 0.0
    chance: random.Random = field(default_factory=random.Random)

    def delay_s(self) -> float:
        """How long this event is held up."""
        return self.chance.uniform(0, self.late_s) if self.late and self.chance.random() < self.late else 0.0

    def is_doubled(self) -> bool:
        """Does this event get a copy? Asked once for each moment at which one could leave."""
        return bool(self.doubled) and self.chance.random() < self.doubled / 2

    def view(self) -> JSON:
        """As the control API shows it."""
        return {"doubled": self.doubled, "late": self.late, "late_s": self.late_s}
