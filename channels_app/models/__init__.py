"""The rows. They are the truth; anything in Redis or in a process can be lost at any time.

Texts of verbose names and help are read by an admin who has the other platform open in a second tab.

References of the rows that every message adds have no constraint in the database: they are written by statements
that have just locked what they point to, and a check would cost as much as the row. See decision 14.
"""

from channels_app.models.api import ApiToken, KeptAnswer
from channels_app.models.audit import AuditEntry
from channels_app.models.bots import Bot, SettingsModel
from channels_app.models.channels import Channel
from channels_app.models.conversations import ContactRow, Conversation, Owner, RandomUUID
from channels_app.models.deliveries import NOT_ARRIVED, RETRYABLE, Delivery, DeliveryKind, DeliveryState
from channels_app.models.events import EventBody, EventSource, EventState, Outcome, WebhookEvent
from channels_app.models.exchanges import Exchange, Target
from channels_app.models.figures import (
    BulkRetry,
    BulkRetryItem,
    BulkState,
    Failure,
    FailureGroup,
    Figure,
    Period,
)
from channels_app.models.inbox_channels import InboxChannel
from channels_app.models.messages import Author, MessageRow
from channels_app.models.people import Preference
from channels_app.models.policies import (
    FailurePolicy,
    FilePolicy,
    Greeting,
    InlinePolicy,
    PausePolicy,
    SilencePolicy,
)
from channels_app.models.upkeep import Credential, IntakeCount, Job, KeyCheck, WorkerSlot

__all__ = [
    "NOT_ARRIVED",
    "RETRYABLE",
    "ApiToken",
    "AuditEntry",
    "Author",
    "Bot",
    "BulkRetry",
    "BulkRetryItem",
    "BulkState",
    "Channel",
    "ContactRow",
    "Conversation",
    "Credential",
    "Delivery",
    "DeliveryKind",
    "DeliveryState",
    "EventBody",
    "EventSource",
    "EventState",
    "Exchange",
    "Failure",
    "FailureGroup",
    "FailurePolicy",
    "Figure",
    "FilePolicy",
    "Greeting",
    "InboxChannel",
    "InlinePolicy",
    "IntakeCount",
    "Job",
    "KeptAnswer",
    "KeyCheck",
    "MessageRow",
    "Outcome",
    "Owner",
    "PausePolicy",
    "Period",
    "Preference",
    "RandomUUID",
    "SettingsModel",
    "SilencePolicy",
    "Target",
    "WebhookEvent",
    "WorkerSlot",
]
