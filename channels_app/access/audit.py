"""Who did what, written down in the transaction that does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from channels_app.models import AuditEntry

CHANGED = "changed"
"""Stands for both values of a secret."""
MAX_REASON = 500
"""Characters of a reason: a few sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and through which door: admin, operations, api or command."""

    name: str
    user_id: int | None = None
    address: str = ""
    via: str = ""


def record_audit(
    actor: Actor,
    action: str,
    row: Model | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Append to the audit log. `changes`: field to [before, after]; a secret's is CHANGED."""
    AuditEntry.objects.create(
        user_id=actor.user_id,
        actor=actor.name,
        action=action,
        object_type=row._meta.model_name or "" if row else "",
        object_id=str(row.pk) if row else "",
        object_name=str(row)[:200] if row else "",
        changes=dict(changes or {}),
        reason=reason,
        address=actor.address,
        via=actor.via,
    )
