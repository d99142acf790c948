"""What a virtual agent may ask for: checked as a whole first, then applied as a whole."""

import re
import time
from collections.abc import Callable
from typing import Any

from chatbridge.simulator.conversation import JSON, Conversation, Owner
from chatbridge.simulator.platform import Account, Flavour, Platform, TagForm

HOOTSUITE_ONLY = frozenset({"sendMessages", "indicateTyping", "applyTags", "applyConversationNotes"})
"""Keys of Inbox 2.0 that are not known to work in the classic API."""

ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_]+")
COMPLETIONS = ("HANDOVER", "RESOLVED")


class MalformedError(ValueError):
    """The platform would answer 400."""


def manipulate(platform: Platform, account: Account, conversation: Conversation, body: Any, *, inline: bool) -> None:
    """Apply a body, all of it or (MalformedError) nothing. `inline`: it came in the answer to an event."""
    require(isinstance(body, dict), "the body must be an object")
    for key, value in body.items():
        if key in HOOTSUITE_ONLY and account.flavour is Flavour.CLASSIC:
            raise MalformedError(f"{key} is not supported")
        if check := CHECKS.get(key):
            check(key, value, conversation, inline)
        if key == "applyTags" and not inline:
            require(is_in_form(value, account.tags), f"{key} must be a list of {account.tags}")
    for key, value in body.items():
        if act := ACTIONS.get(key):
            act(value, conversation, account)
    if body.get("complete") == "HANDOVER":
        conversation.give_to(Owner.QUEUE)
    elif body.get("complete") == "RESOLVED":
        platform.resolve(conversation)


def require(condition: bool, message: str) -> None:
    """Refuse the body unless the condition holds."""
    if not condition:
        raise MalformedError(message)


# Checks


def check_message(key: str, value: Any, conversation: Conversation, inline: bool) -> None:
    """Text, attachment or both; the attachment must have been uploaded to this conversation."""
    require(isinstance(value, dict), f"{key} must be an object")
    text, attachment = value.get("text"), value.get("attachment")
    require(text is None or isinstance(text, str), f"{key}.text must be a string")
    require(attachment is None or isinstance(attachment, str), f"{key}.attachment must be a string")
    require(bool(text or attachment), f"{key} needs a text or an attachment")
    require(not attachment or attachment in conversation.attachments, f"{key}.attachment {attachment!r} is unknown")


def check_messages(key: str, value: Any, conversation: Conversation, inline: bool) -> None:
    """A list of messages."""
    require(isinstance(value, list), f"{key} must be a list")
    for message in value:
        check_message(key, message, conversation, inline)


def check_topics(key: str, value: Any, conversation: Conversation, inline: bool) -> None:
    """A list of names."""
    require(is_strings(value), f"{key} must be a list of strings")


def check_tags(key: str, value: Any, conversation: Conversation, inline: bool) -> None:
    """ "In REST calls each needs the messageId; in an inline reply plain strings tag the latest message". Their schema
    wants strings in REST calls, too; which of the two an account's server takes is its `tags`."""
    require(isinstance(value, list), f"{key} must be a list")
    known = {message.id for message in conversation.messages}
    for tag in value:
        if isinstance(tag, str):
            continue
        require(isinstance(tag, dict) and isinstance(tag.get("tag"), str), f"{key} needs objects with a tag")
        require(tag.get("messageId") in known, f"{key} needs the messageId of a message of this conversation")


def is_in_form(tags: list[Any], form: TagForm) -> bool:
    """Are all tags of this form?"""
    return all(isinstance(tag, str) is (form is TagForm.STRINGS) for tag in tags)


def check_notes(key: str, value: Any, conversation: Conversation, inline: bool) -> None:
    """A list of {"text"}."""
    are_notes = isinstance(value, list) and all(isinstance(note, dict) for note in value)
    require(are_notes and is_strings([note.get("text") for note in value]), f"{key} needs objects with a text")


def check_attributes(key: str, value: Any, conversation: Conversation, inline: bool) -> None:
    """Names to strings."""
    require(isinstance(value, dict), f"{key} must be an object")
    require(is_strings(list(value.values())), f"{key} needs strings as values")
    for name in value:
        require(bool(ATTRIBUTE_NAME.fullmatch(name)), f"{key}: the name {name!r} is not allowed")


def check_one_of(*allowed: str) -> Callable[[str, Any, Conversation, bool], None]:
    """One of these words."""

    def check(key: str, value: Any, conversation: Conversation, inline: bool) -> None:
        require(value in allowed, f"{key} must be one of {', '.join(allowed)}")

    return check


def is_strings(value: Any) -> bool:
    """Is this a list of strings?"""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


CHECKS: dict[str, Callable[[str, Any, Conversation, bool], None]] = {
    "sendMessage": check_message,
    "sendMessages": check_messages,
    "indicateTyping": check_one_of("START", "STOP"),
    "applyTopics": check_topics,
    "applyTags": check_tags,
    "applyConversationNotes": check_notes,
    "setContactAttributes": check_attributes,
    "complete": check_one_of(*COMPLETIONS),
}


# Actions, after all checks


def send_message(value: JSON, conversation: Conversation, account: Account) -> None:
    """The virtual agent speaks."""
    conversation.say("virtual_agent", value.get("text"), attachment=value.get("attachment"))


def send_messages(value: list[JSON], conversation: Conversation, account: Account) -> None:
    """The virtual agent speaks several times, in order."""
    for message in value:
        send_message(message, conversation, account)


def indicate_typing(value: str, conversation: Conversation, account: Account) -> None:
    """Counted, and shown until it stops or a message arrives."""
    conversation.is_typing = value == "START"
    conversation.typing += conversation.is_typing
    conversation.wake()


def apply_topics(value: list[str], conversation: Conversation, account: Account) -> None:
    """ "Must match a topic's name (case-insensitive); others are ignored without an error"."""
    known = None if account.topics is None else {topic.casefold(): topic for topic in account.topics}
    for name in value:
        topic = name if known is None else known.get(name.casefold())
        if topic and topic not in conversation.topics:
            conversation.topics.append(topic)


def apply_tags(value: list[Any], conversation: Conversation, account: Account) -> None:
    """Plain strings tag the latest message."""
    latest = conversation.messages[-1].id if conversation.messages else None
    for tag in value:
        plain = {"messageId": latest, "tag": tag}
        conversation.tags.append(plain if isinstance(tag, str) else {"messageId": tag["messageId"], "tag": tag["tag"]})


def apply_notes(value: list[JSON], conversation: Conversation, account: Account) -> None:
    """For agents only."""
    conversation.notes.extend({"text": note["text"], "at": time.time()} for note in value)


def set_attributes(value: dict[str, str], conversation: Conversation, account: Account) -> None:
    """On the contact."""
    conversation.set_attributes(value)


ACTIONS: dict[str, Callable[[Any, Conversation, Account], None]] = {
    "sendMessage": send_message,
    "sendMessages": send_messages,
    "indicateTyping": indicate_typing,
    "applyTopics": apply_topics,
    "applyTags": apply_tags,
    "applyConversationNotes": apply_notes,
    "setContactAttributes": set_attributes,
}
