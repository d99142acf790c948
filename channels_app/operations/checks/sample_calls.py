"""Send ourselves a test: a signed event to our own public address, as the inbox would send it."""

import uuid
from dataclasses import dataclass

from django.conf import settings

from channels_app.adapters.inboxes import inbox_class
from channels_app.adapters.inboxes.samples import sample_event
from channels_app.adapters.inboxes.signing import secret_bytes
from channels_app.adapters.settings import signature
from channels_app.channels import links
from channels_app.codes import describe
from channels_app.lib import jsons
from channels_app.lib.http.addresses import AllowList, Target, public_url_problem
from channels_app.lib.http.session import Answer, ApiSession
from channels_app.models import Channel
from channels_app.protocol import EventType, InboxChannelRef
from channels_app.protocol.errors import BridgeError, ConfigError, Effect, TemporaryError

PLATFORM_TIMEOUT_S = 10.0  # how long the platform waits for our answer
MAX_ANSWER_BYTES = 100_000
TEXT = "Hello, this is a test."
HONESTY = (
    "This proves our side: address, signature check, clock and database. It can't prove that the secret saved here "
    "matches Sparkcentral's: for that, start a real conversation there."
)
AFTERWARDS = (
    "The bot is called as for a real event. Sparkcentral does not know this conversation and refuses the reply "
    "(404), as expected."
)
CODES_OF_STATUS = {400: "CB-406", 401: "CB-305", 404: "CB-404", 410: "CB-804", 413: "CB-407"}
"""Whose pages help on; any other answer came from something in front of the bridge."""
MEANINGS = {
    400: "It could not read the event. If a proxy answered: is the host name among ALLOWED_HOSTS?",
    401: "It refused the signature or the time: it has a different shared secret (another database?), or its clock "
    "is wrong.",
    404: "There is no such channel: another bridge answers there, or a proxy that doesn't forward /webhooks/.",
    410: "The channel is archived: restore it first.",
    413: "A proxy in front refuses even this small body.",
    429: "A proxy in front limits requests: let /webhooks/ pass.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One event that we send ourselves, before it leaves."""

    url: str
    conversation_id: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleAnswer:
    """What our own address said to it."""

    status: int
    took_ms: int
    meaning: str = ""
    """What is wrong; empty when it was accepted."""
    code: str = ""
    """The catalogue's, for what is wrong."""


def make_sample(
    channel: Channel,
    *,
    kind: EventType = EventType.MESSAGE_RECEIVED,
    text: str = TEXT,
    conversation_id: str = "",
    base: str = "",
) -> Sample:
    """An event in a new conversation, or in one that is named, to the channel's address, or to it at another base.

    Raises ConfigError when the address can't be called.
    """
    url = links.webhook_url(channel.uuid)
    if base:
        url = base.rstrip("/") + url.removeprefix(settings.PUBLIC_BASE_URL)
    if problem := public_url_problem(url):
        raise ConfigError(problem)
    conversation_id = conversation_id or f"test-{uuid.uuid4()}"
    body = sample_event(kind, conversation_id, text=text, inbox_channel=_enabled_inbox_channel(channel))
    return Sample(url=url, conversation_id=conversation_id, body=body)


def _enabled_inbox_channel(channel: Channel) -> InboxChannelRef | None:
    """One on which the bot answers; elsewhere the test would go to humans."""
    row = channel.inbox_channels.filter(is_enabled=True).first()
    return InboxChannelRef(external_id=row.external_id, name=row.name) if row else None


def send_sample(channel: Channel, sample: Sample) -> SampleAnswer:
    """Sign and post it. Raises ConfigError without a secret, TemporaryError without an answer."""
    key = secret_bytes(channel.shared_secret)
    if not key:
        raise ConfigError(f"No shared secret is saved for “{channel}” yet, so nothing could be signed.")
    # Our own address may well be internal, and is configured by the bridge's operator.
    allowed = AllowList.parse([Target.parse(sample.url).host])
    api = ApiSession(timeout_s=PLATFORM_TIMEOUT_S, max_bytes=MAX_ANSWER_BYTES, allow_private=allowed)
    header = inbox_class(channel.inbox).signature_header
    headers = {"Content-Type": "application/json", header: signature(sample.body, key)}
    try:
        answer = api.call("POST", sample.url, data=sample.body, headers=headers)
    except TemporaryError as error:
        raise TemporaryError(describe("CB-102", problem=error.detail.rstrip(".")), effect=Effect.NONE) from None
    if answer.status == 200:
        return SampleAnswer(status=answer.status, took_ms=answer.took_ms)
    code = CODES_OF_STATUS.get(answer.status, "CB-102")
    return SampleAnswer(status=answer.status, took_ms=answer.took_ms, meaning=_meaning_of(answer), code=code)


def _meaning_of(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        meaning = "It redirects, and platforms don't follow: PUBLIC_BASE_URL must be the final address."
    elif answer.status >= 500:
        meaning = "It failed; after three more tries Sparkcentral would give this conversation to your agents."
    else:
        meaning = MEANINGS.get(answer.status, "That is not this bridge's answer.")
    try:
        said = jsons.read_object(answer.body).get("detail")
    except BridgeError:
        said = None
    return f"{meaning} It says: {said}" if isinstance(said, str) else meaning
