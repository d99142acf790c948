"""The control API of everything around the inbox: bots, faults, the ledger, reset."""

import random
from typing import Any

from aiohttp import web

from chatbridge.simulator import bots as http_bots
from chatbridge.simulator import chatlayer as chatlayer_bots
from chatbridge.simulator.bots import Bots, HttpBot
from chatbridge.simulator.chatlayer import Chatlayer
from chatbridge.simulator.chatlayer_bot import PAYLOADS, VERSIONS, ChatlayerBot
from chatbridge.simulator.client import Client
from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.disorder import Disorder
from chatbridge.simulator.events import EventSender
from chatbridge.simulator.faults import FAULTS, MOMENTS, SLOW_S, TARGETS, Faults, Rule
from chatbridge.simulator.ledger import Ledger
from chatbridge.simulator.platform import Platform, new_id
from chatbridge.simulator.wire import BadRequestError, answer, guarded, one_of, read_object, take, take_or_none


class ControlTools:
    """Bots, faults, ledger, status and reset under /sim/."""

    def __init__(
        self,
        platform: Platform,
        events: EventSender,
        bots: Bots,
        chatlayer: Chatlayer,
        faults: Faults,
        ledger: Ledger,
        client: Client,
    ) -> None:
        self.platform = platform
        self.events = events
        self.bots = bots
        self.chatlayer = chatlayer
        self.faults = faults
        self.ledger = ledger
        self.client = client

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Under /sim/."""
        for method, path, handler in (
            ("POST", "/sim/bots", self.add_bot),
            ("GET", "/sim/bots/{id}", self.show_bot),
            ("POST", "/sim/chatlayer", self.add_chatlayer),
            ("GET", "/sim/chatlayer/{id}", self.show_chatlayer),
            ("POST", "/sim/chatlayer/{id}/health-check", self.check_chatlayer),
            ("POST", "/sim/faults", self.add_fault),
            ("GET", "/sim/faults", self.list_faults),
            ("DELETE", "/sim/faults", self.clear_faults),
            ("POST", "/sim/disorder", self.set_disorder),
            ("GET", "/sim/ledger", self.show_ledger),
            ("GET", "/sim/status", self.status),
            ("POST", "/sim/reset", self.reset),
        ):
            router.add_route(method, path, guarded(handler))

    async def add_bot(self, request: web.Request) -> web.Response:
        """An HTTP bot; again with the same id changes it and keeps what it saw."""
        body = await read_object(request)
        one_of(body, "kind", ("http",), "http")
        bot = HttpBot(
            id=take(body, "id", str, new_id()),
            token=take(body, "token", str, ""),
            signing_secret=take(body, "signing_secret", str, ""),
            mode=one_of(body, "mode", http_bots.MODES, "sync"),
            reply_url=take(body, "reply_url", str, ""),
            delay_ms=take(body, "delay_ms", float, 0.0),
            fault=_fault(body, http_bots.FAULTS),
        )
        if bot.mode == "async" and not bot.reply_url:
            raise BadRequestError("an async bot needs a 'reply_url'")
        if before := self.bots.by_id.get(bot.id):
            bot.turns, bot.replies = before.turns, before.replies
            bot.sessions, bot.given = before.sessions, before.given
        self.bots.by_id[bot.id] = bot
        return answer({"id": bot.id, "url": f"{request.url.origin()}/bots/{bot.id}"})

    async def show_bot(self, request: web.Request) -> web.Response:
        """What the bot saw."""
        return answer(self.bots.get(request.match_info["id"]).view())

    async def add_chatlayer(self, request: web.Request) -> web.Response:
        """A Chatlayer bot; again with the same id changes it and keeps what passed."""
        body = await read_object(request)
        bot = ChatlayerBot(
            id=take(body, "id", str, new_id()),
            access_token=take(body, "access_token", str),
            verify_token=take(body, "verify_token", str),
            reply_url=take(body, "reply_url", str, ""),
            offload_url=take(body, "offload_url", str, ""),
            offload_verify_token=take(body, "offload_verify_token", str, ""),
            identify_by=one_of(body, "identify_by", chatlayer_bots.IDENTIFIED_BY, "conversationId"),
            is_legacy=take(body, "legacy", bool, False),
            version=one_of(body, "version", VERSIONS, "LIVE"),
            payloads=one_of(body, "payloads", PAYLOADS, "json"),
            delay_ms=take(body, "delay_ms", float, 0.0),
            fault=_fault(body, chatlayer_bots.FAULTS),
        )
        if before := self.chatlayer.by_id.get(bot.id):
            bot.received, bot.callbacks = before.received, before.callbacks
            bot.actions, bot.sessions, bot.opaque = before.actions, before.sessions, before.opaque
        self.chatlayer.by_id[bot.id] = bot
        api = f"{request.url.origin()}/chatlayer"
        return answer({"id": bot.id, "url": f"{api}/v1/channels/webhook/{bot.id}/messages", "api": api})

    async def show_chatlayer(self, request: web.Request) -> web.Response:
        """What the bot received and called."""
        return answer(self.chatlayer.get(request.match_info["id"]).view())

    async def check_chatlayer(self, request: web.Request) -> web.Response:
        """The GET of the offloading URL, and what came back."""
        answered = await self.chatlayer.health_check(self.chatlayer.get(request.match_info["id"]))
        shown = {"status": answered.status, "body": answered.body.decode(errors="replace"), "error": answered.error}
        return answer(shown)

    async def add_fault(self, request: web.Request) -> web.Response:
        """One more fault; the first that hits counts."""
        body = await read_object(request)
        rule = Rule(
            target=one_of(body, "target", TARGETS),
            fault=one_of(body, "fault", FAULTS),
            when=one_of(body, "when", MOMENTS, "before"),
            times=take_or_none(body, "times", int),
            share=take(body, "share", float, 1.0),
            client_id=take_or_none(body, "client_id", str),
            slow_s=take(body, "slow_s", float, SLOW_S),
            chance=random.Random(take_or_none(body, "seed", int)),  # noqa: S311 - chance, no secret
        )
        self.faults.rules.append(rule)
        return answer(rule.view())

    async def list_faults(self, request: web.Request) -> web.Response:
        """The rules, and how often each hit."""
        return answer([rule.view() for rule in self.faults.rules])

    async def clear_faults(self, request: web.Request) -> web.Response:
        """No more trouble."""
        self.faults.rules.clear()
        return answer({})

    async def set_disorder(self, request: web.Request) -> web.Response:
        """From now on so many events are late or doubled; {} ends it."""
        body = await read_object(request)
        self.events.disorder = Disorder(
            doubled=take(body, "doubled", float, 0.0),
            late=take(body, "late", float, 0.0),
            late_s=take(body, "late_s", float, 0.0),
            chance=random.Random(take_or_none(body, "seed", int)),  # noqa: S311 - chance, no secret
        )
        return answer(self.events.disorder.view())

    async def show_ledger(self, request: web.Request) -> web.Response:
        """Requests newer than number `after`, at most `limit` of them."""
        try:
            after, limit = int(request.query.get("after", 0)), request.query.get("limit")
            requests = self.ledger.after(after, None if limit is None else int(limit))
        except ValueError:
            raise BadRequestError("after and limit must be whole numbers") from None
        return answer({"requests": requests, "last": self.ledger.last})

    async def status(self, request: web.Request) -> web.Response:
        """Counts."""
        owners: dict[str, int] = {}
        for conversation in self.platform.conversations.values():
            owners[conversation.owner] = owners.get(conversation.owner, 0) + 1
        counts: dict[str, Any] = {
            "accounts": len(self.platform.accounts),
            "virtual_agents": len(self.platform.virtual_agents),
            "conversations": len(self.platform.conversations),
            "owners": owners,
            "events_delivered": self.events.sent,
            "events_failed": self.events.failed,
            "requests": self.ledger.last,
            "bots": len(self.bots.by_id),
            "chatlayer_bots": len(self.chatlayer.by_id),
            "faults": len(self.faults.rules),
            "in_flight": len(self.client.tasks),
        }
        return answer(counts)

    async def reset(self, request: web.Request) -> web.Response:
        """As if just started; only the ledger's numbers go on."""
        await self.client.cancel_tasks()
        self.platform.clear()
        self.bots.clear()
        self.chatlayer.by_id.clear()
        self.faults.rules.clear()
        self.events.disorder = Disorder()
        self.ledger.clear()
        self.events.sent = self.events.failed = 0
        return answer({})


def _fault(body: JSON, allowed: tuple[str, ...]) -> str | None:
    return None if body.get("fault") is None else one_of(body, "fault", allowed)
