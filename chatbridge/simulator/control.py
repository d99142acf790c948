"""The control API of the inbox: what an admin, the contacts and the agents do."""

import asyncio
import secrets
import time
from typing import Any

from aiohttp import web

from chatbridge.simulator.conversation import JSON, Conversation, Owner
from chatbridge.simulator.events import EventSender
from chatbridge.simulator.limits import DAILY_QUOTA, REQUESTS_PER_SECOND, Limits
from chatbridge.simulator.people import account_view, agents_of
from chatbridge.simulator.platform import (
    TOKEN_LIFETIME_S,
    Account,
    Flavour,
    Platform,
    TagForm,
    VirtualAgent,
    new_conversation_id,
    new_id,
)
from chatbridge.simulator.wire import BadRequestError, answer, guarded, one_of, read_object, take, take_or_none

LONGEST_WAIT_S = 60.0
KINDS = ("inception", "delegation")
DEFAULT_CHANNEL = {"id": "channel-1", "name": "Support"}
AGENT_ACTIONS = ("take", "reply", "note", "topic", "delegate", "resolve", "pending")


class Control:
    """Accounts, virtual agents and conversations under /sim/."""

    def __init__(self, platform: Platform, events: EventSender) -> None:
        self.platform = platform
        self.events = events

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Under /sim/."""
        for method, path, handler in (
            ("POST", "/sim/accounts", self.add_account),
            ("POST", "/sim/accounts/{client_id}/agents", self.set_agents),
            ("POST", "/sim/virtual-agents", self.add_virtual_agent),
            ("GET", "/sim/virtual-agents", self.list_virtual_agents),
            ("POST", "/sim/conversations", self.start),
            ("GET", "/sim/conversations", self.list_conversations),
            ("GET", "/sim/conversations/{id}", self.show),
            ("POST", "/sim/conversations/{id}/messages", self.say),
            ("POST", "/sim/conversations/{id}/agent", self.act),
            ("POST", "/sim/conversations/{id}/events", self.send_raw),
            ("GET", "/sim/queue", self.queue),
        ):
            router.add_route(method, path, guarded(handler))

    # Set-up

    async def add_account(self, request: web.Request) -> web.Response:
        """ "Generate API Keys"; again with the same client_id replaces."""
        body = await read_object(request)
        account = Account(
            flavour=Flavour(one_of(body, "flavour", tuple(Flavour))),
            client_id=take(body, "client_id", str, f"client-{secrets.token_hex(6)}"),
            client_secret=take(body, "client_secret", str, secrets.token_urlsafe(24)),
            organization_id=take(body, "organization_id", str, f"org-{secrets.token_hex(4)}"),
            token_lifetime_s=take(body, "token_lifetime_s", float, TOKEN_LIFETIME_S),
            topics=take_or_none(body, "topics", list),
            agents=agents_of(body),
            tags=TagForm(one_of(body, "tags", tuple(TagForm), TagForm.OBJECTS)),
            limits=Limits(
                per_second=take(body, "requests_per_second", int, REQUESTS_PER_SECOND),
                per_day=take(body, "daily_quota", int, DAILY_QUOTA),
            ),
        )
        self.platform.add_account(account)
        return answer(account_view(account))

    async def set_agents(self, request: web.Request) -> web.Response:
        """Who is logged in from now on, and whether available or away."""
        account = self.platform.account(request.match_info["client_id"])
        account.agents = agents_of(await read_object(request), account.agents)
        return answer(account_view(account))

    async def add_virtual_agent(self, request: web.Request) -> web.Response:
        """ "Add Custom Virtual Agent"; the same client_id and name keep id and, if not given, secrets."""
        body = await read_object(request)
        client_id, name = take(body, "client_id", str), take(body, "name", str, "Demo")
        mates = self.platform.virtual_agents.values()
        before = next((mate for mate in mates if (mate.client_id, mate.name) == (client_id, name)), None)
        write_back_url = take(body, "write_back_url", str, "")
        virtual_agent = VirtualAgent(
            id=before.id if before else new_id(),
            client_id=client_id,
            name=name,
            webhook_url=take(body, "webhook_url", str),
            shared_secret=_secret(body, "shared_secret", before.shared_secret if before else ""),
            kind=one_of(body, "kind", KINDS, KINDS[0]),
            channels=[_channel(channel) for channel in take(body, "channels", list, [])],
            write_back_url=write_back_url,
            write_back_secret=_secret(body, "write_back_secret", before.write_back_secret if before else ""),
            reply_limit_s=take_or_none(body, "reply_limit_s", float),
            is_enabled=take(body, "enabled", bool, True),
        )
        self.platform.add_virtual_agent(virtual_agent)
        hidden = {"shared_secret": virtual_agent.shared_secret, "write_back_secret": virtual_agent.write_back_secret}
        return answer(_virtual_agent_view(virtual_agent) | hidden)

    async def list_virtual_agents(self, request: web.Request) -> web.Response:
        """All of them, without secrets."""
        return answer([_virtual_agent_view(each) for each in self.platform.virtual_agents.values()])

    # The contact

    async def start(self, request: web.Request) -> web.Response:
        """A contact begins; STARTED and the first message leave at the same time, as the platform does."""
        body = await read_object(request)
        virtual_agent = self.platform.find_virtual_agent(take(body, "virtual_agent", str))
        conversation = self._begin(body, virtual_agent)
        text, payload = take_or_none(body, "text", str), take_or_none(body, "payload", str)
        sent = [self.events.opened(conversation)] if take(body, "send_started", bool, True) else []
        if body.get("sequential"):
            await _all(sent)
        if text is not None or payload is not None:
            said = conversation.say("contact", text, payload=payload)
            sent.append(self.events.message(conversation, said))
        delivered = await _all(sent) if body.get("wait") else []
        shown = {"conversation_id": conversation.id, "virtual_agent": virtual_agent.id, "owner": conversation.owner}
        return answer(shown | {"contact": conversation.contact, "n": conversation.said, "events": delivered})

    async def say(self, request: web.Request) -> web.Response:
        """The contact says something, `count` times (numbered then) at the same time."""
        conversation = self._conversation(request)
        body = await read_object(request)
        text, payload = take_or_none(body, "text", str), take_or_none(body, "payload", str)
        count, files = take(body, "count", int, 1), take_or_none(body, "attachments", list)
        sent = []
        for number in range(1, count + 1):
            numbered = f"{text} {number}" if text is not None and count > 1 else text
            said = conversation.say("contact", numbered, payload=payload, files=files)
            sent.append(self.events.message(conversation, said, body.get("trigger")))
        delivered = await _all(sent) if body.get("wait") else []
        shown: JSON = {"conversation_id": conversation.id, "owner": conversation.owner, "n": conversation.said}
        return answer(shown | {"events": delivered, "status": delivered[-1]["status"] if delivered else None})

    async def send_raw(self, request: web.Request) -> web.Response:
        """Odd events: a repeated, unknown, old, forged or copied one. One try each, no handover."""
        conversation = self._conversation(request)
        body = await read_object(request)
        kind, data, key = conversation.last_event or ("", {}, "")
        if not take(body, "repeat_last", bool, False):
            kind = take(body, "type", str)
            data, key = take(body, "data", dict, {"conversationId": conversation.id}), new_id()
        virtual_agent = self.platform.virtual_agents[conversation.virtual_agent_id]
        tries = (
            self.events.post(
                conversation,
                virtual_agent,
                kind,
                data,
                take(body, "key", str, key),
                age_s=take(body, "age_s", float, 0.0),
                is_forged=take(body, "forged", bool, False),
            )
            for _ in range(take(body, "copies", int, 1))
        )
        return answer({"key": key, "statuses": [done.status for done in await asyncio.gather(*tries)]})

    # The agents

    async def act(self, request: web.Request) -> web.Response:
        """What a human does in the inbox."""
        conversation = self._conversation(request)
        body = await read_object(request)
        action = one_of(body, "action", AGENT_ACTIONS)
        if action == "take":
            conversation.give_to(Owner.AGENT)
        elif action == "reply":
            self.platform.agent_says(conversation, take(body, "text", str))
        elif action == "note":
            conversation.notes.append({"text": take(body, "text", str), "at": time.time()})
            conversation.wake()
        elif action == "topic":
            topic = take(body, "text", str)
            conversation.topics += [topic] if topic not in conversation.topics else []
            conversation.wake()
        elif action == "delegate":
            self.platform.delegate(conversation, take_or_none(body, "virtual_agent", str))
            self.events.delegated(conversation)
        elif action == "resolve":
            self.platform.resolve(conversation)
        else:
            self.platform.set_pending(conversation)
        return answer(conversation.summary())

    async def queue(self, request: web.Request) -> web.Response:
        """Who waits for a human, with what the agent sees first."""
        waiting = self.platform.queue()
        return answer([each.summary() | {"note": each.notes[-1]["text"] if each.notes else None} for each in waiting])

    # To look at

    async def list_conversations(self, request: web.Request) -> web.Response:
        """One line each."""
        return answer([each.summary() for each in self.platform.conversations.values()])

    async def show(self, request: web.Request) -> web.Response:
        """One conversation; `wait_s` waits for a message after number `after`, another owner, or, for who says what
        they know of it in `is_typing`, until that has changed."""
        conversation = self._conversation(request)
        after = int(_number(request, "after"))
        loop = asyncio.get_running_loop()
        owner, ends_at = conversation.owner, loop.time() + min(_number(request, "wait_s"), LONGEST_WAIT_S)
        known = request.query.get("is_typing")

        def has_news() -> bool:
            is_other = known is not None and conversation.is_typing != (known == "1")
            return conversation.said > after or conversation.owner is not owner or is_other

        while not has_news() and loop.time() < ends_at:
            await _news(conversation, ends_at - loop.time())
        return answer(conversation.view(after))

    def _begin(self, body: JSON, virtual_agent: VirtualAgent) -> Conversation:
        """A new conversation; a known id restarts and keeps its messages."""
        conversation = self.platform.conversations.get(take(body, "conversation_id", str, ""))
        if conversation and conversation.client_id == virtual_agent.client_id:
            conversation.virtual_agent_id = virtual_agent.id
        else:
            conversation = _new_conversation(body, virtual_agent)
        self.platform.open_conversation(conversation)
        return conversation

    def _conversation(self, request: web.Request) -> Conversation:
        return self.platform.conversation(request.match_info["id"])


async def _news(conversation: Conversation, timeout_s: float) -> None:
    """Sleep until something happens in the conversation."""
    news = asyncio.Event()
    conversation.listeners.append(news.set)
    try:
        await asyncio.wait_for(news.wait(), timeout_s)
    except TimeoutError:
        conversation.listeners.remove(news.set)


async def _all(tasks: list[asyncio.Task[JSON] | None]) -> list[JSON]:
    """The records of delivered events; contacts of a human's conversation cause none."""
    return await asyncio.gather(*(task for task in tasks if task))


