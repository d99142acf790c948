"""Tags, topics, attributes and note never cost the message; an acceptance with errors is no proof and no failure."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from channels_app.conversations.claim import claim_due_conversation
from channels_app.deliveries.recording import retry_delivery, tries_of
from channels_app.lib.http.session import Answer
from channels_app.models import Conversation, Delivery, Exchange, WebhookEvent
from channels_app.operations.explanations.gather import explain
from channels_app.operations.outcome_codes import codes_of_events
from channels_app.operations.transcripts import load_transcript
from channels_app.protocol.errors import Effect, TemporaryError
from offload.models import Offload
from tests.builders import make_event
from tests.conftest import Walker
from tests.turns import take_step
from tests.world import FILES, World, answer

EXTRAS = {
    "topics": ["Orders"],
    "tags": ["Happy"],
    "attributes": {"order": "A-1"},
    "note": "Asked for A-1",
}
FULL = {"messages": [{"text": "Hi"}], **EXTRAS}
KEYS = {"applyTags", "applyTopics", "setContactAttributes", "applyConversationNotes"}
REFUSED = answer(400, {"errors": [{"code": 1000, "message": "applyTags: unexpected type", "id": "trace-400"}]})
IN_PART = answer(200, {"errors": ["topic not found"]})
NO_ANSWER = TemporaryError("POST: no answer within 30 s", effect=Effect.UNKNOWN)


def strict(world: World, *keys: str, status: int = 400, code: int = 1000) -> list[set[str]]:
    """An inbox that refuses calls with one of these keys; the keys of each call, in order."""
    handle, seen = world.inbox.handle, list[set[str]]()

    def judged(method: str, path: str, request: dict[str, Any]) -> Any:
        is_call = method == "POST" and "/conversations/" in path and "/attachments/" not in path
        body = set(json.loads(request["data"])) if is_call else set()
        if is_call:
            seen.append(body)
        if body & set(keys):
            return answer(status, {"errors": [{"code": code, "message": "not allowed", "id": "trace-x"}]})
        return handle(method, path, request)

    world.inbox.handle = judged  # type: ignore[method-assign]
    return seen


@pytest.mark.parametrize("status", [400, 403, 422])
def test_the_same_call_goes_without_tags_first(walker: Walker, world: World, status: int) -> None:
    seen = strict(world, "applyTags", status=status)
    world.bot.replies = [FULL]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["Hi"]
    assert seen == [{"sendMessage", *KEYS}, {"sendMessage", *KEYS - {"applyTags"}}]
    assert walker.outcomes() == ["replied"]
    assert not Offload.objects.exists()


@pytest.mark.parametrize("key", sorted(KEYS - {"applyTags"}))
def test_then_without_all_that_the_contact_does_not_read(walker: Walker, world: World, key: str) -> None:
    seen = strict(world, key)
    world.bot.replies = [FULL]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["Hi"]
    assert seen == [{"sendMessage", *KEYS}, {"sendMessage", *KEYS - {"applyTags"}}, {"sendMessage"}]
    assert walker.outcomes() == ["replied"]


def test_only_then_the_message_itself_is_refused(walker: Walker, world: World) -> None:
    seen = strict(world, "sendMessage")
    world.bot.replies = [FULL]
    walker.says("Hello")
    assert seen[:3] == [{"sendMessage", *KEYS}, {"sendMessage", *KEYS - {"applyTags"}}, {"sendMessage"}]
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert Offload.objects.get().reason == "reply_refused"


def test_a_message_without_extras_is_refused_at_once(walker: Walker, world: World) -> None:
    seen = strict(world, "sendMessage")
    walker.says("Hello")
    assert seen == [{"sendMessage"}, {"complete", "applyConversationNotes"}]


def test_classic_leaves_out_topics_and_attributes(walk_with: Callable[..., Walker], world: World) -> None:
    walker = walk_with(inbox="sparkcentral")
    seen = strict(world, "setContactAttributes")
    world.bot.replies = [{**FULL, "messages": [{"text": "One"}, {"text": "Two"}]}]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["One", "Two"]
    assert seen[1:] == [{"sendMessage", "applyTopics", "setContactAttributes"}, {"sendMessage"}]


def test_the_completion_stays_with_the_call(walker: Walker, world: World) -> None:
    seen = strict(world, "applyTags", "applyConversationNotes")
    world.bot.replies = [{**FULL, "complete": "handover"}]
    walker.says("agent")
    assert world.inbox.said("0-conv-1") == ["Hi"]
    assert seen[-1] == {"sendMessage", "complete"}
    assert walker.outcomes() == ["handed_over"]
    assert Offload.objects.get().state == "handed_over"


def test_what_was_left_out_is_told_to_operators(walker: Walker, world: World) -> None:
    strict(world, "applyTags")
    world.bot.replies = [FULL]
    walker.says("Hello")
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries, delivery.last_error) == ("sent", 2, "")
    assert delivery.payload["left_out"]["tags"] == ["Happy"]
    refused, sent = tries_of(delivery)
    assert (refused.n, refused.result, refused.code, refused.status) == (1, "refused", "CB-611", 400)
    assert refused.error.startswith("Refused with tags: ")
    assert refused.trace_id == "trace-x"
    assert (sent.n, sent.result, sent.code) == (2, "sent", "")
    lines = load_transcript(walker.conversation().pk).lines
    assert [line.detail for line in lines if line.code == "CB-611"] == [refused.error]
    assert explain(walker.conversation().pk).is_answered


@pytest.mark.parametrize("extras", [{"tags": ["Happy"]}, {"topics": ["Orders"]}, EXTRAS])
def test_a_reply_of_extras_alone_brings_no_agents(walker: Walker, world: World, extras: dict[str, Any]) -> None:
    strict(world, *KEYS)
    world.bot.replies = [extras]
    walker.says("Hello")
    assert world.inbox.calls == []
    assert walker.outcomes() == ["silent"]
    assert "Refused with" in WebhookEvent.objects.get().reason
    assert Delivery.objects.get().state == "refused"
    assert Exchange.objects.filter(target="inbox").latest("id").code == "CB-611"
    assert not Offload.objects.exists()


def test_a_file_may_be_the_reason_so_its_link_takes_the_extras_along(walker: Walker, world: World) -> None:
    world.files["/map.png"] = answer(200, "pixels", headers={"content-type": "image/png"})
    world.inbox.faults = [("after", answer(200, {})), REFUSED, REFUSED, REFUSED]
    world.bot.replies = [{**FULL, "messages": [{"text": "Map", "attachment": {"url": f"{FILES}/map.png"}}]}]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == [f"Map\n{FILES}/map.png"]
    assert set(world.inbox.calls[-1][1]) == {"sendMessage", *KEYS}
    assert "left_out" not in Delivery.objects.get(kind="reply").payload


def test_a_person_who_sends_it_again_sends_all_of_it(walker: Walker, world: World) -> None:
    world.inbox.faults = [REFUSED, ("after", NO_ANSWER)]
    world.bot.replies = [FULL]
    walker.says("Hello")
    delivery = Delivery.objects.get()
    assert delivery.state == "unconfirmed"
    assert retry_delivery(delivery)
    walker.work()
    assert set(world.inbox.calls[-1][1]) == {"sendMessage", *KEYS}


def test_refused_tries_cost_no_other_try(walker: Walker, world: World) -> None:
    failed = answer(502, {})
    world.inbox.faults = [REFUSED, REFUSED, failed, failed]
    world.bot.replies = [FULL]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["Hi"]
    assert Delivery.objects.get().tries == 5


# --- killed at any moment -----------------------------------------------------------------------------------------


class KilledError(BaseException):
    """As SIGKILL: nothing of ours runs after it."""


@pytest.mark.parametrize("complete", [None, "handover"])
@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_process_that_dies_on_the_way_says_it_as_often_as_without_extras(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch, at: int, is_done: bool, complete: str | None
) -> None:
    """Dead before or behind call number `at`: what is refused is never said, what was said is said once more."""
    seen = strict(world, "applyTags", "applyTopics")
    world.bot.replies = [{**FULL, "complete": complete}]
    judged, calls = world.inbox.handle, 0

    def dying(method: str, path: str, request: dict[str, Any]) -> Any:
        nonlocal calls
        calls += "/conversations/" in path
        if calls == at and "/conversations/" in path:
            if is_done:
                judged(method, path, request)
            raise KilledError
        return judged(method, path, request)

    monkeypatch.setattr(world.inbox, "handle", dying)
    walker.post(make_event(text="Hello"))
    with pytest.raises(KilledError):
        walker.work()
    calls = 100
    Conversation.objects.update(lease_slot=None, lease_until=None, wake_at=timezone.now())
    walker.work()
    said = 2 if is_done and at == 3 and complete is None else 1
    assert world.inbox.said("0-conv-1") == ["Hi"] * said
    assert world.inbox.completions("0-conv-1") == (["HANDOVER"] if complete else [])
    assert walker.outcomes() == ["handed_over" if complete else "replied"]
    delivery = Delivery.objects.get()
    assert delivery.tries == len(tries_of(delivery)) == len(seen) + (not is_done)


def test_each_try_asks_the_accounts_limit(walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def take(key: str, **more: bool) -> float:
        taken.append(key)
        return 0.0

    monkeypatch.setattr("channels_app.deliveries.attempts.take_ticket", take)
    seen = strict(world, "applyTopics")
    world.bot.replies = [FULL]
    walker.says("Hello")
    assert len(taken) == len(seen) == 3


# --- 200 with errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [{"messages": [{"text": "Hi"}]}, FULL, {"topics": ["Orders"]}])
def test_an_acceptance_with_errors_is_in_doubt_and_not_repeated(
    walker: Walker, world: World, reply: dict[str, Any]
) -> None:
    world.inbox.faults = [("after", IN_PART)]
    world.bot.replies = [reply]
    walker.says("Hello")
    assert len(world.inbox.calls) == 1
    assert walker.outcomes() == ["replied_unconfirmed"]
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.last_status) == ("unconfirmed", 200)
    assert "topic not found" in delivery.last_error
    assert Exchange.objects.get(delivery_id=delivery.pk).code == "CB-612"
    event = WebhookEvent.objects.get()
    assert codes_of_events([event]) == {event.pk: "CB-612"}
    stop = explain(event.conversation_id).stop
    assert stop is None or stop.code == "CB-612"
    assert [line.code for line in load_transcript(event.conversation_id).lines if line.code] == ["CB-612"]


@pytest.mark.parametrize("second", [answer(404, {}), answer(200, {}), IN_PART])
def test_of_a_handover_in_doubt_only_the_handover_is_repeated(walker: Walker, world: World, second: Answer) -> None:
    world.bot.replies = [{**FULL, "complete": "handover"}]
    world.inbox.faults = [("after", IN_PART), second]
    walker.says("agent")
    assert world.inbox.said("0-conv-1") == ["Hi"]
    assert walker.outcomes() == ["handed_over"]
    assert walker.conversation().owner == "other"
    delivery = Delivery.objects.get()
    assert json.loads(tries_of(delivery)[1].request) == {"complete": "HANDOVER"}
    assert delivery.tries == 2
    (said,) = [line for line in load_transcript(walker.conversation().pk, reads_text=True).lines if line.text == "Hi"]
    assert said.fate == "sent, not confirmed"


def test_a_bare_handover_with_errors_is_not_repeated_for_ever(walker: Walker, world: World) -> None:
    world.bot.replies = [{"complete": "resolved"}]
    world.inbox.faults = [IN_PART] * 5
    walker.says("bye")
    assert len(world.inbox.faults) == 4
    assert walker.outcomes() == ["resolved"]


def test_an_upload_with_errors_becomes_a_link(walker: Walker, world: World) -> None:
    world.files["/map.png"] = answer(200, "pixels", headers={"content-type": "image/png"})
    world.inbox.faults = [("after", IN_PART)]
    world.bot.replies = [{"messages": [{"text": "Map", "attachment": {"url": f"{FILES}/map.png"}}]}]
    walker.says("map")
    assert world.inbox.said("0-conv-1") == [f"Map\n{FILES}/map.png"]


# --- a missing permission -----------------------------------------------------------------------------------------


def test_a_permission_for_extras_costs_the_extras_only(walker: Walker, world: World) -> None:
    strict(world, "applyConversationNotes", status=403, code=4004)
    world.bot.replies = [FULL]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["Hi"]


def test_a_permission_for_all_is_waited_for(walker: Walker, world: World) -> None:
    missing = answer(403, {"errors": [{"code": "4007", "message": "no access", "id": "t"}]})
    world.inbox.faults = [missing, missing]
    walker.post(make_event(text="Hello"))
    walker.let_time_pass()
    lease = claim_due_conversation("tests")
    assert lease is not None
    take_step(lease)
    assert Exchange.objects.get(target="inbox").code == "CB-209"
    assert "lack a permission: no access" in Delivery.objects.get().last_error
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
