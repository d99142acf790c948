"""One bot on several channels: choice, intent and wish for a human go by the channel of the conversation."""

import json
from typing import Any

import pytest
from django.test import Client

from channels_app.models import Bot, Channel
from channels_app.operations.checks.facts import facts_of
from channels_app.operations.checks.repairs import find_repairs
from offload.models import OffloadProvider
from tests.builders import make_bot, make_channel
from tests.channels_app.test_bot_callbacks import calls_back
from tests.conftest import Walker
from tests.offload.test_views import CLOSED_ALL_WEEK, TOKEN, asks, url
from tests.world import World

PLACES = ("0-first", "0-second", "0-third")
QUICK = {"text": "Which?", "quick_replies": [{"content_type": "text", "title": "Parcel", "payload": "p-1"}]}


@pytest.fixture
def bot(db: None) -> Bot:
    return make_bot("chatlayer")


@pytest.fixture
def walkers(client: Client, world: World, bot: Bot) -> list[Walker]:
    """Two inboxes of the newer kind and one of the older."""
    kinds: list[dict[str, Any]] = [
        {"intent_topics": [{"intent": "parcel", "topic": "First"}], "delegation_dialog": "3050"},
        {"intent_topics": [{"intent": "parcel", "topic": "Second"}], "delegation_dialog": "dialog-b"},
        {"inbox": "sparkcentral"},
    ]
    return [Walker(client, make_channel(**{"bot": bot, **kind})) for kind in kinds]


def providers_of(walkers: list[Walker]) -> list[OffloadProvider]:
    """Chatlayer has one address for the bot: the first one's. The second one's agents are gone."""
    found = [OffloadProvider(channel=walker.channel) for walker in walkers]
    found[1].opening_hours = CLOSED_ALL_WEEK
    for provider in found:
        provider.verify_token = TOKEN
        provider.save()
    return found


def test_a_shared_bot_answers_on_all_its_channels_at_once(walkers: list[Walker], world: World) -> None:
    for walker, place in zip(walkers, PLACES, strict=True):
        walker.says("Hello", place)
    for walker, place in zip(walkers, PLACES, strict=True):
        calls_back(walker, QUICK, 1, place, nlp={"intent": {"name": "parcel"}})
        walker.work()
    topics = [body.get("applyTopics") for _, body in world.inbox.calls]
    assert topics == [["First"], ["Second"], None]
    for walker, place in reversed(list(zip(walkers, PLACES, strict=True))):
        walker.says("1", place)
        received = world.chatlayer.received[-1]
        assert received["conversationId"] == str(walker.conversation(place).session_id)
        assert received["message"] == {"textMessage": {"text": "p-1"}}


def test_its_one_offload_address_serves_each_channel_by_its_own_hours(walkers: list[Walker], world: World) -> None:
    providers = providers_of(walkers)
    for walker, place in zip(walkers, PLACES, strict=True):
        walker.says("agent", place)
        session = str(walker.conversation(place).session_id)
        taken = asks(walker, providers[0], sessionId=session, payload={"topics": [place]}).json()
        assert taken["offloadSuccess"] is (place != PLACES[1])
        walker.work()
    assert [world.inbox.completions(place) for place in PLACES] == [["HANDOVER"], [], ["HANDOVER"]]


@pytest.mark.parametrize(("at", "dialog"), [(0, 3050), (1, "dialog-b")])
def test_a_delegation_begins_with_the_channels_own_dialog(
    walkers: list[Walker], world: World, at: int, dialog: int | str
) -> None:
    walkers[at].delegates()
    [received] = world.chatlayer.received
    assert received["message"] == {
        "postbackMessage": {"title": "", "nextDialogstateId": dialog, "sessionDataToSet": []}
    }


@pytest.mark.parametrize("greeting", ["with_first_message", "never", "always"])
def test_without_a_dialog_a_delegation_is_silent_unless_a_greeting_is_wanted(
    walkers: list[Walker], world: World, greeting: str
) -> None:
    walker = walkers[2]
    walker.channel.greeting = greeting
    walker.channel.save()
    walker.delegates()
    told = [received["message"] for received in world.chatlayer.received]
    assert told == ([{"introMessage": {}}] if greeting == "always" else [])
    assert walker.conversation().owner == "bot"
    walker.says("Hello?", after_s=1)
    assert world.chatlayer.received[-1]["message"] == {"textMessage": {"text": "Hello?"}}
    if greeting != "always":
        assert walker.outcomes() == ["silent", None]


# --- a draft ---


def codes_of(channel: Channel) -> list[str]:
    return [str(repair.code) for repair in find_repairs(facts_of(Channel.objects.get(pk=channel.pk)))]


