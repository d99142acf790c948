"""What can be done to a channel beside changing its settings: what each act asks, says and does."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django.urls import reverse

from channels_app.access.audit import Actor
from channels_app.access.permissions import PAUSE
from channels_app.channels import care as channel_care
from channels_app.channels import rotations
from channels_app.models import Channel
from channels_app.protocol.labels import count_of
from channels_app.web.admin.forms.care import CareForm, CloneForm, ReasonForm, RotateSecretForm, SkipForm, TimeoutsForm

CHANGE = "channels_app.change_channel"
ADD = "channels_app.add_channel"


class Act:
    """One thing to do to a channel. `text` says what is going to happen, for the person who decides."""

    path: ClassVar[str]
    title: ClassVar[str]
    button: ClassVar[str]
    permission: ClassVar[str] = CHANGE
    form_class: ClassVar[type[CareForm]] = CareForm

    def text(self, channel: Channel) -> Sequence[str]:
        """Paragraphs."""
        raise NotImplementedError  # each act explains itself

    def initial(self, channel: Channel) -> dict[str, Any]:
        return {}

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        """Do it, and say what was done. Raises BridgeError with what is in the way."""
        raise NotImplementedError  # each act has its own verb

    def leads_to(self, channel: Channel) -> str:
        """The page that shows what came of it."""
        return channel_url(channel)


def channel_url(channel: Channel, name: str = "change") -> str:
    return reverse(f"admin:channels_app_channel_{name.replace('-', '_')}", args=[channel.pk])


class Pause(Act):
    path, title, button, permission = "pause", "Pause this channel?", "Pause", PAUSE
    form_class = ReasonForm

    def text(self, channel: Channel) -> Sequence[str]:
        return (
            "Until somebody resumes it, your agents get every conversation: new ones at once, and those that the bot "
            "has with the contact's next message. What contacts write is not lost.",
        )

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        channel_care.pause_channel(channel, actor, reason=values["reason"])
        return f"{channel} is paused. Your agents get every conversation."


class Resume(Act):
    path, title, button, permission = "resume", "Resume this channel?", "Resume", PAUSE
    form_class = ReasonForm

    def text(self, channel: Channel) -> Sequence[str]:
        return ("The bot answers new conversations again. Those that your agents got meanwhile stay with them.",)

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        channel_care.resume_channel(channel, actor, reason=values["reason"])
        return f"{channel} is active again: the bot answers first."


class Archive(Act):
    path, title, button = "archive", "Archive this channel?", "Archive"
    form_class = ReasonForm

    def text(self, channel: Channel) -> Sequence[str]:
        return (
            "Its webhook URL refuses events from now on, so Sparkcentral gives new conversations to your agents by "
            "itself. Remove the virtual agent there, or switch it off.",
            "The channel is hidden in the list. All that it has is kept, and it can be restored.",
        )

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        channel_care.archive_channel(channel, actor, reason=values["reason"])
        return f"{channel} is archived."


class Restore(Act):
    path, title, button = "restore", "Restore this channel?", "Restore"
    form_class = ReasonForm

    def text(self, channel: Channel) -> Sequence[str]:
        return ("Its webhook URL takes events again. It stays paused until you resume it.",)

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        channel_care.restore_channel(channel, actor, reason=values["reason"])
        return f"{channel} is restored, and paused: resume it when it is ready."


class Clone(Act):
    path, title, button, permission = "clone", "Copy this channel", "Copy", ADD
    form_class = CloneForm

    def text(self, channel: Channel) -> Sequence[str]:
        return (
            "The copy has the same settings, bot, inbox channels and opening hours. It has no secrets, an address of "
            "its own and no history: its page begins with step 1.",
        )

    def initial(self, channel: Channel) -> dict[str, Any]:
        return {"name": channel_care.free_name(channel.name)}

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        self._clone = channel_care.clone_channel(channel, values["name"], actor)
        return f"{self._clone} is copied from {channel}. Enter its keys now."

    def leads_to(self, channel: Channel) -> str:
        return channel_url(self._clone)


class SkipHandover(Act):
    path, title, button = "skip-hand-over", "Skip the test of the hand-over?", "Skip"
    form_class = SkipForm

    def text(self, channel: Channel) -> Sequence[str]:
        return (
            "A bot that can't hand over leaves contacts alone when they need a person. The test takes a minute: make "
            "the bot hand over, e.g. by writing “agent” from a phone.",
        )

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        channel_care.skip_handover_test(channel, actor, reason=values["reason"])
        return "The test of the hand-over is skipped. It is ticked by itself, should one be accepted."


class WantHandover(Act):
    path, title, button = "want-hand-over", "Wait for a tested hand-over again?", "Wait for it"

    def text(self, channel: Channel) -> Sequence[str]:
        return (f"It was skipped: {channel.handover_skipped}",)

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        channel_care.skip_handover_test(channel, actor, reason="")
        return "The last step waits for a tested hand-over again."


class RotateSecret(Act):
    path, title, button = "rotate-secret", "Shared secret", "Save secret"
    form_class = RotateSecretForm

    def text(self, channel: Channel) -> Sequence[str]:
        if not channel.shared_secret_encrypted:
            return ("Sparkcentral signs what it sends with it, and we refuse what is not signed so.",)
        return (
            "Paste the new secret here first. For a while both are taken, so no event is lost between the change here "
            "and the change in Sparkcentral.",
            "This page then counts how many events came with each, so that you see when the old one can go.",
        )

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        is_first = not channel.shared_secret_encrypted
        overlap = values.get("overlap", rotations.OVERLAP)
        rotations.rotate_shared_secret(channel, values["shared_secret"], actor, overlap=overlap)
        if is_first:
            return "The shared secret is saved."
        return f"The new shared secret is saved. {'Both are taken now.' if overlap else 'The old one is refused now.'}"


class KeepOldSecret(Act):
    path, title, button = "keep-old-secret", "Take the old secret for 24 hours more?", "Extend 24 hours"

    def text(self, channel: Channel) -> Sequence[str]:
        return ("Events that Sparkcentral signs with the shared secret before the present one are taken until then.",)

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        rotations.keep_old_secret(channel, actor)
        return "The old secret is taken for 24 hours more."


class RetireOldSecret(Act):
    path, title, button = "retire-old-secret", "Retire the old secret now?", "Retire old secret"

    def text(self, channel: Channel) -> Sequence[str]:
        meter = rotations.secret_rotation(channel)
        texts = [
            "From now on events that are signed with the old secret are refused, and their conversations go to your "
            "agents."
        ]
        if meter:
            came = count_of(meter.new.count, "event")
            texts.append(f"With the new secret came {came}, with the old one {meter.old.count}.")
        return texts

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        rotations.retire_old_secret(channel, actor)
        return "The old secret is retired: only the present one is taken."


class SetTimeouts(Act):
    path, title, button = "timeouts", "Timeouts and error rule of the virtual agent", "Save"
    form_class = TimeoutsForm

    def text(self, channel: Channel) -> Sequence[str]:
        return (
            "Edit the virtual agent in Sparkcentral: it has two timeouts, and a rule for timeouts and errors.",
            "Timeout virtual agent: how long the bot may take to answer, up to 1 hour. Enter the same below: a minute "
            "before it ends we hand the conversation over, whatever went wrong.",
            "Timeout contact: how long the contact may be silent, up to 23 hours.",
            "For timeouts and errors choose New, never Resolved. With New your agents find the conversation in their "
            "queue; with Resolved it is closed unseen, and the contact waits for an answer that nobody will give.",
        )

    def initial(self, channel: Channel) -> dict[str, Any]:
        return {"minutes": channel.reply_limit_s // 60}

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        channel_care.set_reply_limit(channel, actor, timedelta(minutes=values["minutes"]))
        return f"Sparkcentral takes a conversation back after {count_of(values['minutes'], 'minute')}: we know it now."


class SwitchServer(Act):
    path, title, button = "switch-region", "Switch to the other region?", "Try the keys there, and switch"

    def text(self, channel: Channel) -> Sequence[str]:
        return (
            "The saved keys are tried on the server of the other region. Only if it accepts them, the region of this "
            "channel is changed.",
        )

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        name = rotations.switch_server(channel, actor)
        return f"These keys belong to the {name} server. The region is changed, and the keys are accepted."


class RotateAddress(Act):
    path, title, button = "rotate-url", "Give this channel a new webhook URL?", "Make a new URL"
    form_class = ReasonForm

    def text(self, channel: Channel) -> Sequence[str]:
        days = rotations.ADDRESS_OVERLAP.days
        texts = [
            f"The old URL goes on working for {days} days, and its calls are counted. Paste the new one into the "
            "virtual agent in Sparkcentral within that time.",
        ]
        if rotations.address_rotation(channel):
            texts.append("The URL before the present one still works. It ends at once.")
        return texts

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        rotations.rotate_address(channel, actor, reason=values["reason"])
        return "The channel has a new webhook URL. Copy it from step 3 into Sparkcentral."


class RetireOldAddress(Act):
    path, title, button = "retire-old-url", "Retire the old webhook URL now?", "Retire old URL"

    def text(self, channel: Channel) -> Sequence[str]:
        meter = rotations.address_rotation(channel)
        seen = f"It was called {count_of(meter.old.count, 'time')} since the change." if meter else ""
        return (f"From now on nothing is at the old URL. {seen}".strip(),)

    def perform(self, channel: Channel, values: dict[str, Any], actor: Actor) -> str:
        rotations.retire_old_address(channel, actor)
        return "The old webhook URL is retired."


ACTS: tuple[type[Act], ...] = (
    *(Pause, Resume, Archive, Restore, Clone, SkipHandover, WantHandover),
    *(RotateSecret, KeepOldSecret, RetireOldSecret, SetTimeouts, SwitchServer, RotateAddress, RetireOldAddress),
)
