"""An installation in which every secret, and every word of a contact or a bot, is a text that stands nowhere else."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.utils import timezone

from channels_app.access.audit import Actor
from channels_app.access.changes import ENCRYPTED
from channels_app.access.tokens import make_token
from channels_app.adapters.inboxes.tokens import Token
from channels_app.channels.credentials import TokenRow
from channels_app.conversations.refusals import count_refusal
from channels_app.models import (
    ApiToken,
    Bot,
    BulkRetry,
    Channel,
    Conversation,
    Credential,
    Delivery,
    DeliveryState,
    Exchange,
    FailureGroup,
    IntakeCount,
    KeyCheck,
    Outcome,
    SettingsModel,
    WebhookEvent,
    WorkerSlot,
)
from channels_app.operations.failures.grouping import SETTLED, gather_failures
from channels_app.operations.interventions import hand_over_now, speak_as_bot
from offload.models import Offload, OffloadProvider
from tests.builders import TOKEN, make_bot
from tests.conftest import Walker
from tests.counting import count_newest
from tests.world import World, answer

OLD_SECRET, WRITE_BACK_SECRET = "0ddba11c" * 8, "5eafa23e" * 8
VERIFY_TOKEN, SIGNING_SECRET = "verify-kept-by-the-provider", "signing-kept-by-the-bot"
CHATLAYER_TOKEN, CHATLAYER_VERIFY = "access-kept-by-chatlayer", "verify-kept-by-chatlayer"
CACHED_TOKEN = "access-token-of-the-account"
PASSWORD = "correct-horse-battery-staple"
SENT_SECRETS = ("bearer-in-a-bots-answer", "token-in-an-event")
"""Secrets that others put into bodies, by names that say so."""
NAME, NUMBER = "Qvortrup Zimmerfrau", "+4915112348765"
WORDS = (
    *(NAME, NUMBER, "zebrafinch", "okapi-4711", "kolibri", "narwhal", "walross", "pangolin", "leguan", "nachtigall"),
    *(
        "rotkehlchen",
        "haubentaucher",
        "gelbbauch",
        "murmeltier",
        "9041-77",
        "siebenschlaefer",
        "waschbaer",
        "dompfaff",
    ),
)
"""What contacts, bots and agents said; each through a field of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """`rows`: what an address can name by an id, by the name of its kind; `doors`: by a UUID."""

    secrets: frozenset[str]
    rows: dict[str, list[Any]]
    doors: dict[str, Any]


def build(walker: Walker, world: World) -> Installation:
    """Lives a little: messages, replies, failures, handovers, rotations; then names what there is."""
    channel = _with_secrets(walker.channel)
    token = ApiToken(name="nightly", user=_person(), expires_at=timezone.now() + timedelta(days=9))
    clear_token = make_token(token, Actor(name="ann", via="admin"))
    make_bot("chatlayer", access_token=CHATLAYER_TOKEN, verify_token=CHATLAYER_VERIFY)
    _talk(walker, world)
    now = timezone.now()
    account = TokenRow(Credential.objects.get().account_key)
    account.save(Token(CACHED_TOKEN, now + timedelta(hours=1), now + timedelta(hours=1)))
    talk = walker.conversation()
    lost = talk.events.filter(type="message_received").latest("id")
    WebhookEvent.objects.filter(pk=lost.pk).update(outcome=Outcome.DEAD)
    Delivery.objects.filter(conversation=talk).update(state=DeliveryState.FAILED)
    count_refusal("inbox", channel.uuid, "bad_signature")
    beat = {"started_at": now, "beat_at": now}
    worker = WorkerSlot.objects.create(name="w1", host="h", pid=1, kind="worker", version="1", **beat)
    Exchange.objects.update(started_at=now - 2 * SETTLED)
    gather_failures()
    count_newest(now, 20 * SETTLED)
    bulk = BulkRetry.objects.create(channel=channel, planned_by="ann", planned_at=now)
    kinds: list[tuple[str, Iterable[Any]]] = [
        ("channel channels", [channel]),
        ("bot bots", Bot.objects.all()),
        ("conversation conversations", Conversation.objects.all()),
        ("webhookevent event events", WebhookEvent.objects.all()),
        ("exchange exchanges", Exchange.objects.all()),
        ("delivery deliveries", Delivery.objects.all()),
        ("bulk bulk-retries", [bulk]),
        ("failures", FailureGroup.objects.all()),
        ("offload", Offload.objects.all()),
        ("apitoken", [token]),
        ("user", [token.user]),
        ("group", Group.objects.filter(name="Viewer")),
        ("credential", Credential.objects.all()),
        ("workerslot", [worker]),
        ("intakecount", IntakeCount.objects.all()),
    ]
    rows = {name: list(found) for names, found in kinds for name in names.split()}
    provider = OffloadProvider.objects.get()
    doors = {"inbox": channel, "bot": channel.bot, "offload": provider, "write-back": provider}
    secrets = frozenset({*_saved_secrets(), clear_token, token.digest, *SENT_SECRETS})
    return Installation(secrets=secrets, rows=rows, doors=doors)


