"""What we add to the bot's own time, at a steady load."""

from tests.bench.crews import MANY, raise_crews, run
from tests.bench.drives import Heard, Pace
from tests.bench.measure import Goal, quantile, show
from tests.bench.stage import Stage
from tests.bench.table import Section

PER_S = 100.0
EASY_PER_S = 20.0
"""What the naive build can bear too: above its limit its times only tell how long the load went on."""
BOT_MS = 20.0
REMARK = (
    f"Milliseconds from “event accepted” to “reply at the inbox”, less the {BOT_MS:.0f} ms of the bot, at a load "
    f"that doesn't wait for answers, over {MANY} conversations. *From sent*: the door's own time included. What a "
    "build had not answered when the load ended is left out, which flatters the naive one."
)


def measure(stage: Stage) -> Section:
    section = Section(
        title="Latency", remark=REMARK, header=("load", "build", "median", "p99", "median from sent", "answered")
    )
    crews = raise_crews(stage, section)

    def heard_at(per_s: float, name: str) -> Heard:
        drive = crews[name].drive(MANY, Pace.OPEN, seconds=stage.plan.open_s, per_s=per_s, bot_ms=BOT_MS)
        heard = run(stage, section, crews[name], drive)
        figures = quantile(heard.added, 0.5), quantile(heard.added, 0.99), quantile(heard.whole, 0.5)
        share = heard.turns / round(per_s * stage.plan.open_s)
        section.rows.append((f"{per_s:.0f} turns/s", name, *map(show, figures), f"{share:.0%}"))
        return heard

    if not stage.plan.is_quick:
        heard_at(EASY_PER_S, "naive")
    bare, product, naive = (heard_at(PER_S, name) for name in ("bare calls", "product", "naive"))
    section.goals += [
        Goal(
            what="added at the median, product / bare calls",
            reached=quantile(product.added, 0.5) / quantile(bare.added, 0.5),
            most=3.0,
        ),
        Goal(
            what="p99 of the product / median of naive",
            reached=quantile(product.added, 0.99) / quantile(naive.added, 0.5),
            most=1.0,
        ),
    ]
    return section
