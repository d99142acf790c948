"""Small helpers for JSON over HTTP."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web

from chatbridge.simulator.conversation import JSON
from chatbridge.simulator.platform import UnknownError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")


class BadRequestError(ValueError):
    """The caller of the control API asks for something that makes no sense; 400."""


def dump(value: Any) -> bytes:
    """Compact JSON in UTF-8; half a surrogate pair, which UTF-8 can't say, makes it escape everything."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(body=dump(value), status=status, headers=headers, content_type="application/json")


async def read_object(request: web.Request) -> JSON:
    """The JSON object of a control request; nothing means {}."""
    raw = await request.read()
    try:
        body = json.loads(raw or b"{}")
    except ValueError as error:
        raise BadRequestError(f"not JSON: {error}") from None
    if not isinstance(body, dict):
        raise BadRequestError("the body must be a JSON object")
    return body


def take(body: JSON, key: str, kind: type[T], default: T | None = None) -> T:
    """The value of a key; a default makes it optional, and null means the default."""
    value = body.get(key)
    if value is None:
        if default is None:
            raise BadRequestError(f"{key!r} is missing")
        return default
    if kind is float and isinstance(value, int):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise BadRequestError(f"{key!r} must be {kind.__name__}")
    return value


def take_or_none(body: JSON, key: str, kind: type[T]) -> T | None:
    """The value of a key that may be missing or null."""
    return None if body.get(key) is None else take(body, key, kind)


def one_of(body: JSON, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    """A word out of a list."""
    value = take(body, key, str, default)
    if value not in allowed:
        raise BadRequestError(f"{key!r} must be one of {', '.join(allowed)}")
    return value


def guarded(handler: Handler) -> Handler:
    """Control errors as JSON: {"error": "what is wrong"}."""

    async def guard(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except BadRequestError as error:
            return answer({"error": str(error)}, 400)
        except UnknownError as error:
            return answer({"error": str(error)}, 404)

    return guard
