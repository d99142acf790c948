"""The bot's "send to offload provider", and the inbox's report of how it ended."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from channels_app.models import Bot, Channel, Conversation, IntakeCount, WebhookEvent
from offload.models import Offload, OffloadProvider
from tests.builders import make_bot, make_channel, sign
from tests.conftest import Walker
from tests.world import World

TOKEN = "offload-token-of-the-tests"
WRITE_BACK_SECRET = "ab12" * 16
CLOSED_ALL_WEEK = {"timezone": "Europe/Brussels"}


@pytest.fixture
def walker(walk_with: Callable[..., Walker]) -> Walker:
    return walk_with(bot=make_bot("chatlayer"))


@pytest.fixture
def provider(walker: Walker) -> OffloadProvider:
    provider = OffloadProvider(channel=walker.channel)
    provider.verify_token = TOKEN
    provider.write_back_secret = WRITE_BACK_SECRET
    provider.save()
    return provider


def url(provider: OffloadProvider, token: str = TOKEN) -> str:
    return f"/webhooks/offload/{provider.uuid}/?challenge.verifyToken={token}"


def asks(walker: Walker, provider: OffloadProvider, **changes: Any) -> Any:
    document = {
        "event": "offload",
        "botId": "bot-1",
        "version": "LIVE",
        "sessionId": changes.get("sessionId") or str(walker.conversation().session_id),
        "channel": "webhook",
        "payload": {"team": "sales"},
        "transcript": [{"actor": "user", "message": "agent", "timestamp": 1}],
        "timestamp": 2,
        **changes,
    }
    return walker.client.post(url(provider), json.dumps(document), content_type="application/json")


def says(walker: Walker, text: str, counter: int) -> None:
    assert walker.channel.bot is not None
    session = str(walker.conversation().session_id)
    verify = "verify-token-of-the-tests"
    document = {"senderId": session, "messageCounter": counter, "verifyToken": verify, "message": {"text": text}}
    path = f"/webhooks/bot/{walker.channel.bot.uuid}/"
    assert walker.client.post(path, json.dumps(document), content_type="application/json").status_code == 200


def test_the_health_check_needs_the_token(walker: Walker, provider: OffloadProvider) -> None:
    response = walker.client.get(url(provider))
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert walker.client.get(url(provider, "wrong")).status_code == 401
    assert walker.client.get(f"/webhooks/offload/{provider.uuid}/").status_code == 401


def test_copies_of_messages_are_taken_and_lead_to_nothing(walker: Walker, provider: OffloadProvider) -> None:
    walker.says("Hello")
    response = asks(walker, provider, event="messages", messages=[{"actor": "bot", "message": "Hi", "timestamp": 1}])
    assert response.status_code == 200
    assert WebhookEvent.objects.count() == 1


def test_last_words_and_handover_leave_in_one_call_whichever_comes_first(
    walker: Walker, world: World, provider: OffloadProvider
) -> None:
    walker.says("agent")
    response = asks(walker, provider)
    assert (response.status_code, response.json()) == (200, {"offloadSuccess": True, "pauseBot": False})
    says(walker, "A colleague takes over.", 1)
    walker.work()
    ((_, body),) = world.inbox.calls
    assert body["sendMessage"] == {"text": "A colleague takes over."}
    assert body["complete"] == "HANDOVER"
    assert "team: sales" in body["applyConversationNotes"][0]["text"]
    offload = Offload.objects.get()
    assert (offload.reason, offload.requested_by, offload.state) == ("asked_for_human", "bot", "handed_over")
    assert set(walker.outcomes()) == {"handed_over", "merged"}


def test_the_same_request_again_hands_over_once(walker: Walker, world: World, provider: OffloadProvider) -> None:
    walker.says("agent")
    for _ in range(2):
        assert asks(walker, provider).json()["offloadSuccess"] is True
    walker.work()
    assert asks(walker, provider).json()["offloadSuccess"] is True
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


@pytest.mark.parametrize("changes", [{"is_enabled": False}, {"opening_hours": CLOSED_ALL_WEEK}])
def test_closed_or_disabled_is_said_to_chatlayer_and_kept(
    walker: Walker, world: World, provider: OffloadProvider, changes: dict[str, Any]
) -> None:
    OffloadProvider.objects.update(**changes)
    walker.says("agent")
    assert asks(walker, provider).json() == {"offloadSuccess": False, "pauseBot": False}
    walker.work()
    assert world.inbox.calls == []
    assert Offload.objects.get().state == "closed"
    assert Conversation.objects.get().owner == "bot"


def test_an_unknown_session_is_not_handed_over(walker: Walker, provider: OffloadProvider) -> None:
    walker.says("agent")
    answer = asks(walker, provider, sessionId="3f0c9a52-6d41-4f0e-9c5e-1f0f6a1d2b77")
    assert answer.json() == {"offloadSuccess": False, "pauseBot": False}
    assert IntakeCount.objects.get().reason == "unknown_session"


def test_a_prefix_before_the_session_is_no_obstacle(walker: Walker, world: World, provider: OffloadProvider) -> None:
    walker.says("agent")
    asks(walker, provider, sessionId=f"default-{walker.conversation().session_id}")
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def other_channel(walker: Walker, bot: Bot | None = None, **settings: Any) -> Walker:
    """Another channel of the same organization, with keys of its own; it shares the bot unless another is given."""
    channel = make_channel(bot=bot or walker.channel.bot)
    channel.put_settings({**channel.clear_settings(), **settings})
    channel.save()
    return Walker(walker.client, channel)


@pytest.mark.parametrize("has_provider", [True, False])
def test_a_request_is_about_any_channel_of_the_bot(
    walker: Walker, world: World, provider: OffloadProvider, has_provider: bool
) -> None:
    other = other_channel(walker)
    if has_provider:
        OffloadProvider.objects.create(channel=other.channel)
    OffloadProvider.objects.filter(pk=provider.pk).update(is_enabled=False)  # decides nothing here
    other.says("agent", "0-conv-2")
    session = str(other.conversation("0-conv-2").session_id)
    assert asks(walker, provider, sessionId=session).json() == {"offloadSuccess": True, "pauseBot": False}
    other.work()
    assert world.inbox.completions("0-conv-2") == ["HANDOVER"]


def test_the_provider_of_the_conversations_channel_decides(
    walker: Walker, world: World, provider: OffloadProvider
) -> None:
    other = other_channel(walker)
    OffloadProvider.objects.create(channel=other.channel, opening_hours=CLOSED_ALL_WEEK)
    other.says("agent", "0-conv-2")
    session = str(other.conversation("0-conv-2").session_id)
    assert asks(walker, provider, sessionId=session).json() == {"offloadSuccess": False, "pauseBot": False}
    assert Offload.objects.get().conversation.channel == other.channel


def test_a_session_of_another_bot_is_unknown(walker: Walker, provider: OffloadProvider) -> None:
    other = other_channel(walker, make_bot("chatlayer"))
    other.says("agent", "0-conv-2")
    session = str(other.conversation("0-conv-2").session_id)
    assert asks(walker, provider, sessionId=session).json()["offloadSuccess"] is False
    assert IntakeCount.objects.get().reason == "unknown_session"


@pytest.mark.parametrize("is_own", [True, False])
@pytest.mark.parametrize("kind", ["http", "chatlayer", None])
def test_an_address_whose_channel_has_another_bot_by_now(
    walker: Walker, world: World, provider: OffloadProvider, kind: str | None, is_own: bool
) -> None:
    """The bot that knows it still has conversations, on this channel and on others."""
    other = walker if is_own else other_channel(walker)
    other.says("agent")
    walker.channel.bot = make_bot(kind) if kind else None
    walker.channel.save()
    assert walker.client.get(url(provider)).status_code == 200
    assert asks(other, provider, sessionId="3f0c9a52-6d41-4f0e-9c5e-1f0f6a1d2b77").json()["offloadSuccess"] is False
    is_known = is_own or kind != "chatlayer"  # a bot that asks has channels of its own
    assert asks(other, provider).json()["offloadSuccess"] is is_known
    other.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"] * is_known
    assert walker.client.post(url(provider, "wrong"), "{}", content_type="application/json").status_code == 401


def test_the_same_request_after_the_conversation_came_back_is_a_new_one(
    walker: Walker, world: World, provider: OffloadProvider
) -> None:
    for number in (1, 2):
        world.inbox.gone.clear()
        walker.delegates()
        walker.says("agent")
        assert asks(walker, provider).json()["offloadSuccess"] is True
        walker.work()
        assert world.inbox.completions("0-conv-1") == ["HANDOVER"] * number


def report(walker: Walker, provider: OffloadProvider, secret: str = WRITE_BACK_SECRET, **changes: Any) -> int:
    document = {
        "type": "CONVERSATION_RESOLVED",
        "version": 1,
        "idempotencyKey": "write-back-1",
        "timestamp": "2022-04-28T09:43:26.635984618Z",
        "data": {
            "conversation": {"id": "0-conv-1", "previousStatus": "new", "currentStatus": "resolved"},
            "agent": {"id": "a-1", "firstName": "Mia", "lastName": "Janssens", "email": "mia@example.com"},
            "statusUpdatedReason": "solved",
            "statusUpdatedComment": "Parcel found",
        },
        **changes,
    }
    body = json.dumps(document).encode()
    headers = {"X-Hootsuite-Signature": sign(body, secret)}
    path = f"/webhooks/write-back/{provider.uuid}/"
    status = walker.client.post(path, body, content_type="application/json", headers=headers).status_code
    walker.work()
    return int(status)


def test_the_inbox_tells_how_a_handover_ended_however_late(
    walker: Walker, world: World, provider: OffloadProvider
) -> None:
    walker.says("agent")
    asks(walker, provider)
    walker.work()
    assert report(walker, provider) == 200
    offload = Offload.objects.get()
    assert offload.state == "ended"
    assert "Mia" in offload.ended_by
    assert "Parcel found" in offload.end_comment
    assert offload.ended_at is not None


def test_a_report_needs_its_own_secret(walker: Walker, provider: OffloadProvider) -> None:
    assert report(walker, provider, secret="00ff" * 16) == 401
    assert not WebhookEvent.objects.exists()


def test_a_report_of_a_conversation_that_was_never_ours_is_taken_and_ignored(
    walker: Walker, provider: OffloadProvider
) -> None:
    assert report(walker, provider) == 200
    assert not WebhookEvent.objects.exists()
    assert list(IntakeCount.objects.values_list("door", "reason", "count")) == [
        ("write_back", "unknown_conversation", 1)
    ]


def test_a_report_of_an_unknown_type_is_counted(walker: Walker, provider: OffloadProvider) -> None:
    assert report(walker, provider, type="CONVERSATION_ARCHIVED") == 200
    assert IntakeCount.objects.get().reason == "unknown_type"


def test_a_report_is_about_any_channel_of_the_organization(
    walker: Walker, world: World, provider: OffloadProvider
) -> None:
    other = other_channel(walker, make_bot())
    world.bot.replies = [{"complete": "handover"}]
    other.says("agent")
    assert report(walker, provider) == 200
    offload = Offload.objects.get()
    assert (offload.conversation.channel, offload.state) == (other.channel, "ended")
    assert "Mia" in offload.ended_by
    assert not IntakeCount.objects.exists()


@pytest.mark.parametrize("settings", [{"organization_id": "org-2"}, {"base_url": "http://inbox.test/elsewhere"}])
def test_a_report_is_not_about_another_organization(
    walker: Walker, world: World, provider: OffloadProvider, settings: dict[str, Any]
) -> None:
    other = other_channel(walker, make_bot(), **settings)
    world.bot.replies = [{"complete": "handover"}]
    other.says("agent")
    assert report(walker, provider) == 200
    assert Offload.objects.get().state == "handed_over"
    assert IntakeCount.objects.get().reason == "unknown_conversation"


def test_a_channel_without_keys_keeps_nobodys_report(walker: Walker, world: World, provider: OffloadProvider) -> None:
    bare = Channel(name="Bare", inbox="hootsuite")
    bare.save()
    walker.says("agent")
    asks(walker, provider)
    walker.work()
    assert report(walker, provider) == 200
    assert Offload.objects.get().state == "ended"
