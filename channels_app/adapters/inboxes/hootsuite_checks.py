"""What Inbox 2.0 tells of its queue and agents, tried once by hand."""

from collections.abc import Callable
from typing import Any

from channels_app.adapters.inboxes.sparkcentral import Sparkcentral
from channels_app.codes import describe
from channels_app.lib import jsons
from channels_app.protocol.checks import CheckLine
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.labels import count_of

TIMEOUT_S = 5.0
MAX_TEAMS = 20
AVAILABLE = "user-presence/metrics/agent-availability"
WAITING, LONGEST = "queue/metrics/contacts-waiting", "queue/metrics/longest-wait-time"
_NEW = {"status": "NEW"}


def figures_line(inbox: Sparkcentral) -> CheckLine:
    """Who is there and who waits, and for which teams: no other call names them."""

    def told() -> str:
        agents = _ask(inbox, AVAILABLE, {"userPresenceStatus": "AVAILABLE"})
        waiting, _ = _ask(inbox, WAITING, _NEW), _ask(inbox, LONGEST, _NEW)
        words = f"{_count(agents, 'agent')} available, {_count(waiting, 'contact')} waiting."
        teams = _ask(inbox, WAITING, {**_NEW, "groupBy": "TEAM"}) if waiting else None
        found = [str(team) for team in teams if str(team).strip()] if isinstance(teams, dict) else []
        return f"{words} Teams with contacts waiting: {', '.join(found[:MAX_TEAMS])}." if found else words

    return _tried("Queue figures", "who is available and who waits", told)


def locks_line(inbox: Sparkcentral) -> CheckLine:
    return _tried(
        "Opened conversations",
        "which conversations agents have opened",
        lambda: f"{count_of(len(inbox.locks()), 'conversation')} opened by agents.",
    )


def _tried(title: str, what: str, ask: Callable[[], str]) -> CheckLine:
    try:
        return CheckLine(title=title, is_ok=True, detail=ask())
    except BridgeError as error:
        problem = error.problem or describe("CB-821", what=what, problem=error.detail.rstrip("."))
        return CheckLine.failed(title, problem)


def _ask(inbox: Sparkcentral, path: str, body: dict[str, str]) -> Any:
    answer = inbox.call("POST", f"{inbox.base_url}/inbox/v1/{path}", json=body, timeout_s=TIMEOUT_S)
    return jsons.JsonObject.read(answer.body).values.get("value")


def _count(value: Any, word: str) -> str:
    return count_of(int(value), word) if isinstance(value, int | float) else f"no number of {word}s"
