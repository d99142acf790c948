"""What the owner of a channel decides for files, silence, failures and pauses, and what contacts read then."""

from django.db import models

from channels_app.models import limits
from channels_app.models.policies import FailurePolicy, FilePolicy, InlinePolicy, PausePolicy, SilencePolicy
from channels_app.models.texts import texts_column
from channels_app.protocol.languages import MAX_TAG
from channels_app.protocol.sentences import Occasion, Wording, with_single


class ChannelRules(models.Model):
    """A part of a channel's row."""

    burst_quiet_ms = models.PositiveSmallIntegerField(
        "milliseconds to wait for more",
        default=0,
        db_default=0,
        validators=limits.between(*limits.BURST_QUIET_MS),
        help_text="For contacts who write a sentence in several messages: the bot gets them as one, once nothing more "
        "has come for this long, at the latest after 8 seconds. A button, a number or an option's title is passed on "
        "at once. All other answers come that much later; 1500 is a good start. 0: each message by itself.",
    )
    drops_overtaken_answers = models.BooleanField(
        "drop answers that are overtaken",
        default=False,
        db_default=False,
        help_text="If the contact has written again before the bot answers, that answer is not sent, only the one to "
        "the newer message. Never dropped: a handover, the end of a conversation, and an answer for which the contact "
        "has waited half a minute.",
    )
    hands_over_on_words = models.BooleanField(
        "hand over when the contact asks for an agent",
        default=False,
        db_default=False,
        help_text="A message that says no more than “an agent, please”, in the words below, goes to your agents and "
        "not to the bot. Off by default: many bots first ask what agents need to know. The bot's own options come "
        "first: who chooses one of them reaches the bot.",
    )
    agent_words = models.JSONField("words for an agent", null=True, blank=True, default=None)
    """By language; null: `wishes.READY`."""
    max_misses = models.PositiveSmallIntegerField(
        "answers not understood",
        default=0,
        db_default=0,
        validators=limits.between(*limits.MAX_MISSES),
        help_text="After this many answers in a row to words that the bot did not understand, your agents get the "
        "conversation, after the last of these answers. 0: never.",
    )
    miss_intents = models.CharField(
        "intents that mean it",
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="How your bot names the intent of words that it does not understand, with commas; * at the end "
        "stands for anything. Known without it: fallback, not understood, no match, out of scope, unknown, none. An "
        "HTTP bot can also say so: “not_understood”: true.",
    )
    on_contact_file = models.CharField(
        "when the contact sends a file",
        max_length=20,
        choices=FilePolicy,
        default=FilePolicy.ASK_BOT,
        db_default=FilePolicy.ASK_BOT,
        help_text="A picture, a voice message, a video or a document, without any text. A location that the contact "
        "shares always goes to the bot, which may have asked for it.",
    )
    file_texts = texts_column("text when the contact sends a file")
    on_silence = models.CharField(
        "when the contact stays silent",
        max_length=20,
        choices=SilencePolicy,
        default=SilencePolicy.KEEP,
        db_default=SilencePolicy.KEEP,
        help_text="What happens if the question below gets no answer. Conversations with your agents are not touched.",
    )
    silent_minutes = models.PositiveSmallIntegerField(
        "minutes until the question",
        default=60,
        db_default=60,
        validators=limits.between(*limits.SILENT_MINUTES),
        help_text="How long the contact may be silent. Without a question, the conversation then ends.",
    )
    silence_texts = models.JSONField("question to a silent contact", null=True, blank=True, default=None)
    silent_end_minutes = models.PositiveSmallIntegerField(
        "minutes from the question to the end",
        default=60,
        db_default=60,
        validators=limits.between(*limits.SILENT_MINUTES),
        help_text="How long the contact has to answer.",
    )
    silence_end_texts = models.JSONField("last words to a silent contact", null=True, blank=True, default=None)
    routing_rules = models.JSONField(
        "routing rules", default=list, db_default=models.Value([], models.JSONField()), blank=True
    )
    """Rows of `offload.routing.route`."""
    bot_tries = models.PositiveSmallIntegerField(
        "tries",
        default=2,
        validators=limits.between(*limits.BOT_TRIES),
        help_text="How often the bot is called for a message before your agents get it.",
    )
    answer_within_s = models.PositiveSmallIntegerField(
        "seconds for an answer",
        default=45,
        validators=limits.between(*limits.ANSWER_WITHIN_S),
        help_text="How long the bot may take to answer, all tries together; after that it has failed.",
    )
    typing_after_s = models.PositiveSmallIntegerField(
        "seconds until typing is shown",
        default=2,
        db_default=2,
        validators=limits.between(*limits.TYPING_AFTER_S),
        help_text="Inbox 2.0 only. When the bot thinks longer than this, the contact sees that it is typing, every 10 "
        "seconds. Each time costs one of your account's calls, so it stops when half of a day's calls are used. "
        "0: never.",
    )
    on_bot_failure = models.CharField(
        "when the bot fails",
        max_length=20,
        choices=FailurePolicy,
        default=FailurePolicy.HAND_OVER,
        help_text="What the contact gets when the bot can't be reached, fails or does not answer.",
    )
    fallback_text = models.TextField(blank=True, editable=False)
    """What a contact reads when the bot fails, in the channel's language: what was there until November 2026; kept in
    step with the texts, for versions that know nothing else."""
    fallback_texts = texts_column("text when the bot fails and agents take over")
    apology_texts = texts_column("text when the bot fails and keeps the conversation")
    failure_policies = models.JSONField(
        "by kind of failure", default=dict, blank=True, db_default=models.Value({}, models.JSONField())
    )
    """By `FailureKind` where something else follows than `on_bot_failure`."""
    hold_after_s = models.PositiveSmallIntegerField(
        "seconds until a first word",
        default=0,
        db_default=0,
        validators=limits.between(*limits.HOLD_AFTER_S),
        help_text="If the bot hasn't answered a message by then, the contact reads the text below; its answer "
        "follows. 0: never.",
    )
    holding_texts = texts_column("text while the bot thinks")
    max_bounces = models.PositiveSmallIntegerField(
        "handovers in an hour",
        default=5,
        db_default=5,
        validators=limits.between(*limits.MAX_BOUNCES),
        help_text="A conversation that agents hand back to the bot this often within an hour stays with them.",
    )
    alert_minutes = models.PositiveSmallIntegerField(
        "minutes until an alert",
        default=10,
        db_default=10,
        validators=limits.between(*limits.ALERT_MINUTES),
        help_text="Inbox 2.0 only. If no agent has opened a conversation this long after its handover, it is marked "
        "on the Handovers page, and your team is told by mail and webhook, as far as these are set up. Not outside "
        "the opening hours. 0: never.",
    )
    alert_mail_to = models.CharField(
        "alerts to",
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="Mail addresses with commas between them. Empty: those that are set up for the installation.",
    )
    when_paused = models.CharField(
        "while the bot is switched off",
        max_length=20,
        choices=PausePolicy,
        default=PausePolicy.HAND_OVER,
        db_default=PausePolicy.HAND_OVER,
        help_text="What follows when a contact writes while the channel is paused. A message that is kept goes to "
        "your agents a minute before Sparkcentral would take it.",
    )
    paused_texts = texts_column("text while the bot is switched off")
    inline_answers = models.CharField(
        "answers without a call",
        max_length=20,
        choices=InlinePolicy,
        default=InlinePolicy.WHEN_SHORT,
        db_default=InlinePolicy.WHEN_SHORT,
        help_text="Sparkcentral allows an account 100,000 calls a day. An answer that is ready in a few seconds "
        "can go back in our response to Sparkcentral's own request instead, which costs none. Slower answers, files "
        "and answers in several parts are sent by a call as usual.",
    )
    resolved_texts = texts_column("text when the bot ends the conversation", default=dict)
    language = models.CharField(
        "language",
        max_length=MAX_TAG,
        blank=True,
        default="",
        db_default="",
        help_text="For contacts whose language is not known. The bot receives it.",
    )
    language_attribute = models.CharField(
        "contact attribute with the language",
        max_length=200,
        blank=True,
        default="language",
        db_default="language",
        help_text="Where your agents or your CRM record a contact's language. Used when Sparkcentral's event names "
        "no language.",
    )

    class Meta:
        abstract = True

    @property
    def single_text(self) -> str:
        """What contacts read when the bot fails of whom no language is known."""
        hands_over = self.on_bot_failure == FailurePolicy.HAND_OVER
        return self.wording.say(Occasion.HANDOVER if hands_over else Occasion.APOLOGY, "")

    def put_single_text(self, text: str) -> None:
        for name, texts in self.texts_after(text).items():
            setattr(self, name, texts)

    def texts_after(self, text: str) -> dict[str, dict[str, str]]:
        """The columns that change when a caller that knows only the single text sets this one."""
        if text == self.single_text:
            return {}
        names = ("fallback_texts", "apology_texts")
        return {name: with_single(getattr(self, name), text, self.language) for name in names}

    @property
    def asks_silent_contacts(self) -> bool:
        """Whether there is a question before the end; None: our own."""
        return bool(self.silence_texts != {})

    @property
    def wording(self) -> Wording:
        return Wording(
            language=self.language,
            attribute=self.language_attribute,
            texts={
                Occasion.HANDOVER: self.fallback_texts,
                Occasion.APOLOGY: self.apology_texts,
                Occasion.FILE: self.file_texts,
                Occasion.SILENCE: self.silence_texts,
                Occasion.SILENCE_END: self.silence_end_texts,
                Occasion.HOLDING: self.holding_texts,
                Occasion.PAUSED: self.paused_texts,
                Occasion.RESOLVED: self.resolved_texts,
            },
        )
