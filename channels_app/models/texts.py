"""Columns with what the bridge itself says to contacts."""

from typing import Any

from django.db import models


def texts_column(verbose_name: str) -> "models.JSONField[Any]":
    """Texts by language, see `sentences`; null: our own, as for every new row. A version that knows nothing of it
    writes rows without any."""
    empty = models.Value({}, models.JSONField())
    return models.JSONField(verbose_name, null=True, blank=True, default=None, db_default=empty)
