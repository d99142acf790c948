"""The figures of the dashboard in words, plots and tables."""

from collections.abc import Mapping, Sequence

from django.urls import reverse
from django.utils.text import Truncator

from channels_app.operations.figures.counting import Fate
from channels_app.operations.figures.dashboard import Dashboard
from channels_app.operations.figures.reading import TARGET_ANSWER_S, AnswerTime
from channels_app.web.links import page_address
from channels_app.web.pages import plots
from channels_app.web.pages.plots import Series
from channels_app.web.pages.tiles import Legend, Row, Tile, axis, by_time, link_to, of_window, sentence
from channels_app.web.pages.wording import ceiling, compared, difference, grouped, many, percent, seconds

NOTICEABLE_S = 0.05
MAX_MESSAGE = 80  # characters: what a line of a tile holds


def make_tiles(facts: Dashboard) -> list[Tile]:
    """All figures but the state of the channels, in the order of the page."""
    return [
        answer_time(facts),
        conversations(facts),
        handovers(facts),
        failures(facts),
        queue(facts),
        inbound(facts),
    ]


def answer_time(facts: Dashboard) -> Tile:
    found = facts.answer_time
    title = f"No answers in {facts.window.words}."
    if found.p95_s is not None:
        title = f"19 of 20 answers come within {seconds(found.p95_s)}{_slower(facts)}."
    top = ceiling([*found.cells_p95_s, TARGET_ANSWER_S])
    lines = [
        Series(css="plot-line plot-line-95", values=found.cells_p95_s),
        Series(css="plot-line plot-line-50", values=found.cells_p50_s),
    ]
    return Tile(
        key="answer-time",
        title=title,
        note=_split(found),
        definition="From receiving a contact's message until Sparkcentral accepted the answer or the handover. The "
        "bot's own time is from our call to its answer; the rest is waiting for a worker, pauses before a second "
        "try, and sending. The dashed line is the target: 19 of 20 within {TARGET_ANSWER_S:g} s.",
        plot=plots.line(lines, title=title, description="Two lines over time.", top=top, target=TARGET_ANSWER_S),
        axis=axis(facts, seconds(top)),
        legend=(
            Legend(css="plot-line-95", words="19 of 20 answers within"),
            Legend(css="plot-line-50", words="half of all within"),
            Legend(css="plot-target", words="target"),
        ),
        head=("From", "19 of 20 within", "Half within"),
        rows=by_time(facts, [*map(seconds, found.cells_p95_s)], [*map(seconds, found.cells_p50_s)]),
        link=link_to("Slow calls", "ops:exchanges", slow="1", channel=facts.channel_id, **of_window(facts)),
        cells_url=page_address(reverse("ops:exchanges"), {"slow": "1", "channel": facts.channel_id}),
    )


def _slower(facts: Dashboard) -> str:
    now, before = facts.answer_time.p95_s, facts.answer_time.before_p95_s
    if now is None or before is None:
        return ""
    if abs(now - before) < NOTICEABLE_S:
        return f", as {facts.window.before}"
    return f", {seconds(abs(now - before))} {'slower' if now > before else 'faster'} than {facts.window.before}"


def _split(found: AnswerTime) -> str:
    """Slow bot or slow queue?"""
    if found.p95_s is None:
        return ""
    half = f"Half of them within {seconds(found.p50_s)}."
    if found.bot_p95_s is None:
        return f"{half} The bot was not called for any."
    bot, rest = seconds(found.bot_p95_s), seconds(found.bridge_p95_s)
    return f"{half} The bot itself takes up to {bot}, waiting and sending up to {rest} (19 of 20 each)."


FATES: Mapping[str, tuple[str, str, str]] = {
    Fate.RESOLVED: ("resolved by the bot", "fate-resolved", ""),
    Fate.BOT: ("still with the bot", "", "cb-dots"),
    Fate.TAKEN: ("taken by agents", "", "cb-lines"),
    Fate.HANDED_OVER: ("handed over", "", "cb-hatch"),
    Fate.LOST: ("lost", "", "cb-cross"),
}
"""In words, and what fills it: a CSS class or a pattern; in the order of the bars from below."""


