"""From bot to human: whether, with what text, and the result."""

import uuid
from typing import Any, Self

from django.db import models

from channels_app.lib.clocks import database_now
from channels_app.lib.encryption import decrypt, encrypt
from channels_app.models import Channel, Conversation, Delivery, WebhookEvent
from channels_app.models.texts import texts_column
from channels_app.protocol.languages import Texts
from channels_app.protocol.sentences import READY, Occasion, sentence, with_single


class OffloadProvider(models.Model):
    """How a channel's bot hands over. Its address goes into Chatlayer, Settings > Offloading > Webhook."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    channel = models.OneToOneField(Channel, on_delete=models.CASCADE, related_name="offload_provider")
    name = models.CharField(max_length=100, default="Agents")
    is_enabled = models.BooleanField(
        "enabled",
        default=True,
        help_text="Off: the bot is told that no agent can take over, and keeps the conversation.",
    )
    disabled_reason = models.CharField(
        "why it is off",
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="For your team, e.g. “Fire drill”. Contacts don't read it.",
    )
    disabled_until = models.DateTimeField("off until", null=True, blank=True)
    """None: until somebody switches it on."""
    verify_token_encrypted = models.TextField(blank=True, editable=False)
    write_back_secret_encrypted = models.TextField(blank=True, editable=False)
    opening_hours = models.JSONField(
        null=True,
        blank=True,
        help_text="Empty: always open. Example: "
        '{"timezone": "Europe/Brussels", "mon": ["09:00-17:00"], "closed": ["2026-12-25"]}',
    )
    closed_text = models.TextField(blank=True, editable=False)
    """In the channel's language: what was there until November 2026; kept in step with `closed_texts`."""
    queue_rules = models.JSONField(
        "what the queue decides",
        default=list,
        blank=True,
        db_default=models.Value([], models.JSONField()),
    )
    """Rows of `queue.action_for`."""
    teams = models.JSONField("teams", default=list, blank=True, db_default=models.Value([], models.JSONField()))
    """Ids at the inbox, of those whose agents take over; empty: all."""
    opened_texts = texts_column("text when agents take over", default=dict)
    queue_texts = models.JSONField("text when there is a queue", null=True, blank=True)
    nobody_texts = models.JSONField("text when nobody is there", null=True, blank=True)
    leave_message_texts = models.JSONField("choice to leave a message", null=True, blank=True)
    left_message_texts = models.JSONField("text when a message is left", null=True, blank=True)
    closed_texts = texts_column("text when closed")
    disabled_texts = texts_column("text when switched off", default=dict)

    class Meta:
        verbose_name = "offload provider"

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and self.closed_text:
            self.closed_texts = self.texts_after(self.closed_text)
        self.closed_text = self.closed_sentence("")
        super().save(*args, **kwargs)

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        """A version before may have changed the single text since; and whoever was off until a time that has passed
        is on again for every reader."""
        row = super().from_db(*args, **kwargs)
        if not row.get_deferred_fields():
            row.closed_texts = row.texts_after(row.closed_text)
            if row.disabled_until is not None and row.disabled_until <= database_now():
                row.switch_on()
        return row

    def switch_on(self) -> None:
        """Handovers are on, and why they were off is forgotten. The caller saves."""
        self.is_enabled, self.disabled_reason, self.disabled_until = True, "", None

    def texts_after(self, text: str) -> dict[str, str] | None:
        """The texts set by a caller that knows only a single one."""
        changes = text != self.closed_sentence("")
        return with_single(self.closed_texts, text, "") if changes else self.closed_texts

    def closed_sentence(self, language: str) -> str:
        """The text when closed, as it was written."""
        return sentence(self.closed_texts, Occasion.CLOSED, language, "")

    def texts_for(self, occasion: Occasion) -> Texts:
        """What contacts read then; without a text of its own, being switched off is told as being closed."""
        texts = {
            Occasion.OPENED: self.opened_texts,
            Occasion.QUEUE: self.queue_texts,
            Occasion.NOBODY: self.nobody_texts,
            Occasion.LEAVE_MESSAGE: self.leave_message_texts,
            Occasion.LEFT_MESSAGE: self.left_message_texts,
            Occasion.CLOSED: self.closed_texts,
            Occasion.DISABLED: self.closed_texts if self.disabled_texts == {} else self.disabled_texts,
        }[occasion]
        return READY[occasion] if texts is None else texts

    def _context(self, name: str) -> str:
        return f"offload.offloadprovider.{self.uuid}.{name}"

    def sealed_secrets(self) -> dict[str, tuple[str, str]]:
        """All that is encrypted in this row: by its name the ciphertext and its place."""
        kept = {"verify_token": self.verify_token_encrypted, "write_back_secret": self.write_back_secret_encrypted}
        return {name: (text, self._context(name)) for name, text in kept.items() if text}

    def forget_secret(self, name: str) -> None:
        """Empty this one of `sealed_secrets`."""
        setattr(self, name, "")

    @property
    def verify_token(self) -> str:
        text = self.verify_token_encrypted
        return decrypt(text, self._context("verify_token")) if text else ""

    @verify_token.setter
    def verify_token(self, value: str) -> None:
        self.verify_token_encrypted = encrypt(value, self._context("verify_token")) if value else ""

    @property
    def write_back_secret(self) -> str:
        text = self.write_back_secret_encrypted
        return decrypt(text, self._context("write_back_secret")) if text else ""

    @write_back_secret.setter
    def write_back_secret(self, value: str) -> None:
        self.write_back_secret_encrypted = encrypt(value, self._context("write_back_secret")) if value else ""


