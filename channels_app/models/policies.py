"""What a channel's owner can choose to follow."""

from django.db import models


class FailurePolicy(models.TextChoices):
    HAND_OVER = "hand_over", "hand over to the agents"
    SAY_TEXT = "say_text", "send the text below and stay with the bot"
    STAY_SILENT = "stay_silent", "say nothing and stay with the bot"


class FilePolicy(models.TextChoices):
    """What follows when a contact sends something without a word: a picture, a voice message, a document."""

    ASK_BOT = "ask_bot", "let the bot answer"
    SAY_TEXT = "say_text", "send the text below and stay with the bot"
    HAND_OVER = "hand_over", "hand over to the agents"


class SilencePolicy(models.TextChoices):
    """How a conversation ends in which the contact says nothing more."""

    KEEP = "keep", "do nothing"
    RESOLVE = "resolve", "ask, then resolve the conversation"
    HAND_OVER = "hand_over", "ask, then hand over to the agents"


class Greeting(models.TextChoices):
    """Whether the bot is asked for the start of a conversation. A contact always begins by writing."""

    WITH_FIRST_MESSAGE = "with_first_message", "together with the contact's first message: one answer to both"
    ALWAYS = "always", "on its own, before it gets the first message"
    NEVER = "never", "never: the bot waits for the first message"


class InlinePolicy(models.TextChoices):
    """When an answer leaves in our answer to the inbox's own request, which counts as no call."""

    NEVER = "never", "never"
    WHEN_SHORT = "when_short", "when 90 % of the day's calls are used"
    ALWAYS = "always", "always"


class PausePolicy(models.TextChoices):
    """What follows when a contact writes while the bot is switched off."""

    HAND_OVER = "hand_over", "hand over to the agents"
    SAY_TEXT = "say_text", "send the text below and stay with the bot"
    KEEP = "keep", "keep it, and answer when the bot is switched on again"
