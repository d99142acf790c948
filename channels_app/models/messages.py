"""What is said, for the transcript."""

from django.db import models

from channels_app.models.conversations import Conversation
from channels_app.models.events import WebhookEvent


class Author(models.TextChoices):
    CONTACT = "contact", "contact"
    BOT = "bot", "bot"
    AGENT = "agent", "agent"
    NOTE = "note", "agent's note"
    BRIDGE = "bridge", "chatbridge"


class MessageRow(models.Model):
    """One thing said in a conversation, for the transcript."""

    conversation = models.ForeignKey(
        Conversation, on_delete=models.CASCADE, related_name="messages", db_index=False, db_constraint=False
    )
    event = models.ForeignKey(
        WebhookEvent, on_delete=models.CASCADE, related_name="messages", db_index=False, db_constraint=False
    )
    author = models.CharField(max_length=10, choices=Author)
    name = models.CharField(max_length=200, blank=True, default="", db_default="")
    """Which agent, if the inbox told."""
    position = models.PositiveSmallIntegerField(default=0, db_default=0)
    text = models.TextField(blank=True)
    attachment_url = models.TextField(blank=True)
    said_at = models.DateTimeField()

    class Meta:
        verbose_name = "message"
        db_table = "channels_app_message"
        constraints = [models.UniqueConstraint(fields=["event", "author", "position"], name="message_once")]
        indexes = [models.Index(fields=["conversation", "said_at"], name="message_transcript")]

    def __str__(self) -> str:
        return f"{self.author}: {self.text[:40]}"
