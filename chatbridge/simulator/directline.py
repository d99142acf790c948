"""The demo bot as a Copilot Studio agent behind Direct Line 3.0, at /directline: it speaks a moment after it was told.

Any secret will do; the token endpoint gives tokens that last an hour.
"""

import asyncio
import math
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from aiohttp import web

from chatbridge.simulator import demo
from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.wire import answer

API = "/directline/v3/directline"
TOKENS_LAST_S = 3600
KEPT_CONVERSATIONS = 10_000
THINKS_S = 0.2
START = "startConversation"
BOT = {"id": "demo-agent", "name": "Demo agent", "role": "bot"}


@dataclass(slots=True)
class Conversation:
    """What was said in it; an activity's place is its watermark."""

    id: str
    session: demo.Session
    activities: list[JSON] = field(default_factory=list)

    def add(self, activity: JSON) -> str:
        """With its id."""
        key = f"{self.id}|{len(self.activities):07}"
        self.activities.append({**activity, "id": key, "conversation": {"id": self.id}, "channelId": "directline"})
        return key


class DirectLine:
    """One agent."""

    def __init__(self, slow_s: float) -> None:
        self.slow_s = slow_s
        self.conversations: OrderedDict[str, Conversation] = OrderedDict()
        self.tokens: dict[str, float] = {}
        """Until when they are valid."""
        self.thoughts: set[asyncio.Task[None]] = set()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Direct Line, and Copilot Studio's token endpoint."""
        router.add_get("/directline/powervirtualagents/botsbyschema/{name}/directline/token", self.give_token)
        router.add_post(f"{API}/tokens/refresh", self.refresh)
        router.add_post(f"{API}/conversations", self.begin)
        router.add_post(f"{API}/conversations/{{id}}/activities", self.post)
        router.add_get(f"{API}/conversations/{{id}}/activities", self.read)

    async def give_token(self, request: web.Request) -> web.Response:
        return answer(self._token())

    async def refresh(self, request: web.Request) -> web.Response:
        return self._refusal(request) or answer(self._token())

    async def begin(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        key = uuid.uuid4().hex
        self.conversations[key] = Conversation(key, demo.Session(key))
        if len(self.conversations) > KEPT_CONVERSATIONS:
            self.conversations.popitem(last=False)
        return answer({"conversationId": key, **self._token()}, 201)

    async def post(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        conversation = self.conversations[request.match_info["id"]]
        activity = await request.json()
        is_new = not conversation.activities
        key = conversation.add(activity)
        turn = _turn(activity, is_new=is_new)
        if turn:
            thought = asyncio.create_task(
                self._think(conversation, turn, key, f"{request.url.origin()}/media/map.png")
            )
            self.thoughts.add(thought)
            thought.add_done_callback(self.thoughts.discard)
        return answer({"id": key})

    async def read(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        activities = self.conversations[request.match_info["id"]].activities
        since = request.query.get("watermark", "0")
        new = activities[int(since) if since.isdecimal() else 0 :]
        return answer({"activities": new, "watermark": str(len(activities))})

    async def _think(self, conversation: Conversation, turn: JSON, key: str, picture: str) -> None:
        async with conversation.session.lock:
            await asyncio.sleep(self.slow_s if "slow" in demo.words_of(turn) else THINKS_S)
            reply = demo.answer(turn, conversation.session, picture)
            for activity in _activities(reply, turn):
                conversation.add({"from": BOT, "replyToId": key, **activity})

    def _token(self) -> JSON:
        token = f"token-{uuid.uuid4().hex}"
        self.tokens[token] = time.monotonic() + TOKENS_LAST_S
        return {"token": token, "expires_in": TOKENS_LAST_S}

    def _refusal(self, request: web.Request) -> web.Response | None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not bearer or self.tokens.get(bearer, math.inf) < time.monotonic():
            return _refuse(403, "TokenExpired", "Token has expired")
        if request.match_info.get("id", "") not in ("", *self.conversations):
            return _refuse(404, "BadArgument", "Unknown conversation")
        return None


def _turn(activity: JSON, *, is_new: bool) -> JSON | None:
    """In the words of the demo bot; None for what it doesn't react to."""
    contact = {"primary_identifier": activity.get("from", {}).get("name")}
    if activity.get("type") == "event" and activity.get("name") == START:
        return {"type": "conversation_started" if is_new else "conversation_delegated", "contact": contact}
    if activity.get("type") != "message":
        return None
    return {"type": "message", "text": activity.get("text"), "contact": contact}


def _activities(reply: JSON, turn: JSON) -> Iterator[JSON]:
    for said in reply["messages"]:
        activity: JSON = {"type": "message", "text": said["text"], "inputHint": "acceptingInput"}
        if options := said.get("options"):
            activity["suggestedActions"] = {"actions": [_action(option) for option in options]}
        if file := said.get("attachment"):
            named = {"contentType": file["content_type"], "contentUrl": file["url"], "name": file["name"]}
            activity["attachments"] = [named]
        yield activity
    if offload := reply.get("offload"):
        context = {"va_LastTopic": "Escalate", "va_AgentMessage": f"The contact said: {turn.get('text')}"}
        yield {"type": "event", "name": "handoff.initiate", "value": {**context, **offload["payload"]}}
    if reply.get("complete") == "resolved":
        yield {"type": "endOfConversation", "code": "completedSuccessfully"}


def _action(option: JSON) -> JSON:
    if "url" in option:
        return {"type": "openUrl", "title": option["title"], "value": option["url"]}
    if "phone" in option:
        return {"type": "call", "title": option["title"], "value": f"tel:{option['phone']}"}
    return {"type": "postBack", "title": option["title"], "value": option["payload"]}


def _refuse(status: int, code: str, message: str) -> web.Response:
    return answer({"error": {"code": code, "message": message}}, status)
