"""Columns with what the bridge itself says to contacts."""

from collections.abc import Callable
from typing import Any

from django.db import models


def texts_column(verbose_name: str, *, default: Callable[[], dict[str, str]] | None = None) -> "models.JSONField[Any]":
    """Texts by language, see `sentences`; null: our own, as for every new row unless `default` says otherwise. A
    version that knows nothing of it writes rows without any."""
    empty = models.Value({}, models.JSONField())
    return models.JSONField(verbose_name, null=True, blank=True, default=default, db_default=empty)
