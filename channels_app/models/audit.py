"""Who did what: written once, never changed."""

from typing import Any, Never

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class AuditEntry(models.Model):
    """One action of a person (or a command), or a text that was read.

    `changes`: field to [before, after]; secrets are "changed", never their values. `via`: admin, operations, api
    or command. The table itself refuses changes too, all but forgetting a user who is deleted.
    """

    at = models.DateTimeField(db_default=Now())
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor = models.CharField("who", max_length=150)
    action = models.CharField("what", max_length=40)
    object_type = models.CharField(max_length=40, blank=True, default="")
    object_id = models.CharField(max_length=50, blank=True, default="")
    object_name = models.CharField("on", max_length=200, blank=True, default="")
    changes = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True, default="")
    address = models.CharField("from", max_length=50, blank=True, default="")
    via = models.CharField(max_length=12, blank=True, default="")

    class Meta:
        verbose_name = "audit log entry"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_of_object"),
            models.Index(fields=["actor", "-id"], name="audit_of_actor"),
            models.Index(fields=["action", "-id"], name="audit_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.object_name}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("The audit log is append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("Nothing is deleted from the audit log.")