def _new_conversation(body: JSON, virtual_agent: VirtualAgent) -> Conversation:
    contact = {"primaryIdentifier": "Johan", "vip": False} | take(body, "contact", dict, {})
    contact.setdefault("id", new_id())
    channel = _channel(take(body, "channel", dict, next(iter(virtual_agent.channels), DEFAULT_CHANNEL)))
    return Conversation(
        id=take(body, "conversation_id", str, new_conversation_id()),
        client_id=virtual_agent.client_id,
        virtual_agent_id=virtual_agent.id,
        contact=contact,
        attributes=list(take(body, "attributes", list, [])),
        medium=take(body, "medium", str, "whatsapp"),
        channel=channel,
        language=take(body, "language", str, "en"),
        team=take(body, "team", str, ""),
    )


def _secret(body: JSON, key: str, before: str) -> str:
    secret = take(body, key, str, before or secrets.token_hex(32))
    try:
        bytes.fromhex(secret)
    except ValueError:
        raise BadRequestError(f"{key!r} must be a hexadecimal string") from None
    return secret


def _channel(channel: Any) -> JSON:
    if not isinstance(channel, dict) or not isinstance(channel.get("id"), str):
        raise BadRequestError('a channel is {"id", "name"}')
    return {"id": channel["id"], "name": channel.get("name", channel["id"])}


def _number(request: web.Request, name: str) -> float:
    try:
        return float(request.query.get(name, 0))
    except ValueError:
        raise BadRequestError(f"{name} must be a number") from None


def _virtual_agent_view(virtual_agent: VirtualAgent) -> JSON:
    names = ("id", "client_id", "name", "webhook_url", "kind", "channels", "write_back_url", "reply_limit_s")
    return {name: getattr(virtual_agent, name) for name in names} | {"enabled": virtual_agent.is_enabled}
