"""Bots that speak the HTTP bot contract, answering in the same call or later."""

import asyncio
import hashlib
import hmac
import json
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from chatbridge.simulator import demo
from chatbridge.simulator.client import Client, tries
from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.faults import HANG_S, drop
from chatbridge.simulator.platform import UnknownError, new_id
from chatbridge.simulator.wire import answer, dump

FAULTS = ("500", "hang", "garbage", "huge", "wrong_type", "close")
MODES = ("sync", "async")
DEMO_BOT = "demo"
TURN_TYPES = ("conversation_started", "conversation_delegated", "message")

KEPT_TURNS = 10_000
HUGE_BYTES = 10_000_000
"""Far more than the 1 MB that a reply may have."""

CALLBACK_LIMIT_S = 10.0
REPLY_STATUSES_TO_RETRY = (0, 429, 500, 502, 503, 504)


@dataclass(slots=True)
class HttpBot:
    """One bot's configuration and what it saw."""

    id: str
    token: str = ""
    signing_secret: str = ""
    mode: str = "sync"
    reply_url: str = ""
    delay_ms: float = 0
    fault: str | None = None
    turns: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_TURNS))
    replies: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_TURNS))
    sessions: demo.Sessions = field(default_factory=demo.Sessions)
    given: OrderedDict[str, JSON] = field(default_factory=OrderedDict)

    def view(self) -> JSON:
        """What it saw, for the control API."""
        shown: JSON = {"id": self.id, "mode": self.mode, "fault": self.fault, "sessions": len(self.sessions.by_id)}
        return shown | {"turns": list(self.turns), "replies": list(self.replies)}

    def signature(self, body: bytes) -> str:
        """X-Chatbridge-Signature: "hex HMAC-SHA256 of the raw body"."""
        return hmac.new(self.signing_secret.encode(), body, hashlib.sha256).hexdigest()

    def proofs(self, body: bytes) -> dict[str, str]:
        """The headers of a later reply: the token, and a signature over time and body, fresh for each try."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.signing_secret:
            now = str(int(time.time()))
            headers |= {
                "X-Chatbridge-Timestamp": now,
                "X-Chatbridge-Signature": self.signature(f"{now}.".encode() + body),
            }
        return headers


class Bots:
    """All HTTP bots. The one called demo has no token and is at /bot too."""

    def __init__(self, client: Client, slow_s: float, retry_delays_s: Sequence[float]) -> None:
        self.client = client
        self.slow_s = slow_s
        self.retry_delays_s = retry_delays_s
        self.by_id: dict[str, HttpBot] = {}
        self.clear()

    def clear(self) -> None:
        """Only the demo bot is left, with nothing to remember."""
        self.by_id = {DEMO_BOT: HttpBot(DEMO_BOT)}

    def get(self, bot_id: str) -> HttpBot:
        """The bot with this id."""
        try:
            return self.by_id[bot_id]
        except KeyError:
            raise UnknownError(f"no bot {bot_id!r}") from None

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Where bots are asked."""
        router.add_post("/bot", self.turn)
        router.add_post("/bots/{id}", self.turn)

    async def turn(self, request: web.Request) -> web.Response:
        """One turn of the bridge."""
        try:
            bot = self.get(request.match_info.get("id", DEMO_BOT))
        except UnknownError as error:
            return answer({"error": str(error)}, 404)
        raw = await request.read()
        seen = _seen(bot, request, raw)
        bot.turns.append(seen)
        response = await self._respond(bot, seen, request)
        seen["status"] = response.status
        return response

    async def _respond(self, bot: HttpBot, seen: JSON, request: web.Request) -> web.Response:
        turn = seen["body"]
        if not seen["token_ok"] or not seen["signature_ok"]:
            return answer({"error": "token or signature is wrong"}, 401)
        if problem := _problem(turn):
            return answer({"error": problem}, 400)
        if bot.fault:
            return await _misbehave(bot.fault, request)
        if "crash" in demo.words_of(turn):
            return answer({"error": "crashed as you wished"}, 500)
        media_url = f"{request.url.origin()}/media/map.png"
        if bot.mode == "async":
            if _is_new(bot, seen["idempotency_key"]):
                self.client.spawn(self._reply_later(bot, turn, media_url))
            return answer({})
        await self._think(bot, turn)
        return answer(_reply(bot, turn, seen["idempotency_key"], media_url))

    async def _think(self, bot: HttpBot, turn: JSON) -> None:
        pause_s = bot.delay_ms / 1000 + (self.slow_s if "slow" in demo.words_of(turn) else 0)
        if pause_s:
            await asyncio.sleep(pause_s)

    async def _reply_later(self, bot: HttpBot, turn: JSON, media_url: str) -> None:
        async with bot.sessions.get(turn["session_id"]).lock:
            await self._think(bot, turn)
            reply = _reply(bot, turn, None, media_url)
            body = dump(reply | {"session_id": turn["session_id"], "reply_id": new_id()})
            record: JSON = {"body": json.loads(body), "status": None, "attempts": 0}
            bot.replies.append(record)
            async for number in tries(self.retry_delays_s):
                headers = bot.proofs(body)
                done = await self.client.post_json(bot.reply_url, body, timeout_s=CALLBACK_LIMIT_S, headers=headers)
                record |= {"status": done.status, "attempts": number}
                if done.status not in REPLY_STATUSES_TO_RETRY:
                    return


