"""Who is there and who waits: Inbox 2.0's figures about queue and presence."""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from aiohttp import web

from chatbridge.simulator.conversation import JSON, Conversation, Owner
from chatbridge.simulator.manipulation import is_strings
from chatbridge.simulator.payloads import AGENT, timestamp
from chatbridge.simulator.platform import Account, Agent, Platform, Presence
from chatbridge.simulator.refusals import RefusedError

Action = Callable[[web.Request, Account, JSON], Awaitable[Any]]
Reader = Callable[[web.Request, JSON], Awaitable[Any]]
STATUSES = ("NEW", "PENDING")
GROUPS: dict[str, Callable[[Conversation], Sequence[str]]] = {
    "CHANNEL": lambda conversation: [conversation.channel["id"]],
    "OWNER": lambda conversation: [AGENT["id"]] if conversation.owner is Owner.AGENT else [],
    "TOPIC": lambda conversation: conversation.topics,
    "TEAM": lambda conversation: [conversation.team] if conversation.team else [],
}


def routes(platform: Platform, read: Reader) -> Iterator[tuple[str, str, Action]]:
    """Method, path and what answers there; `read` gives a request's JSON body."""

    async def online(request: web.Request, account: Account, entry: JSON) -> JSON:
        return {"agents": [_agent_view(agent) for agent in account.agents]}

    async def available(request: web.Request, account: Account, entry: JSON) -> JSON:
        body = await read(request, entry)
        if not isinstance(body, dict) or body.get("userPresenceStatus") not in list(Presence):
            raise RefusedError(400, "userPresenceStatus is required.")
        teams = _strings(body, "teamIds")
        agents = [
            agent
            for agent in account.agents
            if agent.presence == body["userPresenceStatus"] and (not teams or set(teams) & set(agent.teams))
        ]
        if body.get("groupBy") is None:
            return {"value": len(agents)}
        if body["groupBy"] != "TEAM":
            raise RefusedError(400, "groupBy must be TEAM.")
        names = {team for agent in agents for team in agent.teams}
        return _grouped({team: sum(team in agent.teams for agent in agents) for team in names})

    async def waiting(request: web.Request, account: Account, entry: JSON) -> JSON:
        return _figure(platform, account, await read(request, entry), len)

    async def longest_wait(request: web.Request, account: Account, entry: JSON) -> JSON:
        return _figure(platform, account, await read(request, entry), _longest)

    yield "GET", "user-presence/online-agents", online
    yield "POST", "user-presence/metrics/agent-availability", available
    yield "POST", "queue/metrics/contacts-waiting", waiting
    yield "POST", "queue/metrics/longest-wait-time", longest_wait


def _agent_view(agent: Agent) -> JSON:
    shown = {"id": agent.id, "userPresence": agent.presence, "statusChangedAt": timestamp(agent.changed_at)}
    return shown | {"awayStateId": "away" if agent.presence == Presence.AWAY else None}


def _longest(queued: Sequence[Conversation]) -> int:
    """Seconds that the first in the queue has waited."""
    return int(time.time() - min(conversation.queued_at for conversation in queued)) if queued else 0


def _figure(platform: Platform, account: Account, body: Any, measure: Callable[[Sequence[Conversation]], int]) -> JSON:
    """Of those that match, all together or by group; "status required"."""
    if not isinstance(body, dict) or body.get("status") not in STATUSES:
        raise RefusedError(400, "status is required.")
    channels, medium = _strings(body, "channelIds"), body.get("mediumId")
    found = [
        conversation
        for conversation in platform.conversations.values()
        if conversation.client_id == account.client_id
        and _is_in(conversation, body["status"])
        and (not channels or conversation.channel["id"] in channels)
        and medium in (None, conversation.medium)
    ]
    if body.get("groupBy") is None:
        return {"value": measure(found)}
    if body["groupBy"] not in GROUPS:
        raise RefusedError(400, f"groupBy must be one of {', '.join(GROUPS)}.")
    groups = defaultdict(list)
    for conversation in found:
        for name in GROUPS[body["groupBy"]](conversation):
            groups[name].append(conversation)
    return _grouped({name: measure(members) for name, members in groups.items()})


def _is_in(conversation: Conversation, status: str) -> bool:
    if status == "NEW":
        return conversation.owner is Owner.QUEUE
    return conversation.owner is Owner.AGENT and conversation.status == "pending"


def _grouped(values: dict[str, int]) -> JSON:
    return {"value": {name: {"value": value} for name, value in values.items()}}


def _strings(body: JSON, key: str) -> list[str]:
    found = body.get(key) or []
    if not is_strings(found):
        raise RefusedError(400, f"{key} must be a list of strings.")
    return list(found)
