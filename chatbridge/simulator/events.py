"""Sends signed events to the virtual agent's webhook as the platform does, retries included."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chatbridge.simulator import payloads
from chatbridge.simulator.client import Answered, Client, tries
from chatbridge.simulator.conversation import JSON, Conversation, Owner, Said
from chatbridge.simulator.disorder import Disorder
from chatbridge.simulator.manipulation import MalformedError, manipulate
from chatbridge.simulator.platform import Account, Platform, VirtualAgent, new_id

ANSWER_LIMIT_S = 10.0
"""How long the platform waits for our 200."""

RETRY_DELAYS_S = (0.25, 0.5, 1.0)
"""3 retries, "exponential back-off of up to 2 seconds in all"."""

WRITE_BACK_DELAYS_S = tuple(3600.0 * hours for hours in (1, 2, 4, 8, 16, 32))
"""A write-back that failed is sent again "after 1, 2, 4, 8, 16 and 32 hours"."""

DELEGATED_LIMIT_S = 120.0
"""A virtual agent has 2 minutes to reply after DELEGATED, regardless of its limit for messages."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The platform's patience; tests shorten it."""

    answer_limit_s: float = ANSWER_LIMIT_S
    retry_delays_s: Sequence[float] = RETRY_DELAYS_S
    write_back_delays_s: Sequence[float] = WRITE_BACK_DELAYS_S


