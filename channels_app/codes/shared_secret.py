"""CB-301 to CB-309, CB-314, CB-315: the shared secret, with which Sparkcentral signs what it sends."""

from channels_app.codes.words import (
    NOTHING_NOTICED,
    REFUSED_EVENT,
    REFUSED_IS_NOT_REPEATED,
    Button,
    Code,
    Place,
    Severity,
)

_WHERE = (
    "Sparkcentral shows it with the virtual agent. Classic: Users tab › Add Virtual Agent. Inbox 2.0: Admin settings "
    "› Virtual agents › Custom virtual agents › Edit."
)
_PASTE = "Copy the shared secret there, paste it into “Shared secret” on the channel's page, and save."
_NOT_SAVED = "Nothing: the value was not saved, and what was saved before still counts."
_FIELD = Button(label="Paste again", place=Place.SHARED_SECRET)
_NO_REPETITION = "No. The value was refused before it was saved."

TITLE = "Shared secret and other values that you paste"
CODES = (
    Code(
        code="CB-301",
        name="Shared secret is not hexadecimal",
        text="A Sparkcentral shared secret has only 0-9 and a-f. This one contains '{letter}'. Did you copy the "
        "clientSecret?",
        meaning="A shared secret is a number in hexadecimal: the digits 0 to 9 and the letters a to f, capital or "
        "small. With any other character in it, it can't be the shared secret.",
        causes=(
            "It is the clientSecret of the API keys, which may hold any letter.",
            "It was copied together with a label, a quotation mark or a dash.",
        ),
        checks=(_WHERE,),
        repairs=(_PASTE,),
        retried=_NO_REPETITION,
        contact=_NOT_SAVED,
        buttons=(_FIELD,),
    ),
    Code(
        code="CB-302",
        name="Another value in place of the shared secret",
        text="This is {what}. The {field} is in {place}.",
        meaning="What was pasted is a value that belongs elsewhere: one of this channel's API keys, or an address.",
        causes=(
            "Client ID, client secret and shared secret come from two screens of Sparkcentral and look alike.",
            "The clipboard still held the webhook URL of the step before.",
        ),
        checks=(_WHERE,),
        repairs=(_PASTE,),
        retried=_NO_REPETITION,
        contact=_NOT_SAVED,
        buttons=(_FIELD,),
    ),
    Code(
        code="CB-303",
        name="Spaces removed",
        severity=Severity.INFO,
        text="We removed spaces around the value of {fields}.",
        meaning="The pasted value had a space or a line break before or behind it. No key and no secret has one "
        "there, so it was saved without.",
        retried="There is nothing to try again.",
        contact=NOTHING_NOTICED,
    ),
    Code(
        code="CB-304",
        name="No shared secret saved",
        text="{events} refused: no shared secret saved yet.",
        meaning="Sparkcentral signs each event with the shared secret of the virtual agent. Without that secret the "
        "bridge can't tell a real event from a forged one, so it refuses all. That Sparkcentral already calls is good "
        "news: the webhook URL is right.",
        causes=(
            "The set-up is not finished: the URL is pasted there, the secret not yet here.",
            "The saved secret was removed, or the channel is a copy: a copy has no secrets.",
        ),
        checks=("The step “Paste the shared secret” on the channel's page says what is saved, and since when.",),
        repairs=(f"{_WHERE} {_PASTE}",),
        retried=REFUSED_IS_NOT_REPEATED,
        contact=REFUSED_EVENT,
        buttons=(Button(label="Paste the shared secret", place=Place.SHARED_SECRET),),
    ),
    Code(
        code="CB-305",
        name="Signature does not match",
        text="{events} refused, the last at {last}: signature does not match. Usual causes: secret of another virtual "
        "agent; a proxy changes the body; secret was regenerated.",
        meaning="The request carries a signature, but it was not made with the shared secret that is saved here over "
        "the body that arrived here.",
        causes=(
            "The secret is that of another virtual agent. Each has its own.",
            "The secret was generated anew in Sparkcentral after it was pasted here.",
            "A proxy or firewall in front of the bridge changes bodies, e.g. it reformats JSON or re-encodes text.",
            "The virtual agent's webhook URL is that of another channel of this bridge.",
            "Somebody guesses. Then the requests come from a network that is not Sparkcentral's.",
        ),
        checks=(
            "Edit the virtual agent (classic: Users tab; Inbox 2.0: Admin settings › Virtual agents › Custom virtual "
            "agents): is its webhook URL exactly that of this channel's page?",
            "Compare the end of the secret that Sparkcentral shows with “ends in …” on the channel's page.",
            "Run `manage.py send_test_event`. If it is accepted although real events are not, the proxy changes "
            "nothing, and the secret is the wrong one.",
        ),
        repairs=(
            f"{_PASTE} While both secrets are in use, rotate it instead, so that no event is lost.",
            "Let the proxy pass the bodies of `/webhooks/` unchanged.",
        ),
        retried=REFUSED_IS_NOT_REPEATED,
        contact=REFUSED_EVENT,
        buttons=(_FIELD, Button(label="Compare", place=Place.ROTATE_SECRET)),
    ),
    Code(
        code="CB-306",
        name="Request without a signature",
        severity=Severity.INFO,
        text="{events} ignored, the last at {last}: without a Sparkcentral signature.",
        meaning="Somebody posted to the webhook URL without the signature header that Sparkcentral always sends "
        "(`X-Sparkcentral-Signature` on classic, `X-Hootsuite-Signature` on Inbox 2.0).",
        causes=(
            "A scanner or a person tried the address. That happens to every public address.",
            "The channel is set to the other generation of the inbox, whose header has the other name.",
            "A proxy removes headers that it does not know.",
        ),
        checks=(
            "If real events arrive as well, somebody else posted. If none arrive, look at the inbox that the channel "
            "is set to: classic or Inbox 2.0?",
        ),
        repairs=(
            "For strangers: nothing.",
            "Choose the right inbox on the channel's page, or let the proxy pass all headers.",
        ),
        retried=REFUSED_IS_NOT_REPEATED,
        contact="The contact notices nothing when a stranger posted. If it was Sparkcentral, your agents get the "
        "conversation.",
        buttons=(Button(label="Refused requests", place=Place.REFUSALS),),
    ),
    Code(
        code="CB-307",
        name="Old secret still in use",
        severity=Severity.WARNING,
        text="Sparkcentral still signs with the old secret ({count} since the rotation). It stops working in {left}.",
        meaning="The shared secret was rotated here, and both the old and the new one are accepted for a while. So "
        "far only the old one is seen.",
        causes=(
            "The new secret is saved here, but the virtual agent in Sparkcentral still has the old one.",
            "There are two virtual agents with this webhook URL, and only one was changed.",
        ),
        checks=("The rotation on the channel's page counts the events by secret, with the time of the latest.",),
        repairs=(
            "Save the virtual agent in Sparkcentral with its new secret, and send a test message.",
            "If you need more time, extend the old one.",
        ),
        retried="There is nothing to try again. Events with either secret are accepted until the old one ends.",
        contact=NOTHING_NOTICED,
        buttons=(Button(label="Extend 24 h", place=Place.ROTATE_SECRET),),
    ),
    Code(
        code="CB-308",
        name="Signed with the old secret",
        text="{events} refused, the last at {last}: signed with the old shared secret, which has ended.",
        meaning="The signature is right, but made with the secret from before the rotation, whose time is over.",
        causes=("The virtual agent in Sparkcentral was never given the new secret, or one of two was forgotten.",),
        checks=("See CB-307: the rotation on the channel's page counts the events by secret.",),
        repairs=(
            "Extend the old secret, so that contacts get their answers again.",
            "Then save the new secret with the virtual agent in Sparkcentral, and wait until only the new one is "
            "seen.",
        ),
        retried=REFUSED_IS_NOT_REPEATED,
        contact=REFUSED_EVENT,
        buttons=(Button(label="Extend 24 h", place=Place.ROTATE_SECRET),),
    ),
    Code(
        code="CB-309",
        name="Shared secret not complete",
        text="A shared secret has an even number of characters, at least {least}. This one has {count}: copy it "
        "again, from its first to its last character.",
        meaning="Two hexadecimal characters make a byte, so a complete secret has an even number of them. A shorter "
        "one than this could be guessed, and is certainly cut off.",
        causes=("The first or the last character was missed when it was marked with the mouse.",),
        checks=(_WHERE,),
        repairs=("Double-click the value there, or use its copy button, and paste it again.",),
        retried=_NO_REPETITION,
        contact=_NOT_SAVED,
        buttons=(_FIELD,),
    ),
    Code(
        code="CB-314",
        name="Signed by Inbox 2.0",
        text="{events} refused, the last at {last}: this channel is set to Sparkcentral classic, but the event is "
        "signed by Inbox 2.0.",
        meaning="The request has no signature of Sparkcentral classic (`X-Sparkcentral-Signature`), but one of "
        "Hootsuite Inbox 2.0 (`X-Hootsuite-Signature`). The two differ in their addresses and keys too, so answers "
        "would not arrive either.",
        causes=("The virtual agent was made in Inbox 2.0, and the channel here is set to Sparkcentral.",),
        checks=("Where did you add the virtual agent: at app.sparkcentral.com, or in Hootsuite?",),
        repairs=("Set the channel to Hootsuite Inbox 2.0, with the keys of your developer app.",),
        retried=REFUSED_IS_NOT_REPEATED,
        contact=REFUSED_EVENT,
        buttons=(Button(label="Replace keys", place=Place.REPLACE_KEYS),),
    ),
    Code(
        code="CB-315",
        name="Signed by Sparkcentral classic",
        text="{events} refused, the last at {last}: this channel is set to Inbox 2.0, but the event is signed by "
        "Sparkcentral classic.",
        meaning="The request has no signature of Hootsuite Inbox 2.0 (`X-Hootsuite-Signature`), but one of "
        "Sparkcentral classic (`X-Sparkcentral-Signature`). The two differ in their addresses and keys too, so "
        "answers would not arrive either.",
        causes=("The virtual agent was made in Sparkcentral classic, and the channel here is set to Inbox 2.0.",),
        checks=("Where did you add the virtual agent: at app.sparkcentral.com, or in Hootsuite?",),
        repairs=("Set the channel to Sparkcentral, with the keys from Settings › Integrations.",),
        retried=REFUSED_IS_NOT_REPEATED,
        contact=REFUSED_EVENT,
        buttons=(Button(label="Replace keys", place=Place.REPLACE_KEYS),),
    ),
)
