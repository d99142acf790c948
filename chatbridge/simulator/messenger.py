"""From the demo bot's reply to the message shapes of Chatlayer, which are Messenger's."""

import json
from collections.abc import Callable
from typing import Any

from chatbridge.simulator.conversation import JSON

OPAQUE_PAYLOADS = ("hours",)
"""These go out as an opaque string, the others as JSON; both forms occur."""

RECEIPT: JSON = {
    "attachment": {
        "type": "template",
        "payload": {"template_type": "receipt", "order_number": "A-3301", "currency": "EUR", "elements": []},
    }
}
"""A message that only Messenger itself can show."""


COMMANDS = ("topics", "tags", "attributes", "note", "complete")
"""What of a reply a flow says with a JSON Builder action, after its words."""


CLUMSY_COMMANDS: JSON = {
    "attachment": {
        "type": "json",
        "payload": {
            "topics": ["Orders", ""],
            "attributes": {"order-number": "A-3301", "shop": "web"},
            "topic": "Orders",
        },
    }
}
"""What a bot's author may build by mistake: a part of it can't be done."""


def with_payloads(message: JSON, change: Callable[[str], str]) -> JSON:
    """The message with other payloads of its postback buttons and quick replies."""

    def changed(value: Any) -> Any:
        if isinstance(value, list):
            return [changed(item) for item in value]
        if not isinstance(value, dict):
            return value
        is_choice = value.get("type") == "postback" or value.get("content_type") == "text"
        if is_choice:
            return {**value, "payload": change(str(value["payload"]))}
        return {key: changed(item) for key, item in value.items()}

    return dict(changed(message))


def to_messages(reply: JSON) -> list[JSON]:
    """The messages of a reply; a picture is a message of its own, and so is what it wants done."""
    messages: list[JSON] = []
    for message in reply.get("messages", []):
        if options := message.get("options"):
            messages.append(_choice(message["text"], options))
        else:
            messages.append({"text": message["text"]})
        if attachment := message.get("attachment"):
            kind = attachment["content_type"].partition("/")[0]
            messages.append({"attachment": {"type": kind, "payload": {"url": attachment["url"]}}})
    commands = {key: reply[key] for key in COMMANDS if reply.get(key)}
    return [*messages, {"type": "json", "payload": commands}] if commands else messages


def carousel(template: str) -> JSON:
    """A generic template (carousel) or a list."""
    elements = [
        {
            "title": title,
            "subtitle": subtitle,
            "image_url": "https://shop.example/picture.png",
            "item_url": f"https://shop.example/{dialog}",
            "default_action": {"type": "web_url", "url": f"https://shop.example/{dialog}"},
            "buttons": [_button({"title": title, "payload": dialog})],
        }
        for title, subtitle, dialog in (("Parcel", "Where is it?", "parcel"), ("Opening hours", "When?", "menu"))
    ]
    payload: JSON = {"template_type": template, "elements": elements}
    if template == "list":
        payload["buttons"] = [_button({"title": "More", "payload": "menu"})]
    return {"attachment": {"type": "template", "payload": payload}}


def quick_replies(text: str, options: list[JSON]) -> JSON:
    """Choices without links."""
    choices = [
        {"content_type": "text", "title": option["title"], "payload": _postback(option), "image_url": None}
        for option in options
    ]
    return {"text": text, "quick_replies": choices}


def _choice(text: str, options: list[JSON]) -> JSON:
    """Quick replies, or buttons if there is a link or a telephone number among them."""
    if all("payload" in option for option in options):
        return quick_replies(text, options)
    payload = {"template_type": "button", "text": text, "buttons": [_button(option) for option in options]}
    return {"attachment": {"type": "template", "payload": payload}}


def _button(option: JSON) -> JSON:
    if "url" in option:
        return {"type": "web_url", "title": option["title"], "url": option["url"]}
    if "phone" in option:
        return {"type": "phone_number", "title": option["title"], "payload": option["phone"]}
    return {"type": "postback", "title": option["title"], "payload": _postback(option)}


def _postback(option: JSON) -> str:
    if option["payload"] in OPAQUE_PAYLOADS:
        return str(option["payload"])
    parameters = [{"key": "chosen", "value": option["title"]}]
    return json.dumps({"nextDialogstateId": option["payload"], "parameters": parameters, "title": option["title"]})