class EventSender:
    """Delivers events; a conversation whose event can't be delivered goes to the queue."""

    def __init__(self, platform: Platform, client: Client, timing: Timing) -> None:
        self.platform = platform
        self.client = client
        self.timing = timing
        self.disorder = Disorder()
        self.sent = 0
        self.failed = 0
        platform.on_status = self.write_back

    # What happens in the inbox

    def opened(self, conversation: Conversation) -> asyncio.Task[JSON] | None:
        """STARTED (inception) or DELEGATED (delegation), if the virtual agent is active there."""
        if conversation.owner is not Owner.VIRTUAL_AGENT:
            return None
        if self._virtual_agent(conversation).kind == "delegation":
            return self.delegated(conversation)
        return self._send(conversation, "CONVERSATION_STARTED", payloads.opening_data(conversation))

    def delegated(self, conversation: Conversation) -> asyncio.Task[JSON]:
        """An agent gave the conversation to the virtual agent, who now has to speak."""
        self._start_reply_timer(conversation, DELEGATED_LIMIT_S)
        return self._send(conversation, "CONVERSATION_DELEGATED", payloads.opening_data(conversation))

    def message(self, conversation: Conversation, message: Said, trigger: Any = None) -> asyncio.Task[JSON] | None:
        """The contact said something; an event only if it is the virtual agent's turn."""
        if conversation.owner is not Owner.VIRTUAL_AGENT:
            return None
        self._start_reply_timer(conversation)
        data = payloads.message_data(conversation, message, self._account(conversation).flavour, trigger)
        return self._send(conversation, "INBOUND_MESSAGE_RECEIVED", data)

    def write_back(self, conversation: Conversation, previous: str) -> None:
        """Tell the write-back URL, if there is one, that a conversation is resolved or pending."""
        virtual_agent = self._virtual_agent(conversation)
        if virtual_agent.write_back_url:
            kind = payloads.STATUS_EVENTS[conversation.status]
            self.client.spawn(self._write_back(conversation, kind, payloads.status_data(conversation, previous)))

    # Delivery

    def _send(self, conversation: Conversation, kind: str, data: JSON) -> asyncio.Task[JSON]:
        key = new_id()
        conversation.last_event = (kind, data, key)
        return self.client.spawn(self._deliver(conversation, kind, data, key))

    async def _deliver(self, conversation: Conversation, kind: str, data: JSON, key: str) -> JSON:
        virtual_agent = self._virtual_agent(conversation)
        record = self._record(conversation, kind, key)
        record["text"] = data.get("message", {}).get("text")
        await asyncio.sleep(self.disorder.delay_s())
        async for number in tries(self.timing.retry_delays_s):
            record["attempts"] = number
            answered = await self._post_perhaps_twice(conversation, virtual_agent, kind, data, key)
            self._note(record, answered)
            if answered.status == 200:
                self.sent += 1
                record["inline"] = self._apply_inline(conversation, virtual_agent, answered)
                return record
        self.failed += 1
        is_theirs = conversation.virtual_agent_id == virtual_agent.id and conversation.owner is Owner.VIRTUAL_AGENT
        if is_theirs:
            conversation.give_to(Owner.QUEUE)
        return record

    async def _post_perhaps_twice(
        self, conversation: Conversation, virtual_agent: VirtualAgent, kind: str, data: JSON, key: str
    ) -> Answered:
        """One try, with the copies that a disorder makes of it: at the same moment, or later."""

        async def copy_later() -> None:
            await asyncio.sleep(self.disorder.chance.uniform(0, self.disorder.late_s))
            await self.post(conversation, virtual_agent, kind, data, key)

        if self.disorder.is_doubled():
            self.client.spawn(copy_later())
        copies = 2 if self.disorder.is_doubled() else 1
        posts = (self.post(conversation, virtual_agent, kind, data, key) for _ in range(copies))
        answers = await asyncio.gather(*posts)
        return next((answered for answered in answers if answered.status == 200), answers[0])

    async def post(
        self,
        conversation: Conversation,
        virtual_agent: VirtualAgent,
        kind: str,
        data: JSON,
        key: str,
        *,
        age_s: float = 0.0,
        is_forged: bool = False,
    ) -> Answered:
        """One try, freshly stamped and signed."""
        body = payloads.envelope(kind, key, data, age_s)
        signature = payloads.sign(virtual_agent.shared_secret, body + b" " if is_forged else body)
        header = payloads.SIGNATURE_HEADERS[self._account(conversation).flavour]
        url, limit_s = virtual_agent.webhook_url, self.timing.answer_limit_s
        return await self.client.post_json(url, body, timeout_s=limit_s, headers={header: signature})

    async def _write_back(self, conversation: Conversation, kind: str, data: JSON) -> None:
        virtual_agent, key = self._virtual_agent(conversation), new_id()
        header = payloads.SIGNATURE_HEADERS[self._account(conversation).flavour]
        record = self._record(conversation, kind, key)
        async for number in tries(self.timing.write_back_delays_s):
            record["attempts"] = number
            body = payloads.envelope(kind, key, data)
            headers = {header: payloads.sign(virtual_agent.write_back_secret, body)}
            url, limit_s = virtual_agent.write_back_url, self.timing.answer_limit_s
            answered = await self.client.post_json(url, body, timeout_s=limit_s, headers=headers)
            self._note(record, answered)
            if answered.is_success:
                return

    def _apply_inline(self, conversation: Conversation, virtual_agent: VirtualAgent, answered: Answered) -> bool:
        """ "The 200's body may carry a manipulation as an inline reply, or {}"; nonsense is noted and ignored.

        Whether it ended the virtual agent's part, or wanted what has happened: two events that are answered at once
        by a bridge without its database both give the conversation away.
        """
        try:
            body = json.loads(answered.body or b"{}")
        except ValueError:
            body = answered.body[:200].decode(errors="replace")
        if body == {}:
            return False
        call = {"at": time.time(), "body": body, "status": 200, "inline": True}
        conversation.calls.append(call)
        account = self._account(conversation)
        if self.platform.assigned(account, conversation.id) is None:
            call["status"] = 404
            return isinstance(body, dict) and bool(body.get("complete"))
        try:
            manipulate(self.platform, account, conversation, body, inline=True)
        except MalformedError as error:
            call |= {"status": 400, "error": str(error)}
        return call["status"] == 200 and bool(body.get("complete"))

    # Time to reply

    def _start_reply_timer(self, conversation: Conversation, at_most_s: float = float("inf")) -> None:
        """Take the conversation away unless there is a reply in time; the oldest unanswered message counts."""
        limit_s = self._virtual_agent(conversation).reply_limit_s
        if limit_s is None or conversation.stop_reply_timer:
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(min(limit_s, at_most_s), conversation.give_to, Owner.QUEUE)
        conversation.stop_reply_timer = timer.cancel

    # Small things

    def _virtual_agent(self, conversation: Conversation) -> VirtualAgent:
        return self.platform.virtual_agents[conversation.virtual_agent_id]

    def _account(self, conversation: Conversation) -> Account:
        return self.platform.accounts[conversation.client_id]

    @staticmethod
    def _record(conversation: Conversation, kind: str, key: str) -> JSON:
        record: JSON = {"type": kind, "key": key, "status": None, "attempts": 0, "at": time.time(), "ms": None}
        conversation.events.append(record)
        return record

    @staticmethod
    def _note(record: JSON, answered: Answered) -> None:
        record["status"] = answered.status
        record["ms"] = round((time.time() - record["at"]) * 1000, 1)
        if answered.error:
            record["error"] = answered.error
