"""What an admin fills in for an offload provider."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from django import forms

from channels_app.access.audit import Actor, record_audit
from channels_app.access.changes import differences, values_of
from channels_app.adapters.inboxes import shared_secret_problem
from channels_app.adapters.settings import PhraseField, refusal, same_value_problem
from channels_app.channels.forms.hours_field import HoursField
from channels_app.channels.forms.queue_field import NamesField, QueueField
from channels_app.channels.forms.saving import Saved, judged_simply
from channels_app.channels.forms.secrets import WriteOnlyField
from channels_app.channels.forms.settings import ModelForm, one_line, speak_alike
from channels_app.channels.forms.texts_field import TextsField
from channels_app.lib.clocks import database_now
from channels_app.models import Channel
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.sentences import Occasion
from offload.left_messages import MAX_TITLE
from offload.models import OffloadProvider

SECRETS = ("verify_token", "write_back_secret")
WRITE_BACK_PLACE = "the Write Back settings of Inbox 2.0"


class OffloadProviderForm(ModelForm):
    verify_token = WriteOnlyField(
        label="Verify token",
        help_text="Any text that you choose. Enter the same in Chatlayer › Settings › Offloading › Webhook.",
    )
    write_back_secret = WriteOnlyField(
        label="Write-back secret",
        help_text="Shown by Inbox 2.0 under Integration and APIs › CRM › Write Back URL. It contains only 0-9 and "
        "a-f.",
    )
    opening_hours = HoursField(
        label="Opening hours",
        required=False,
        help_text="When agents are available. At other times the bot keeps a conversation it wants to hand over.",
    )
    disabled_until = forms.DateTimeField(
        label="Off until",
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="In your time zone. It is on again from then by itself. Empty: until you switch it on.",
    )
    queue_rules = QueueField(
        label="What the queue decides",
        required=False,
        help_text="Inbox 2.0 only. When the bot asks for an agent within the opening hours, chatbridge looks who is "
        "available and who waits. Without a row that applies, agents take over.",
    )
    teams = NamesField(
        label="Teams",
        required=False,
        help_text="The teams in Inbox 2.0 whose agents take over: their IDs, with commas. Empty: all agents, and "
        "everybody who waits. Inbox 2.0 gives us no list of teams: once the table above is saved, “Test connection” "
        "names the IDs of those for which contacts wait at that moment.",
    )
    opened_texts = TextsField(
        Occasion.OPENED,
        label="Text when agents take over",
        help_text="Sent after the bot's words when it asks for an agent and agents are available. Leave it empty if "
        "the bot says so itself.",
        takes_variables=True,
    )
    queue_texts = TextsField(
        Occasion.QUEUE,
        label="Text when there is a queue",
        help_text="Sent instead of the one above where the table says “hand over and say the wait”.",
        takes_variables=True,
    )
    nobody_texts = TextsField(
        Occasion.NOBODY,
        label="Text when nobody is there",
        help_text="Sent where the table says “keep the bot and offer to leave a message”, with the choice below.",
        takes_variables=True,
    )
    leave_message_texts = TextsField(
        Occasion.LEAVE_MESSAGE,
        label="Choice to leave a message",
        help_text="What the choice below that text is called. Leave it empty in every language to offer none.",
        max_title=MAX_TITLE,
    )
    left_message_texts = TextsField(
        Occasion.LEFT_MESSAGE,
        label="Text when a message is left",
        help_text="Sent when the contact chooses it. The conversation is then with the agents, and what the contact "
        "writes waits for them.",
        takes_variables=True,
    )
    closed_texts = TextsField(
        Occasion.CLOSED,
        label="Text when closed",
        help_text="Sent when the bot asks for an agent outside the opening hours. Without a text, and if the bot "
        "sends nothing either, the conversation is handed over anyway.",
        takes_variables=True,
    )
    disabled_texts = TextsField(
        Occasion.DISABLED,
        label="Text when switched off",
        help_text="Sent when the bot asks for an agent while this is switched off. Leave it empty in every language "
        "to send the text when closed.",
        takes_variables=True,
    )

    class Meta:
        model = OffloadProvider
        fields = (
            *("name", "is_enabled", "disabled_reason", "disabled_until"),
            *("opening_hours", "queue_rules", "teams"),
            *("opened_texts", "queue_texts", "nobody_texts", "leave_message_texts", "left_message_texts"),
            *("closed_texts", "disabled_texts"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            speak_alike(field)
        for name in SECRETS:
            field = self.fields[name]
            if isinstance(field, WriteOnlyField):
                field.show_saved_of(self.instance, name)

    def _saved(self, name: str) -> str | None:
        """None when its key is lost."""
        with suppress(BridgeError):
            return str(getattr(self.instance, name))
        return None

    def clean_name(self) -> str:
        return one_line(self.cleaned_data["name"])

    def clean_disabled_reason(self) -> str:
        return one_line(self.cleaned_data["disabled_reason"])

    def clean_disabled_until(self) -> datetime | None:
        until: datetime | None = self.cleaned_data["disabled_until"]
        if until is None or self.cleaned_data.get("is_enabled"):
            return None
        if until <= database_now():
            raise forms.ValidationError("This time has passed. Enter a later one, or switch it on.", code="passed")
        return until.replace(second=0, microsecond=0)

    def clean_verify_token(self) -> str | None:
        token: str | None = self.cleaned_data["verify_token"]
        return PhraseField().clean(token) if token else token

    def clean_write_back_secret(self) -> str | None:
        secret: str | None = self.cleaned_data["write_back_secret"]
        wrong = shared_secret_problem(secret, {}, name="write-back secret", place=WRITE_BACK_PLACE) if secret else None
        if wrong:
            raise refusal(wrong)
        return secret

    def clean(self) -> dict[str, Any]:
        """Each secret of a channel comes from a screen of its own."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("is_enabled"):
            cleaned |= {"disabled_reason": "", "disabled_until": None}
        others = self._secrets_of_channel()
        for name in SECRETS:
            typed = cleaned.get(name)
            same = same_value_problem(typed, others) if typed else None
            if same:
                self.add_error(name, refusal(same))
            others[str(self.fields[name].label)] = typed
        return cleaned

    def _secrets_of_channel(self) -> dict[str, object]:
        """By their labels; none whose key is lost."""
        channel = self.instance.channel if self.instance.channel_id else None
        if channel is None:
            return {}
        with suppress(BridgeError):
            return {
                "Client secret": channel.clear_settings().get("client_secret"),
                "Shared secret": channel.shared_secret,
            }
        return {}

    def save(self, commit: bool = True) -> Any:
        for name in SECRETS:
            value = self.cleaned_data.get(name)
            if value is not None and value != self._saved(name):  # re-encrypted, the same value would look changed
                setattr(self.instance, name, value)
        return super().save(commit)


def save_provider(channel: Channel, given: Mapping[str, Any], actor: Actor) -> Saved[OffloadProvider]:
    """The channel's provider, with what is given over what is saved; a new one if it has none, because its addresses
    must exist. Raises RefusedError."""
    row = OffloadProvider.objects.select_for_update(no_key=True, of=("self",)).filter(channel=channel).first()
    row = row or OffloadProvider(channel=channel)
    before = values_of(row) if row.pk else {}
    judged_simply(row, OffloadProviderForm, given).save(commit=False)
    changes = differences(before, values_of(row))
    if changes:
        row.save()
        record_audit(actor, "changed" if before else "added", row, changes=changes)
    return Saved(row, changes, is_new=not before)
