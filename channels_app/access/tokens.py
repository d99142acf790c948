"""Tokens for programs: made once, kept as a digest, ended by date or by a person."""

import secrets
from datetime import timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import Q, QuerySet

from channels_app.access.audit import Actor, record_audit
from channels_app.lib.clocks import database_now
from channels_app.models import ApiToken

MARK = "cbt_"
"""What every token begins with, so that scanners for leaked secrets can know it."""
TOKEN_BYTES = 32  # random, so they can't be guessed: a plain digest is enough at rest
START = 8
"""Characters that stay readable, for people to recognise a token by."""
MAX_DAYS = 366
DEFAULT_DAYS = 90
NOTE_USE_EVERY = timedelta(hours=1)


def make_token(row: ApiToken, actor: Actor) -> str:
    """Save a new token with this user, name and expiry; returns its clear text, which can't be shown again."""
    text = MARK + secrets.token_urlsafe(TOKEN_BYTES)
    row.start, row.digest, row.created_by = text[:START], _digest(text), actor.name
    with transaction.atomic():
        row.save()
        changes = {"user": [None, row.user.get_username()], "expires_at": [None, row.expires_at.isoformat()]}
        record_audit(actor, "made token", row, changes=changes)
    return text


def find_token(text: str) -> ApiToken | None:
    """The token, if it counts now: neither ended nor its user switched off."""
    rows = live_tokens().select_related("user").filter(digest=_digest(text))
    return rows.filter(user__is_active=True).first()


def live_tokens() -> QuerySet[ApiToken]:
    """Those neither revoked nor expired."""
    return ApiToken.objects.filter(revoked_at=None, expires_at__gt=database_now())


def note_use(token: ApiToken, address: str) -> None:
    """Write down the first use of each hour."""
    now = database_now()
    if token.last_used_at and token.last_used_at > now - NOTE_USE_EVERY:
        return
    is_due = Q(last_used_at=None) | Q(last_used_at__lt=now - NOTE_USE_EVERY)
    if ApiToken.objects.filter(is_due, pk=token.pk).update(last_used_at=now):
        record_audit(_actor_of(token, address), "used token", token)


def revoke_token(token: ApiToken, actor: Actor) -> bool:
    """End it at once; False if it had ended so already."""
    with transaction.atomic():
        is_done = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=database_now()) > 0
        if is_done:
            record_audit(actor, "revoked token", token)
    return is_done


def _actor_of(token: ApiToken, address: str) -> Actor:
    return Actor(name=token.user.get_username(), user_id=token.user_id, address=address, via="api")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
