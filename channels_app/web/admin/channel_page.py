"""What a channel's page shows above its settings: how it is, what is next, what broke, what is being rotated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from channels_app.adapters.inboxes import inbox_class
from channels_app.channels.links import webhook_url
from channels_app.channels.rotations import Rotation, address_rotation, secret_rotation
from channels_app.codes import Problem, code
from channels_app.lib.clocks import database_now
from channels_app.models import Channel, PausePolicy
from channels_app.operations.checks.facts import Facts, facts_of
from channels_app.operations.checks.repairs import Repair, bridge_repairs, find_repairs, state_of
from channels_app.operations.checks.steps import Progress, Step, next_setup_step, setup_steps
from channels_app.web.admin.base import ModelAdmin, ago
from channels_app.web.links import Link, channel_url, links_of

WAITED_FOR = frozenset({"url", "secret", "bot", "answer", "hand_over"})
"""Steps during which something may come in from outside: the page looks for it by itself."""


WHILE_PAUSED: dict[str, str] = {
    PausePolicy.HAND_OVER: "your agents get every conversation",
    PausePolicy.SAY_TEXT: "contacts who write read your text, and the bot keeps the conversation",
    PausePolicy.KEEP: "what contacts write waits for the bot; your agents get it a minute before Sparkcentral would "
    "take it",
}
"""What follows, by the channel's policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Something that needs attention, with the buttons that help."""

    repair: Repair
    links: list[Link]

    @property
    def first_link(self) -> Link | None:
        """Where it is repaired; what a button posts is on the card alone."""
        return next((link for link in self.links if not link.is_post), None)


def channel_context(channel: Channel) -> dict[str, Any]:
    """For the upper part of the page. Some fifteen small queries; no calls go out."""
    facts = facts_of(channel)
    steps, repairs = setup_steps(facts), find_repairs(facts)
    cards = [*_bridge_cards(channel), *(_card(repair, channel) for repair in repairs)]
    following = next_setup_step(steps, has_worked=channel.first_event_at is not None)
    state, old_uuid = state_of(channel, steps, repairs), channel.old_uuid
    return {
        "state": state,
        "steps": steps,
        "done": sum(step.progress.is_over for step in steps),
        "next_step": following,
        "broken": next((card for card in cards if card.repair.is_grave), None) or _card_of(following, channel),
        "is_waiting": following is not None and following.key in WAITED_FOR and channel.is_active,
        "announcement": _announcement(facts, steps),
        "stamp": crc32(repr((state, steps, repairs, facts.refused)).encode()),
        "cards": cards,
        "refused": [group for group in facts.refused if not group.is_harmless],
        **_rotations(channel),
        "guides": access_guides([channel.inbox]),
        "test_url": channel_url(channel, "test"),
        "old_url": webhook_url(old_uuid) if old_uuid else "",
        "while_paused": WHILE_PAUSED[channel.when_paused],
        "was_paused": not channel.is_active and not channel.archived_at,
        "set_up_url": channel_url(channel, "set-up"),
        "now": database_now(),
        "show_delete": False,  # it is in the danger zone
    }


def set_up_part(admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
    """This part of the page alone, for the script that waits for the first event."""
    context = {**channel_context(channel), "original": channel}
    context["has_change_permission"] = admin.has_change_permission(request, channel)
    return TemplateResponse(request, "admin/chatbridge/set_up.html", context)


def access_guides(kinds: Iterable[str]) -> list[dict[str, str]]:
    """How to get API keys, of the inboxes among these whose platform has to be asked for them."""
    asked = [inbox for kind in kinds if (inbox := inbox_class(kind)).access_mail]
    return [
        {"kind": inbox.kind, "label": inbox.label, "words": inbox.access_words, "mail": inbox.access_mail}
        for inbox in asked
    ]


def _card(repair: Repair, channel: Channel) -> Card:
    return Card(repair=repair, links=list(links_of(repair.buttons, channel)))


def _card_of(step: Step | None, channel: Channel) -> Card | None:
    """What is wrong with a step, for the line that says what is next; the step itself says more."""
    if step is None or step.progress is not Progress.PROBLEM or not step.code:
        return None
    return _card(Repair(problem=Problem(code(step.code)), text=step.detail), channel)


def _bridge_cards(channel: Channel) -> list[Card]:
    """Only what keeps this channel from answering; the rest is on the page about queue and workers."""
    repairs = bridge_repairs() if channel.first_event_at else []
    return [_card(repair, channel) for repair in repairs if repair.is_grave]


def _rotations(channel: Channel) -> dict[str, Any]:
    secret, address = secret_rotation(channel), address_rotation(channel)
    return {
        "secret_rotation": secret,
        "secret_rotation_seen": _last_words(secret),
        "address_rotation": address,
        "address_rotation_seen": _last_words(address),
    }


def _last_words(rotation: Rotation | None) -> str:
    return ago(rotation.old.last_at) if rotation and rotation.old.last_at else ""


def _announcement(facts: Facts, steps: Sequence[Step]) -> str:
    """One sentence for the line that says what the page waits for, and what has come."""
    channel = facts.channel
    answer, hand_over = (next(step for step in steps if step.key == key) for key in ("answer", "hand_over"))
    if hand_over.progress.is_over:
        return hand_over.detail
    if channel.live_at:
        return f"{answer.detail} Waiting for the first handover …"
    if channel.first_event_at:
        return answer.detail
    refused = next((group.problem.text for group in facts.refused if not group.is_harmless), "")
    return f"{refused} Waiting for the first message …".strip()
