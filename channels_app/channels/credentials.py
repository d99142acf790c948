"""What all workers share about a set of API keys: its token, and whether the platform takes the keys."""

import logging
import time
from datetime import timedelta

from django.db.models import Q

from channels_app.adapters.inboxes.tokens import Token
from channels_app.codes import describe
from channels_app.lib.clocks import database_now
from channels_app.lib.encryption import decrypt, encrypt
from channels_app.models import Credential
from channels_app.protocol.causes import TOKEN, code_of_call
from channels_app.protocol.errors import BridgeError, MissingKeyError

logger = logging.getLogger(__name__)


class TokenRow:
    """The token of one set of keys as a row: survives Redis, shared by all machines, encrypted."""

    def __init__(self, account_key: str) -> None:
        self._account_key = account_key
        self._context = f"channels_app.credential.{account_key}.token"

    def load(self) -> Token | None:
        row = Credential.objects.filter(account_key=self._account_key).exclude(token_encrypted="").first()
        if row is None or row.token_expires_at is None or row.token_refresh_at is None:
            return None
        try:
            value = decrypt(row.token_encrypted, self._context)
        except MissingKeyError:  # of a process with other keys: a new one costs one call
            return None
        return Token(value=value, expires_at=row.token_expires_at, refresh_at=row.token_refresh_at)

    def claim_refresh(self, *, lease_s: float) -> bool:
        """True for one caller at a time: a conditional update, so that no lock is open while it fetches."""
        Credential.objects.bulk_create([Credential(account_key=self._account_key)], ignore_conflicts=True)
        now = database_now()
        free = Q(refreshing_until__isnull=True) | Q(refreshing_until__lt=now)
        claimed = Credential.objects.filter(free, account_key=self._account_key)
        return bool(claimed.update(refreshing_until=now + timedelta(seconds=lease_s)))

    def save(self, token: Token) -> None:
        Credential.objects.filter(account_key=self._account_key).update(
            token_encrypted=encrypt(token.value, self._context),
            token_expires_at=token.expires_at,
            token_refresh_at=token.refresh_at,
            refreshing_until=None,
            problem="",
            problem_code="",
            problem_since=None,
        )

    def refresh_failed(self, error: BridgeError) -> None:
        rows = Credential.objects.filter(account_key=self._account_key)
        rows.filter(problem_since__isnull=True).update(problem_since=database_now())
        rows.update(refreshing_until=None, problem=error.detail, problem_code=str(code_of_call(TOKEN, error)))


QUOTA_NOTE_S = 30.0
"""Between two notes of a process about the same account: the figure is for people."""
QUOTA_WARNING = 0.9
QUOTA_SAYS_FOR = timedelta(minutes=10)
"""The platform doesn't say when its day begins: after this long without a call, one is made and tells what is left."""
SPARE_QUOTA = 0.5
"""Of the day's calls: what is used beyond it is kept for replies."""
_quota_noted: dict[str, float] = {}
_quotas: dict[str, tuple[int, int]] = {}
"""Used and allowed, by account, as the platform said last."""


def note_quota(account_key: str, used: int | None, limit: int | None) -> None:
    """Keep what the platform says about the day's calls, now and then, and warn when they run out."""
    if not limit or used is None:
        return
    _quotas[account_key] = used, limit
    if time.monotonic() - _quota_noted.get(account_key, -QUOTA_NOTE_S) < QUOTA_NOTE_S:
        return
    _quota_noted[account_key] = time.monotonic()
    Credential.objects.filter(account_key=account_key).update(
        quota_used=used, quota_limit=limit, quota_at=database_now()
    )
    if used >= QUOTA_WARNING * limit:
        logger.warning("%s", describe("CB-207", account=account_key[:8], used=used, limit=limit))


IS_SHORT_OF_CALLS = f"""EXISTS (
    SELECT FROM channels_app_credential AS account
    WHERE account.account_key = %(account_key)s AND account.quota_used >= {QUOTA_WARNING} * account.quota_limit
        AND account.quota_at > clock_timestamp() - make_interval(secs => {QUOTA_SAYS_FOR.total_seconds()}))"""
"""A condition for statements: most of the day's calls are used."""


def has_spare_calls(account_key: str) -> bool:
    """Whether the account can do without some of the day's calls, as far as this process knows."""
    used, limit = _quotas.get(account_key, (0, 0))
    return used < SPARE_QUOTA * limit


def forget_quotas() -> None:
    """For tests."""
    _quotas.clear()