def conversations(facts: Dashboard) -> Tile:
    found, words = facts.conversations, facts.window.words
    lost = found.fates[Fate.LOST]
    title = f"The bot got no conversation in {words}."
    if found.total:
        kept = found.fates[Fate.RESOLVED] + found.fates[Fate.BOT]
        title = f"The bot got {many(found.total, 'conversation')} and kept {percent(kept, found.total)} of them; "
        title += f"{grouped(lost)} {'is' if lost == 1 else 'are'} lost." if lost else "none is lost."
    cells = [found.cells[fate] for fate in FATES]
    top = ceiling([sum(values) for values in zip(*cells, strict=True)])
    series = [Series(css=css, values=found.cells[fate], pattern=form) for fate, (_, css, form) in FATES.items()]
    return Tile(
        key="conversations",
        title=title,
        note=sentence(compared(found.total, sum(found.before.values()), facts.window.before)),
        definition="Each time the bot gets a conversation counts once, at that moment. Lost: a message failed for "
        "good and no agent got the conversation. Taken by agents: they took it before the bot was done. Older bars "
        "still change as conversations continue.",
        plot=plots.stacked_bars(series, title=title, description="A bar for each time, in five parts.", top=top),
        axis=axis(facts, f"{top:g}"),
        legend=[
            Legend(css=css, words=name, value=grouped(found.fates[fate]), pattern=form)
            for fate, (name, css, form) in FATES.items()
        ],
        head=("From", *(name.capitalize() for name, _, _ in FATES.values())),
        rows=by_time(facts, *([str(value) for value in found.cells[fate]] for fate in FATES)),
        link=link_to("Conversations", "ops:conversations", channel=facts.channel_id, **of_window(facts)),
        cells_url=page_address(reverse("ops:conversations"), {"channel": facts.channel_id}),
    )


def handovers(facts: Dashboard) -> Tile:
    reasons = facts.handovers
    total, before = sum(one.count for one in reasons), sum(one.before for one in reasons)
    title = f"Nothing was handed over in {facts.window.words}."
    if total:
        title = f"{many(total, 'handover')} in {facts.window.words}, most often because {reasons[0].words}."
    return Tile(
        key="handovers",
        title=title,
        note=sentence(compared(total, before, facts.window.before)),
        definition="Completed handovers, by reason. Shares are of all handovers; differences are compared with "
        "{facts.window.before}.",
        head=("Reason", "Handovers", "Share", "Difference"),
        rows=[
            Row(
                name=one.words,
                cells=(
                    grouped(one.count),
                    percent(one.count, total),
                    difference(one.count, one.before) if before else "–",
                ),
                share=plots.share_bar(one.count / total if total else 0, "fate-handed-over"),
            )
            for one in reasons
        ],
        link=link_to(
            "Conversations with agents",
            "ops:conversations",
            owner="other",
            channel=facts.channel_id,
            **of_window(facts),
        ),
    )


def failures(facts: Dashboard) -> Tile:
    found = facts.failures
    total = sum(count for _, count in found)
    title = f"No cause of failures needs attention in {facts.window.words}."
    if found:
        first = found[0][0]
        title = f"{many(total, 'failure')} of {many(len(found), 'cause')}, most often on {first.row.channel}: "
        title += f"{first.title}."
    most = max((count for _, count in found), default=1)
    names = [f"{group.row.code} {group.title} · {group.row.channel}" for group, _ in found]
    return Tile(
        key="failures",
        title=title,
        definition="Failures by cause and channel: the five largest groups that are neither resolved nor muted. A "
        "call that failed and succeeded at the second try counts too. Conversations are counted since the cause was "
        "first seen; those waiting, as of now.",
        head=("Cause", "Failures", "Conversations in all", "Waiting"),
        rows=[
            Row(
                name=_told_apart(name, group.row.message) if names.count(name) > 1 else name,
                cells=(grouped(count), grouped(group.row.conversations), grouped(group.row.waiting)),
                share=plots.share_bar(count / most, "fate-lost"),
                url=page_address(reverse("ops:failure", args=[group.row.pk]), of_window(facts)),
            )
            for name, (group, count) in zip(names, found, strict=True)
        ],
        link=link_to("All failures", "ops:failures", channel=facts.channel_id, **of_window(facts)),
    )


