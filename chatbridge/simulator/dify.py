"""The demo bot as an app of Dify in blocking mode, at /dify/v1: it makes the id of a conversation itself, and writes
[HANDOVER] when it wants an agent, as its prompt would say.

`inputs.event` tells it what happens, as an app may ask for it.
"""

import asyncio
import time
import uuid
from typing import Any

from aiohttp import web

from chatbridge.simulator import demo
from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.wire import answer

MARKER = "[HANDOVER]"


class Dify:
    """Any key will do."""

    def __init__(self, slow_s: float) -> None:
        self.slow_s = slow_s
        self.sessions = demo.Sessions()
        """By user and conversation: nobody can go on with another user's."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/dify/v1/chat-messages", self.message)

    async def message(self, request: web.Request) -> web.Response:
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            return _refuse(401, "unauthorized", "Access token is invalid")
        try:
            body = await request.json()
        except ValueError:
            body = None
        if problem := _problem(body):
            return _refuse(400, "invalid_param", problem)
        given = body.get("conversation_id") or ""
        conversation = given or str(uuid.uuid4())
        place = f"{body['user']} {conversation}"
        if given and place not in self.sessions.by_id:
            return _refuse(404, "not_found", "Conversation Not Exists.")
        session = self.sessions.get(place)
        async with session.lock:
            turn = _turn(body, session, is_first=not given)
            if "slow" in demo.words_of(turn):
                await asyncio.sleep(self.slow_s)
            reply = demo.answer(turn, session, f"{request.url.origin()}/media/map.png")
            words = demo.in_text(reply) + (f"\n{MARKER}" if "offload" in reply else "")
            session.transcript.append({"text": words})
        message_id = str(uuid.uuid4())
        return answer(
            {
                "event": "message",
                "task_id": str(uuid.uuid4()),
                "id": message_id,
                "message_id": message_id,
                "conversation_id": conversation,
                "mode": "chat",
                "answer": words,
                "metadata": {"usage": {"total_tokens": 2}, "retriever_resources": []},
                "created_at": int(time.time()),
            }
        )


def _problem(body: Any) -> str:
    """What the API would refuse."""
    if not isinstance(body, dict):
        return "the body must be a JSON object"
    if not isinstance(body.get("query"), str) or not isinstance(body.get("inputs"), dict):
        return "query and inputs are required"
    if not body.get("user"):
        return "user is required"
    return "" if body.get("response_mode") == "blocking" else "only response_mode blocking is simulated"


def _turn(body: JSON, session: demo.Session, *, is_first: bool) -> JSON:
    event = body["inputs"].get("event")
    if event in ("conversation_started", "conversation_delegated"):
        return {"type": event}
    listed = demo.titles_in(session.transcript[-1]["text"]) if session.transcript else {}
    text = body["query"].strip()
    return {"type": "message", "text": listed.get(text, text), "is_first": is_first}


def _refuse(status: int, code: str, message: str) -> web.Response:
    return answer({"code": code, "message": message, "status": status}, status)
