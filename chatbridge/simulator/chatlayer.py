"""A Chatlayer: acknowledges at once, and speaks later to the reply URL and the offloading URL."""

import asyncio
import hmac
import json
import time
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from chatbridge.simulator import demo, messenger
from chatbridge.simulator.chatlayer_bot import ChatlayerBot
from chatbridge.simulator.client import Answered, Client, tries
from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.faults import HANG_S, drop
from chatbridge.simulator.payloads import timestamp
from chatbridge.simulator.platform import UnknownError
from chatbridge.simulator.wire import answer, dump

FAULTS = ("500", "hang", "garbage", "close", "silent", "double", "reorder", "gap", "recount", "offload_twice")
IDENTIFIED_BY = ("conversationId", "user.id")
LIMITS = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "599"}

BACK = "back"
"""The dialog for a conversation that an agent hands back: its id, to be entered in the bridge."""
SHORTEST_SENDER_ID = 32
"""Chatlayer refuses ids with fewer characters."""

CALLBACK_LIMIT_S = 10.0
DIALOG_WHEN_CLOSED = "Nobody is here right now. Can I help with something else?"


class Chatlayer:
    """All Chatlayer bots of this process."""

    def __init__(self, client: Client, slow_s: float, retry_delays_s: Sequence[float]) -> None:
        self.client = client
        self.slow_s = slow_s
        self.retry_delays_s = retry_delays_s
        self.by_id: dict[str, ChatlayerBot] = {}

    def get(self, bot_id: str) -> ChatlayerBot:
        """The bot with this id."""
        try:
            return self.by_id[bot_id]
        except KeyError:
            raise UnknownError(f"no Chatlayer bot {bot_id!r}") from None

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """The webhook channel and the conversation actions."""
        router.add_post("/chatlayer/v1/channels/webhook/{id}/messages", self.message)
        router.add_post("/chatlayer/v1/bots/{id}/conversations/{session}/actions", self.act)
        router.add_delete("/chatlayer/v1/bots/{id}/conversations/{session}/session-data", self.forget)

    # Contact to bot

    async def message(self, request: web.Request) -> web.Response:
        """Acknowledge; the words come later."""
        bot = self._authorized(request)
        if isinstance(bot, web.Response):
            return bot
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        problem = _problem(bot, body)
        bot.received.append({"at": time.time(), "body": body, "status": 400 if problem else 200})
        if problem:
            return answer({"error": problem}, 400)
        if bot.fault in ("500", "hang", "garbage", "close"):
            return await _misbehave(bot.fault, request)
        session = bot.sessions.get(_sender(bot, body))
        self.client.spawn(self._answer(bot, session, body["message"], f"{request.url.origin()}/media/map.png"))
        return answer({"success": True}, headers=LIMITS)

    async def act(self, request: web.Request) -> web.Response:
        """Conversation actions: noted; `unpause` ends a pause, which nothing else does."""
        bot = self._authorized(request)
        if isinstance(bot, web.Response):
            return bot
        action = await request.json()
        bot.actions.append({"session": request.match_info["session"], "body": action})
        if isinstance(action, dict) and action.get("type") == "unpause":
            bot.sessions.get(request.match_info["session"]).is_paused = False
        return answer({"success": True})

    async def forget(self, request: web.Request) -> web.Response:
        """Forget a session."""
        bot = self._authorized(request)
        if isinstance(bot, web.Response):
            return bot
        is_known = bot.sessions.forget(request.match_info["session"])
        return answer({"success": is_known}, 200 if is_known else 404)

    def _authorized(self, request: web.Request) -> ChatlayerBot | web.Response:
        bot = self.by_id.get(request.match_info["id"])
        if bot is None:
            return answer({"error": "unknown bot"}, 404)
        given = request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {bot.access_token}".encode()):
            bot.received.append({"at": time.time(), "body": None, "status": 401})
            return answer({"error": "unauthorized"}, 401)
        return bot

    # Bot to contact

    async def _answer(self, bot: ChatlayerBot, session: demo.Session, message: JSON, media_url: str) -> None:
        async with session.lock:
            turn = _turn(session, bot.revealed(message))
            words = demo.words_of(turn)
            await asyncio.sleep(bot.delay_ms / 1000 + (self.slow_s if "slow" in words else 0))
            if bot.fault == "silent" or "crash" in words or session.is_paused:
                return
            reply = demo.answer(turn, session, media_url)
            messages = _special(words) or messenger.to_messages(reply)
            intent = demo.intent_of(turn)
            await self._speak(bot, session, list(map(bot.concealed, messages)), intent)
            self._copy(bot, session, [_line("user", message), *(_line("bot", said) for said in messages)])
            if offload := reply.get("offload"):
                await self._offload(bot, session, offload)

    async def _speak(
        self, bot: ChatlayerBot, session: demo.Session, messages: list[JSON], intent: str = "agent"
    ) -> None:
        """One POST per message, in order, unless a fault says otherwise."""
        session.counter = 0 if bot.fault == "recount" else session.counter + (bot.fault == "gap")
        bodies = []
        for message in messages:
            session.counter += 1
            bodies.append(_callback(bot, session, message, intent))
        if bot.fault == "reorder":
            bodies.reverse()
        for body in bodies:
            for _ in range(2 if bot.fault == "double" else 1):
                await self._post(bot, "reply", bot.reply_url, body)

    async def _offload(self, bot: ChatlayerBot, session: demo.Session, offload: JSON) -> None:
        """Ask for a human; if none is available, its dialog for "closed" follows. Only an action ends a pause."""
        body = _offload_head(bot, session, "offload")
        body |= {"payload": offload["payload"], "transcript": list(session.transcript)}
        for _ in range(2 if bot.fault == "offload_twice" else 1):
            answered = await self._post(bot, "offload", bot.offload_url, body, verify=True)
        try:
            outcome = json.loads(answered.body)
        except ValueError:
            outcome = {}
        session.is_paused = answered.is_success and outcome.get("pauseBot") is True
        if answered.is_success and outcome.get("offloadSuccess") is False:
            await self._speak(bot, session, [{"text": DIALOG_WHEN_CLOSED}])

    def _copy(self, bot: ChatlayerBot, session: demo.Session, lines: list[JSON]) -> None:
        """The offloading provider gets a copy of every message, in the background."""
        session.transcript.extend(lines)
        if bot.offload_url:
            body = _offload_head(bot, session, "messages") | {"messages": lines}
            self.client.spawn(self._post(bot, "messages", bot.offload_url, body, verify=True))

    async def health_check(self, bot: ChatlayerBot) -> Answered:
        """What Chatlayer does when an admin saves the offloading provider."""
        params = {"challenge.verifyToken": bot.offload_verify_token}
        return await self.client.send("GET", bot.offload_url, timeout_s=CALLBACK_LIMIT_S, params=params)

    async def _post(self, bot: ChatlayerBot, purpose: str, url: str, body: JSON, *, verify: bool = False) -> Answered:
        record: JSON = {"to": purpose, "body": body, "status": None, "attempts": 0, "answer": None}
        bot.callbacks.append(record)
        params = {"challenge.verifyToken": bot.offload_verify_token} if verify else None
        answered = Answered(0, error="no URL is set")
        async for number in tries(self.retry_delays_s if url else ()):
            if url:
                answered = await self.client.post_json(url, dump(body), timeout_s=CALLBACK_LIMIT_S, params=params)
            record |= {"status": answered.status, "attempts": number, "error": answered.error}
            if answered.is_success:
                break
        record["answer"] = answered.body.decode(errors="replace")
        return answered