def _told_apart(name: str, message: str) -> str:
    """A cause that shares its code and channel with another one."""
    return f"{name} · {Truncator(message).chars(MAX_MESSAGE)}" if message else name


def queue(facts: Dashboard) -> Tile:
    now, alive = facts.queue, [worker for worker in facts.workers if worker.is_alive]
    title = f"{many(now.waiting, 'conversation')} {'waits' if now.waiting == 1 else 'wait'} for a worker, "
    title += f"the oldest for {seconds(now.oldest_s)}." if now.waiting else ""
    title = title if now.waiting else "Nothing waits for a worker."
    workers = sum(worker.kind == "worker" for worker in alive)
    waited = [waiting for waiting, _ in facts.peaks]
    top = ceiling(waited)
    lines = [Series(css="plot-line", values=waited)]
    return Tile(
        key="queue",
        title=title,
        note=f"{many(workers, 'worker')} and {many(len(alive) - workers, 'guard')} alive; "
        f"{many(sum(now.retries), 'event')} will be retried within an hour.",
        definition="Conversations with work to do that no worker is processing, on all channels, now. The line is "
        "the highest number seen, measured every 15 seconds.",
        plot=plots.line(lines, title=title, description="A line over time.", top=top),
        axis=axis(facts, f"{top:g}"),
        head=("From", "Most waiting", "Oldest"),
        rows=by_time(facts, [str(count) for count in waited], [seconds(oldest) for _, oldest in facts.peaks]),
        link=link_to("Queue and workers", "ops:workers"),
        cells_url=reverse("ops:conversations"),
    )


def inbound(facts: Dashboard) -> Tile:
    found = facts.inbound
    minutes = len(facts.starts) * facts.window.width.total_seconds() / 60
    refused = sum(found.refused.values())
    title = f"{found.total / minutes:.1f} events a minute come in"
    versus = compared(found.total, found.before, facts.window.before)
    title += f", {versus}." if versus else "."
    highs = [high for _, high in filter(None, found.usual)]
    top = ceiling([*found.cells, *highs])
    lines = [
        Series(css="plot-line", values=[*found.cells[:-1], None]),  # the last cell is not over yet
        Series(css="plot-line plot-line-bad", values=[count or None for count in found.cells_refused]),
    ]
    usual = [f"{low:.0f}–{high:.0f}" if pair else "–" for pair in found.usual for low, high in [pair or (0, 0)]]
    return Tile(
        key="inbound",
        title=title,
        note=f"{_fall(found.cells, found.usual)}{grouped(refused)} refused, {grouped(found.duplicates)} repeated.",
        definition="Accepted events from all webhooks, and refused requests from Sparkcentral. Repeated: "
        "Sparkcentral sent an event again that we already had. The band is the range of the same hour on the "
        "previous seven days.",
        plot=plots.line(
            lines,
            title=title,
            description="A line of events over time, one of refused requests, and the usual range.",
            top=top,
            band=found.usual,
        ),
        axis=axis(facts, f"{top:g}"),
        legend=(
            Legend(css="plot-line", words="events"),
            Legend(css="plot-line-bad", words="refused"),
            *((Legend(css="plot-band", words="usual"),) if highs else ()),
        ),
        head=("From", "Events", "Refused", "Usual"),
        rows=by_time(facts, [str(n) for n in found.cells], [str(n) for n in found.cells_refused], usual),
        link=link_to(
            "Calls that came in", "ops:exchanges", direction="in", channel=facts.channel_id, **of_window(facts)
        ),
        cells_url=page_address(reverse("ops:exchanges"), {"direction": "in", "channel": facts.channel_id}),
    )


FALL_LEAST = 10
"""Events that were usual at the least: below that, silence is nothing to worry about."""


def _fall(cells: Sequence[int], usual: Sequence[tuple[float, float] | None]) -> str:
    """A warning when the last whole cell brought less than half of the lowest that is usual."""
    pair = usual[-2]
    if pair is None or pair[0] < FALL_LEAST or cells[-2] * 2 >= pair[0]:
        return ""
    return f"Far fewer than usual: {cells[-2]} where the lowest is {pair[0]:.0f}. Does Sparkcentral still call us? "