@pytest.mark.parametrize("event", ["offload", "messages"])
@pytest.mark.parametrize(("version", "warned"), [("DRAFT", ["CB-523"]), ("LIVE", []), (None, [])])
def test_a_draft_on_a_live_channel_warns_there(
    walkers: list[Walker], admin_client: Client, version: Any, warned: list[str], event: str
) -> None:
    providers = providers_of(walkers)
    test_channel, live = walkers[0], walkers[2]
    live.says("Hello", PLACES[2])
    calls_back(live, {"text": "Hi"}, 1, PLACES[2])
    live.work()
    for walker, place in ((test_channel, PLACES[0]), (live, PLACES[2])):
        walker.says("agent", place)
        session = str(walker.conversation(place).session_id)
        answer = asks(walker, providers[0], sessionId=session, version=version, event=event)
        assert answer.status_code == 200 and answer.json().get("offloadSuccess", True)
    assert codes_of(live.channel) == warned
    assert codes_of(test_channel.channel) == []  # it never was live: drafts are tested there
    page = admin_client.get(f"/admin/channels_app/channel/{live.channel.pk}/change/").content.decode()
    assert ("CB-523" in page) == bool(warned)


def test_a_request_with_a_wrong_token_warns_of_nothing(walkers: list[Walker]) -> None:
    [provider, *_] = providers_of(walkers)
    body = json.dumps({"event": "offload", "version": "DRAFT", "sessionId": "x" * 36})
    answer = walkers[0].client.post(url(provider, "wrong"), body, content_type="application/json")
    assert answer.status_code == 401
    assert codes_of(walkers[0].channel) == ["CB-504"]


# --- limits ---


def test_what_the_platform_tells_of_its_limits_is_on_the_bots_page(
    walkers: list[Walker], world: World, admin_client: Client, bot: Bot
) -> None:
    page = f"/admin/channels_app/bot/{bot.pk}/change/"
    walkers[2].says("Hello", PLACES[2])
    assert "told of its limits" not in admin_client.get(page).content.decode()
    world.chatlayer.headers = {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "7", "x-request-id": "r1"}
    walkers[0].says("Hello", PLACES[0])
    world.chatlayer.headers = {}
    walkers[2].says("Hello again", PLACES[2])
    text = admin_client.get(page).content.decode()
    assert "X-Ratelimit-Limit: 100, X-Ratelimit-Remaining: 7" in text
    assert "X-Request-Id" not in text


# --- press a button ---


@pytest.mark.parametrize(
    ("payloads_as", "payload", "said", "form"),
    [
        ("text", "p-1", "1", "the payload as text"),
        ("text", "p-1", "Parcel", "the payload as text"),
        ("postback", "p-1", "1", "a postback with the payload"),
        ("title", "p-1", "Parcel", "the button&#x27;s title as text"),
        ("text", '{"nextDialogstateId": "state-1"}', "Parcel", "a postback to its dialog"),
    ],
)
def test_the_bots_page_asks_for_a_press_and_shows_what_came_of_it(
    client: Client, world: World, admin_client: Client, payloads_as: str, payload: str, said: str, form: str
) -> None:
    bot = make_bot("chatlayer", payloads_as=payloads_as)
    walker, page = Walker(client, make_channel(bot=bot)), f"/admin/channels_app/bot/{bot.pk}/change/"
    walker.says("menu")
    quick = {"content_type": "text", "title": "Parcel", "payload": payload}
    calls_back(walker, {"text": "Which?", "quick_replies": [quick]}, 1)
    walker.work()
    channel_page = admin_client.get(f"/admin/channels_app/channel/{walker.channel.pk}/change/").content.decode()
    assert "buttons once: the bot" in channel_page
    assert "buttons once, in a real conversation" in admin_client.get(page).content.decode()
    walker.says(said, after_s=1)
    text = admin_client.get(page).content.decode()
    assert f">{form}</a>; no answer yet." in text
    calls_back(walker, {"text": "Your parcel …"}, 2, nlp={"intent": {"name": "parcel", "score": 1}})
    walker.work()
    walker.says("thanks", after_s=2)
    text = admin_client.get(page).content.decode()
    assert f">{form}</a>; answered with another event. The bot understood: “parcel” (100%)." in text
    assert "How button payloads are sent back" in text


def test_a_bot_whose_payloads_are_ours_asks_for_no_press(client: Client, world: World, admin_client: Client) -> None:
    walker = Walker(client, make_channel())
    walker.says("Hello")
    assert walker.channel.bot is not None
    for page in (f"bot/{walker.channel.bot.pk}", f"channel/{walker.channel.pk}"):
        assert "buttons once: the bot" not in admin_client.get(f"/admin/channels_app/{page}/change/").content.decode()
