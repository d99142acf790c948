"""The demo bot behind Rasa's REST channel, at /rasa: messages in, a list of what it says out."""

import asyncio
import json
from collections.abc import Iterator

from aiohttp import web

from chatbridge.simulator import demo
from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.wire import answer

SESSION_START = "/session_start"
STARTS = ("/greet", "/back")
"""Intents of the bot's author for the first words of a conversation, and for one that comes back."""


class Rasa:
    """One bot; like Rasa it asks for no token, and answers what it can't read with an empty list."""

    def __init__(self, slow_s: float) -> None:
        self.slow_s = slow_s
        self.sessions = demo.Sessions()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Where credentials.yml says "rest:"."""
        router.add_post("/rasa/webhooks/rest/webhook", self.message)

    async def message(self, request: web.Request) -> web.Response:
        """A message of a sender."""
        try:
            body = await request.json()
        except ValueError:
            return answer({"error": "no JSON"}, 500)
        sender, message = body.get("sender") or "default", body.get("message")
        if not isinstance(message, str) or message == SESSION_START:
            return web.json_response([])
        turn = _turn(message.strip(), body.get("metadata") or {})
        session = self.sessions.get(str(sender))
        async with session.lock:
            if "slow" in demo.words_of(turn):
                await asyncio.sleep(self.slow_s)
            reply = demo.answer(turn, session, f"{request.url.origin()}/media/map.png")
        entries = [{"recipient_id": sender, **entry} for entry in _entries(reply)]
        return web.Response(text=json.dumps(entries, ensure_ascii=False), content_type="application/json")


def _turn(message: str, metadata: JSON) -> JSON:
    """A leading slash names an intent, which needs no understanding."""
    if message in STARTS:
        kind = "conversation_started" if message == STARTS[0] else "conversation_delegated"
        return {"type": kind, "contact": metadata.get("contact")}
    intent = message[1:].partition("{")[0] if message.startswith("/") else None
    return {"type": "message", "text": message, "payload": intent}


def _entries(reply: JSON) -> Iterator[JSON]:
    """Each part of a response is an entry of its own, and a text has one for each paragraph."""
    for said in reply["messages"]:
        if said.get("options"):
            yield {"text": said["text"], "buttons": [_button(option) for option in said["options"]]}
        else:
            yield from ({"text": part} for part in said["text"].split("\n\n"))
        if said.get("attachment"):
            yield {"image": said["attachment"]["url"]}
    custom = {key: value for key, value in reply.items() if key not in ("messages", "offload")}
    if "offload" in reply:
        custom |= {"handover": True, **reply["offload"]["payload"]}
    if custom:
        yield {"custom": custom}


def _button(option: JSON) -> JSON:
    if "url" in option:
        return {"title": option["title"], "type": "web_url", "url": option["url"]}
    if "phone" in option:
        return {"title": option["title"], "type": "phone_number", "payload": option["phone"]}
    return {"title": option["title"], "payload": f"/{option['payload']}"}
