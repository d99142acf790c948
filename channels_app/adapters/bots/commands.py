"""What a bot wants done, where it says so in JSON among other shapes: the keys of an HTTP bot's reply.

Only objects count. A text that looks like JSON is a text: it may be the contact's own words, or a language model's.
But what is configured as the data of a handover request is an object, also where a platform passes it on as text.
Lenient, unlike `generic`: what can't be read is left out and named, so that the rest is done.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from channels_app.adapters.bots.generic import REPLY_KEYS, read_reply
from channels_app.lib import jsons
from channels_app.lib.jsons import JsonObject
from channels_app.protocol import OffloadRequest, Reply
from channels_app.protocol.errors import PayloadError
from channels_app.protocol.visible import named

LISTS = ("topics", "tags")
BESIDE_A_WISH = (*LISTS, "attributes", "note")
"""Our keys that may appear in the data of a handover request."""
CHOICES = ("quick_replies", "buttons", "elements", "default_action")
"""Under these keys a payload belongs to an option: it comes back when the contact chooses it, and commands nothing."""
MAX_DEPTH = 4  # objects in each other, where commands are looked for: message, attachment, payload and one more


def holders_of(
    value: object, keys: Collection[str] = REPLY_KEYS, depth: int = MAX_DEPTH
) -> Iterator[Mapping[str, Any]]:
    """This object, and those inside it, that hold commands under these keys."""
    if isinstance(value, list):
        for item in value:
            yield from holders_of(item, keys, depth)
    if not isinstance(value, dict) or not depth:
        return
    if any(value.get(key) is not None for key in keys):
        yield value
    for key, inner in value.items():
        if key not in (*keys, *CHOICES):
            yield from holders_of(inner, keys, depth - 1)


def _without_commands(value: Any, keys: Collection[str], depth: int = MAX_DEPTH) -> Any:
    """What is left of it when that is taken out, and with it what held nothing else."""
    if isinstance(value, list):
        return [_without_commands(item, keys, depth) for item in value]
    if not isinstance(value, dict) or not depth:
        return value
    left = {
        key: inner if key in CHOICES else _without_commands(inner, keys, depth - 1)
        for key, inner in value.items()
        if key not in keys
    }
    return {key: inner for key, inner in left.items() if inner or inner == value[key]}


def read_commands(holder: Mapping[str, Any], *, known: Collection[str] = ()) -> Reply:
    """All that this object wants done; `known`: the other keys that have a meaning in it."""
    reply = Reply()
    for key in REPLY_KEYS:
        if holder.get(key) is not None:
            reply = reply.merged_with(_read(key, holder[key]))
    unknown = (
        f"{named(key)}, a key without a meaning"
        for key, value in holder.items()
        if key not in (*REPLY_KEYS, *known) and value is not None and not any(holders_of(value))
    )
    return replace(reply, dropped=(*reply.dropped, *unknown))


def read_wish(payload: Any) -> Reply:
    """A handover request with its configured data: our keys are carried out wherever they stand in it, the rest is
    for the agents."""
    payload = _object_in(payload)
    reply = Reply()
    for holder in holders_of(payload, BESIDE_A_WISH):
        for key in BESIDE_A_WISH:
            if holder.get(key) is not None:
                reply = reply.merged_with(_read(key, holder[key]))
    rest = _without_commands(payload, BESIDE_A_WISH)
    return replace(reply, offload=OffloadRequest(reason=_reason(payload), payload=rest or None))


def _object_in(payload: Any) -> Any:
    """An object that is written as text; else the same."""
    try:
        found = jsons.read(payload.encode()) if isinstance(payload, str) else None
    except (PayloadError, UnicodeEncodeError):
        return payload
    return found if isinstance(found, dict) else payload


MAX_REASON = 100  # characters


def _reason(payload: Any) -> str:
    reason = payload.get("reason") if isinstance(payload, dict) else None
    return reason[:MAX_REASON] if isinstance(reason, str) else ""


def _read(key: str, value: Any) -> Reply:
    """What one key wants done. A single text stands for a list of one, and a number for its digits."""
    if key == "offload":
        return _wish(value)
    dropped: list[str] = []
    if key in LISTS:
        value = list(_texts(key, value if isinstance(value, list) else [value], dropped))
    elif key == "attributes" and isinstance(value, dict):
        value = {name: text for name, item in value.items() for text in _texts(f"{key}.{name}", [item], dropped)}
    elif key == "complete" and isinstance(value, str):
        value = value.strip().lower()
    elif key == "messages":
        items = value if isinstance(value, list) else [value]
        value = [{"text": item} if isinstance(item, str) else item for item in items]
    if value in ("", [], {}) and not dropped:
        return Reply(dropped=(f"{key}: is empty",))
    try:
        return replace(read_reply(JsonObject({key: value})), dropped=tuple(dropped))
    except PayloadError as error:
        return Reply(dropped=(*dropped, error.detail))


def _wish(value: Any) -> Reply:
    """`true`, a reason, or an object that is read like what an offload request carries."""
    match value:
        case False:
            return Reply()
        case True:
            return Reply(offload=OffloadRequest())
        case str() if value.strip():
            return Reply(offload=OffloadRequest(reason=value.strip()[:MAX_REASON]))
        case dict():
            inner = _object_in(value.get("payload"))
            outer = {name: item for name, item in value.items() if name != "payload"}
            return read_wish({**outer, **inner} if isinstance(inner, dict) else value)
    return Reply(dropped=("offload: must be true or an object",))


def _texts(path: str, items: list[Any], dropped: list[str]) -> Iterator[str]:
    for item in items:
        if isinstance(item, str):
            yield str(item)
        elif isinstance(item, bool):
            yield "true" if item else "false"
        elif isinstance(item, int | float):
            yield str(int(item) if item == int(item) else item)
        elif item is not None:
            dropped.append(f"{JsonObject({}).path_of(path)}: must be text")
