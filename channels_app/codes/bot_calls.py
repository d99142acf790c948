"""CB-501 to CB-511, CB-517, CB-518 and CB-521: what can be wrong when the bridge asks the bot."""

from channels_app.codes.words import LIKE_A_FAILED_BOT, Button, Code, Place, Severity

TITLE = "The bot"
_TRIES = (
    "Yes, as often as the channel's “tries” say (2 unless you changed it), a second apart, and only within the "
    "channel's “seconds for an answer”."
)
_NO_USE = "No. It would fail the same way, so the channel does at once what it does when its bot fails."
_EXCHANGE = Button(label="Open exchange", place=Place.EXCHANGE)
_BOT = Button(label="Open the bot", place=Place.BOT)
_REPLAY = Button(label="Replay", place=Place.REPLAY)

CODES = (
    Code(
        code="CB-501",
        name="Bot too slow",
        text="The bot did not answer within {limit} s.",
        meaning="The bridge's request reached the bot, and no complete answer came in time. The bot may have done its "
        "work all the same.",
        causes=(
            "The bot waits for another system, or for a language model that takes its time.",
            "The bot has too much to do at once.",
            "The process of the bot died over the request, or a proxy in front of it closed the connection.",
        ),
        checks=(
            "Open the exchange: how long did it take, and was it always this kind of message?",
            "Look in the bot's own log for the `turn_id` of the request.",
        ),
        repairs=(
            "Make the bot faster, or let it answer “later”: 204 now, and a call to its reply URL when it is ready.",
            "Raise “Timeout in seconds” on the bot's page, up to 45, and “seconds for an answer” on the channel's.",
        ),
        retried=f"{_TRIES} A bot that calls back may have got the message, so for it the bridge waits 5 seconds.",
        contact=LIKE_A_FAILED_BOT,
        buttons=(_EXCHANGE, Button(label="Raise limit", place=Place.BOT)),
    ),
    Code(
        code="CB-502",
        name="Bot answered with an error",
        text="The bot answered {status}.",
        meaning="The bot, or a proxy in front of it, answered with an HTTP status that means failure: 4xx says that "
        "it does not like our request, 5xx that it has trouble itself.",
        causes=(
            "500: the bot's program failed. 502 or 504: the proxy in front of it could not reach it. 503: it is "
            "starting or overloaded. 429: it has had enough requests.",
            "404 or 405: the address on the bot's page is not the one that takes messages.",
            "400 or 422: it expects another form of request, perhaps another version of the contract.",
        ),
        checks=(
            "Open the exchange: its response often says more than the status.",
            "Press “Test connection” on the bot's page: does a plain greeting fail as well?",
        ),
        repairs=(
            "4xx: correct the address on the bot's page, or the bot.",
            "5xx: mend the bot; its log knows why. Then do again what failed.",
        ),
        retried=_TRIES,
        contact=LIKE_A_FAILED_BOT,
        buttons=(_EXCHANGE, _REPLAY),
    ),
    Code(
        code="CB-503",
        name="Bot's answer not understood",
        text="The bot answered, but without a message we understand: {problem}.",
        meaning="The bot answered with success, and what it sent is not a reply: not JSON, larger than 1 MB, or with "
        "a value of the wrong type. From a bot with a token or a signing secret, a text such as `OK` "
        "counts as “I answer later”. The sentence names the place, e.g. `messages[1].text: must be text`.",
        causes=(
            "The address leads to a web page, not to the bot's interface.",
            "The bot follows another contract. A document without any of our keys counts as “nothing now”; a wrong "
            "type in one of them is refused.",
        ),
        checks=(
            "Open the exchange and compare the response with the guide “Adding a bot”.",
            "Press “Test connection” on the bot's page.",
        ),
        repairs=(
            'Let the bot answer `{"messages": [{"text": "Hello"}]}`, with `Content-Type: application/json`.',
            "Correct the address on the bot's page.",
        ),
        retried=_TRIES,
        contact=LIKE_A_FAILED_BOT,
        buttons=(_EXCHANGE, _BOT),
    ),
    Code(
        code="CB-505",
        name="Shown as text",
        severity=Severity.INFO,
        text="{what} shown as text: Sparkcentral cannot display {kind}.",
        meaning="Sparkcentral shows text and files. Buttons, quick replies, cards, carousels and lists of a bot are "
        "written out: choices as a numbered list, links as “title: address”. The contact chooses with the number or "
        "the title, and the bot gets the choice as if the button had been pressed.",
        causes=("The bot's message has a form that the inbox can't display.",),
        checks=("The conversation shows what the contact read; the exchange shows what the bot sent.",),
        repairs=("Nothing needs to be done. Short titles and few choices read best as a list.",),
        retried="There is nothing to try again.",
        contact="The same content, as text and numbered choices.",
        buttons=(Button(label="See both", place=Place.EXCHANGE),),
    ),
    Code(
        code="CB-506",
        name="Bot not reached",
        text="The bot could not be reached: {problem}.",
        meaning="No connection to the bot came about, so it surely knows nothing of this message.",
        causes=(
            "Connection refused: nothing listens there. The bot does not run, or at another port.",
            "The host name can't be resolved: a typing error, or a name of another network.",
            "The TLS certificate has expired or is not made for this name.",
            "A firewall swallows the call, so that the time passes.",
        ),
        checks=(
            "From the server of the bridge: `curl -i https://bot.example.com/` with the bot's address.",
            "Press “Test connection” on the bot's page.",
        ),
        repairs=("Start the bot, or correct its address, certificate or firewall.", "Then do again what failed."),
        retried=f"{_TRIES} After 5 failed calls in a row nobody waits for it any more; see CB-510.",
        contact=LIKE_A_FAILED_BOT,
        buttons=(Button(label="Test connection", place=Place.TEST_CONNECTION), _REPLAY),
    ),
    Code(
        code="CB-507",
        name="Bot not set up",
        text="The bot cannot be called: {problem}.",
        meaning="Something that a call needs is missing or wrong on the bot's page, so no call was made.",
        causes=(
            "The bot was added or imported without its address or token.",
            "The address or token holds a character that no request can carry.",
        ),
        checks=("The bot's page says which secrets are saved.",),
        repairs=(
            "HTTP bot: enter “Bot address”. Chatlayer: copy address and access token from Channels › Webhook, the "
            "whole of them.",
            "Save, and press “Test connection”.",
        ),
        retried=_NO_USE,
        contact=LIKE_A_FAILED_BOT,
        buttons=(_BOT,),
    ),
    Code(
        code="CB-508",
        name="Bot keeps silent",
        text="The bot took the message and said nothing within {limit} s.",
        meaning="A bot that answers later acknowledged the message, and then none of its messages came within the "
        "channel's “seconds for an answer”. What it says after that is still passed on, if the conversation stayed "
        "with it.",
        causes=(
            "Chatlayer: the reply URL or the verify token is missing in Channels › Webhook, so its messages do not "
            "come here. Then CB-404 or CB-504 counts calls.",
            "The flow of the bot ends in a place where it says nothing.",
            "The bot is slow.",
        ),
        checks=(
            "The bot's page shows which of its calls were refused lately.",
            "In Chatlayer, look at the conversation: did the bot answer there?",
        ),
        repairs=(
            "Copy the reply URL from the bot's page into Chatlayer › Channels › Webhook, with the same verify token.",
            "Give every path of the bot's flow an answer.",
            "Raise “seconds for an answer” on the channel's page, if the bot needs longer.",
        ),
        retried="No. The bot has the message; asking it again would be a second message to it.",
        contact=LIKE_A_FAILED_BOT,
        buttons=(_BOT, Button(label="Raise limit", place=Place.BOT_FAILURE)),
    ),
    Code(
        code="CB-509",
        name="Bot had nothing to say",
        severity=Severity.INFO,
        text="The bot said that it has nothing to say.",
        meaning="The bot answered this message with success and without any message, wish or completion.",
        causes=(
            "The bot's author wants it so, e.g. for a sticker or a “thank you”.",
            "The bot puts its text under a key that we don't know. What we don't know is ignored.",
        ),
        checks=("Open the exchange and look at the response.",),
        repairs=("If it should have said something: correct the bot; see the guide “Adding a bot”.",),
        retried="No. It was an answer.",
        contact="No reply to this message. The conversation stays with the bot.",
        buttons=(_EXCHANGE,),
    ),
    Code(
        code="CB-510",
        name="Bot left alone for a while",
        text="The bot failed {failures} times in a row. Until it answers again, contacts are not kept waiting for it: "
        "each channel does what it is set to do when the bot fails.",
        meaning="After 5 failed calls in a row the bridge stops waiting for this bot. Every 15 seconds one message is "
        "tried on it; its first success ends the pause. The pause holds for all channels of the bot.",
        causes=("The bot is down, or refuses everything. The calls before the pause have their own codes.",),
        checks=(
            "Open the latest failed exchanges of the channel: CB-501, CB-502 or CB-506 say what the bot did.",
            "Press “Test connection” on the bot's page.",
        ),
        repairs=(
            "Mend the bot.",
            "When you save the bot's page with a change, the pause ends and the next message is tried at once.",
        ),
        retried="Yes: one message every 15 seconds is a trial. The messages of the pause are not tried later by "
        "themselves.",
        contact=LIKE_A_FAILED_BOT,
        buttons=(_BOT, Button(label="Test connection", place=Place.TEST_CONNECTION)),
    ),
    Code(
        code="CB-511",
        name="Bot failed",
        text="The bot failed, and its tries are used up: {problem}.",
        meaning="All tries for one message failed, so the channel did what it does when its bot fails. Each try has a "
        "code of its own, which says why.",
        causes=("See the code of the last try: CB-501, CB-502, CB-503, CB-506, CB-507 or CB-517.",),
        checks=("Open the conversation: it shows each try with its time and its exchange.",),
        repairs=(
            "Mend what the last try names.",
            "Choose on the channel's page, under “If the bot fails”, what the contact gets and how often is tried.",
        ),
        retried="No, it was the last try. A person can do the event again, while the bot still has the conversation.",
        contact=LIKE_A_FAILED_BOT,
        buttons=(Button(label="If the bot fails", place=Place.BOT_FAILURE), _REPLAY),
    ),
    Code(
        code="CB-517",
        name="Bot refuses our token",
        text="The bot refuses our token ({status}).",
        meaning="The bot answered 401 or 403: it does not believe that the call comes from this bridge, or does not "
        "allow it.",
        causes=(
            "The token on the bot's page is not the bot's, or was changed there.",
            "Chatlayer: the access token belongs to another webhook channel.",
            "The bot wants a signature, and no signing secret is saved.",
        ),
        checks=("Press “Test connection” on the bot's page.",),
        repairs=(
            "HTTP bot: ask its author for token or signing secret, and enter it on the bot's page.",
            "Chatlayer: copy the access token from Channels › Webhook again.",
        ),
        retried=_TRIES,
        contact=LIKE_A_FAILED_BOT,
        buttons=(_BOT, _EXCHANGE),
    ),
    Code(
        code="CB-518",
        name="Message of the bot can't be shown",
        text="The bot said something that no inbox can show: {what}.",
        meaning="A message of the bot came in a form that cannot be turned into text, a file or a list of options, or "
        "it was empty. What can be shown is sent, the rest is left out and named on the conversation's page. If "
        "nothing else comes within the channel's “seconds for an answer”, the bot has failed.",
        causes=(
            "The flow uses a kind of message that is made for one medium only, e.g. a receipt for Messenger.",
            "A picture or a file has no address of its own, only an id within Facebook.",
            "A file or a link has an address that only the bot can open: file:, a relative one, one with a password.",
            "The text of a message is empty, e.g. a variable without a value.",
        ),
        checks=("The conversation's page names what could not be shown. The event's body shows the message.",),
        repairs=(
            "In the bot's flow, replace it with text, buttons, quick replies, a carousel, or a file with an address.",
        ),
        retried="No. The same message would come again.",
        contact=LIKE_A_FAILED_BOT,
        buttons=(_BOT, Button(label="Open conversation", place=Place.CONVERSATION)),
    ),
    Code(
        code="CB-521",
        name="Secrets go unencrypted",
        severity=Severity.WARNING,
        text="“{field}” begins with http:// and is a public address: tokens and what contacts write can be read on "
        "the way.",
        meaning="Calls to this address cross the internet without encryption. Whoever can listen anywhere between can "
        "read the token and use it, and read what contacts and bot say.",
        causes=("The address was typed, or copied from a test set-up, without the “s” of https.",),
        checks=("Open the address with https:// in a browser.",),
        repairs=(
            "Enter the address with https://. Then change the token on both sides: it may have been read.",
            "An address of your own network that only looks public: name its host in `ALLOWED_PRIVATE_HOSTS`.",
        ),
        retried="There is nothing to try again: it works, and is not safe.",
        contact="Nothing; what they write can be read by others.",
        buttons=(_BOT,),
    ),
)