def _problem(bot: ChatlayerBot, body: Any) -> str:
    """What Chatlayer would refuse; empty when it is fine."""
    if not isinstance(body, dict):
        return "the body must be a JSON object"
    if len(_sender(bot, body)) < SHORTEST_SENDER_ID:
        return f"{bot.identify_by} must have at least {SHORTEST_SENDER_ID} characters"
    message = body.get("message")
    if not isinstance(message, dict) or len(message) != 1:
        return "message must have exactly one of textMessage, introMessage, postbackMessage"
    kind, content = next(iter(message.items()))
    needed = {"textMessage": ("text",), "introMessage": (), "postbackMessage": ("nextDialogstateId", "payload")}
    if kind not in needed or not isinstance(content, dict):
        return f"{kind} is no message"
    keys = needed[kind]
    is_said = not keys or any(isinstance(content.get(key), str | int) for key in keys)  # older dialogs are numbers
    return "" if is_said else f"{kind}.{' or '.join(keys)} must be a string"


def _sender(bot: ChatlayerBot, body: JSON) -> str:
    user = body.get("user")
    from_user = user.get("id") if isinstance(user, dict) else None
    sender = from_user if bot.identify_by == "user.id" else body.get("conversationId")
    return sender if isinstance(sender, str) else ""


def _turn(session: demo.Session, message: JSON) -> JSON:
    """As the demo bot's rules know it; an intro in a known session is a returned conversation."""
    if "introMessage" in message:
        return {"type": "conversation_delegated" if session.turns else "conversation_started"}
    if postback := message.get("postbackMessage"):
        if postback.get("nextDialogstateId") == BACK:
            return {"type": "conversation_delegated"}
        said = postback.get("nextDialogstateId", postback.get("payload"))
        return {"type": "message", "text": postback.get("title"), "payload": str(said)}
    return {"type": "message", "text": message["textMessage"]["text"], "payload": None}


def _special(words: set[str]) -> list[JSON]:
    """Shapes that the demo bot's contract doesn't have."""
    if "carousel" in words:
        return [messenger.carousel("generic")]
    if "list" in words:
        return [messenger.carousel("list")]
    if "quick" in words:
        return [messenger.quick_replies("Which one?", demo.OPTIONS[:2])]
    if "receipt" in words:
        return [messenger.RECEIPT]
    if "builder" in words:
        return [{"text": "Noted."}, messenger.CLUMSY_COMMANDS]
    return []


def _callback(bot: ChatlayerBot, session: demo.Session, message: JSON, intent: str) -> JSON:
    if bot.is_legacy:
        return {"recipient": {"id": bot.outward_id(session)}, "verifyToken": bot.verify_token, "message": message}
    return {
        "senderId": session.id,
        "messageCounter": session.counter,
        "verifyToken": bot.verify_token,
        "message": message,
        "nlp": {"intent": {"name": intent, "score": 0.98}},
    }


def _line(actor: str, message: JSON) -> JSON:
    return {"actor": actor, "message": message, "timestamp": timestamp(time.time())}


def _offload_head(bot: ChatlayerBot, session: demo.Session, event: str) -> JSON:
    head: JSON = {"event": event, "botId": bot.id, "version": bot.version, "sessionId": bot.outward_id(session)}
    return head | {"channel": "webhook", "timestamp": timestamp(time.time())}


async def _misbehave(fault: str, request: web.Request) -> web.Response:
    if fault == "500":
        return answer({"error": "fault on request"}, 500)
    if fault == "garbage":
        return web.Response(body=b"<html>", content_type="text/html")
    if fault == "hang":
        await asyncio.sleep(HANG_S)
    return drop(request)
