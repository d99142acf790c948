"""When their time is over texts are gone, everywhere; what happened and when stays."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from channels_app.deliveries.recording import retry_delivery
from channels_app.models import (
    ContactRow,
    Conversation,
    Delivery,
    EventBody,
    Exchange,
    MessageRow,
    Outcome,
    WebhookEvent,
)
from channels_app.operations.replays import Replayed, replay_event
from channels_app.upkeep import retention
from channels_app.upkeep.retention import Purged, count_due, purge_texts
from offload.models import Offload
from tests.conftest import Walker
from tests.world import World

SAID = "my secret order A-3301"


def age(days: float, **of: Any) -> None:
    WebhookEvent.objects.filter(**of).update(received_at=timezone.now() - timedelta(days=days))


def purge(days: int | None = None) -> int:
    return sum(batch.events for batch in purge_texts(days=days))


def everything() -> str:
    """All rows of both apps as PostgreSQL writes them."""
    texts = list[str]()
    for model in [*apps.get_app_config("channels_app").get_models(), *apps.get_app_config("offload").get_models()]:
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT row.*::text FROM "{model._meta.db_table}" AS row')
            texts += [str(row) for row in cursor.fetchall()]
            if model is EventBody:
                texts += [bytes(row.raw).decode() for row in EventBody.objects.all()]
    return "\n".join(texts)


@pytest.fixture
def talk(walker: Walker, world: World) -> Walker:
    """Everything that can hold a text holds it."""
    option = {"title": SAID, "payload": {"order": SAID}}
    world.bot.replies = [
        {"messages": [{"text": f"You said: {SAID}", "options": [option]}]},
        {"complete": "handover", "note": SAID, "offload": {"reason": SAID, "payload": {"order": SAID}}},
    ]
    walker.starts(data={"contactProfile": {"id": "contact-johan", "primaryIdentifier": SAID}})
    walker.says(SAID)
    Offload.objects.update(end_comment=SAID)
    Exchange.objects.update(request=SAID, response=SAID)
    assert SAID in everything()
    return walker


def test_texts_whose_time_is_over_are_nowhere(talk: Walker) -> None:
    age(31)
    assert purge() == 2
    assert SAID not in everything()


def test_what_happened_stays(talk: Walker) -> None:
    def skeleton() -> list[object]:
        events = WebhookEvent.objects.order_by("pk").values_list("outcome", "type", "finished_at", "sent_at")
        return [*events, *MessageRow.objects.order_by("pk").values_list("author", "said_at")]

    before = skeleton()
    age(31)
    purge()
    assert skeleton() == before
    assert Offload.objects.get().reason == "asked_for_human"
    assert [row.payload["outgoing"]["complete"] for row in Delivery.objects.order_by("pk")] == [None, "handover"]
    assert set(Exchange.objects.values_list("result", flat=True)) == {"sent"}


def test_younger_texts_stay(talk: Walker) -> None:
    age(29)
    before = everything()
    assert purge() == 0
    assert everything() == before


def test_each_channel_has_its_own_time(talk: Walker) -> None:
    age(3)
    assert purge() == 0
    talk.channel.keep_days = 2
    talk.channel.save()
    assert purge() == 2


def test_what_was_done_is_not_looked_at_again(talk: Walker, django_assert_max_num_queries: Any) -> None:
    age(31)
    purge()
    MessageRow.objects.update(text="put there by hand")
    with django_assert_max_num_queries(3):
        assert purge() == 0
    assert set(MessageRow.objects.values_list("text", flat=True)) == {"put there by hand"}


def test_batches_are_small_and_a_stopped_run_goes_on(talk: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    age(31)
    first = next(iter(purge_texts()))
    assert (first.events, EventBody.objects.count()) == (1, 1)
    assert purge() == 1
    assert EventBody.objects.count() == 0


def test_an_open_event_keeps_its_text_and_those_behind_it(walker: Walker) -> None:
    for number in range(3):
        walker.says("Hello", f"0-conv-{number}")
    second = WebhookEvent.objects.order_by("pk")[1]
    WebhookEvent.objects.filter(pk=second.pk).update(outcome=None)
    age(30.5)
    assert purge() == 1
    age(31.5)  # so old that it is stuck, not busy
    assert purge() == 2
    assert list(EventBody.objects.values_list("pk", flat=True)) == [second.pk]


def test_who_still_writes_keeps_the_name(talk: Walker) -> None:
    age(31)
    talk.says("Me again", "0-conv-2")
    ContactRow.objects.update(primary_identifier="Johan")
    assert purge() == 2
    assert ContactRow.objects.get().primary_identifier == "Johan"
    age(31)
    assert purge() == 1
    contact = ContactRow.objects.get()
    assert (contact.primary_identifier, contact.external_id) == ("", "contact-johan")


def test_a_conversation_that_goes_on_keeps_what_it_offered(walker: Walker, world: World) -> None:
    world.bot.replies = [{"messages": [{"text": "Which?", "options": [{"title": "Red"}]}]}]
    walker.says("Hello")
    age(31)
    walker.post_and_age(text="Red", age_s=0)
    first = WebhookEvent.objects.order_by("pk")[0]
    age(31, pk=first.pk)
    Conversation.objects.update(options={"kept": True})
    assert purge() == 1
    assert Conversation.objects.get().options == {"kept": True}


def test_a_request_that_was_turned_down_is_forgotten_too(walker: Walker) -> None:
    walker.says("Hello")
    Offload.objects.create(
        conversation=walker.conversation(),
        reason="asked_for_human",
        detail=SAID,
        payload={"order": SAID},
        requested_by="bot",
        requested_at=timezone.now() - timedelta(days=31),
    )
    age(31)
    purge()
    assert SAID not in everything()


def test_nobody_does_again_what_has_no_text_any_more(talk: Walker) -> None:
    age(31)
    purge()
    WebhookEvent.objects.update(outcome=Outcome.DEAD)
    Conversation.objects.update(owner="bot")
    assert replay_event(WebhookEvent.objects.latest("pk").pk, by="anna") is Replayed.TEXT_GONE
    Delivery.objects.update(state="failed")
    assert not retry_delivery(Delivery.objects.latest("pk"))


# --- the command --------------------------------------------------------------------------------------------------


@pytest.fixture
def run() -> Callable[..., str]:
    def call(*arguments: str) -> str:
        output = StringIO()
        call_command("purge", *arguments, stdout=output)
        return output.getvalue()

    return call


def test_a_dry_run_tells_and_changes_nothing(talk: Walker, run: Callable[..., str]) -> None:
    age(3)
    run("--dry-run")  # the first command of an installation writes down what its keys can read
    before = everything()
    assert "texts of 2 events would be deleted" in run("--days", "2", "--dry-run")
    assert everything() == before
    assert count_due(days=2).total() == 2


def test_a_person_can_shorten_the_time(talk: Walker, run: Callable[..., str]) -> None:
    age(3)
    assert "No text is old enough" in run()
    assert f"{talk.channel.name}: texts of 2 events were deleted" in run("--days", "2")
    assert SAID not in everything()


def test_todays_texts_are_never_deleted(db: None, run: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="--days 1"):
        run("--days", "0")


@pytest.mark.parametrize(("took_s", "pause_s"), [(0.0, 0.4), (0.01, 0.4), (0.04, 0.76), (0.2, 3.8), (5.0, 10.0)])
def test_the_purge_rests_longer_the_longer_a_batch_took(took_s: float, pause_s: float) -> None:
    purged = Purged(channel="c", events=200, up_to=timezone.now(), took_s=took_s)
    assert purged.pause_s == pytest.approx(pause_s)
