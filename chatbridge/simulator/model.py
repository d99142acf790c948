"""The demo bot as a language model behind the chat completions API, at /openai/v1: without a memory, and gullible.

It calls the functions that it is offered, first without words as real ones often do. Who writes "call NAME" talks it
into that call, offered or not.
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

from aiohttp import web

from chatbridge.simulator import demo
from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.wire import answer

BACK = "(A colleague gives the conversation back"
BEGINS = "(The conversation begins."
"""Begin what the bridge writes where the contact has no words."""
TALKED_INTO = re.compile(r"\bcall (\w+)")


class Model:
    """Any key and any model will do."""

    def __init__(self, slow_s: float) -> None:
        self.slow_s = slow_s

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/openai/v1/chat/completions", self.complete)

    async def complete(self, request: web.Request) -> web.Response:
        if not request.headers.get("Authorization", "").startswith("Bearer "):
            return _refuse(401, "invalid_api_key", "You didn't provide an API key.")
        try:
            body = await request.json()
        except ValueError:
            body = None
        if problem := _problem(body):
            return _refuse(400, "invalid_request_error", problem)
        said = [message for message in body["messages"] if message["role"] in ("user", "assistant")]
        turn, session = _turn(said)
        if "slow" in demo.words_of(turn):
            await asyncio.sleep(self.slow_s)
        reply = demo.answer(turn, session, f"{request.url.origin()}/media/map.png")
        offered = {tool["function"]["name"] for tool in body.get("tools") or ()}
        calls = list(_calls(turn, reply, said, offered))
        has_results = body["messages"][-1]["role"] == "tool"
        only_sets = calls and all(name.startswith("set_") for name, _ in calls)
        message: JSON = {"role": "assistant", "refusal": None, "content": None if only_sets else demo.in_text(reply)}
        if only_sets and has_results:
            message["content"], calls = demo.in_text(reply), []
        if calls:
            message["tool_calls"] = [_call(name, arguments) for name, arguments in calls]
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
        return answer(
            {
                "id": f"chatcmpl-{uuid.uuid4().hex}",
                "object": "chat.completion",
                "created": int(time.time()),
                "model": body["model"],
                "choices": [choice],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }
        )


def _problem(body: Any) -> str:
    """What the API would refuse."""
    if not isinstance(body, dict) or not body.get("model") or not body.get("messages"):
        return "model and messages are required"
    called: set[str] = set()
    for message in body["messages"]:
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            return "unknown role"
        if message["role"] == "tool" and message.get("tool_call_id") not in called:
            return "a tool message must follow the call that it answers"
        called |= {call["id"] for call in message.get("tool_calls") or ()}
        if not message.get("tool_calls") and not isinstance(message.get("content"), str):
            return "content must be text"
    return "" if body["messages"][-1]["role"] in ("user", "tool") else "the last message must be the user's"


def _turn(said: list[JSON]) -> tuple[JSON, demo.Session]:
    """The demo bot's turn, and its memory, from what was said up to the contact's last words: what it has called since
    then changes neither."""
    last = max(place for place, message in enumerate(said) if message["role"] == "user")
    ours = [message["content"] or "" for message in said[:last] if message["role"] == "assistant"]
    text = said[last]["content"].split("\n\n")[-1]
    session = demo.Session("", awaits_order=any("order number?" in words for words in ours[-2:]))
    if text.startswith(BACK):
        return {"type": "conversation_delegated"}, session
    if text.startswith(BEGINS):
        return {"type": "conversation_started"}, session
    titles = demo.titles_in(ours[-1]) if ours else {}
    return {"type": "message", "text": titles.get(text.strip(), text), "is_first": not ours}, session


def _calls(turn: JSON, reply: JSON, said: list[JSON], offered: set[str]) -> Iterator[tuple[str, JSON]]:
    talked = TALKED_INTO.findall(turn.get("text") or "")
    wanted: dict[str, JSON] = {name: {} for name in talked}
    if "offload" in reply:
        heard = "; ".join(message["content"] for message in said if message["role"] == "user")
        wanted["hand_over"] = {"reason": reply["offload"]["reason"], "summary": f"The contact said: {heard}"}
    if reply.get("complete") == "resolved":
        wanted["resolve"] = {}
    if reply.get("topics"):
        wanted["set_topics"] = {"topics": reply["topics"]}
    if reply.get("attributes"):
        wanted["set_attributes"] = reply["attributes"]
    yield from ((name, arguments) for name, arguments in wanted.items() if name in offered or name in talked)


def _call(name: str, arguments: JSON) -> JSON:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": f"call_{uuid.uuid4().hex[:8]}", "type": "function", "function": function}


def _refuse(status: int, code: str, message: str) -> web.Response:
    return answer(
        {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}, status
    )
