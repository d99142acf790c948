"""CB-6xx: what becomes of a reply on its way to Sparkcentral."""

from channels_app.codes.words import NOTHING_NOTICED, Button, Code, Place, Severity

TITLE = "Sending to Sparkcentral"
_UNTIL_TIME_IS_UP = (
    "Yes, after 1 second, 2, 4 and so on, at most 10, until a minute before Sparkcentral's time is up. Then only the "
    "hand-over is tried."
)
_CONVERSATION = Button(label="Open conversation", place=Place.CONVERSATION)
_EXCHANGE = Button(label="Open exchange", place=Place.EXCHANGE)
_REPLAY = Button(label="Replay", place=Place.REPLAY)

CODES = (
    Code(
        code="CB-601",
        name="No longer ours",
        severity=Severity.INFO,
        text="Reply not sent: the conversation is no longer assigned to the virtual agent (an agent took it, or it "
        "was closed).",
        meaning="Sparkcentral answered 404. No event tells the bridge that an agent took a conversation, that it was "
        "resolved or that it timed out: this answer does. It is not a failure and is counted apart.",
        causes=(
            "An agent took the conversation while the bot was thinking.",
            "The conversation was resolved, or merged with another one.",
            "The bot took longer than Sparkcentral allows: 5 minutes, 2 after a delegation.",
            "It was a test of ours: Sparkcentral does not know conversations of `manage.py send_test_event`.",
        ),
        checks=("In Sparkcentral, look at the history of the conversation: who had it at that time?",),
        repairs=(
            "Nothing needs to be done.",
            "If it happens often: is the bot slow, or was “Timeout virtual agent” set below 5 minutes? Enter the same "
            "on the channel's page.",
        ),
        retried="No. The bridge stops talking in this conversation until it is given back.",
        contact="No answer of the bot to this message; an agent has the conversation, or it is closed.",
        buttons=(_CONVERSATION,),
    ),
    Code(
        code="CB-602",
        name="Sparkcentral asks to slow down",
        severity=Severity.WARNING,
        text="Sparkcentral asks us to slow down. The account's calls wait for its next second.",
        meaning="Sparkcentral answered 429: more than 20 calls in a second for this account. The bridge counts its "
        "own calls and stays below that, so somebody else calls too, or Redis is away.",
        causes=(
            "Another system uses the same API keys.",
            "Redis does not answer, and each process keeps to a share of its own; see CB-708.",
            "Several bridges use the same keys without sharing Redis.",
        ),
        checks=("Which systems have these keys? Look at API accounts, and at Queue and workers.",),
        repairs=("Give other systems keys of their own.", "Let all processes of the bridge use the same Redis."),
        retried="Yes, after a second. Two of the twenty calls are kept for hand-overs.",
        contact="The answer comes a moment later.",
        buttons=(Button(label="API accounts", place=Place.ACCOUNTS),),
    ),
    Code(
        code="CB-603",
        name="Topic perhaps not applied",
        severity=Severity.INFO,
        text="Topic “{topic}” was sent. Sparkcentral silently ignores topics that do not exist; check its spelling.",
        meaning="Topics are applied by name. Sparkcentral says nothing about one that it does not have, so the bridge "
        "can't know whether it worked.",
        causes=("The topic is not there, or is spelled otherwise. Capital and small letters are the same.",),
        checks=("In Sparkcentral, look at the topics of the conversation and at the list of topics in the settings.",),
        repairs=("Create the topic in Sparkcentral, or correct its name in the bot.",),
        retried="No. The call succeeded.",
        contact=NOTHING_NOTICED,
        buttons=(_CONVERSATION,),
    ),
    Code(
        code="CB-604",
        name="File sent as a link",
        severity=Severity.WARNING,
        text="File not sent: {problem}. Sent a link instead.",
        meaning="A bot names a file by its address. The bridge fetches it and uploads it to Sparkcentral, and one of "
        "the two did not work. The contact got the address in the message.",
        causes=(
            "The file has 10 MB or more: Sparkcentral takes fewer.",
            "The medium does not take this type, e.g. a video on a channel for text messages.",
            "The file's address did not answer within 15 seconds, or not with 200.",
            "It is a web page or an SVG picture: these could run code in an agent's browser, so they are not passed "
            "on.",
        ),
        checks=("Open the address in a browser where nobody is logged in.", "Open the exchange of the upload."),
        repairs=(
            "Make the file smaller, or give it in another type.",
            "Put it where it can be read without a log-in, with the right `Content-Type`.",
        ),
        retried="Trouble of the moment: up to 3 tries. What Sparkcentral refuses is not tried again.",
        contact="The message with a link in place of the file.",
        buttons=(_EXCHANGE,),
    ),
    Code(
        code="CB-605",
        name="Reply refused",
        text="Sparkcentral refused the reply: {problem}.",
        meaning="Sparkcentral answered with a 4xx other than 401, 404 and 429: it takes this reply now no more than "
        "later. The conversation is handed over to your agents, because the bot's words are lost.",
        causes=(
            "A text is longer than the medium takes, or empty.",
            "A contact attribute has a name with other characters than letters, digits and `_`.",
            "The medium does not take the file, or a template is needed because the contact wrote long ago.",
            "Codes 1003, 1004 and 1043 in the answer are limits of the account.",
        ),
        checks=("Open the exchange: Sparkcentral's message and the body that was sent stand side by side.",),
        repairs=(
            "Let the bot say it shorter or otherwise.",
            "If you can't see why: ask Hootsuite's support, with the trace id of the delivery.",
        ),
        retried="After 400, 403 and 422 without its tags, then also without topics, attributes and note; see CB-611. "
        "Once more as links, if it had files. Then not: the hand-over is sent in its place.",
        contact="Not the bot's words. An agent takes over.",
        buttons=(_EXCHANGE, _REPLAY),
    ),
    Code(
        code="CB-606",
        name="Sent, not confirmed",
        severity=Severity.WARNING,
        text="The reply was sent, but no answer came: it may have arrived.",
        meaning="The whole call left, and the connection ended before Sparkcentral answered. It has no way to ask "
        "what arrived, so the bridge assumes that it did. A hand-over is different: it is repeated until the answer "
        "is clear, because a second one does no harm.",
        causes=(
            "Sparkcentral took longer than 30 seconds.",
            "The network broke off in between.",
        ),
        checks=("Look at the conversation in Sparkcentral: is the message there?",),
        repairs=(
            "If it is missing and the bot still has the conversation: open the delivery and send it again.",
            "If it happens often: look at the network of the bridge's server.",
        ),
        retried="A message is not sent again after a call without an answer, because the contact could read it twice. "
        "If our own process died over it, it is sent once more. A hand-over is repeated.",
        contact="Nearly always the answer. In rare cases none, or the same one twice.",
        buttons=(_CONVERSATION, _EXCHANGE),
    ),
    Code(
        code="CB-607",
        name="Sparkcentral did not take the reply",
        severity=Severity.WARNING,
        text="Sparkcentral did not take the reply: {problem}.",
        meaning="One try to send failed in a way that passes: no connection, a time-out, or a status of 500 and "
        "above.",
        causes=(
            "An outage or maintenance at Sparkcentral.",
            "The network of the bridge's server, its DNS or its way out.",
        ),
        checks=("Look at Hootsuite's status page, and whether all channels are concerned.",),
        repairs=("Wait. If only your server is concerned: mend its network.",),
        retried=f"{_UNTIL_TIME_IS_UP} After 500 and 502 at most three tries, because they may have been done.",
        contact="The answer comes late.",
        buttons=(_EXCHANGE,),
    ),
    Code(
        code="CB-608",
        name="Reply not sent in time",
        text="The reply could not be sent in time: {problem}.",
        meaning="All tries failed until the time for them was over. In its place the hand-over was sent, so that the "
        "contact is not left alone; if that failed too, see CB-810.",
        causes=(
            "Sparkcentral was down for minutes; each try has CB-607.",
            "The API keys are refused; see CB-204.",
            "The account's calls had no room: too many conversations for 20 calls a second.",
        ),
        checks=("The delivery's page lists each try with what came back.",),
        repairs=(
            "Mend the cause, then do it again on the page of the event or the delivery, if the bot still has the "
            "conversation.",
        ),
        retried="No more. A person can send it again; the contact gets a late answer.",
        contact="Not the bot's words. An agent takes over, at the latest when Sparkcentral's own time is over.",
        buttons=(_REPLAY, _CONVERSATION),
    ),
    Code(
        code="CB-609",
        name="Cut off by the end of a process",
        severity=Severity.WARNING,
        text="The process that made this call ended before the answer came.",
        meaning="A worker was killed, or its server lost power, in the middle of a call. Before the first byte left, "
        "the call had been written down, so another worker found it and knows that it is in doubt.",
        causes=(
            "The worker was killed: out of memory, a hard stop, a crash of the server.",
            "A container was stopped before it had ended what it had begun.",
        ),
        checks=("Queue and workers shows which process is gone. The system's log knows about memory.",),
        repairs=("Give the worker more memory, and 40 seconds to stop, as compose.yaml does.",),
        retried="Yes, once: a message is sent a second time, a hand-over until the answer is clear.",
        contact="The answer comes late, and in rare cases twice.",
        buttons=(Button(label="Queue and workers", place=Place.WORKERS),),
    ),
    Code(
        code="CB-610",
        name="Left to the agents",
        severity=Severity.INFO,
        text="The conversation is not with the bot.",
        meaning="A message or an order came when agents had the conversation, or when it was closed. The bot is not "
        "asked, and nothing is sent.",
        causes=(
            "The conversation was handed over before. Agents answer until it is given back to the bot.",
            "The bot had resolved it.",
        ),
        checks=("The conversation's page shows who has it now, and since when.",),
        repairs=(
            "Nothing needs to be done. With a Delegation virtual agent, an agent can give the conversation back in "
            "Sparkcentral.",
        ),
        retried="No.",
        contact="Whatever the agents answer.",
        buttons=(_CONVERSATION,),
    ),
    Code(
        code="CB-611",
        name="Left out of a reply",
        severity=Severity.WARNING,
        text="Refused with {parts}: {problem}. Sent without.",
        meaning="Sparkcentral refuses a call as a whole, also for something that the contact never sees. So a call "
        "that it refuses is made again without its tags, then also without topics, contact attributes and note. Words "
        "and hand-over stay.",
        causes=(
            "The server takes tags in another form than its documentation shows.",
            "An attribute, a topic or a tag that this account does not allow, or a permission for it is missing.",
            "Nothing of these, but the words: then the call without them is refused as well; see CB-605.",
        ),
        checks=("Open the exchange: Sparkcentral's message and the body that was sent stand side by side.",),
        repairs=(
            "Let the bot leave out what Sparkcentral does not take. Each reply with it costs one or two calls more.",
            "What was left out stands on the delivery's page. Add it by hand in Sparkcentral if it matters.",
        ),
        retried="Yes, at once, as a call of its own.",
        contact=NOTHING_NOTICED,
        buttons=(_EXCHANGE, _CONVERSATION),
    ),
    Code(
        code="CB-612",
        name="Accepted, with errors",
        severity=Severity.WARNING,
        text="Sparkcentral accepted the call and named errors: {problem}. It may be done in part.",
        meaning="The answer was 200 and holds `errors`. Nothing documents what was done and what was not, so the call "
        "counts as sent, not confirmed.",
        causes=(
            "One part of the reply did not work, e.g. a topic, an attribute or one of several messages.",
            "The medium did not take the message.",
        ),
        checks=("Open the exchange for the whole answer, and look at the conversation in Sparkcentral.",),
        repairs=(
            "If the message is missing and the bot still has the conversation: open the delivery and send it again.",
            "If you can't see what failed: ask Hootsuite's support, with the trace id of the delivery.",
        ),
        retried="Not as it was, because the contact could read it twice. Of a hand-over only the hand-over itself is "
        "sent once more: a second one does no harm.",
        contact="Nearly always the answer; perhaps a part of it is missing.",
        buttons=(_EXCHANGE, _CONVERSATION),
    ),
)
