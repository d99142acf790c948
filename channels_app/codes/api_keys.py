"""CB-2xx: the keys with which the bridge calls Sparkcentral, and what is left of the account's calls."""

from channels_app.codes.words import Button, Code, Place, Severity

TITLE = "API keys"
_TOO_LATE = (
    "Nothing, if this goes on: neither a reply nor a hand-over can be sent. When its own time is over (5 minutes "
    "after a message), Sparkcentral gives the conversation to your agents by itself."
)
_REPLACE = Button(label="Replace keys", place=Place.REPLACE_KEYS)
_EXCHANGE = Button(label="Open exchange", place=Place.EXCHANGE)

CODES = (
    Code(
        code="CB-201",
        name="API keys not accepted",
        text="{inbox} does not accept these keys on {server}. {advice}",
        meaning="The bridge asked Sparkcentral for an access token with your client ID and client secret, and it said "
        "no. The same keys work on one region's server only.",
        causes=(
            "The keys belong to the other region: app.sparkcentral.com is US, app-eu.sparkcentral.com is EU.",
            "One of the values is not complete, or the two come from different key pairs.",
            "Somebody has revoked the keys in Sparkcentral, or made new ones.",
            "Inbox 2.0: the organization ID is not the one that the developer app belongs to.",
        ),
        checks=(
            "Look at the address of your Sparkcentral in the browser, and compare it with the region of the channel.",
            "In Sparkcentral, open Settings › Integrations and see whether the client ID is still in the list.",
        ),
        repairs=(
            "Copy both values again from Settings › Integrations › Generate API Keys into the channel's page, and "
            "press “Test connection”.",
            "If the region was wrong, choose the other one, save, and test again.",
            "The secret is shown only once there: if you don't have it any more, generate a new pair.",
        ),
        retried="Replies that wait are tried again every 15 seconds until their time is up. A test is not repeated.",
        contact=_TOO_LATE,
        buttons=(Button(label="Try the other region", place=Place.SWITCH_REGION), _REPLACE),
    ),
    Code(
        code="CB-202",
        name="Keys of the other region",
        text="These keys belong to the {region} server.",
        meaning="The keys were refused on the server of the channel's region, and accepted on the other one. They are "
        "right; the region isn't.",
        causes=(
            "The wrong region was chosen when the channel was added, or the keys of another account were pasted.",
        ),
        checks=(
            "Look at the address of your Sparkcentral: app.sparkcentral.com is US, app-eu.sparkcentral.com is EU.",
        ),
        repairs=(
            "Switch the channel to this region, if it is the account that you mean.",
            "If you have accounts in both regions, paste the keys of the other one.",
        ),
        retried="No. It was tried once, because you asked for it.",
        contact=_TOO_LATE,
        buttons=(Button(label="Switch to {region}", place=Place.SWITCH_REGION), _REPLACE),
    ),
    Code(
        code="CB-203",
        name="Token server does not answer",
        severity=Severity.WARNING,
        text="{inbox} did not answer ({problem}). Your values are saved; it is tried again when it is needed.",
        meaning="The bridge asked for an access token and got no answer, or one that says that the server has "
        "trouble. That tells nothing about your keys.",
        causes=(
            "An outage or maintenance at Sparkcentral.",
            "Your network lets no calls out to public-api.sparkcentral.com, public-api-eu.sparkcentral.com or "
            "platform.hootsuite.com.",
            "“API address” of the channel names a proxy or a simulator that does not run.",
        ),
        checks=(
            "Look at Hootsuite's status page.",
            "On the server of the bridge, run `curl -sI https://public-api-eu.sparkcentral.com`: any answer at all "
            "shows that the way out is open.",
        ),
        repairs=(
            "Wait and press “Test connection” again.",
            "Let the bridge out to the servers above on port 443.",
        ),
        retried="Yes. The present token serves to its end, about an hour; meanwhile a new one is asked for every 15 "
        "seconds. Without one, replies wait and are tried until their time is up.",
        contact="Nothing for as long as a token is there. Without one the answer comes late, or Sparkcentral gives "
        "the conversation to your agents when its own time is over.",
        buttons=(Button(label="Check now", place=Place.TEST_CONNECTION),),
    ),
    Code(
        code="CB-204",
        name="Keys refused while live",
        text="Since {since} replies cannot be sent: keys refused. Each reply is tried until its time is up; replace "
        "the keys.",
        meaning="This account worked, and now Sparkcentral gives no new access token for its keys. It concerns all "
        "channels with the same keys. Events still arrive, and the bot is still asked; only nothing can be sent.",
        causes=(
            "Somebody revoked the keys in Sparkcentral, or generated new ones and deleted these.",
            "The person or the app that the keys belong to was removed.",
            "The keys were changed on the channel's page since the last test.",
        ),
        checks=(
            "API accounts shows since when, and what Sparkcentral says.",
            "In Sparkcentral, Settings › Integrations: is the client ID of the channel still there?",
        ),
        repairs=(
            "Generate a new pair under Settings › Integrations › Generate API Keys, paste it into the channel's page, "
            "and press “Test connection”. Do the same for other channels with the old keys.",
            "Afterwards do again what failed meanwhile: Events, outcome “failed”, or `manage.py replay --since …`. "
            "Conversations that agents have by then are left out.",
        ),
        retried="Yes, each reply every 15 seconds. A minute before Sparkcentral's time is up only the hand-over is "
        "tried; what could not be sent by then has failed.",
        contact=_TOO_LATE,
        buttons=(_REPLACE,),
    ),
    Code(
        code="CB-205",
        name="API keys not saved yet",
        text="Client ID and client secret are not saved yet.",
        meaning="The channel has no complete pair of API keys, so the bridge can't call Sparkcentral.",
        causes=("The channel was added, copied or imported without its keys: a copy and an exported file hold none.",),
        checks=("The first step of the set-up on the channel's page says “To do”.",),
        repairs=(
            "In Sparkcentral, open Settings › Integrations › Generate API Keys. Paste clientId and clientSecret into "
            "the channel's page. Inbox 2.0: client ID and client secret of your developer app.",
        ),
        retried="No. Somebody has to enter them.",
        contact=_TOO_LATE,
        buttons=(Button(label="Enter keys", place=Place.REPLACE_KEYS),),
    ),
    Code(
        code="CB-206",
        name="Wrong API address",
        text="There is no Sparkcentral at this address: {problem}. Is the API address right?",
        meaning="Something answers at the address that the bridge calls for this account, but it is not "
        "Sparkcentral's API; or the address can't be called at all.",
        causes=(
            "“API address” of the channel is filled in, although it is meant to be empty for nearly everybody.",
            "It holds the address of Sparkcentral's pages instead of its API, or a path too many.",
            "A proxy on the way out answers in Sparkcentral's place, e.g. with a log-in page.",
        ),
        checks=("Look at “API address” on the channel's page: it should be empty, and the region chosen.",),
        repairs=(
            "Empty “API address”, choose the region, save, and press “Test connection”.",
            "If you do use a proxy: enter its address without a path, unless the proxy's documentation names one.",
        ),
        retried="Replies that wait are tried again until their time is up. A test is not repeated.",
        contact=_TOO_LATE,
        buttons=(Button(label="Open the settings", place=Place.REPLACE_KEYS),),
    ),
    Code(
        code="CB-207",
        name="Daily calls nearly used up",
        severity=Severity.WARNING,
        text="The API account {account} has used {used} of its {limit} calls of today.",
        meaning="Sparkcentral allows an account a number of calls a day, 100,000 normally, over all channels with the "
        "same keys. Nine tenths are gone. When they are used up, it refuses replies until the next day.",
        causes=(
            "A busy day. A reply is one call on Inbox 2.0, one per message on classic, and one more per file.",
            "A bot that sends many short messages instead of a few longer ones.",
            "Bot and agents, or two bots, keep each other busy; see CB-808.",
            "Another system uses the same keys.",
        ),
        checks=(
            "API accounts shows what is used, as Sparkcentral last said.",
            "Compare with the number of Deliveries of today: if there are far fewer, somebody else uses the keys.",
        ),
        repairs=(
            "Let the bot say in one message what it says in three.",
            "Give other systems keys of their own.",
            "Ask Hootsuite for a higher limit.",
        ),
        retried="Calls go on as long as Sparkcentral takes them. Nothing is saved up for hand-overs.",
        contact="Nothing yet. Once the calls are used up, the bot falls silent, and Sparkcentral gives conversations "
        "to your agents when its own time is over.",
        buttons=(Button(label="API accounts", place=Place.ACCOUNTS),),
    ),
    Code(
        code="CB-208",
        name="Access token refused",
        text="Sparkcentral refuses our access token: {problem}.",
        meaning="A call was answered with 401. The bridge got a fresh token and made the call once more, and that was "
        "refused too.",
        causes=(
            "The keys were revoked a moment ago, and the token server does not know it yet.",
            "Inbox 2.0: the app lost its right to act for the organization.",
            "“API address” leads to a server that does not belong to the keys.",
        ),
        checks=("Press “Test connection” on the channel's page: does Sparkcentral still give a token for the keys?",),
        repairs=(
            "If the test fails, replace the keys; see CB-201.",
            "If it succeeds, ask Hootsuite's support, with the trace id that the delivery shows.",
        ),
        retried="Yes, every 15 seconds until the reply's time is up, because keys may be put right meanwhile.",
        contact=_TOO_LATE,
        buttons=(Button(label="Check now", place=Place.TEST_CONNECTION), _REPLACE),
    ),
    Code(
        code="CB-209",
        name="Permission missing",
        text="The keys are right, but may not do this: {problem}.",
        meaning="Sparkcentral answered 403 with one of its codes 4002 to 4010: it knows the keys, and whoever they "
        "belong to lacks a permission. New keys of the same app or person change nothing.",
        causes=(
            "API access is not part of the plan: it comes with Enterprise and Advanced Inbox.",
            "The developer app was not given access to this organization, or the organization ID is another one's.",
            "The person who made the keys is no admin any more.",
        ),
        checks=(
            "API accounts shows what Sparkcentral says, and the exchange of a reply the whole answer with its trace "
            "id.",
        ),
        repairs=(
            "Let an admin of the organization give the app or the person the permission.",
            "If you can't see which one: ask Hootsuite's developer support, with the trace id.",
        ),
        retried="Yes, every 15 seconds until the reply's time is up, because an admin may give it meanwhile. Tags, "
        "topics, attributes and note are left out first, should only these be forbidden; see CB-611.",
        contact=_TOO_LATE,
        buttons=(Button(label="Check now", place=Place.TEST_CONNECTION), _EXCHANGE),
    ),
)
