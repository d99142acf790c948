"""The inbox channels on which a bot answers."""

from django.db import models

from channels_app.models.channels import Channel


class InboxChannel(models.Model):
    """What the platform calls a channel, e.g. a WhatsApp number: from the configuration, or seen in an event."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="inbox_channels")
    external_id = models.CharField("id", max_length=200, help_text="Its id in Sparkcentral's events.")
    name = models.CharField(max_length=200, blank=True)
    is_enabled = models.BooleanField("bot answers here", default=False)
    shows_buttons = models.BooleanField(
        "buttons",
        default=False,
        db_default=False,
        help_text="Inbox 2.0 only. Its web messenger shows buttons in any case. Tick this for another medium only "
        "if you have seen buttons work there: where they don't, contacts see their code instead.",
    )
    first_seen_at = models.DateTimeField("first event", null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name", "external_id"]
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="inbox_channel_once")]

    def __str__(self) -> str:
        return self.name or self.external_id
