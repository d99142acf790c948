"""Who is logged in at an account, as the control API is told."""

from collections.abc import Sequence
from typing import Any

from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.platform import Account, Agent, Presence
from chatbridge.simulator.wire import BadRequestError, one_of, take, take_or_none

MAX_AGENTS = 1_000


def agents_of(body: JSON, before: Sequence[Agent] = ()) -> list[Agent]:
    """`agents`: [{"id", "presence", "teams"}]; or `agents_available`: so many, those who are there now first. The
    others are away then."""
    listed = take_or_none(body, "agents", list)
    if listed is not None:
        return [_agent(item) for item in listed]
    count = take(body, "agents_available", int, 1)
    if not 0 <= count <= MAX_AGENTS:
        raise BadRequestError(f"'agents_available' must be from 0 to {MAX_AGENTS}")
    names = [agent.id for agent in before] + [f"agent-{number}" for number in range(len(before) + 1, count + 1)]
    teams = {agent.id: agent.teams for agent in before}
    return [
        Agent(name, Presence.AVAILABLE if place < count else Presence.AWAY, teams.get(name, []))
        for place, name in enumerate(dict.fromkeys(names))
    ]


def _agent(item: Any) -> Agent:
    if not isinstance(item, dict):
        raise BadRequestError('an agent is {"id", "presence", "teams"}')
    presence = one_of(item, "presence", tuple(Presence), Presence.AVAILABLE)
    return Agent(take(item, "id", str), presence, take(item, "teams", list, []))


def account_view(account: Account) -> JSON:
    """As the control API shows it."""
    names = ("flavour", "client_id", "client_secret", "organization_id", "token_lifetime_s", "topics")
    shown = {name: getattr(account, name) for name in (*names, "tags")}
    agents = [{"id": agent.id, "presence": agent.presence, "teams": agent.teams} for agent in account.agents]
    return (
        shown
        | {"agents": agents}
        | {"requests_per_second": account.limits.per_second, "daily_quota": account.limits.per_day}
    )
