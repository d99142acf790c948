"""CB-504, CB-512 to CB-516, CB-519, CB-520 and CB-522: a bot that calls us, and is not taken at its word."""

from channels_app.codes.words import NOTHING_NOTICED, Button, Code, Place, Severity

_NEVER_COMES = (
    "This message of the bot never comes. If it was its only answer, the channel does what it does when its bot "
    "fails, after its “seconds for an answer”."
)
_BY_THE_BOT = "Not by us. Chatlayer calls three more times; a bot of your own does what its author decided."
_BOT = Button(label="Open the bot", place=Place.BOT)

CODES = (
    Code(
        code="CB-504",
        name="Another verify token",
        text="{events} refused, the last at {last}: Chatlayer called us with another verify token than the one saved "
        "here.",
        meaning="Chatlayer signs nothing. It proves itself with a text that you chose and entered on both sides, and "
        "the two are not the same.",
        causes=(
            "The verify token was changed on one side only.",
            "There are two: that of the webhook channel stands on the bot's page, that of the offloading webhook on "
            "the channel's page. They were exchanged.",
            "The reply URL of one bot was entered in the webhook channel of another.",
            "Somebody guesses.",
        ),
        checks=(
            "Chatlayer › Channels › Webhook › Verify token belongs to “Verify token” of the bot's page.",
            "Chatlayer › Settings › Offloading › Webhook belongs to “Verify token” of the offload provider, on the "
            "channel's page.",
        ),
        repairs=(
            "Make up a new long text, enter it here and there, and save on both sides.",
            "Chatlayer calls the offloading webhook when you save it, so a mistake shows at once.",
        ),
        retried=_BY_THE_BOT,
        contact=_NEVER_COMES,
        buttons=(Button(label="Enter the token", place=Place.BOT),),
    ),
    Code(
        code="CB-512",
        name="Nothing saved to know the bot by",
        text="{events} refused, the last at {last}: no token is saved here by which the bot could prove itself.",
        meaning="Anybody could post to a reply URL, so a bot that answers later has to prove itself. Nothing is saved "
        "that it could do so with.",
        causes=(
            "HTTP bot: neither a token nor a signing secret is entered. They are needed for later replies only.",
            "Chatlayer: the verify token is missing.",
        ),
        checks=("The bot's page says which secrets are saved.",),
        repairs=(
            "HTTP bot: enter a token or a signing secret on its page, and give the same to its author.",
            "Chatlayer: enter a verify token, and the same in Channels › Webhook.",
        ),
        retried=_BY_THE_BOT,
        contact=_NEVER_COMES,
        buttons=(_BOT,),
    ),
    Code(
        code="CB-513",
        name="Bot did not prove itself",
        text="{events} refused, the last at {last}: the bot did not prove itself with the token or the signature that "
        "is saved here.",
        meaning="A call came to the bot's reply URL without its token and without a signature, or with a wrong one.",
        causes=(
            "The bot's author does not send `Authorization: Bearer …` with later replies, or not "
            "`X-Chatbridge-Signature`.",
            "The signature was made over something else than the raw body, or with another secret.",
            "The token was changed on one side only.",
            "Somebody else posts to this address.",
        ),
        checks=(
            "Compare the bot's call with the guide “Adding a bot”, the part about later replies.",
            "A signature is the hexadecimal HMAC-SHA256, with the signing secret, of the time in "
            "`X-Chatbridge-Timestamp`, a dot and the raw body.",
        ),
        repairs=("Enter the same token or signing secret on both sides.",),
        retried=_BY_THE_BOT,
        contact=_NEVER_COMES,
        buttons=(_BOT,),
    ),
    Code(
        code="CB-514",
        name="This kind of bot does not call back",
        text="{events} refused, the last at {last}: this kind of bot answers in the same call and has no reply URL.",
        meaning="A call came to the reply URL of a bot whose kind answers every message at once.",
        causes=(
            "The bot's kind was changed, and its old platform still calls.",
            "The reply URL of another bot was meant.",
        ),
        checks=("Look at “Kind” on the bot's page.",),
        repairs=("Choose the right kind, or remove the address on the other platform.",),
        retried=_BY_THE_BOT,
        contact=_NEVER_COMES,
        buttons=(_BOT,),
    ),
    Code(
        code="CB-515",
        name="Unknown session",
        severity=Severity.WARNING,
        text="{events} not taken, the last at {last}: for a session that we do not know.",
        meaning="A bot proved itself and spoke, or asked for an agent, in a session that belongs to none of its "
        "channels' conversations.",
        causes=(
            "Another system uses the same bot, e.g. a web chat, and its messages come here too.",
            "Somebody tests the bot inside Chatlayer.",
            "A bot of your own sends back another `session_id` than the one it got.",
            "The channel was given another bot meanwhile.",
        ),
        checks=("The session of a conversation stands on its page as “Session of the bot”.",),
        repairs=(
            "Give each system a webhook channel of its own in Chatlayer.",
            "A bot of your own: send back `session_id` exactly as it came.",
        ),
        retried="No. Chatlayer is answered with 200, so that it does not repeat it; another bot gets 404.",
        contact=NOTHING_NOTICED,
        buttons=(_BOT,),
    ),
    Code(
        code="CB-516",
        name="Bot spoke after the hand-over",
        severity=Severity.INFO,
        text="{events} not sent, the last at {last}: the conversation was not with the bot any more.",
        meaning="The bot said something, or asked for an agent, when agents had the conversation already or it was "
        "closed. Agents and bot must not talk over each other, so nothing of it is sent.",
        causes=("The bot was still busy with a message when the conversation was handed over.",),
        checks=("The conversation's page shows when it was handed over.",),
        repairs=("Nothing needs to be done. Chatlayer: let the flow end after “send to offload provider”.",),
        retried="No.",
        contact=NOTHING_NOTICED,
        buttons=(Button(label="Open conversation", place=Place.CONVERSATION),),
    ),
    Code(
        code="CB-519",
        name="Bot's words accepted, and not sent",
        severity=Severity.WARNING,
        text="{events} taken and not sent, the last at {last}: agents came before the words.",
        meaning="The bot said something by a later reply, and we took it. Before it could be sent the conversation "
        "went to the agents or was closed, so the contact has not read it.",
        causes=(
            "An agent took the conversation in Sparkcentral in that moment.",
            "The bot spoke in the instant in which the conversation was handed over.",
        ),
        checks=("The conversation's page shows the words' event with its reason, and who had the conversation then.",),
        repairs=("Nothing, if it happens rarely. Often: look why conversations leave the bot while it still speaks.",),
        retried="No: agents and bot must not talk over each other.",
        contact="Nothing of these words; an agent has the conversation.",
        buttons=(Button(label="Open conversation", place=Place.CONVERSATION),),
    ),
    Code(
        code="CB-520",
        name="Later reply signed without a valid time",
        text="{events} refused, the last at {last}: the signature holds no time, or one that is more than 5 minutes "
        "from ours.",
        meaning="The bot signs its later replies with the right secret. A signature over the body alone could be sent "
        "again by anybody who has seen it, so the time belongs to what is signed, and it counts for 5 minutes.",
        causes=(
            "The bot signs the body alone, which was right before, and its page asks for time and body.",
            "The bot signs once, and sends the same request again much later.",
            "The clock of the bot's machine is wrong, or it sends milliseconds.",
        ),
        checks=("“Signature of later replies” on the bot's page says what is accepted.",),
        repairs=(
            "Sign `<X-Chatbridge-Timestamp>.<body>` with unix seconds, anew for each try. The guide “Adding a bot” "
            "has an example.",
            "Until the bot can do so: choose the older form on its page.",
        ),
        retried=_BY_THE_BOT,
        contact=_NEVER_COMES,
        buttons=(_BOT,),
    ),
    Code(
        code="CB-522",
        name="Chatlayer's two tokens exchanged",
        text="Access token and verify token of Chatlayer seem to stand in each other's field.",
        meaning="The access token is Chatlayer's, and we show it when we call. The verify token is a text that you "
        "made up, and Chatlayer shows it when it calls us. With the two exchanged, both sides refuse each other.",
        causes=("Both are entered on the same screens, one below the other.",),
        checks=("“Test connection” on the bot's page tries both.",),
        repairs=(
            "On the bot's page, enter Chatlayer's access token under “Access token”, and your own text under “Verify "
            "token”.",
            "Or choose a new verify token, and enter it on both sides.",
        ),
        retried=_BY_THE_BOT,
        contact=_NEVER_COMES,
        buttons=(Button(label="Enter the tokens", place=Place.BOT),),
    ),
)
