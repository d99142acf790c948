"""What a bot says in activities of the Bot Framework, as a reply.

Lenient, as for Messenger: what can't be shown is left out and named. A card becomes its text, its pictures and its
buttons; an adaptive card as well, but nobody can fill in a form in an inbox. Schema:
https://github.com/microsoft/botframework-sdk/tree/main/specs
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from channels_app.adapters.bots.base import message_of, with_last_options
from channels_app.adapters.bots.speech import spoken_words
from channels_app.lib.jsons import object_in, objects_in, text_in
from channels_app.protocol import Attachment, Completion, Message, OffloadRequest, Option, Reply
from channels_app.protocol.visible import cut, is_visible, named, one_line

CARD = "application/vnd.microsoft.card."
ADAPTIVE = f"{CARD}adaptive"
LINKS = ("openUrl", "signin", "playAudio", "playVideo", "showImage", "downloadFile")
CHOICES = ("imBack", "postBack", "messageBack")
SUBMITS = ("Action.Submit", "Action.Execute")

HANDOFF = "handoff.initiate"
ASKED_FOR_HUMAN = "asked_for_human"
SUMMARIES = ("summary", "va_AgentMessage")
LAST_TOPIC = "va_LastTopic"
UNTOLD = ("reason", *SUMMARIES, "va_Scope", "va_Phrases", "va_LastPhrases", "va_ConversationId", "va_BotId")
"""Of a handover's context: what has a place of its own, what was said, and the platform's own ids."""
MAX_FACTS = 30
MAX_FACT = 500  # characters
MAX_SUMMARY = 2_000
FAILED_ENDS = ("botTimedOut", "botIssuedInvalidMessage", "channelFailed", "unrecognized")
"""Codes of `endOfConversation` with which the contact is not helped."""

Activity = Mapping[str, Any]


def asks_for_human(activity: Activity) -> bool:
    return activity.get("type") == "event" and activity.get("name") == HANDOFF


def ends(activity: Activity) -> bool:
    return activity.get("type") == "endOfConversation"


def read_activity(activity: Activity) -> Reply:
    """Typing, traces and a client's own events say nothing."""
    if asks_for_human(activity):
        return Reply(offload=_handoff(activity.get("value")))
    if ends(activity):
        text, code = text_in(activity, "text"), text_in(activity, "code")
        reply = Reply(messages=(Message(text=text),) if text else ())
        if code in FAILED_ENDS:
            return replace(reply, offload=OffloadRequest(reason=code))
        return replace(reply, complete=Completion.RESOLVED)
    return _message(activity) if activity.get("type") == "message" else Reply()


def _handoff(value: Any) -> OffloadRequest:
    """Its context as what agents read and rules route by; a transcript is in the note already."""
    context = value if isinstance(value, dict) else {"summary": value}
    summary = next(filter(None, (one_line(context.get(key)) for key in SUMMARIES)), "")
    facts = {key: _fact(fact) for key, fact in context.items() if key not in UNTOLD}
    told = {"summary": cut(summary, MAX_SUMMARY), **dict(list(facts.items())[:MAX_FACTS])}
    reason = one_line(context.get("reason")) or one_line(context.get(LAST_TOPIC)) or ASKED_FOR_HUMAN
    return OffloadRequest(
        reason=cut(reason, MAX_FACT), payload={key: fact for key, fact in told.items() if fact} or None
    )


def _fact(value: Any) -> str:
    if isinstance(value, list):
        return cut(", ".join(filter(None, map(_fact, value))), MAX_FACT)
    shown = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | bool) and value != {} else value
    return cut(one_line(shown), MAX_FACT)


@dataclass(slots=True)
class Shown:
    """What of a card or a message can be shown."""

    lines: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    unshown: list[str] = field(default_factory=list)

    def as_reply(self) -> Reply:
        first, *others = self.images or [""]
        text = "\n".join(line for line in self.lines if is_visible(line))
        message = Message(text=text, attachment=Attachment(url=first) if first else None)
        files = (Message(attachment=Attachment(url=url)) for url in others)
        said = [one for one in (message, *files) if one != Message()]
        return Reply(messages=with_last_options(said, tuple(self.options)), unshown=tuple(self.unshown))

    def add_buttons(self, actions: list[dict[str, Any]]) -> None:
        for action in actions:
            option = _option(action)
            if option is None:
                self.unshown.append(f"button {named(action.get('type'))}")
            elif option not in self.options:
                self.options.append(option)


def _message(activity: Activity) -> Reply:
    text = text_in(activity, "text") or ("" if activity.get("attachments") else spoken_words(activity.get("speak")))
    words = Reply(messages=(Message(text=text),) if text else ())
    said = reduce(Reply.merged_with, map(_attached, objects_in(activity, "attachments")), words)
    suggested = Shown()
    suggested.add_buttons(objects_in(object_in(activity, "suggestedActions"), "actions"))
    reply = replace(
        said,
        messages=with_last_options(said.messages, tuple(suggested.options)),
        unshown=(*said.unshown, *suggested.unshown),
    )
    if reply == Reply():
        return Reply(unshown=(message_of(["value"] if activity.get("value") else []),))
    return reply


