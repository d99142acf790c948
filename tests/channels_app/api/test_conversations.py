"""Conversations, events, deliveries and calls over the API."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from channels_app.models import (
    AuditEntry,
    Conversation,
    Delivery,
    DeliveryState,
    Exchange,
    KeptAnswer,
    Outcome,
    Owner,
    WebhookEvent,
)
from tests.channels_app.api.conftest import Program
from tests.conftest import Walker
from tests.world import World

SAID = "Where is my parcel?"


@pytest.fixture
def talk(walker: Walker) -> Conversation:
    walker.starts()
    walker.says(SAID)
    return walker.conversation()


@pytest.fixture
def path(talk: Conversation) -> str:
    return f"conversations/{talk.pk}/"


def fail(talk: Conversation) -> WebhookEvent:
    """The latest event of this conversation failed for good."""
    event = talk.events.latest("id")
    WebhookEvent.objects.filter(pk=event.pk).update(outcome=Outcome.DEAD)
    Delivery.objects.filter(event=event).update(state=DeliveryState.FAILED)
    return event


# --- reading ------------------------------------------------------------------------------------------------------


def test_a_conversation_is_found_by_what_people_have_of_it(
    viewer: Program, operator: Program, talk: Conversation, walker: Walker
) -> None:
    walker.says("Hello", "0-other")

    def found(program: Program, q: str) -> list[tuple[str, str]]:
        rows = program.get("conversations/", q=q).body["results"]
        return [(row["external_id"], row["match"]) for row in rows]

    assert found(viewer, "0-conv-1") == [("0-conv-1", "its id in Sparkcentral")]
    assert ("0-conv-1", "a message") in found(operator, "parcel") and found(viewer, "parcel") == []
    assert [row["external_id"] for row in viewer.get("conversations/").body["results"]] == ["0-other", "0-conv-1"]
    assert viewer.get("conversations/", owner="closed").body["results"] == []


def test_texts_are_for_those_who_may_read_them_and_that_is_written_down(
    viewer: Program, operator: Program, talk: Conversation, path: str
) -> None:
    hidden, shown = viewer.get(path).body, operator.get(path).body
    assert SAID not in str(hidden) and hidden["is_masked"] and hidden["contact"] == "•••"
    assert SAID in [line["text"] for line in shown["lines"]] and shown["contact"] == "Johan"
    entry = AuditEntry.objects.get(action="read texts")
    assert (entry.actor, entry.via, entry.object_id) == ("robot-Operator", "api", str(talk.pk))


def test_the_bodies_of_calls_are_covered_likewise(viewer: Program, operator: Program, talk: Conversation) -> None:
    exchange = Exchange.objects.filter(target="bot").latest("id")
    hidden = viewer.get(f"exchanges/{exchange.pk}/").body
    shown = operator.get(f"exchanges/{exchange.pk}/").body
    assert SAID in shown["request"] and SAID not in str(hidden) and hidden["request"]
    assert AuditEntry.objects.filter(action="read texts").count() == 1


def test_no_list_tells_what_was_said(viewer: Program, talk: Conversation, path: str) -> None:
    lists = ["conversations/", "calls/", "events/", "deliveries/", f"{path}explain/", f"{path}bug-report/"]
    assert SAID not in str([viewer.get(one).body for one in lists])


def test_why_the_bot_did_not_answer(viewer: Program, talk: Conversation, path: str) -> None:
    assert viewer.get(f"{path}explain/").body["is_answered"] is True
    first = talk.events.earliest("id")
    assert viewer.get(f"{path}explain/", event=first.pk).body["ids"]["event"] == first.pk
    assert viewer.get(f"{path}explain/", event=10**9).status == 404
    WebhookEvent.objects.filter(pk=talk.events.latest("id").pk).update(outcome=Outcome.DEAD)
    assert "failed for good" in viewer.get(f"{path}explain/").body["headline"]


def test_a_long_conversation_is_told_in_parts(
    viewer: Program, talk: Conversation, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "channels_app.operations.transcripts.load_transcript.__kwdefaults__",
        {"before": None, "events_most": 1, "reads_text": False},
    )
    first = viewer.get(path).body
    rest = viewer.get(first["next"]).body
    assert rest["next"] is None and {line["event_id"] for line in rest["lines"]} & {talk.events.earliest("id").pk}


def test_lists_are_filtered(viewer: Program, talk: Conversation, walker: Walker) -> None:
    walker.says("Hello", "0-other")
    event = fail(talk)

    def ids(path: str, **query: Any) -> list[int]:
        return [row["id"] for row in viewer.get(path, **query).body["results"]]

    assert ids("events/", outcome="dead") == [event.pk]
    assert set(ids("events/", conversation=talk.pk)) == set(talk.events.values_list("pk", flat=True))
    assert ids("events/", channel=10**9) == []
    assert ids("deliveries/", state="failed") == [event.deliveries.get().pk]
    assert ids("deliveries/", conversation=talk.pk, limit=1) == [talk.deliveries.latest("id").pk]
    assert len(ids("calls/", direction="bot", conversation=talk.pk)) == 2
    assert ids("calls/", errors="true", code="CB-501") == []
    assert "code" in viewer.get("calls/", code="CB-000").fields


def test_a_filter_without_an_index_looks_through_a_window_at_a_time(
    viewer: Program, talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels_app.web.api.calls.WINDOW", 1)
    found, url, pages = [], "events/?outcome=replied", 0
    while url:
        answer = viewer.get(url).body
        found += [row["id"] for row in answer["results"]]
        url, pages = answer["next"], pages + 1
    assert found == list(talk.events.order_by("-id").values_list("pk", flat=True)) and pages >= len(found)


@pytest.mark.parametrize("kind", ["conversations", "events", "deliveries", "exchanges"])
def test_what_is_not_there(viewer: Program, kind: str) -> None:
    assert viewer.get(f"{kind}/{10**12}/").code == "CB-903"


# --- acting -------------------------------------------------------------------------------------------------------


def test_a_conversation_is_handed_over(operator: Program, path: str, walker: Walker, world: World) -> None:
    answer = operator.post(f"{path}hand-over/", {"reason": "A lawyer."})
    walker.work()
    assert answer.status == 202
    assert operator.get(f"events/{answer.body['event_id']}/").body["outcome"] == "handed_over"
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    again = operator.post(f"{path}hand-over/")
    assert (again.status, again.code) == (409, "CB-905") and "agents" in again.body["detail"]
    assert AuditEntry.objects.get(action="handed over").reason == "A lawyer."


def test_a_program_speaks_for_the_bot(operator: Program, path: str, walker: Walker, world: World) -> None:
    assert operator.post(f"{path}messages/", {"text": "One moment, please."}).status == 202
    walker.work()
    assert "One moment, please." in str(world.inbox.calls)
    for body in ({}, {"text": ""}, {"text": "x" * 5000}, {"text": "x", "to": "all"}, {"text": 5, "colour": 1}):
        assert operator.post(f"{path}messages/", body).status == 400


def test_what_failed_is_done_again(operator: Program, talk: Conversation, walker: Walker) -> None:
    event = fail(talk)
    assert operator.post(f"events/{event.pk}/replay/").body["result"] == "done again"
    walker.work()
    assert operator.get(f"events/{event.pk}/").body["outcome"] == "replied"
    again = operator.post(f"events/{event.pk}/replay/")
    assert (again.status, again.body["detail"]) == (
        409,
        "This can't be done now: it has not failed for good.",
    )


def test_a_lost_delivery_is_sent_again(operator: Program, talk: Conversation, walker: Walker) -> None:
    delivery = fail(talk).deliveries.get()
    assert operator.post(f"deliveries/{delivery.pk}/replay/").body["state"] == "pending"
    walker.work()
    assert operator.get(f"deliveries/{delivery.pk}/").body["state"] == "sent"
    assert operator.post(f"deliveries/{delivery.pk}/replay/").code == "CB-905"


@pytest.mark.parametrize("role", ["Viewer", "Auditor", ""])
def test_who_only_looks_does_nothing(
    program: Callable[..., Program], talk: Conversation, path: str, role: str
) -> None:
    caller, event = program(role), fail(talk)
    acts = [f"{path}hand-over/", f"events/{event.pk}/replay/", f"deliveries/{event.deliveries.get().pk}/replay/"]
    answers = [caller.post(f"{path}messages/", {"text": "Hello"}), *(caller.post(act) for act in acts)]
    assert {answer.status for answer in answers} == {403}


# --- the same call twice ------------------------------------------------------------------------------------------


def test_the_same_key_does_it_once_and_gets_the_same_answer(operator: Program, path: str) -> None:
    first, second = (operator.post(f"{path}hand-over/", {}, Idempotency_Key="k-1") for _ in range(2))
    assert (first.status, first.body) == (second.status, second.body)
    assert "Idempotency-Repeated" not in first.headers and second.headers["Idempotency-Repeated"] == "true"
    assert WebhookEvent.objects.filter(type="handover_ordered").count() == 1
    operator.post(f"{path}hand-over/", {}, Idempotency_Key="k-2")
    assert WebhookEvent.objects.filter(type="handover_ordered").count() == 2


def test_a_key_of_another_call_is_refused(operator: Program, path: str) -> None:
    operator.post(f"{path}messages/", {"text": "Hello"}, Idempotency_Key="k-1")
    other = operator.post(f"{path}messages/", {"text": "Bye"}, Idempotency_Key="k-1")
    assert (other.status, other.code) == (422, "CB-906")
    assert operator.post(f"{path}hand-over/", {}, Idempotency_Key="x" * 300).fields.keys() == {"Idempotency-Key"}


def test_keys_are_each_users_own_and_forgotten_after_a_day(
    operator: Program, admin: Program, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for caller in (operator, admin, operator):
        caller.post(f"{path}messages/", {"text": "Hello"}, Idempotency_Key="k-1")
    assert WebhookEvent.objects.filter(type="message_ordered").count() == 2
    KeptAnswer.objects.update(created_at="2020-01-01T00:00Z")
    operator.post(f"{path}messages/", {"text": "Hello"}, Idempotency_Key="k-1")
    assert WebhookEvent.objects.filter(type="message_ordered").count() == 3
    assert KeptAnswer.objects.count() == 1


def test_what_failed_may_be_tried_again_with_its_key(operator: Program, talk: Conversation, path: str) -> None:
    Conversation.objects.update(owner=Owner.OTHER)
    assert operator.post(f"{path}hand-over/", {}, Idempotency_Key="k-1").status == 409
    Conversation.objects.update(owner=Owner.BOT)
    assert operator.post(f"{path}hand-over/", {}, Idempotency_Key="k-1").status == 202


def test_callers_at_the_same_moment_do_it_once(transactional_db: None, operator: Program, path: str) -> None:
    answers: list[tuple[int, Any]] = []
    together = threading.Barrier(4)

    def call() -> None:
        caller = Program(operator.token, operator.schema, Client())
        together.wait()
        answer = caller.post(f"{path}hand-over/", {}, Idempotency_Key="k-1")
        answers.append((answer.status, answer.body))
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status for status, _ in answers] == [202] * 4 and all(body == answers[0][1] for _, body in answers)
    assert WebhookEvent.objects.filter(type="handover_ordered").count() == 1
