"""CB-310 to CB-313: what else gets into the wrong field when values are pasted."""

from channels_app.codes.words import Code

_NOT_SAVED = "Nothing: the value was not saved, and what was saved before still counts."
_NO_REPETITION = "No. The value was refused before it was saved."

CODES = (
    Code(
        code="CB-310",
        name="Space inside a value",
        text="There is a space or a line break inside. Copy the value again.",
        meaning="Keys, tokens and addresses have no space inside. Those around a value are removed by themselves "
        "(CB-303); one inside says that something else was copied along, or that two values were.",
        causes=(
            "Two values were marked at once, e.g. client ID and client secret.",
            "The value was copied from an e-mail or a PDF that breaks long lines.",
        ),
        checks=("Paste it into a text editor: it should be one word on one line.",),
        repairs=("Copy the value from the platform's own page, best with its copy button.",),
        retried=_NO_REPETITION,
        contact=_NOT_SAVED,
    ),
    Code(
        code="CB-311",
        name="Not a client ID",
        text="This is {what}. Copy clientId from Generate API Keys.",
        meaning="A client ID is a short word of letters and digits. What was entered has the form of a web address or "
        "an e-mail address.",
        causes=(
            "The browser filled in a saved log-in.",
            "The address of Sparkcentral or your own user name was entered.",
        ),
        checks=("Sparkcentral › Settings › Integrations › Generate API Keys shows clientId and clientSecret.",),
        repairs=("Copy clientId from there. Inbox 2.0: the client ID of your developer app.",),
        retried=_NO_REPETITION,
        contact=_NOT_SAVED,
    ),
    Code(
        code="CB-312",
        name="Client ID in place of the client secret",
        text="This is the client ID. Copy clientSecret, from the same screen.",
        meaning="Client ID and client secret are the same text, so one of the two is missing.",
        causes=("clientId was pasted twice: the second copy did not reach the clipboard.",),
        checks=("In Sparkcentral, Settings › Integrations › Generate API Keys shows both, one below the other.",),
        repairs=("Copy clientSecret. If it is not shown any more, generate a new pair and paste both.",),
        retried=_NO_REPETITION,
        contact=_NOT_SAVED,
    ),
    Code(
        code="CB-313",
        name="Same value in two fields",
        text="This is the same value as “{other}”. Each has its own: copy this one again from its own screen.",
        meaning="Two secrets of one channel or bot are the same. They come from different screens, and where you make "
        "one up yourself, it must not be one that opens something else.",
        causes=(
            "The clipboard still held the value of the field before.",
            "A token that the platform gave was used again as verify token, which is yours to make up.",
        ),
        checks=("The help below each field names the screen that its value comes from.",),
        repairs=(
            "Copy the value from its own screen. Make up a long random text where the field asks for one of your own.",
        ),
        retried=_NO_REPETITION,
        contact=_NOT_SAVED,
    ),
)