class QueueLook(models.Model):
    """What an account of the inbox told last about its queue, and when it may be asked again."""

    account_key = models.CharField(max_length=64, primary_key=True)
    next_at = models.DateTimeField()
    looking_for = models.TextField(blank=True)
    """The teams whose figures are on their way, or came last."""
    found = models.JSONField(default=dict)
    """By the teams: `figures`, and when they were told, or a look has failed since, in Unix seconds."""

    def __str__(self) -> str:
        return self.account_key[:8]


class OffloadReason(models.TextChoices):
    ASKED_FOR_HUMAN = "asked_for_human", "the bot asked for an agent"
    CONTACT_ASKED = "contact_asked", "the contact asked for an agent"
    MESSAGE_LEFT = "message_left", "the contact left a message"
    BOT_COMPLETED = "bot_completed", "the bot ended its part"
    NOT_UNDERSTOOD = "not_understood", "the bot did not understand"
    BOT_FAILED = "bot_failed", "the bot failed"
    BOT_SLOW = "bot_slow", "the bot took too long"
    BOT_SILENT = "bot_silent", "the bot did not answer in time"
    BOT_UNSHOWABLE = "bot_unshowable", "the bot's answer can't be shown"
    BOT_DOWN = "bot_down", "the bot is down"
    OUT_OF_TIME = "out_of_time", "the time to answer had nearly run out"
    NO_BOT = "no_bot", "no bot is chosen"
    CHANNEL_OFF = "channel_off", "the channel is turned off"
    CHANNEL_PAUSED = "channel_paused", "the channel is paused"
    CHANNEL_ARCHIVED = "channel_archived", "the channel is archived"
    INBOX_CHANNEL_OFF = "inbox_channel_off", "the bot is not enabled on this inbox channel"
    CONTACT_FILE = "contact_file", "the contact sent a file"
    CONTACT_SILENT = "contact_silent", "the contact was silent"
    ADMIN = "admin", "someone on your team asked for it"
    REPLY_REFUSED = "reply_refused", "Sparkcentral refused the bot's reply"
    BOUNCED = "bounced", "the conversation went back and forth too often"

    @property
    def is_asked_for(self) -> bool:
        """Whether somebody wanted an agent; all others are failures and rules."""
        return self in (
            *(self.ASKED_FOR_HUMAN, self.CONTACT_ASKED, self.MESSAGE_LEFT),
            *(self.BOT_COMPLETED, self.ADMIN),
        )

    @property
    def is_wish(self) -> bool:
        """Whether it leads to agents only while they are there, see `services.decide`."""
        return self in (self.ASKED_FOR_HUMAN, self.CONTACT_ASKED, self.NOT_UNDERSTOOD)

    @property
    def is_failure(self) -> bool:
        """Whether the bot, or the way to it, did not work."""
        return self in _FAILURES

    @classmethod
    def told_by(cls, reason: str) -> "OffloadReason | None":
        """Why the bot's part ended, where a channel says a text or nothing then instead of handing over: it is
        written down with the event only."""
        words = reason.lower()
        return next((one for one in cls if words.startswith(f"{one.label.lower()}:")), None)


