"""The search box, the page of a conversation, and what people do there: as they use it, by forms and links."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from channels_app.conversations.refusals import count_refusal
from channels_app.models import AuditEntry, Conversation, MessageRow, Owner, WebhookEvent
from tests.builders import make_event
from tests.conftest import Walker
from tests.pages import fields_of
from tests.world import World, answer

XSS = "<script>alert('x')</script>"


def text_of(response: Any) -> str:
    assert response.status_code == 200
    content: str = response.content.decode()
    return content


def plain(html: str) -> str:
    """What a reader sees, roughly."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def talk(walker: Walker, world: World) -> Conversation:
    """A conversation of a few turns."""
    world.bot.replies += [{"messages": [{"text": f"Hello {XSS}", "attachment": {"url": "http://files.test/map.png"}}]}]
    walker.starts()
    walker.says(f"Where is it? {XSS}")
    return walker.conversation()


@pytest.fixture
def viewer(db: None) -> Client:
    """Somebody who may see everything but texts, and do nothing."""
    user = User.objects.create_user("viewer", is_staff=True)
    seen = Permission.objects.filter(codename__startswith="view_").exclude(codename="view_message_text")
    user.user_permissions.set(seen)
    client = Client()
    client.force_login(user)
    return client


def url(row: Conversation, rest: str = "") -> str:
    return f"/ops/conversations/{row.pk}/{rest}"


# --- the list -----------------------------------------------------------------------------------------------------


def test_what_is_named_outright_opens_at_once(admin_client: Client, talk: Conversation) -> None:
    assert admin_client.get("/ops/conversations/", {"q": "0-conv-1"})["Location"] == url(talk)
    event = talk.events.latest("pk")
    found = admin_client.get("/ops/conversations/", {"q": f"event {event.pk}"})
    assert found["Location"] == f"{url(talk)}?event={event.pk}"


@pytest.mark.parametrize("query", [{}, {"q": "joh"}, {"q": "where is it"}, {"owner": "bot"}])
def test_a_line_tells_who_where_and_what_came_last(
    admin_client: Client, talk: Conversation, query: dict[str, str], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(15):
        page = plain(text_of(admin_client.get("/ops/conversations/", query)))
    assert re.search(r"Johan .* Demo Channel · whatsapp with the bot .* message of the contact answered", page)


def test_words_are_not_searched_for_who_may_not_read_them(viewer: Client, talk: Conversation) -> None:
    page = text_of(viewer.get("/ops/conversations/", {"q": "where is it"}))
    assert url(talk) not in page and "words from a message" not in page


def test_nothing_found_says_what_was_refused(admin_client: Client, walker: Walker) -> None:
    count_refusal("inbox", walker.channel.uuid, "bad_signature")
    page = plain(text_of(admin_client.get("/ops/conversations/", {"q": "0-nobody"})))
    assert "Nothing was found for “0-nobody”" in page
    assert f"{walker.channel.name}: 1 event refused" in page and "CB-305" in page


def test_the_list_goes_on(admin_client: Client, walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels_app.operations.search.PAGE", 2)
    for number in range(3):
        walker.says("Hello", f"0-conv-{number}")
    first = text_of(admin_client.get("/ops/conversations/"))
    older = re.search(r'href="(/ops/conversations/\?before=\d+)">Earlier', first)
    assert older
    second = text_of(admin_client.get(older[1]))
    assert [first.count("owner-bot"), second.count("owner-bot")] == [2, 1]


def test_an_odd_address_is_no_trouble(admin_client: Client, talk: Conversation) -> None:
    odd = {"q": "\0²", "channel": "x", "owner": "nobody", "before": "9" * 40}
    text_of(admin_client.get("/ops/conversations/", odd))
    text_of(admin_client.get(url(talk), {"event": "9" * 40, "before": "x", "show": "nonsense"}))
    assert admin_client.get("/ops/conversations/999/").status_code == 404


# --- the page -----------------------------------------------------------------------------------------------------


def test_the_page_tells_voices_and_escapes_what_was_said(admin_client: Client, talk: Conversation) -> None:
    page = text_of(admin_client.get(url(talk)))
    assert XSS not in page and "&lt;script&gt;" in page
    assert "line-contact" in page and "line-bot" in page and "line-system" in page
    assert 'href="http://files.test/map.png" rel="noopener noreferrer nofollow external"' in page
    assert "The bot answered after" in page and "style=" not in page


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "http://[", "ftp://x/y"]
)
def test_only_web_addresses_become_links(admin_client: Client, talk: Conversation, address: str) -> None:
    MessageRow.objects.update(attachment_url=address)
    page = text_of(admin_client.get(url(talk)))
    assert f'href="{address}' not in page and "Attachment without a web address" in page