def _attached(attachment: Mapping[str, Any]) -> Reply:
    kind, url = text_in(attachment, "contentType"), text_in(attachment, "contentUrl")
    content = object_in(attachment, "content")
    shown = Shown()
    if kind == ADAPTIVE:
        _Adaptive(shown).read(content)
    elif kind.startswith(CARD):
        _read_card(shown, content)
    elif url:
        file = Attachment(url=url, name=text_in(attachment, "name"), content_type=kind if "/" in kind else "")
        return Reply(messages=(Message(attachment=file),))
    reply = shown.as_reply()
    return reply if reply != Reply() else Reply(unshown=(f"attachment {named(kind)}",))


def _read_card(shown: Shown, card: Mapping[str, Any]) -> None:
    """Hero, thumbnail, receipt, sign-in, media."""
    shown.lines += [text_in(card, key) for key in ("title", "subtitle", "text")]
    shown.lines += [_pair(fact, "key", "value") for fact in objects_in(card, "facts")]
    shown.lines += [_pair(item, "title", "price") for item in objects_in(card, "items")]
    shown.lines += [f"{key.capitalize()}: {text_in(card, key)}" for key in ("tax", "total") if text_in(card, key)]
    places = (*objects_in(card, "images"), *objects_in(card, "media"))
    shown.images += list(dict.fromkeys(url for place in places if (url := text_in(place, "url"))))
    shown.add_buttons(objects_in(card, "buttons"))
    tap = object_in(card, "tap")
    address = text_in(tap, "value") if tap.get("type") == "openUrl" else ""
    if address and address not in {option.url for option in shown.options}:
        shown.options.insert(0, Option(title=text_in(tap, "title") or text_in(card, "title"), url=address))


def _pair(holder: Mapping[str, Any], name: str, value: str) -> str:
    return ": ".join(filter(None, (text_in(holder, name), text_in(holder, value))))


def _option(action: Mapping[str, Any]) -> Option | None:
    """A button. Its payload is what an activity says if it is chosen."""
    kind, value = action.get("type"), action.get("value")
    written = value.strip() if isinstance(value, str) else ""
    title = text_in(action, "title") or (written if kind in CHOICES else "")
    if kind == "call" and written:
        return Option(title=title, phone=written.removeprefix("tel:"))
    if kind in LINKS and written:
        return Option(title=title, url=written)
    if kind not in CHOICES or not title:
        return None
    if kind == "messageBack":
        said = {"text": text_in(action, "text"), "value": value}
        return Option(title=title, payload={key: part for key, part in said.items() if part} or {"text": title})
    return Option(title=title, payload={"text": value} if written else {"value": value} if value else {"text": title})


class _Adaptive:
    """https://adaptivecards.io/explorer"""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.inputs: list[str] = []
        self.submits: list[Option] = []

    def read(self, card: Mapping[str, Any]) -> None:
        self._elements(objects_in(card, "body"))
        self._actions(objects_in(card, "actions"))
        self.shown.unshown += self.inputs
        if not self.inputs:  # pressed without what it asks for, a button would mean something else
            self.shown.options += self.submits
        if not any(self.shown.lines):
            self.shown.lines.append(text_in(card, "fallbackText"))

    def _elements(self, elements: list[dict[str, Any]]) -> None:
        for element in elements:
            if element.get("isVisible") is not False:
                self._element(element, text_in(element, "type"))

    def _element(self, element: Mapping[str, Any], kind: str) -> None:
        if kind.startswith("Input."):
            self.shown.lines.append(text_in(element, "label"))
            self.inputs.append(f"form field {named(element.get('label') or element.get('id') or kind)}")
        elif kind == "ActionSet":
            self._actions(objects_in(element, "actions"))
        elif kind == "Image":
            self.shown.images += filter(None, [text_in(element, "url")])
        elif kind == "Media":
            self.shown.images += filter(
                None, (text_in(source, "url") for source in objects_in(element, "sources")[:1])
            )
        elif kind == "FactSet":
            self.shown.lines += [_pair(fact, "title", "value") for fact in objects_in(element, "facts")]
        else:
            self.shown.lines += [text_in(element, "text"), "".join(_inlines(element))]
            for key in ("items", "columns", "images", "rows", "cells"):
                self._elements([{"type": _INSIDE[key], **inner} for inner in objects_in(element, key)])

    def _actions(self, actions: list[dict[str, Any]]) -> None:
        for action in actions:
            kind, title, data = action.get("type"), text_in(action, "title"), action.get("data")
            if kind == "Action.OpenUrl" and text_in(action, "url"):
                self.shown.options.append(Option(title=title, url=text_in(action, "url")))
            elif kind in SUBMITS and title:
                said = {"text": data} if isinstance(data, str) and data else {"value": data if data else {}}
                self.submits.append(Option(title=title, payload=said))
            else:
                self.shown.unshown.append(f"button {named(kind)}")


_INSIDE = {"items": "Container", "columns": "Column", "images": "Image", "rows": "TableRow", "cells": "TableCell"}
"""What is in such a list, if it doesn't say so itself."""


def _inlines(element: Mapping[str, Any]) -> Iterator[str]:
    found = element.get("inlines")
    for inline in found if isinstance(found, list) else ():
        text = inline if isinstance(inline, str) else inline.get("text") if isinstance(inline, dict) else ""
        yield text if isinstance(text, str) else ""
