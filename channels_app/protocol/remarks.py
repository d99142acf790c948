"""What the reason of an event tells operators: sentences that each begin with one of these words."""

CANT_BE_SHOWN = "Can't be shown"
LEFT_OUT = "Left out"
UNDERSTOOD = "Understood"
NOT_UNDERSTOOD = "Not understood"
BETWEEN_REMARKS = " · "
NOT_CLOSED = "Not closed: the contact had written again."
"""Why a bot's request to close a conversation is not granted: waiting messages would go unanswered."""
OVERTAKEN = "Not said: the contact had written again."
"""Why words of a bot are not sent on a channel that drops what a newer message has overtaken."""


def remark(reason: str, mark: str) -> str:
    """What the reason tells under this mark; empty: nothing."""
    parts = reason.split(BETWEEN_REMARKS)
    return next((part.removeprefix(f"{mark}: ") for part in parts if part.startswith(f"{mark}: ")), "")