def _with_secrets(channel: Channel) -> Channel:
    bot = channel.bot
    assert bot is not None
    bot.put_settings({**bot.clear_settings(), "signing_secret": SIGNING_SECRET})
    bot.save()
    channel.old_secret, channel.old_secret_until = OLD_SECRET, timezone.now() + timedelta(hours=1)
    channel.old_uuid, channel.old_uuid_until = bot.uuid, timezone.now() + timedelta(hours=1)
    channel.save()
    provider = OffloadProvider(channel=channel)
    provider.verify_token, provider.write_back_secret = VERIFY_TOKEN, WRITE_BACK_SECRET
    provider.save()
    return channel


def _person() -> User:
    return User.objects.create_user("ann", password=PASSWORD, is_staff=True)


def _talk(walker: Walker, world: World) -> None:
    contact = {"id": "contact-1", "primaryIdentifier": NAME, "secondaryIdentifier": NUMBER, "vip": True}
    attributes = [{"attribute": "company", "value": "walross", "source": "AGENT"}]
    data = {"contactProfile": contact, "contactAttributes": attributes, "verifyToken": SENT_SECRETS[1]}
    walker.starts(data={**data, "channel": {"id": "inbox-channel-1", "name": "Demo"}})
    reply = {
        "messages": [{"text": "kolibri", "options": [{"title": "leguan", "payload": {"code": "9041-77"}}]}],
        "attributes": {"status": "murmeltier"},
        "note": "rotkehlchen",
        "topics": ["haubentaucher"],
        "access_token": SENT_SECRETS[0],
    }
    world.bot.replies = [reply]
    message = {"messageId": "m1", "text": "zebrafinch", "payload": "okapi-4711"}
    walker.says("zebrafinch", data=data | {"message": message, "conversationTopics": ["dompfaff"]})
    echo = {"error": "narwhal", "code": "siebenschlaefer", "hint": f"the key {TOKEN} is wrong"}
    world.bot.replies = [answer(500, echo)] * 2
    walker.says("pangolin", data=data)
    world.inbox.faults = [answer(400, {"errors": [{"code": 1004, "message": "“rotkehlchen” is too long", "id": "t"}]})]
    world.bot.replies = [{"offload": {"reason": "nachtigall", "payload": {"status": "gelbbauch"}}}]
    walker.delegates(data=data)
    walker.delegates("0-conv-2", data=data)
    other, ann = walker.conversation("0-conv-2"), Actor(name="ann", via="operations")
    speak_as_bot(other, "waschbaer", ann)
    hand_over_now(other, ann, "because")
    walker.work()


def _saved_secrets() -> set[str]:
    """All that is encrypted, in clear, found by how such columns and settings are called; each has to be filled."""
    found, empty = set[str](), list[str]()
    for model in set(apps.get_models()) - {KeyCheck}:  # what that holds stands in the source
        names = [field.name for field in model._meta.concrete_fields if field.name.endswith(ENCRYPTED)]
        for name in names:
            values = [_in_clear(row, name) for row in model._default_manager.exclude(**{name: ""})]
            found |= set(values)
            empty += [] if values else [f"{model._meta.label}.{name}"]
        if issubclass(model, SettingsModel):
            for row in model._default_manager.all():
                secrets = {name: row.clear_settings().get(name) for name in row.secret_names()}
                found |= {str(value) for value in secrets.values() if value}
                empty += [f"{row}: {name}" for name, value in secrets.items() if not value]
    assert not empty, f"this installation has no secret there: {empty}"
    return found | {user.password for user in User.objects.all() if user.has_usable_password()}


def _in_clear(row: Any, name: str) -> str:
    if isinstance(row, Credential):
        return CACHED_TOKEN
    return str(getattr(row, name.removesuffix(ENCRYPTED)))
