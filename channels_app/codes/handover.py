"""CB-8xx: why agents got a conversation, or didn't, and the states of a channel."""

from channels_app.codes.words import NOTHING_NOTICED, Button, Code, Place, Severity

TITLE = "Hand-over, and the state of a channel"
_AGENTS_AT_ONCE = "No bot: your agents get the conversation at once, as if there were none."
_STATE = Button(label="Open the channel", place=Place.CHANNEL_STATE)
_PROVIDER = Button(label="Offload provider", place=Place.OFFLOAD_PROVIDER)
_CONVERSATION = Button(label="Open conversation", place=Place.CONVERSATION)
_DECIDED = "There is nothing to try again. It is what the settings ask for."

CODES = (
    Code(
        code="CB-801",
        name="No bot chosen",
        text="No bot is chosen: every conversation goes to your agents at once.",
        meaning="The channel takes events, and there is nobody to ask.",
        causes=("The set-up is not finished.", "The bot was taken away from the channel."),
        checks=("Look at “Bot” on the channel's page.",),
        repairs=("Choose a bot there, or add one, and save.",),
        retried=_DECIDED,
        contact=_AGENTS_AT_ONCE,
        buttons=(Button(label="Choose a bot", place=Place.CHANNEL_BOT),),
    ),
    Code(
        code="CB-802",
        name="Channel switched off",
        severity=Severity.WARNING,
        text="The channel is switched off: your agents get every conversation.",
        meaning="The channel is not active. Events are accepted, and each conversation is handed over without asking "
        "the bot.",
        causes=("A configuration file switched it off, or it was paused before that was written down.",),
        checks=("The history of the channel and the audit log say who did it, and when.",),
        repairs=("Press “Resume” on the channel's page.",),
        retried=_DECIDED,
        contact=_AGENTS_AT_ONCE,
        buttons=(_STATE,),
    ),
    Code(
        code="CB-803",
        name="Channel paused",
        severity=Severity.WARNING,
        text="The channel is paused by {who}: your agents get every conversation until it is resumed.",
        meaning="A person paused the bot for a while, e.g. because it said something wrong. Events are accepted, and "
        "each conversation is handed over without asking the bot.",
        causes=("A person pressed “Pause”, and nobody has resumed it yet.",),
        checks=("The channel's page and the audit log say who paused it, since when, and why.",),
        repairs=("Press “Resume” when the reason is gone.",),
        retried=_DECIDED,
        contact=_AGENTS_AT_ONCE,
        buttons=(Button(label="Resume", place=Place.CHANNEL_STATE),),
    ),
    Code(
        code="CB-804",
        name="Channel archived",
        severity=Severity.WARNING,
        text="The channel is archived and takes no events.",
        meaning="An archived channel keeps its conversations for you to read, and is otherwise closed: what comes to "
        "its webhook URL is refused.",
        causes=("The channel was archived, and its virtual agent still exists in Sparkcentral.",),
        checks=("The audit log says who archived it, and when.",),
        repairs=(
            "In Sparkcentral, switch the virtual agent off or delete it, so that contacts don't pass by here.",
            "If the channel is still needed: take it out of the archive on its page.",
        ),
        retried="Not by us. Sparkcentral tries each event four times within about two seconds.",
        contact="No bot. Sparkcentral gives the conversation to your agents after its tries.",
        buttons=(_STATE,),
    ),
    Code(
        code="CB-805",
        name="Bot answers nowhere",
        text="The bot answers nowhere: tick at least one inbox channel.",
        meaning="“Bot answers on every inbox channel” is not ticked, and none of the inbox channels below it is "
        "either. So every conversation goes to your agents.",
        causes=(
            "The tick was taken away before the first conversation had made the inbox channels known.",
            "A configuration file lists inbox channels with other ids.",
        ),
        checks=("The channel's page lists the inbox channels that events came from.",),
        repairs=("Tick those on which the bot shall answer, or tick “bot answers on every inbox channel”.",),
        retried=_DECIDED,
        contact=_AGENTS_AT_ONCE,
        buttons=(Button(label="Inbox channels", place=Place.INBOX_CHANNELS),),
    ),
    Code(
        code="CB-806",
        name="Bot not enabled on this inbox channel",
        severity=Severity.INFO,
        text="The bot is not enabled on the inbox channel {name}: your agents get its conversations.",
        meaning="In Sparkcentral the virtual agent is switched on for this inbox channel (a WhatsApp number, a page), "
        "and here the bot is not.",
        causes=(
            "It is meant so.",
            "The inbox channel is new: when the bot does not answer on all, a new one begins without it.",
        ),
        checks=("The channel's page lists the inbox channels, with the time of their first event.",),
        repairs=(
            "Tick it on the channel's page, if the bot shall answer there.",
            "Otherwise switch the virtual agent off for it in Sparkcentral. Classic: Users tab › edit the virtual "
            "agent. Inbox 2.0: Admin settings › Virtual agents › Custom virtual agents › Channel access.",
        ),
        retried=_DECIDED,
        contact=_AGENTS_AT_ONCE,
        buttons=(Button(label="Inbox channels", place=Place.INBOX_CHANNELS),),
    ),
    Code(
        code="CB-807",
        name="Out of time",
        text="The time for an answer was nearly over, so the conversation went to your agents.",
        meaning="Sparkcentral waits 5 minutes for a reply, 2 after a delegation. A minute before (40 seconds after a "
        "delegation) everything else gives way to the hand-over, so that it surely arrives.",
        causes=(
            "Messages waited too long for a worker; see CB-701 and CB-702.",
            "PostgreSQL was away for minutes.",
            "“Seconds until Sparkcentral takes over” on the channel's page is smaller than in Sparkcentral.",
        ),
        checks=("The conversation's page shows when the event came and what happened until the hand-over.",),
        repairs=(
            "See that enough workers run.",
            "Enter on the channel's page the “Timeout virtual agent” that is set in Sparkcentral.",
        ),
        retried="No. The hand-over is sent until it arrives.",
        contact="The channel's text for a failed bot, if there is one, and then an agent.",
        buttons=(_CONVERSATION, Button(label="Queue and workers", place=Place.WORKERS)),
    ),
    Code(
        code="CB-808",
        name="To and fro too often",
        severity=Severity.WARNING,
        text="Bot and agents handed the conversation to and fro too often: it stays with your agents.",
        meaning="The conversation was handed over five times within an hour and given back each time. That looks like "
        "two robots playing ball, so the bot is left out.",
        causes=(
            "A rule in Sparkcentral gives each new conversation to the Delegation virtual agent, also those that the "
            "bot has just handed over.",
            "The bot asks for an agent whenever it gets a conversation.",
        ),
        checks=("In Sparkcentral, look at the automation rules that delegate conversations.",),
        repairs=(
            "Exclude conversations that come from the bot from that rule.",
            "Let the bot try to help a delegated conversation before it asks for an agent.",
        ),
        retried="No. After an hour without a hand-over the bot is asked again.",
        contact="An agent answers.",
        buttons=(_CONVERSATION,),
    ),
    Code(
        code="CB-809",
        name="Agents closed",
        severity=Severity.INFO,
        text="The bot asked for an agent while the offload provider is closed or switched off, and keeps the "
        "conversation.",
        meaning="Outside the opening hours, or when the provider is switched off, nobody is there to take over. "
        "Chatlayer is told so and goes on with its dialog for it.",
        causes=(
            "It is outside the opening hours, or on a day listed as closed.",
            "The provider is switched off.",
            "The time zone of the opening hours is not yours.",
        ),
        checks=("The channel's page says “right now” below the opening hours: open, or when it opens.",),
        repairs=("Correct opening hours and time zone, or switch the provider on.",),
        retried="No. The bot may ask again.",
        contact="The text for closed hours, if you wrote one, or the bot's own dialog. Without any words the "
        "conversation is handed over all the same.",
        buttons=(_PROVIDER,),
    ),
    Code(
        code="CB-810",
        name="Hand-over not sent",
        text="The hand-over could not be sent: {problem}.",
        meaning="The conversation was to go to your agents, and Sparkcentral took neither the hand-over with its note "
        "nor the bare one, until its time was up.",
        causes=("The same as for a reply: an outage (CB-607), refused keys (CB-204), or a refusal (CB-605).",),
        checks=("The delivery's page lists each try with what came back.", "Is the conversation with an agent now?"),
        repairs=(
            "Mostly nothing: Sparkcentral has given it to your agents by itself.",
            "If it has not: take it there, or do the event again here.",
        ),
        retried="Until the time that Sparkcentral gives is over. Then a person has to order it.",
        contact="Nothing, until Sparkcentral's own time is over and an agent gets the conversation.",
        buttons=(Button(label="Replay", place=Place.REPLAY), _CONVERSATION),
    ),
    Code(
        code="CB-811",
        name="Hand-over not tested yet",
        severity=Severity.WARNING,
        text="Hand-over not tested yet.",
        meaning="The bot answers on this channel, and no conversation has been handed over so far. The day on which "
        "it has to work is a bad one to find out.",
        causes=("Nobody has asked the bot for an agent yet.", "The bot has no way to ask for one."),
        checks=(
            "Write from a phone what makes your bot ask for an agent, e.g. “agent”. The conversation should be in the "
            "New queue of Sparkcentral.",
        ),
        repairs=(
            "Chatlayer: enter offload URL and verify token under Settings › Offloading › Webhook, and use the action "
            "“send to offload provider”. Other bots ask for an agent in their reply.",
            "If the bot shall never hand over, skip the step with a reason.",
        ),
        retried="There is nothing to try again. The step is done with the first hand-over that Sparkcentral accepts.",
        contact=NOTHING_NOTICED,
        buttons=(_PROVIDER,),
    ),
    Code(
        code="CB-812",
        name="Offload provider without verify token",
        text="{events} refused, the last at {last}: no verify token is saved for this offload provider yet.",
        meaning="Chatlayer asked for an agent, or checked the address, and nothing is saved here by which it could "
        "prove itself.",
        causes=("The offload URL is pasted in Chatlayer, and the verify token is not entered here.",),
        checks=("Look at “Verify token” of the offload provider, on the channel's page.",),
        repairs=(
            "Make up a long text. Enter it there, save, and enter the same in Chatlayer › Settings › Offloading › "
            "Webhook.",
        ),
        retried="Not by us. Chatlayer goes on with its dialog for a failed hand-over.",
        contact="No agent, and whatever the bot's flow says then.",
        buttons=(_PROVIDER,),
    ),
    Code(
        code="CB-813",
        name="Write-back secret missing",
        severity=Severity.WARNING,
        text="{events} refused, the last at {last}: no write-back secret is saved yet.",
        meaning="Inbox 2.0 reports how a conversation ended, and nothing is saved here to check its signature with.",
        causes=("The write-back URL is pasted in Inbox 2.0, and its secret is not entered here.",),
        checks=("Inbox 2.0 shows the secret under Integration and APIs › CRM › Write Back URL.",),
        repairs=("Paste it into “Write-back secret” of the offload provider, on the channel's page.",),
        retried="Not by us. Inbox 2.0 tries again after 1, 2, 4, 8, 16 and 32 hours, so little is lost.",
        contact=NOTHING_NOTICED,
        buttons=(_PROVIDER,),
    ),
    Code(
        code="CB-814",
        name="Write-back signature wrong",
        severity=Severity.WARNING,
        text="{events} refused, the last at {last}: the signature does not match the write-back secret.",
        meaning="A report of how a conversation ended was not signed with the secret that is saved here.",
        causes=(
            "The secret was made anew in Inbox 2.0.",
            "The shared secret of the virtual agent was pasted. Write back has one of its own.",
        ),
        checks=("Inbox 2.0 shows the secret under Integration and APIs › CRM › Write Back URL.",),
        repairs=("Copy it again into “Write-back secret” of the offload provider, on the channel's page.",),
        retried="Not by us. Inbox 2.0 tries again after 1, 2, 4, 8, 16 and 32 hours, so little is lost.",
        contact=NOTHING_NOTICED,
        buttons=(_PROVIDER,),
    ),
    Code(
        code="CB-815",
        name="Bot waits for the first message",
        severity=Severity.INFO,
        text="The bot waits for the contact's first message.",
        meaning="A conversation started without a message, and the channel does not ask the bot to speak first.",
        causes=(
            "“Start of a conversation” on the channel's page says “never”.",
            "The bot runs on Chatlayer, where the contact's first message begins the conversation.",
        ),
        checks=("Look at “Start of a conversation” on the channel's page.",),
        repairs=("Choose “on its own”, if the bot shall speak first.",),
        retried=_DECIDED,
        contact="Nothing, until their first message is answered.",
        buttons=(_STATE,),
    ),
    Code(
        code="CB-816",
        name="Report about an unknown conversation",
        severity=Severity.INFO,
        text="{events} not used, the last at {last}: about a conversation that no bot had here.",
        meaning="Inbox 2.0 reports the end of every conversation of the organization to one address. This one was on "
        "none of the channels that are set up here for the same organization.",
        causes=(
            "Agents had the conversation from its beginning to its end.",
            "Its channel was deleted here, or belongs to an organization with another organization ID.",
        ),
        checks=("Compare the organization ID of the channels, if reports about the bot's conversations are missing.",),
        repairs=("Nothing needs to be done, unless such reports are missing.",),
        retried="No. It was answered with 200.",
        contact=NOTHING_NOTICED,
        buttons=(_PROVIDER,),
    ),
)
