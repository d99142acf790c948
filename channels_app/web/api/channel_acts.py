"""What can be done to a channel beside changing its settings: each act is a verb that the pages have too."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.access.audit import Actor
from channels_app.access.permissions import CHANGE_CHANNEL, PAUSE
from channels_app.channels.care import archive_channel, pause_channel, restore_channel, resume_channel
from channels_app.channels.rotations import (
    keep_old_secret,
    retire_old_address,
    retire_old_secret,
    rotate_address,
    rotate_shared_secret,
)
from channels_app.models import Channel
from channels_app.web.api.base import NothingSerializer, Strict
from channels_app.web.api.channels import ChannelView, operation
from channels_app.web.api.serializers.channel_requests import ReasonSerializer, RotateSecretSerializer
from channels_app.web.api.serializers.channels import ChannelDetailSerializer


@dataclass(frozen=True, slots=True)
class Act:
    """One thing to do to a channel; the answer is the channel as it is then."""

    path: str
    name: str
    summary: str
    perform: Callable[..., Any]
    """Called with the channel, who acts, and the fields of the body."""
    body: type[Strict] = ReasonSerializer
    needs: str = CHANGE_CHANNEL


def _rotate_secret(channel: Channel, actor: Actor, *, shared_secret: str, overlap_hours: int, reason: str) -> None:
    overlap = timedelta(hours=overlap_hours)
    rotate_shared_secret(channel, shared_secret, actor, overlap=overlap, reason=reason)


ACTS = (
    Act("pause", "pauseChannel", "Give every conversation to the agents from now on", pause_channel, needs=PAUSE),
    Act("resume", "resumeChannel", "Let the bot answer again", resume_channel, needs=PAUSE),
    Act("archive", "archiveChannel", "Refuse events and hide the channel; all its data is kept", archive_channel),
    Act("restore", "restoreChannel", "Take it out of the archive, paused", restore_channel),
    Act(
        "rotate-secret",
        "rotateSecret",
        "Set a new shared secret, and accept the old one for a while",
        _rotate_secret,
        RotateSecretSerializer,
    ),
    Act(
        "keep-old-secret",
        "keepOldSecret",
        "Accept the old secret for 24 more hours",
        keep_old_secret,
        NothingSerializer,
    ),
    Act(
        "retire-old-secret",
        "retireOldSecret",
        "Refuse the old secret from now on",
        retire_old_secret,
        NothingSerializer,
    ),
    Act(
        "rotate-url", "rotateWebhookUrl", "Create a new webhook URL; the old one works for 7 more days", rotate_address
    ),
    Act(
        "retire-old-url",
        "retireOldWebhookUrl",
        "Retire the old webhook URL",
        retire_old_address,
        NothingSerializer,
    ),
)


def act_view(act: Act) -> Any:
    """The view of an act."""

    class ChannelAct(ChannelView):
        @operation(
            act.name, act.summary, needs=act.needs, body=act.body, answer=ChannelDetailSerializer, problems=[409]
        )
        def post(self, request: Request, pk: int) -> Response:
            act.perform(self.channel(pk), self.actor, **self.body(act.body))
            return self.shown(pk)

    return ChannelAct.as_view()
