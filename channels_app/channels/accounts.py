"""What is known of an API account: its token, kept or forgotten when its keys change."""

from channels_app.adapters.inboxes import Inbox
from channels_app.adapters.inboxes.tokens import LEASE_S
from channels_app.channels.credentials import TokenRow
from channels_app.channels.live import make_inbox
from channels_app.models import Channel, Credential
from channels_app.protocol.errors import BridgeError


def keep_token(inbox: Inbox) -> None:
    """Share a token got with the keys as they are now: workers need not ask, and the keys are known to work."""
    row = TokenRow(inbox.account_key)
    if not row.claim_refresh(lease_s=LEASE_S):
        return  # a worker is at it
    try:
        row.save(inbox.fetch_token())
    except BridgeError as error:
        row.refresh_failed(error)


def forget_token(channel: Channel) -> None:
    """The keys were changed: what was known about the account has to be proven again."""
    try:
        account_key = make_inbox(channel).account_key
    except BridgeError:
        return  # unreadable keys name no account
    Credential.objects.filter(account_key=account_key).update(
        token_encrypted="",
        token_expires_at=None,
        token_refresh_at=None,
        problem="",
        problem_code="",
        problem_since=None,
    )