def test_messages_or_what_happened(admin_client: Client, talk: Conversation) -> None:
    messages = text_of(admin_client.get(url(talk), {"show": "messages"}))
    system = text_of(admin_client.get(url(talk), {"show": "system"}))
    assert "line-bot" in messages and "line-system" not in messages
    assert "line-bot" not in system and "line-system" in system


def test_the_page_stays_small_for_an_endless_conversation(
    admin_client: Client, walker: Walker, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    for number in range(4):
        walker.says(f"Message {number}")
    monkeypatch.setattr("channels_app.operations.transcripts.MAX_EVENTS", 2)
    admin_client.get(url(walker.conversation()))  # reading is noted once
    with django_assert_max_num_queries(25):
        page = text_of(admin_client.get(url(walker.conversation())))
    assert "Message 3" in page and "Message 1" not in page
    earlier = re.search(r'href="([^"]*before=\d+)">Earlier', page)
    assert earlier and "Message 1" in text_of(admin_client.get(earlier[1]))


def test_a_failed_bot_says_why_and_what_to_do(admin_client: Client, walker: Walker, world: World) -> None:
    world.bot.replies = [answer(502), answer(502)]
    walker.says("Hello")
    page = text_of(admin_client.get(url(walker.conversation())))
    words = plain(page)
    assert "Why did the bot not answer the last message?" in words and "The bot answered 502." in words
    assert "What to do: 4xx: correct the address" in words
    assert '<a class="button" href="/ops/exchanges/' in page and 'href="/ops/codes/CB-502/"' in page


def test_an_earlier_message_can_be_asked_about(admin_client: Client, walker: Walker, world: World) -> None:
    world.bot.replies = [{"complete": "handover"}]
    walker.says("agent")
    walker.says("Hello?")
    page = text_of(admin_client.get(url(walker.conversation())))
    assert "Why did the agents get it?" in page
    first = WebhookEvent.objects.earliest("pk")
    page = text_of(admin_client.get(url(walker.conversation()), {"event": first.pk}))
    assert "The bot ended its part: handed over" in plain(page) and "Ask about the last message" in page


def test_a_deleted_text_says_so(admin_client: Client, talk: Conversation) -> None:
    MessageRow.objects.update(text="", attachment_url="", said_at=timezone.now() - timedelta(days=31))
    assert "Text deleted after 30 days." in text_of(admin_client.get(url(talk)))


# --- who may read -------------------------------------------------------------------------------------------------


def test_who_may_not_read_texts_reads_none(viewer: Client, talk: Conversation) -> None:
    for address in (url(talk), "/ops/conversations/", *(url(talk, f"export/{form}/") for form in ("text", "json"))):
        page = text_of(viewer.get(address))
        assert "Where is it" not in page and "Johan" not in page and "map.png" not in page
    assert "You may not read texts." in text_of(viewer.get(url(talk)))
    assert not AuditEntry.objects.filter(action="read texts").exists()


def test_reading_is_written_down_once_an_hour(admin_client: Client, talk: Conversation) -> None:
    for _ in range(2):
        text_of(admin_client.get(url(talk)))
    entry = AuditEntry.objects.get(action="read texts")
    assert (entry.actor, entry.object_id, entry.via) == ("admin", str(talk.pk), "operations")
    text_of(admin_client.get(url(talk), {"show": "messages"}))
    assert AuditEntry.objects.filter(action="read texts").count() == 1


@pytest.mark.parametrize("rest", ["hand-over/", "say/", "again/"])
def test_who_may_not_act_is_neither_offered_nor_allowed_it(viewer: Client, talk: Conversation, rest: str) -> None:
    assert url(talk, rest) not in text_of(viewer.get(url(talk)))
    assert viewer.get(url(talk, rest)).status_code == viewer.post(url(talk, rest)).status_code == 403


def test_nobody_comes_in_without_logging_in(client: Client, talk: Conversation) -> None:
    for address in ("/ops/conversations/", url(talk), url(talk, "say/"), url(talk, "export/text/")):
        assert client.get(address).status_code == 302


# --- acts ---------------------------------------------------------------------------------------------------------


def test_a_person_hands_a_conversation_over(
    admin_client: Client, talk: Conversation, walker: Walker, world: World
) -> None:
    assert url(talk, "hand-over/") in text_of(admin_client.get(url(talk)))
    assert "Johan" in text_of(admin_client.get(url(talk, "hand-over/")))  # it asks first
    assert not WebhookEvent.objects.filter(type="handover_ordered").exists()
    page = text_of(admin_client.post(url(talk, "hand-over/"), {"reason": "they called"}, follow=True))
    assert "The handover is ordered." in page
    walker.work()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert talk.offloads.get().requested_by == "admin"
    assert AuditEntry.objects.get(action="handed over").reason == "they called"
    assert url(talk, "hand-over/") not in text_of(admin_client.get(url(talk)))
    assert "Nothing was done" in text_of(admin_client.post(url(talk, "hand-over/"), follow=True))


def test_a_person_speaks_as_the_bot(admin_client: Client, talk: Conversation, walker: Walker, world: World) -> None:
    text_of(admin_client.get(url(talk, "say/")))
    page = text_of(admin_client.post(url(talk, "say/"), {"text": " We are on it. "}, follow=True))
    assert "Your message is on its way" in page
    walker.work()
    assert world.inbox.said("0-conv-1")[-1] == "We are on it."
    assert "Bot, written by admin" in text_of(admin_client.get(url(talk)))


def test_pressed_twice_it_is_said_once(admin_client: Client, talk: Conversation, walker: Walker, world: World) -> None:
    for _ in range(2):  # each time the page is opened it may be said again
        values = fields_of(admin_client.get(url(talk, "say/")).content.decode(), "ask_form") | {"text": "Same words"}
        for _ in range(2):
            page = text_of(admin_client.post(url(talk, "say/"), values, follow=True))
            assert "Your message is on its way" in page
    walker.work()
    assert world.inbox.said("0-conv-1").count("Same words") == 2
    assert AuditEntry.objects.filter(action="spoke as the bot").count() == 2


def test_what_was_typed_is_not_lost(admin_client: Client, talk: Conversation, world: World) -> None:
    assert "Enter the message for the contact." in text_of(admin_client.post(url(talk, "say/"), {"text": " "}))
    Conversation.objects.update(owner=Owner.OTHER)
    page = text_of(admin_client.post(url(talk, "say/"), {"text": "Precious"}))
    assert "no longer with the bot" in page and len(world.inbox.calls) == 2


def test_what_failed_is_done_again_after_a_look_at_what_will_happen(
    admin_client: Client, walker: Walker, world: World
) -> None:
    world.inbox.faults = [answer(422), answer(422), answer(422)]
    walker.says("Hello")
    talk = walker.conversation()
    WebhookEvent.objects.update(received_at=timezone.now() - timedelta(hours=2))
    page = text_of(admin_client.get(url(talk)))
    again = re.search(r'<a class="button" href="([^"]+/again/\?event=\d+)">Retry', page)
    assert again
    assert "would get a late answer" in plain(text_of(admin_client.get(again[1])))
    assert "1 event is retried." in text_of(admin_client.post(again[1], follow=True))
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert AuditEntry.objects.filter(action="replayed").exists()
    assert "Nothing has failed for good here." in text_of(admin_client.get(url(talk, "again/")))


def test_what_the_agents_have_by_now_is_left_to_them(admin_client: Client, talk: Conversation) -> None:
    WebhookEvent.objects.update(outcome="dead")
    Conversation.objects.update(owner=Owner.OTHER)
    page = plain(text_of(admin_client.get(url(talk, "again/"))))
    assert "would refuse (404)" in page and "for the audit log" not in page
    assert "Nothing was retried." in text_of(admin_client.post(url(talk, "again/"), follow=True))


# --- to take away -------------------------------------------------------------------------------------------------


def test_exports(admin_client: Client, talk: Conversation) -> None:
    text = admin_client.get(url(talk, "export/text/"))
    assert "attachment" in text["Content-Disposition"] and "Contact: Where is it?" in text.content.decode()
    assert json.loads(admin_client.get(url(talk, "export/json/")).content)["lines"][0]["voice"] == "system"
    report = admin_client.get(url(talk, "export/bug-report/")).content.decode()
    assert json.loads(report)["explanation"]["is_answered"] and "Where is it" not in report
    assert admin_client.get(url(talk, "export/pdf/")).status_code == 404
    assert admin_client.get("/ops/conversations/999/export/text/").status_code == 404
    assert AuditEntry.objects.filter(action="exported transcript").count() == 3


def test_a_message_that_waits_can_be_looked_at_again(admin_client: Client, walker: Walker) -> None:
    walker.post(make_event(text="Hello"))
    page = text_of(admin_client.get(url(walker.conversation())))
    assert "Why has the bot not answered the last message yet?" in plain(page)
    assert "Refresh" in page and "Not handled yet." in page and "CB-701" in page


def test_a_channel_that_is_paused(admin_client: Client, walk_with: Callable[..., Walker]) -> None:
    walker = walk_with(is_active=False, paused_at=timezone.now(), paused_by="anna")
    walker.says("Hello")
    page = plain(text_of(admin_client.get(url(walker.conversation()))))
    assert "The channel was paused by anna" in page and "Resume" in page
