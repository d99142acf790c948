"""`manage.py send_test_event CHANNEL`: an event as the inbox would send it, to the channel's own address."""

import uuid
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from channels_app import jsons, links
from channels_app.adapters import signature
from channels_app.addresses import AllowList, Target, public_url_problem
from channels_app.errors import BridgeError, ConfigError, PayloadError, TemporaryError
from channels_app.http import Answer, ApiSession
from channels_app.inboxes import inbox_class
from channels_app.inboxes.samples import sample_event
from channels_app.inboxes.signing import secret_bytes
from channels_app.models import Channel
from channels_app.protocol import EventType, InboxChannelRef

TYPES = {
    "started": EventType.CONVERSATION_STARTED,
    "delegated": EventType.CONVERSATION_DELEGATED,
    "message": EventType.MESSAGE_RECEIVED,
}
PLATFORM_TIMEOUT_S = 10.0  # so long the platform waits for our answer
MAX_ANSWER_BYTES = 100_000
HONESTY = (
    "This proves our side: address, signature check, clock and database. It can't prove that the secret saved here "
    "is the one in Sparkcentral: for that, let a real conversation begin there."
)
AFTERWARDS = (
    "The bot is asked as for a real event. Sparkcentral does not know this conversation and refuses the reply (404): "
    "that is expected."
)
MEANINGS = {
    400: "It could not read the event. If a proxy answered: is the host name among ALLOWED_HOSTS?",
    401: "It refused the signature or the time: it holds another shared secret (another database?), or its clock is "
    "wrong.",
    404: "There is no such channel: another bridge answers there, or a proxy that doesn't pass /webhooks/ on.",
    413: "A proxy in front refuses even this small body.",
    429: "A proxy in front limits requests: let /webhooks/ pass.",
}


class Command(BaseCommand):
    help = "Posts a signed event to a channel's webhook URL, as the inbox would, and says what the answer means."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("channel", metavar="CHANNEL", help="the channel's name")
        parser.add_argument("--type", choices=TYPES, default="message", help="default: message")
        parser.add_argument("--text", default="Hello, this is a test.", help="what the contact writes, for a message")
        parser.add_argument("--conversation", metavar="ID", help="default: a new conversation")
        parser.add_argument(
            "--url", metavar="BASE", help="another base than PUBLIC_BASE_URL, e.g. http://127.0.0.1:8000"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        channel = find_channel(options["channel"])
        url = target_url(channel, options["url"])
        conversation_id = options["conversation"] or f"test-{uuid.uuid4()}"
        inbox_channel = enabled_inbox_channel(channel)
        body = sample_event(TYPES[options["type"]], conversation_id, text=options["text"], inbox_channel=inbox_channel)
        self.stdout.write(f"POST {url}\nconversation {conversation_id}")
        answer = post(url, body, channel)
        self.stdout.write(f"{answer.status} in {answer.took_ms} ms")
        if answer.status != 200:
            raise CommandError(refusal(answer))
        self.stdout.write(f"The event was accepted. {HONESTY}\n{AFTERWARDS}")


def find_channel(name: str) -> Channel:
    channel = Channel.objects.filter(name=name).first()
    if channel is None:
        names = ", ".join(f"“{known}”" for known in Channel.objects.values_list("name", flat=True))
        raise CommandError(f"There is no channel “{name}”. There are: {names or 'none yet'}.")
    return channel


def target_url(channel: Channel, base: str | None) -> str:
    url = links.webhook_url(channel.uuid)
    if base:
        url = base.rstrip("/") + url.removeprefix(settings.PUBLIC_BASE_URL)
    if problem := public_url_problem(url):
        raise CommandError(f"{problem} Give --url a base such as http://127.0.0.1:8000.")
    return url


def enabled_inbox_channel(channel: Channel) -> InboxChannelRef | None:
    """One on which the bot answers; elsewhere the test would go to humans."""
    row = channel.inbox_channels.filter(is_enabled=True).first()
    return InboxChannelRef(external_id=row.external_id, name=row.name) if row else None


def post(url: str, body: bytes, channel: Channel) -> Answer:
    header = inbox_class(channel.inbox).signature_header
    try:
        key = secret_bytes(channel.shared_secret)
        if not key:
            raise CommandError(f"No shared secret is saved for “{channel.name}” yet, so nothing could be signed.")
        # Our own address may well be internal, and is named by whoever operates the bridge.
        allowed = AllowList.parse([Target.parse(url).host])
        api = ApiSession(timeout_s=PLATFORM_TIMEOUT_S, max_bytes=MAX_ANSWER_BYTES, allow_private=allowed)
        headers = {"Content-Type": "application/json", header: signature(body, key)}
        return api.call("POST", url, data=body, headers=headers)
    except TemporaryError as error:
        raise CommandError(
            f"Nothing answers there: {error.detail} Does the web process run, and does PUBLIC_BASE_URL lead to it? "
            f"The platform gives up after {PLATFORM_TIMEOUT_S:.0f} seconds too."
        ) from None
    except (ConfigError, PayloadError) as error:
        raise CommandError(error.detail) from None


def refusal(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        meaning = "It sends callers elsewhere, and platforms don't follow: PUBLIC_BASE_URL must be the final address."
    elif answer.status >= 500:
        meaning = "It failed; after three more tries Sparkcentral would give this conversation to your agents."
    else:
        meaning = MEANINGS.get(answer.status, "That is not the answer of this bridge.")
    try:
        said = jsons.read_object(answer.body).get("detail")
    except BridgeError:
        said = None
    return f"{meaning} It says: {said}" if isinstance(said, str) else meaning
