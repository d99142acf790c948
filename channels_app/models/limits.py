"""Bounds of what an admin may choose, for the forms and for configuration files alike."""

from django.core.validators import MaxValueValidator, MinValueValidator

ANSWER_WITHIN_S = (5, 240)
"""Seconds that a bot may take: at least a slow answer's time, and below the platform's 5 minutes."""
REPLY_LIMIT_S = (120, 3600)
"""Seconds until the inbox takes a conversation away: the platform allows up to an hour; below two minutes nothing
would be left for the bot beside the margin for a handover."""
TYPING_AFTER_S = (0, 30)
"""Seconds that a bot may think before the contact sees that it is typing; 0: never. Who has waited for half a minute
unseen has gone."""
BURST_QUIET_MS = (0, 5000)
"""Milliseconds without a message until those before are one turn; 0: each is one. Every contact waits so long for an
answer: after more than five seconds people think that nobody is there."""
OFFER_HOURS = (1, 168)
"""Hours that a contact can choose from the options offered last: a day by default, because the platform lets a contact
be silent for up to 23 hours; a week at most, after that a "2" means nothing."""
SILENT_MINUTES = (1, 1320)
"""Minutes without a word of the contact: the platform closes a conversation after 23 hours, an hour later than the
longest."""
KEEP_DAYS = (1, 3650)
"""Days that texts are kept: at least one, because agents and operators look back; ten years at most."""
MAX_INTENT_TOPICS = 500
"""Rows of a table that people keep by hand."""
MAX_ROUTING_RULES = 200
"""The same of a table that is read from the top at each handover."""
HOLD_AFTER_S = (0, 60)
"""Seconds until a contact is told that the bot still thinks; 0: never. After a minute it would come unexpectedly."""
MAX_BOUNCES = (1, 100)
"""Handovers of one conversation in an hour: at least one; the upper bound exceeds any sensible use."""
MAX_MISSES = (0, 10)
"""Answers in a row to words that a bot did not understand; 0: any number. After ten a contact has long gone."""
ALERT_MINUTES = (0, 119)
"""Minutes that a contact may wait for an agent until the team is told; 0: it isn't. After two hours nobody looks any
more."""
MAX_FAILURES = (1, 100)
"""Failed calls in a row until a bot is left alone."""
PAUSE_S = (1, 600)
"""Seconds for which it is: at most ten minutes, because a recovery goes unnoticed until then."""
BOT_TRIES = (1, 100)
"""Calls of the bot for one message: at least one; the upper bound exceeds any sensible use."""


def between(least: int, most: int) -> list[MinValueValidator | MaxValueValidator]:
    """Validators of a model's field."""
    return [MinValueValidator(least), MaxValueValidator(most)]