_FAILURES = frozenset(
    {
        *(OffloadReason.BOT_FAILED, OffloadReason.BOT_SLOW, OffloadReason.BOT_SILENT, OffloadReason.BOT_UNSHOWABLE),
        *(OffloadReason.BOT_DOWN, OffloadReason.OUT_OF_TIME, OffloadReason.REPLY_REFUSED),
    }
)


class OffloadState(models.TextChoices):
    REQUESTED = "requested", "asked for"
    HANDED_OVER = "handed_over", "handed over"
    CLOSED = "closed", "not handed over: no agents there"
    MOOT = "moot", "not needed: no longer with the bot"
    REFUSED = "refused", "refused by Sparkcentral"
    FAILED = "failed", "failed"
    ENDED = "ended", "resolved by the agents"


class Offload(models.Model):
    """One request for a human: reason, who asked, when, and the result."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="offloads")
    event = models.OneToOneField(WebhookEvent, null=True, on_delete=models.CASCADE, related_name="offload")
    delivery = models.ForeignKey(Delivery, null=True, on_delete=models.SET_NULL, related_name="offloads")
    reason = models.CharField(max_length=30, choices=OffloadReason)
    detail = models.TextField(blank=True)
    payload = models.JSONField(null=True, blank=True)
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    state = models.CharField(max_length=12, choices=OffloadState, default=OffloadState.REQUESTED)
    finished_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    """When an agent opened the conversation, where the inbox tells."""
    taken_by = models.CharField(max_length=200, blank=True, default="", db_default="")
    """The inbox's id of the agent."""
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)
    end_comment = models.TextField(blank=True)
    topics = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    """Of the conversation when the agents resolved it."""
    intent = models.CharField(max_length=200, blank=True, default="", db_default="")
    """What the bot understood last before it; empty: it names no intents."""
    misses = models.PositiveSmallIntegerField(default=0, db_default=0)
    """How many of its intents in a row, up to it, say that it did not understand."""
    bot_message_id = models.BigIntegerField(null=True)
    """What the bot had said last before the contact's last message: no copy of its words, which are deleted in
    time."""

    class Meta:
        indexes = [models.Index(fields=["conversation", "-id"], name="offload_of_conversation")]

    def __str__(self) -> str:
        return f"{self.get_reason_display()} ({self.get_state_display()})"


class AlertWay(models.TextChoices):
    MAIL = "mail", "mail"
    WEBHOOK = "webhook", "webhook"


class HandoverAlert(models.Model):
    """The team is to be told once by this way that nobody has taken a handover, see `upkeep.alerting`."""

    offload = models.ForeignKey(Offload, on_delete=models.CASCADE, related_name="alerts")
    way = models.CharField(max_length=10, choices=AlertWay)
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["offload", "way"], name="alert_once")]
        indexes = [
            models.Index(fields=["due_at"], name="alert_due", condition=models.Q(sent_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.way} about handover {self.offload_id}"
