"""The functions that a language model is offered, and what its calls do. A call of another function is not obeyed.

A contact can talk a model into any call, so what may not be called is not left to the prompt.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from channels_app.adapters.bots.openai_form import HAND_OVER, HAND_OVER_OR_RESOLVE, names_in
from channels_app.lib import jsons
from channels_app.lib.jsons import JsonObject
from channels_app.protocol import Completion, OffloadRequest, Reply
from channels_app.protocol.errors import PayloadError
from channels_app.protocol.visible import cut, named, one_line

MAX_REASON = 100  # characters
MAX_SUMMARY = 2_000
MAX_VALUE = 500  # of an attribute

Schema = dict[str, Any]


def tools_of(settings: Mapping[str, Any]) -> list[Schema]:
    """The functions in the words of the API, if any."""
    return [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": description,
                "parameters": {"type": "object", "properties": properties, "required": required},
            },
        }
        for name, description, properties, required in _offered(settings)
    ]


def carry_out(call: JsonObject, settings: Mapping[str, Any]) -> tuple[Reply, str]:
    """What a call does, and what the model is told of it."""
    function = call.object("function") or call.refuse("function", "is missing")
    name = function.text("name")
    if name not in {offered for offered, *_ in _offered(settings)}:
        return Reply(dropped=(f"function {named(name)}: the bot may not call it",)), "This function does not exist."
    unread: tuple[str, ...] = ()
    try:
        arguments = _arguments(function)
    except PayloadError:
        unread = (f"{name}: arguments that can't be read",)
        if name != HAND_OVER:
            return Reply(dropped=unread), f"Not done: {', '.join(unread)}."
        arguments = JsonObject({})  # a contact who was told of a colleague must get one
    reply = _ACTIONS[name](arguments, settings)
    dropped = (*reply.dropped, *unread)
    return replace(reply, dropped=dropped), f"Not done: {', '.join(dropped)}." if dropped else "Done."


def _offered(settings: Mapping[str, Any]) -> Iterator[tuple[str, str, Schema, list[str]]]:
    """Name, description, properties, and which of them are required."""
    may_end = settings.get("may_end") or HAND_OVER
    if may_end in (HAND_OVER, HAND_OVER_OR_RESOLVE):
        description = (
            "Gives the conversation to a human colleague. Also write to the contact that a colleague takes over."
        )
        properties: Schema = {
            "reason": {"type": "string", "description": "In a few words, e.g. asked_for_human, complaint."},
            "summary": {
                "type": "string",
                "description": "For the colleague, hidden from the contact: what the contact wants, what is known.",
            },
        }
        yield "hand_over", description, properties, ["reason", "summary"]
    if may_end == HAND_OVER_OR_RESOLVE:
        description = "Closes the conversation, when the contact needs nothing more. Also say goodbye to the contact."
        yield "resolve", description, {}, []
    if topics := names_in(settings.get("topics")):
        items = {"type": "string", "enum": topics}
        properties = {"topics": {"type": "array", "items": items}}
        yield "set_topics", "Sets what the conversation is about. Also answer the contact.", properties, ["topics"]
    if attributes := names_in(settings.get("attributes")):
        properties = {name: {"type": "string"} for name in attributes}
        yield "set_attributes", "Keeps what the contact told of this. Also answer the contact.", properties, []


def _arguments(function: JsonObject) -> JsonObject:
    """A document in a text, as the API has it; some servers give the object itself, and some models write the text
    twice into each other, or `null` for nothing."""
    found = function.values.get("arguments")
    for _ in range(2):
        if isinstance(found, str) and found.strip():
            found = jsons.read(found.encode(errors="replace"))
    is_nothing = found is None or (isinstance(found, str) and not found.strip())
    return JsonObject({}) if is_nothing else JsonObject({"": found}).object("") or JsonObject({})


def _hand_over(arguments: JsonObject, settings: Mapping[str, Any]) -> Reply:
    reason, summary = (one_line(arguments.values.get(key)) for key in ("reason", "summary"))
    payload = {"summary": cut(summary, MAX_SUMMARY)} if summary else None
    return Reply(offload=OffloadRequest(reason=cut(reason, MAX_REASON), payload=payload))


def _resolve(arguments: JsonObject, settings: Mapping[str, Any]) -> Reply:
    return Reply(complete=Completion.RESOLVED)


def _set_topics(arguments: JsonObject, settings: Mapping[str, Any]) -> Reply:
    allowed = {name.casefold(): name for name in names_in(settings.get("topics"))}
    given = arguments.values.get("topics")
    wanted = [one_line(name) for name in (given if isinstance(given, list) else [given]) if one_line(name)]
    return Reply(
        topics=tuple(allowed[name.casefold()] for name in wanted if name.casefold() in allowed),
        dropped=tuple(f"topic {named(name)}" for name in wanted if name.casefold() not in allowed),
    )


def _set_attributes(arguments: JsonObject, settings: Mapping[str, Any]) -> Reply:
    allowed = names_in(settings.get("attributes"))
    values = {name: cut(one_line(value), MAX_VALUE) for name, value in arguments.values.items() if name in allowed}
    return Reply(
        attributes={name: value for name, value in values.items() if value},
        dropped=tuple(f"contact attribute {named(name)}" for name in arguments.values if name not in allowed),
    )


_ACTIONS: Mapping[str, Callable[[JsonObject, Mapping[str, Any]], Reply]] = {
    "hand_over": _hand_over,
    "resolve": _resolve,
    "set_topics": _set_topics,
    "set_attributes": _set_attributes,
}
