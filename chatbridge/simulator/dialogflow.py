"""The demo bot as an agent of Dialogflow CX, at /dialogflow: `detectIntent` in, response messages out.

It takes any token that has the form of a service account's.
"""

import asyncio
import re
import uuid
from collections.abc import Iterator

from aiohttp import web

from chatbridge.simulator import demo
from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.wire import answer

AGENT = "/dialogflow/v3/projects/{project}/locations/{location}/agents/{agent}"
MAX_SESSION_ID = 36  # bytes
WELCOME = "WELCOME"
"""The event that the agent has a handler for."""
CHOSEN = "chosen-"
"""What its other events begin with: one for each button."""
_TOKEN = re.compile(r"Bearer [\w-]+\.[\w-]+\.[\w-]+")


class Dialogflow:
    """One agent with a draft and any environments."""

    def __init__(self, slow_s: float) -> None:
        self.slow_s = slow_s
        self.sessions = demo.Sessions()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        for place in (AGENT, f"{AGENT}/environments/{{environment}}"):
            router.add_post(f"{place}/sessions/{{session}}:detectIntent", self.detect_intent)

    async def detect_intent(self, request: web.Request) -> web.Response:
        if not _TOKEN.fullmatch(request.headers.get("Authorization", "")):
            return _refuse(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        try:
            body = await request.json()
        except ValueError:
            body = {}
        said, name = body.get("queryInput") or {}, request.match_info["session"]
        if not said.get("languageCode") or len(name.encode()) > MAX_SESSION_ID or not {"text", "event"} & said.keys():
            return _refuse(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
        session = self.sessions.get(name)
        async with session.lock:
            turn = _turn(said, body.get("queryParams") or {})
            if "slow" in demo.words_of(turn):
                await asyncio.sleep(self.slow_s)
            reply = demo.answer(turn, session, f"{request.url.origin()}/media/map.png")
        if "complete" in reply:
            self.sessions.forget(name)
        result = {
            "languageCode": said["languageCode"],
            "responseMessages": list(_messages(reply)),
            "match": _match(said, turn),
        }
        return answer({"responseId": str(uuid.uuid4()), "queryResult": result, "responseType": "FINAL"})


def _turn(said: JSON, parameters: JSON) -> JSON:
    """In the words of the demo bot."""
    known = (parameters.get("parameters") or {}).get("chatbridge") or {}
    contact = {"primary_identifier": known.get("contact_name")}
    event = (said.get("event") or {}).get("event") or ""
    if event == WELCOME:
        kind = "conversation_delegated" if known.get("is_delegated") else "conversation_started"
        return {"type": kind, "contact": contact}
    text = (said.get("text") or {}).get("text") or event
    payload = event.removeprefix(CHOSEN) if event else None
    return {"type": "message", "text": text, "payload": payload, "contact": contact}


def _match(said: JSON, turn: JSON) -> JSON:
    if "event" in said:
        return {"matchType": "EVENT", "event": said["event"].get("event"), "confidence": 1.0}
    intent = demo.intent_of(turn)
    if intent == "not.understood":
        return {"matchType": "NO_MATCH", "confidence": 0.3}
    return {"matchType": "INTENT", "intent": {"displayName": intent}, "confidence": 0.9}


def _messages(reply: JSON) -> Iterator[JSON]:
    """Texts, rich content, and what else is wanted, each a message of its own."""
    for said in reply["messages"]:
        yield {"text": {"text": [said["text"]]}}
        elements = [_element(option) for option in said.get("options") or ()]
        if file := said.get("attachment"):
            elements.insert(0, {"type": "image", "rawUrl": file["url"], "accessibilityText": file["name"]})
        if elements:
            yield {"payload": {"richContent": [elements]}}
    if ours := {key: value for key, value in reply.items() if key not in ("messages", "offload", "complete")}:
        yield {"payload": ours}
    if offload := reply.get("offload"):
        yield {"liveAgentHandoff": {"metadata": {"reason": offload["reason"], **offload["payload"]}}}
    if "complete" in reply:
        yield {"endInteraction": {}}


def _element(option: JSON) -> JSON:
    title = option["title"]
    if "url" in option or "phone" in option:
        return {"type": "button", "text": title, "anchor": {"href": option.get("url") or f"tel:{option['phone']}"}}
    return {"type": "button", "text": title, "event": {"event": f"{CHOSEN}{option['payload']}"}}


def _refuse(status: int, name: str, message: str) -> web.Response:
    return answer({"error": {"code": status, "message": message, "status": name}}, status)
