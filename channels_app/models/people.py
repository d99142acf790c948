"""What belongs to a person, beside Django's own user."""

from django.conf import settings
from django.db import models


class Preference(models.Model):
    """A user's preferences for the pages. `time_zone`: a name such as Europe/Brussels; "": the browser's."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="preference"
    )
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"{self.user}: {self.time_zone}"
