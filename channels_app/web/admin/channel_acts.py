"""What can be done to a channel besides changing its settings. Each act asks first, is permitted by itself, and is
written down."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from channels_app.access.audit import Actor
from channels_app.access.permissions import ADD_CHANNEL, CHANGE_CHANNEL, PAUSE, actor_of
from channels_app.channels import care, rotations
from channels_app.channels.forms.saving import RefusedError
from channels_app.models import Channel
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.labels import count_of
from channels_app.web.admin.base import ModelAdmin, page
from channels_app.web.admin.channel_forms import (
    CareForm,
    CloneForm,
    ReasonForm,
    RotateSecretForm,
    SkipForm,
    TimeoutsForm,
    add_refusal,
)
from channels_app.web.admin.channel_page import WHILE_PAUSED
from channels_app.web.links import channel_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing to do to a channel."""

    path: str
    title: str
    texts: Sequence[str] | Callable[[Channel], Sequence[str]]
    """Paragraphs that say what is going to happen, for the person who decides."""
    button: str
    perform: Callable[..., Any]
    """Called with the channel, who acts, and what was filled in. Raises BridgeError and RefusedError."""
    done: str
    """What was done, with {channel} and the {result} of `perform`. If that is a channel, its page comes next."""
    form: type[CareForm] = CareForm
    initial: Callable[[Channel], Mapping[str, Any]] = lambda channel: {}
    permission: str = CHANGE_CHANNEL

    def __call__(self, admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
        """Its page."""
        form = self.form(request.POST or None, channel=channel, initial=self.initial(channel))
        if request.method == "POST" and form.is_valid():
            try:
                result = self.perform(channel, actor_of(request, via="admin"), **form.cleaned_data)
            except BridgeError as error:
                form.add_problem(error)
            except RefusedError as error:
                add_refusal(form, error)
            else:
                done = self.done.format(channel=channel, result=result)
                admin.log_change(request, channel, done)
                admin.message_user(request, done, messages.SUCCESS)
                return HttpResponseRedirect(channel_url(result if isinstance(result, Channel) else channel))
        texts = self.texts(channel) if callable(self.texts) else self.texts
        return page(admin, request, "care", self.title, channel, form=form, texts=texts, button=self.button)


def _secret_texts(channel: Channel) -> Sequence[str]:
    if not channel.shared_secret_encrypted:
        return ("Sparkcentral signs its events with this secret; requests without a valid signature are refused.",)
    return (
        "Paste the new secret here first. For a while both are accepted, so no event is lost between the change here "
        "and the change in Sparkcentral.",
        "The channel's page then counts the events signed with each, so you can see when to retire the old one.",
    )


def _rotate_secret(
    channel: Channel, actor: Actor, *, shared_secret: str, overlap: timedelta = rotations.OVERLAP
) -> str:
    is_first = not channel.shared_secret_encrypted
    rotations.rotate_shared_secret(channel, shared_secret, actor, overlap=overlap)
    if is_first:
        return "The shared secret is saved."
    more = "Both are accepted now." if overlap else "The old one is refused now."
    return f"The new shared secret is saved. {more}"


def _retire_secret_texts(channel: Channel) -> Sequence[str]:
    text = "From now on events signed with the old secret are refused, and their conversations go to your agents."
    meter = rotations.secret_rotation(channel)
    if meter is None:
        return (text,)
    came = count_of(meter.new.count, "event")
    return text, f"So far {came} came with the new secret, and {meter.old.count} with the old one."


def _set_timeout(channel: Channel, actor: Actor, *, minutes: int) -> str:
    care.set_reply_limit(channel, actor, timedelta(minutes=minutes))
    return count_of(minutes, "minute")


def _new_url_texts(channel: Channel) -> Sequence[str]:
    text = (
        f"The old URL keeps working for {rotations.ADDRESS_OVERLAP.days} days, and its calls are counted. Paste the "
        "new one into the virtual agent in Sparkcentral within that time."
    )
    is_rotating = rotations.address_rotation(channel)
    return (text, "The previous URL still works. It will stop working at once.") if is_rotating else (text,)


def _retire_url_texts(channel: Channel) -> Sequence[str]:
    meter = rotations.address_rotation(channel)
    seen = f" It was called {count_of(meter.old.count, 'time')} since the change." if meter else ""
    return (f"The old URL no longer works.{seen}",)


ACTS = (
    Act(
        path="pause",
        title="Pause this channel?",
        texts=lambda channel: (
            f"Until someone resumes it, {WHILE_PAUSED[channel.when_paused]}. This begins at once for new "
            "conversations, and with the contact's next message for those that the bot has. Nothing that contacts "
            "write is lost.",
            "“While the bot is switched off” on the channel's page says what follows.",
        ),
        button="Pause",
        perform=care.pause_channel,
        done="{channel} is paused: the bot doesn't answer until it is resumed.",
        form=ReasonForm,
        permission=PAUSE,
    ),
    Act(
        path="resume",
        title="Resume this channel?",
        texts=("The bot answers new conversations again. Those that your agents have taken over stay with them.",),
        button="Resume",
        perform=care.resume_channel,
        done="{channel} is active again: the bot answers first.",
        form=ReasonForm,
        permission=PAUSE,
    ),
    Act(
        path="archive",
        title="Archive this channel?",
        texts=(
            "Its webhook URL refuses events from now on, so Sparkcentral gives new conversations to your agents by "
            "itself. Remove the virtual agent there, or turn it off.",
            "The channel is no longer listed. Everything in it is kept, and it can be restored.",
        ),
        button="Archive",
        perform=care.archive_channel,
        done="{channel} is archived.",
        form=ReasonForm,
    ),
    Act(
        path="restore",
        title="Restore this channel?",
        texts=("Its webhook URL accepts events again. It stays paused until you resume it.",),
        button="Restore",
        perform=care.restore_channel,
        done="{channel} is restored, and paused: resume it when it is ready.",
        form=ReasonForm,
    ),
    Act(
        path="clone",
        title="Copy this channel",
        texts=(
            "The copy has the same settings, bot, inbox channels and opening hours. It has its own URL, no secrets "
            "and no history: its page begins with step 1.",
        ),
        button="Copy",
        perform=lambda channel, actor, name: care.clone_channel(channel, name, actor),
        done="{result} is copied from {channel}. Enter its keys now.",
        form=CloneForm,
        initial=lambda channel: {"name": care.free_name(channel.name)},
        permission=ADD_CHANNEL,
    ),
    Act(
        path="skip-hand-over",
        title="Skip the handover test?",
        texts=(
            "A bot that can't hand over leaves contacts alone when they need a person. The test takes a minute: make "
            "the bot hand over, e.g. by writing “agent” from a phone.",
        ),
        button="Skip",
        perform=care.skip_handover_test,
        done="The handover test is skipped. The step is ticked as soon as a handover is accepted.",
        form=SkipForm,
    ),
    Act(
        path="want-hand-over",
        title="Wait for a tested handover again?",
        texts=lambda channel: (f"It was skipped: {channel.handover_skipped}",),
        button="Wait for it",
        perform=partial(care.skip_handover_test, reason=""),
        done="The last step is waiting for a tested handover again.",
    ),
    Act(
        path="rotate-secret",
        title="Shared secret",
        texts=_secret_texts,
        button="Save secret",
        perform=_rotate_secret,
        done="{result}",
        form=RotateSecretForm,
    ),
    Act(
        path="keep-old-secret",
        title="Accept the old secret for 24 more hours?",
        texts=("Events that Sparkcentral signs with the previous shared secret are accepted until then.",),
        button="Extend 24 hours",
        perform=rotations.keep_old_secret,
        done="The old secret is accepted for 24 more hours.",
    ),
    Act(
        path="retire-old-secret",
        title="Retire the old secret now?",
        texts=_retire_secret_texts,
        button="Retire old secret",
        perform=rotations.retire_old_secret,
        done="The old secret is retired: only the current one is accepted.",
    ),
    Act(
        path="timeouts",
        title="Timeouts and error rule of the virtual agent",
        texts=(
            "Edit the virtual agent in Sparkcentral: it has two timeouts, and a rule for timeouts and errors.",
            "Timeout virtual agent: how long the bot may take to answer, up to 1 hour. Enter the same below: one "
            "minute before it ends we hand the conversation over in any case.",
            "Timeout contact: how long the contact may be silent, up to 23 hours.",
            "For timeouts and errors choose New, never Resolved. With New your agents find the conversation in their "
            "queue; with Resolved it is closed before anyone has seen it, and the contact waits in vain for an "
            "answer.",
        ),
        button="Save",
        perform=_set_timeout,
        done="Saved: Sparkcentral takes a conversation back after {result}.",
        form=TimeoutsForm,
        initial=lambda channel: {"minutes": channel.reply_limit_s // 60},
    ),
    Act(
        path="switch-region",
        title="Switch to the other region?",
        texts=(
            "The saved keys are tried on the server of the other region. The channel's region is changed only if they "
            "are accepted there.",
        ),
        button="Try the keys there and switch",
        perform=rotations.switch_server,
        done="These keys belong to the {result} server. The region is changed, and the keys are accepted.",
    ),
    Act(
        path="rotate-url",
        title="Give this channel a new webhook URL?",
        texts=_new_url_texts,
        button="Create a new URL",
        perform=rotations.rotate_address,
        done="The channel has a new webhook URL. Copy it from step 3 into Sparkcentral.",
        form=ReasonForm,
    ),
    Act(
        path="retire-old-url",
        title="Retire the old webhook URL now?",
        texts=_retire_url_texts,
        button="Retire old URL",
        perform=rotations.retire_old_address,
        done="The old webhook URL is retired.",
    ),
)
