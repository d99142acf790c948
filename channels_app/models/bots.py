"""Bots, and what they share with channels: settings with secrets in them."""

import uuid
from contextlib import suppress
from typing import Any

from django.db import models

from channels_app.adapters import bots
from channels_app.lib.clocks import database_now
from channels_app.lib.encryption import decrypt, encrypt, needs_rotation
from channels_app.models import limits
from channels_app.protocol.errors import ConfigError


class SettingsModel(models.Model):
    """A row with the settings that its adapter asks for: one JSON field, secret values encrypted.

    `revision` counts saves, so that other processes notice that what they hold is old.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    settings = models.JSONField(default=dict, blank=True, editable=False)
    revision = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=database_now, editable=False)
    updated_at = models.DateTimeField(default=database_now, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.revision += 1
        self.updated_at = database_now()
        super().save(*args, **kwargs)

    def secret_names(self) -> frozenset[str]:
        """The keys of `settings` whose values are secret."""
        raise NotImplementedError  # each concrete row asks its adapter

    def clear_settings(self) -> dict[str, Any]:
        """The settings with their secrets decrypted: for the adapter alone. Raises ConfigError without the key."""
        secrets = self.secret_names()
        return {
            name: decrypt(value, self._context(name)) if name in secrets and value else value
            for name, value in self.settings.items()
        }

    def shown_settings(self) -> dict[str, Any]:
        """All but the secrets: what a page or an answer may show."""
        secrets = self.secret_names()
        return {name: value for name, value in self.settings.items() if name not in secrets}

    def put_settings(self, values: dict[str, Any]) -> None:
        """Keep these settings; a secret that hasn't changed keeps its ciphertext, so that nothing looks changed."""
        secrets = self.secret_names()
        self.settings = {
            name: self._sealed(name, value) if name in secrets and value else value for name, value in values.items()
        }

    def sealed_secrets(self) -> dict[str, tuple[str, str]]:
        """All that is encrypted in this row: by its name the ciphertext and its place."""
        kept = {name: self.settings.get(name) for name in sorted(self.secret_names())}
        return {name: (value, self._context(name)) for name, value in kept.items() if value}

    def forget_secret(self, name: str) -> None:
        """Empty this one of `sealed_secrets`."""
        self.settings = {kept: value for kept, value in self.settings.items() if kept != name}

    def _sealed(self, name: str, value: str) -> str:
        context = self._context(name)
        kept = self.settings.get(name)
        with suppress(ConfigError):  # the kept one's key is lost: it is entered again
            if kept and decrypt(kept, context) == value and not needs_rotation(kept):
                return str(kept)
        return encrypt(value, context)

    def _context(self, name: str) -> str:
        return f"{self._meta.label_lower}.{self.uuid}.{name}"


class Bot(SettingsModel):
    """A bot on its platform, and the circuit breaker that spares contacts the wait while it is down.

    `failures` counts failed calls in a row. While `paused_until` lies ahead the bot is not called; afterwards the
    one who moves it ahead again makes a trial call. Both change by plain updates, so that no revision is counted.
    """

    name = models.CharField(max_length=100, unique=True, help_text="Shown to your team only.")
    kind = models.CharField(
        max_length=30,
        choices=bots.choices,
        help_text="The platform your bot runs on, or any bot with an HTTP address.",
    )
    max_failures = models.PositiveSmallIntegerField(
        "failures in a row",
        default=5,
        db_default=5,
        validators=limits.between(*limits.MAX_FAILURES),
        help_text="After this many failed calls the bot is not called for a while, and contacts don't wait for it. "
        "With "
        "two tries for a message, 5 are three contacts without an answer.",
    )
    pause_s = models.PositiveSmallIntegerField(
        "seconds until it is tried again",
        default=15,
        db_default=15,
        validators=limits.between(*limits.PAUSE_S),
        help_text="How long a failed bot is not called; after that one message is sent to it as a trial.",
    )
    failures = models.PositiveIntegerField(default=0, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def secret_names(self) -> frozenset[str]:
        return bots.secret_keys(bots.bot_class(self.kind).settings_form)