def _seen(bot: HttpBot, request: web.Request, raw: bytes) -> JSON:
    """What is kept of a turn."""
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    authorization = request.headers.get("Authorization", "")
    signature = request.headers.get("X-Chatbridge-Signature", "")
    is_signed = hmac.compare_digest(signature.encode(), bot.signature(raw).encode())
    return {
        "at": time.time(),
        "body": body,
        "idempotency_key": request.headers.get("Idempotency-Key"),
        "has_authorization": bool(authorization),
        "token_ok": not bot.token or hmac.compare_digest(authorization.encode(), f"Bearer {bot.token}".encode()),
        "signature_ok": not bot.signing_secret or is_signed,
        "status": None,
    }


def _problem(turn: Any) -> str:
    """What is wrong with a turn, in the contract's terms; empty when nothing is."""
    if not isinstance(turn, dict):
        return "the turn is no JSON object"
    if turn.get("version") != 1 or turn.get("type") not in TURN_TYPES:
        return "version must be 1 and type one of " + ", ".join(TURN_TYPES)
    for key in ("turn_id", "session_id"):
        if not isinstance(turn.get(key), str) or not turn[key]:
            return f"{key} must be a string"
    for key in ("text", "payload"):
        if not isinstance(turn.get(key), str | None):
            return f"{key} must be a string or null"
    return ""


def _reply(bot: HttpBot, turn: JSON, key: str | None, media_url: str) -> JSON:
    """The demo's reply; the same key gets the same reply and isn't a turn of its own."""
    if key and key in bot.given:
        return bot.given[key]
    reply = demo.answer(turn, bot.sessions.get(turn["session_id"]), media_url)
    _keep(bot, key, reply)
    return reply


def _is_new(bot: HttpBot, key: str | None) -> bool:
    """Is this turn none that is being answered already? A bot that answers later counts a key once, too."""
    if key and key in bot.given:
        return False
    _keep(bot, key, {})
    return True


def _keep(bot: HttpBot, key: str | None, reply: JSON) -> None:
    if key:
        bot.given[key] = reply
        if len(bot.given) > KEPT_TURNS:
            bot.given.popitem(last=False)


async def _misbehave(fault: str, request: web.Request) -> web.Response:
    if fault == "hang":
        await asyncio.sleep(HANG_S)
    if fault in ("hang", "close"):
        return drop(request)
    if fault == "garbage":
        return web.Response(body=b"<html>not a reply</html>", content_type="text/html")
    if fault == "huge":
        return answer({"messages": [{"text": "x" * HUGE_BYTES}]})
    if fault == "wrong_type":
        return answer({"messages": "not a list"})
    return answer({"error": "fault on request"}, 500)
