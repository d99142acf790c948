"""CB-4xx: what arrives at the doors of the bridge, or doesn't."""

from channels_app.codes.words import (
    NOTHING_NOTICED,
    REFUSED_EVENT,
    REFUSED_IS_NOT_REPEATED,
    Button,
    Code,
    Place,
    Severity,
)

TITLE = "What arrives"
_REFUSALS = Button(label="Refused requests", place=Place.REFUSALS)
_COPY_URL = Button(label="Copy URL", place=Place.WEBHOOK_URL)
_CLOCK = "Let the server set its clock by NTP, e.g. with `timedatectl set-ntp true`."

CODES = (
    Code(
        code="CB-401",
        name="No event yet",
        severity=Severity.WARNING,
        text="No event yet. Check in Sparkcentral: 1) the virtual agent is ticked for a channel; 2) no other "
        "Inception agent owns that channel; 3) a Delegation agent needs an agent to assign a conversation; 4) the "
        "conversation is private; 5) the URL is exactly the one in step 3.",
        meaning="The channel is ready, and Sparkcentral has not called it for ten minutes, neither rightly nor "
        "wrongly.",
        causes=(
            "The virtual agent is added but not switched on: that is a second step, when it is edited again.",
            "Another Inception virtual agent has the same channel. There can be one.",
            "It is a Delegation virtual agent. It gets a conversation only when an agent gives it one.",
            "Only private conversations are given to an Inception virtual agent: a public comment or post is not.",
            "The URL there lacks its end, or belongs to another channel. Then CB-404 counts calls.",
            "The address can't be reached from outside; see CB-101 and CB-102.",
            "Nobody has written yet, or the conversation was open with an agent already.",
        ),
        checks=(
            "Open the webhook URL on a phone: it should say “This address is ready.”",
            "Press “Test connection”, or run `manage.py send_test_event`: both prove our side.",
            "Write a private message from a phone that has no open conversation in Sparkcentral.",
        ),
        repairs=(
            "Switch on the channels of the bot. Classic: Users tab › edit the virtual agent. Inbox 2.0: Admin "
            "settings › Virtual agents › Custom virtual agents › your virtual agent › Channel access.",
            "Copy the webhook URL from the channel's page and paste it there again.",
        ),
        retried="There is nothing to try again. The page notices the first event by itself.",
        contact="No answer of the bot. Conversations go to your agents as they did before.",
        buttons=(_COPY_URL, Button(label="Send ourselves a test", place=Place.SEND_TEST)),
    ),
    Code(
        code="CB-402",
        name="New event type",
        severity=Severity.INFO,
        text="{events} accepted and ignored: of a type that we do not know.",
        meaning="Sparkcentral sent an event whose type this release of the bridge does not know. It is "
        "answered with 200, so that Sparkcentral does not repeat it, and otherwise ignored.",
        causes=("Sparkcentral has introduced something new.", "The write-back URL was entered as webhook URL."),
        checks=("The release notes of Sparkcentral name new events; the changelog of the bridge names known ones.",),
        repairs=("Upgrade the bridge, if a newer release knows the type. Tell us if none does.",),
        retried="No. Nothing was kept of it.",
        contact=NOTHING_NOTICED,
        buttons=(_REFUSALS,),
    ),
    Code(
        code="CB-403",
        name="Event too old",
        text="{events} refused, the last at {last}: more than 5 minutes old on arrival, or PostgreSQL's clock "
        "is ahead.",
        meaning="A signed event carries the time when it was sent. One that is older than 5 minutes could be a "
        "recording that somebody plays again, so it is refused.",
        causes=(
            "The clock of PostgreSQL's server is ahead.",
            "Somebody plays recorded events again, e.g. from a log of a proxy.",
            "A proxy holds requests back for minutes.",
        ),
        checks=("“Test connection” compares the clocks and says by how much they differ; see CB-704.",),
        repairs=(_CLOCK, "In a virtual machine, see that its clock is set after it was suspended."),
        retried=REFUSED_IS_NOT_REPEATED,
        contact=REFUSED_EVENT,
        buttons=(Button(label="Compare clocks", place=Place.TEST_CONNECTION),),
    ),
    Code(
        code="CB-404",
        name="Nothing at this address",
        severity=Severity.WARNING,
        text="{events} refused, the last at {last}: there is nothing at this address. Copy it again from the admin "
        "page.",
        meaning="Somebody called an address of the right form that belongs to no channel, bot or offload provider.",
        causes=(
            "The URL was not copied to its end.",
            "Its channel or bot was deleted, or its URL was changed and the old one has ended.",
            "The platform calls a bridge with another database, e.g. a test installation.",
        ),
        checks=(
            "Compare the URL in Sparkcentral or Chatlayer with the one on the page of the channel or bot, character "
            "by character.",
        ),
        repairs=("Copy the URL again and paste it there.",),
        retried=REFUSED_IS_NOT_REPEATED,
        contact=REFUSED_EVENT,
        buttons=(_COPY_URL,),
    ),
    Code(
        code="CB-405",
        name="Event from the future",
        severity=Severity.WARNING,
        text="{events} taken, the last at {last}, and dated more than 5 minutes in the future: this server's clock is "
        "behind.",
        meaning="A signed event says that it was sent more than 5 minutes from now. Sparkcentral's clock is right "
        "with near certainty, so it is the server's own. The event is handled all the same.",
        causes=("The clock of the bridge's server is behind.",),
        checks=("“Test connection” compares the clocks and says by how much they differ; see CB-704.",),
        repairs=(_CLOCK,),
        retried="There is nothing to try again.",
        contact=NOTHING_NOTICED,
        buttons=(Button(label="Compare clocks", place=Place.TEST_CONNECTION),),
    ),
    Code(
        code="CB-406",
        name="Body not readable",
        text="{events} refused, the last at {last}: the body could not be read.",
        meaning="The request proved itself, but its body is not what this address expects: not JSON, or without what "
        "can't be done without. It was answered with 400 and a sentence that names the place in the body.",
        causes=(
            "The URL was pasted in the wrong place: the offload URL as reply URL, or the write-back URL as webhook "
            "URL.",
            "A bot's later reply doesn't follow the contract.",
            "A proxy cuts or changes bodies.",
        ),
        checks=(
            "The sender's log has our answer; its `detail` says what is missing.",
            "Is each of our addresses where it belongs? Webhook URL: virtual agent. Reply URL: the bot. Offload URL: "
            "Chatlayer › Settings › Offloading. Write-back URL: Inbox 2.0 › Integration and APIs › CRM.",
        ),
        repairs=(
            "Paste the right address.",
            "For a bot of your own: compare its reply with the guide “Adding a bot”.",
        ),
        retried=REFUSED_IS_NOT_REPEATED,
        contact="For an event of Sparkcentral: nothing from the bot, and your agents get the conversation. For a "
        "bot's reply: this message never comes.",
        buttons=(_REFUSALS,),
    ),
    Code(
        code="CB-407",
        name="Body too large",
        severity=Severity.WARNING,
        text="{events} refused, the last at {last}: the body was too large.",
        meaning="An event of the inbox may have 256 KiB, a bot's reply or a write-back report 1 MiB. Real ones are "
        "far smaller. A larger one is refused without being read.",
        causes=(
            "A bot puts a file into its reply instead of the file's address.",
            "A conversation of very many messages in a write-back report.",
            "Somebody tries to overload the bridge.",
        ),
        checks=("The refused requests show the size of the latest, and the network that it came from.",),
        repairs=("Let the bot name the address of a file (`attachment.url`) instead of sending its content.",),
        retried=REFUSED_IS_NOT_REPEATED,
        contact="This one message never comes. For an event of Sparkcentral your agents get the conversation.",
        buttons=(_REFUSALS,),
    ),
    Code(
        code="CB-408",
        name="Event not readable any more",
        severity=Severity.WARNING,
        text="The event can't be read any more: {problem}.",
        meaning="The event was accepted and written down, and then the channel was given another bot or inbox before "
        "it was handled. The new one doesn't understand what the old one had accepted.",
        causes=("The channel's bot or inbox was exchanged while messages were waiting.",),
        checks=("The event's page shows its body as it came.",),
        repairs=(
            "Hand the conversation over to an agent on its page, if the contact still waits.",
            "Next time pause the channel first, and wait until nothing is on its way.",
        ),
        retried="No. It would fail the same way.",
        contact="No answer to this message. The next one is handled as usual.",
        buttons=(Button(label="Open conversation", place=Place.CONVERSATION),),
    ),
    Code(
        code="CB-409",
        name="Old webhook URL in use",
        severity=Severity.WARNING,
        text="Sparkcentral still calls the old webhook URL. It stops working in {left}.",
        meaning="The channel's webhook URL was changed. The old one is accepted for some days more, and events still "
        "come there.",
        causes=("The virtual agent in Sparkcentral still has the old URL, or one of two was forgotten.",),
        checks=("The channel's page says when the old URL was last called.",),
        repairs=("Copy the new URL from the channel's page into the virtual agent in Sparkcentral, and save there.",),
        retried="There is nothing to try again. Both addresses work until the old one ends; then see CB-404.",
        contact=NOTHING_NOTICED,
        buttons=(_COPY_URL,),
    ),
    Code(
        code="CB-410",
        name="Start came after the conversation had begun",
        severity=Severity.INFO,
        text="The conversation had begun without it.",
        meaning="Sparkcentral sends “conversation started” and the first message within milliseconds, and they can "
        "arrive in any order. When the message was answered first, the start is not answered any more: a greeting "
        "would follow the answer.",
        causes=("The start was delayed on its way, or Sparkcentral repeated it after an error.",),
        checks=("The conversation shows both events with the times at which they came.",),
        repairs=("Nothing needs to be done. What the start tells of the contact is kept.",),
        retried="No.",
        contact="An answer, and no greeting before it.",
        buttons=(Button(label="Open conversation", place=Place.CONVERSATION),),
    ),
    Code(
        code="CB-411",
        name="Event of no use",
        text="{events} taken and not understood, the last at {last}: it names no conversation, or has no type.",
        meaning="The event is signed rightly, but lacks what nothing can be done without: a type and a conversation. "
        "For the virtual agent the answer to it was a handover, so agents have the conversation. A write-back report "
        "was only counted.",
        causes=("Sparkcentral has changed its events.", "A proxy in front of the bridge writes bodies anew."),
        checks=("The release notes of Sparkcentral tell of changes to the Virtual Agent API.",),
        repairs=("Upgrade the bridge. If the newest release counts such events too, tell us.",),
        retried="No. Nothing was kept of it.",
        contact="An agent instead of the bot, with your text for this case if you wrote one.",
        buttons=(_REFUSALS,),
    ),
    Code(
        code="CB-412",
        name="New event version",
        text="{events} handed over unread, the last at {last}: of a version that we do not know.",
        meaning="The event is of a known type, but of a version that this release of the bridge does not know, and "
        "may mean something else now. For the virtual agent the answer to it was a handover, so agents have the "
        "conversation. A write-back report was only counted.",
        causes=("Sparkcentral has introduced a new version of its events.",),
        checks=("The release notes of Sparkcentral name new versions; the changelog of the bridge names known ones.",),
        repairs=("Upgrade the bridge, if a newer release knows the version. Tell us if none does.",),
        retried="No. Nothing was kept of it.",
        contact="An agent instead of the bot, with your text for this case if you wrote one.",
        buttons=(_REFUSALS,),
    ),
)
