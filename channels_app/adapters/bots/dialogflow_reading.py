"""What an agent of Dialogflow CX says and wants, in the `queryResult` of its answer. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from channels_app.adapters.bots.commands import read_commands, read_wish
from channels_app.adapters.bots.dialogflow_rich import read_rich
from channels_app.adapters.bots.generic import REPLY_KEYS, read_intents
from channels_app.adapters.bots.speech import spoken_words
from channels_app.lib.jsons import JsonObject, object_in
from channels_app.protocol import Completion, Message, Reply
from channels_app.protocol.visible import is_visible, named

RICH = "richContent"
NO_MATCH = "NO_MATCH"
DESCRIBING = ("responseType", "channel")
"""Keys of a response message that are no part of what is said."""
AUDIO_TEXT = "outputAudioText"
FOR_VOICE = (AUDIO_TEXT, "playAudio", "mixedAudio")
"""What a phone says; an agent for both has a text beside it."""
SILENT = ("conversationSuccess",)


def read_result(result: JsonObject, *, may_resolve: bool) -> Reply:
    """All that one answer says. Agents get what the agent both hands over and ends."""
    items = list(result.objects("responseMessages"))
    reply = reduce(Reply.merged_with, map(_read, items), _understood(result))
    if not any(is_visible(message.text) for message in reply.messages):
        spoken = (spoken_words(speech.get("text") or speech.get("ssml")) for speech in _speeches(items))
        said = tuple(Message(text=words) for words in spoken if is_visible(words))
        reply = replace(reply, messages=(*said, *reply.messages))
    reply = replace(reply, messages=_with_options_below(reply.messages))
    if not (reply.messages or reply.offload or reply.complete):
        voiced = (named(key) for item in items for key in FOR_VOICE if item.has(key))
        reply = replace(reply, unshown=(*reply.unshown, *dict.fromkeys(voiced)))
    ends = any(item.has("endInteraction") for item in items)
    if ends and may_resolve and not reply.offload:
        reply = replace(reply, complete=reply.complete or Completion.RESOLVED)
    return replace(reply, dropped=(*reply.dropped, *_failed_webhooks(result)))


def _speeches(items: list[JsonObject]) -> Iterator[Mapping[str, Any]]:
    return (object_in(item.values, AUDIO_TEXT) for item in items)


def _understood(result: JsonObject) -> Reply:
    match = result.object("match")
    if not match:
        return Reply()
    intent = match.object("intent")
    name = intent.values.get("displayName") if intent else None
    found = {"name": name, "score": match.values.get("confidence")}
    return Reply(intents=read_intents(found), not_understood=match.values.get("matchType") == NO_MATCH)


def _read(item: JsonObject) -> Reply:
    """One response message, which holds one kind of thing."""
    reply = Reply()
    if text := item.object("text"):
        reply = Reply(messages=tuple(Message(text=words) for words in text.texts("text") if is_visible(words)))
    if payload := item.object("payload"):
        reply = reply.merged_with(_read_payload(dict(payload.values)))
    if handoff := item.object("liveAgentHandoff"):
        reply = reply.merged_with(read_wish(handoff.values.get("metadata")))
    known = ("text", "payload", "liveAgentHandoff", "endInteraction", *DESCRIBING, *FOR_VOICE, *SILENT)
    return replace(reply, unshown=(*reply.unshown, *(named(key) for key in item.values if key not in known)))


def _read_payload(payload: dict[str, Any]) -> Reply:
    """A custom payload: the rich content of Dialogflow Messenger, and any part of an HTTP bot's reply."""
    ours = {key: payload[key] for key in REPLY_KEYS if payload.get(key) is not None}
    strange = tuple(f"payload {named(key)}" for key in payload if key not in (RICH, *REPLY_KEYS))
    rich = read_rich(payload.get(RICH))
    return rich.merged_with(read_commands(ours)).merged_with(Reply(unshown=strange))


def _with_options_below(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Chips and buttons are things of their own there; a contact sees them below what was said before."""
    shown: list[Message] = []
    for message in messages:
        if shown and message == Message(options=message.options):
            shown[-1] = replace(shown[-1], options=shown[-1].options + message.options)
        else:
            shown.append(message)
    return tuple(shown)


def _failed_webhooks(result: JsonObject) -> Iterator[str]:
    """The agent's own webhooks, whose failure the contact may notice as silence."""
    for status in result.objects("webhookStatuses"):
        if status.values.get("code"):
            yield f"what a webhook of the agent had to say: status {named(status.values['code'])}"
