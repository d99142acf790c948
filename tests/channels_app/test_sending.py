"""What becomes of a reply on its way, for each thing that the inbox or the network can do to it."""

import base64
import tempfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.utils import timezone

from channels_app.conversations.claim import claim_due_conversation
from channels_app.deliveries.recording import retry_delivery, tries_of
from channels_app.lib.http.session import Answer
from channels_app.models import Conversation, Delivery, Exchange, MessageRow, WebhookEvent
from channels_app.protocol.errors import BridgeError, Effect, PayloadError, TemporaryError
from offload.models import Offload
from tests.builders import make_event
from tests.conftest import Walker
from tests.turns import take_step
from tests.world import FILES, World, answer

NOT_DONE = TemporaryError("POST: connection refused", effect=Effect.NONE)
NO_ANSWER = TemporaryError("POST: no answer within 30 s", effect=Effect.UNKNOWN)
HANDOVER = {"messages": [{"text": "Bye"}], "complete": "handover"}


def error(status: int, message: str = "no") -> Answer:
    return answer(status, {"errors": [{"code": 1003, "message": message, "id": f"trace-{status}"}]})


@pytest.mark.parametrize("fault", [NOT_DONE, error(429), error(503), error(500), error(502)])
def test_what_was_not_done_is_sent_again_until_it_arrives(walker: Walker, world: World, fault: object) -> None:
    world.inbox.faults = [fault, fault]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert walker.outcomes() == ["replied"]
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries) == ("sent", 3)
    assert [attempt.n for attempt in tries_of(delivery)] == [1, 2, 3]


def test_a_refused_token_is_replaced_and_the_call_replayed_once(walker: Walker, world: World) -> None:
    world.inbox.faults = [error(401)]
    walker.says("Hello")
    assert world.inbox.tokens_given == 2
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert Delivery.objects.get().tries == 1


def test_a_message_that_may_have_arrived_is_not_sent_twice(walker: Walker, world: World) -> None:
    world.inbox.faults = [("after", NO_ANSWER)]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert walker.outcomes() == ["replied_unconfirmed"]
    assert Delivery.objects.get().state == "unconfirmed"


def test_the_doubt_is_told_to_the_agent(walker: Walker, world: World) -> None:
    world.inbox.faults = [("after", NO_ANSWER)]
    walker.says("Hello")
    world.bot.replies = [HANDOVER]
    walker.says("agent")
    assert "may not have reached the contact" in world.inbox.notes("0-conv-1")[0]


def test_a_handover_without_answer_is_repeated_and_404_is_its_proof(walker: Walker, world: World) -> None:
    world.bot.replies = [HANDOVER]
    world.inbox.faults = [("after", NO_ANSWER)]
    walker.says("agent")
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert walker.outcomes() == ["handed_over"]
    assert Offload.objects.get().state == "handed_over"


def test_a_doubtful_handover_is_not_repeated_once_agents_gave_the_conversation_back(
    walker: Walker, world: World
) -> None:
    world.bot.replies = [HANDOVER]
    world.inbox.faults = [("after", NO_ANSWER)]
    walker.post(make_event(text="agent"))
    walker.let_time_pass()
    walker.work(patiently=False)  # handed over, without an answer
    world.inbox.gone.clear()
    walker.delegates()
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert walker.outcomes() == ["handed_over", "replied"]
    assert world.bot.turns[-1]["type"] == "conversation_delegated"
    assert walker.conversation().owner == "bot"


def test_what_was_not_sent_before_agents_had_the_conversation_is_not_sent_after(walker: Walker, world: World) -> None:
    world.bot.replies = [HANDOVER]
    walker.post(make_event(text="agent"))
    walker.let_time_pass()
    lease = claim_due_conversation("tests")
    assert lease is not None
    world.inbox.faults = [error(429)]
    take_step(lease)
    walker.delegates()
    assert world.inbox.completions("0-conv-1") == []
    assert walker.outcomes() == ["moot", "replied"]
    assert Delivery.objects.earliest("id").state == "cancelled"
    assert walker.conversation().owner == "bot"


def test_a_handover_that_needs_a_second_try_keeps_its_reason(walker: Walker, world: World) -> None:
    world.bot.replies = [HANDOVER]
    world.inbox.faults = [NOT_DONE]
    walker.says("agent")
    assert walker.outcomes() == ["handed_over"]
    assert WebhookEvent.objects.get().reason == "the bot ended its part"


def test_a_handover_that_comes_too_late_is_not_reported_as_done(walker: Walker, world: World) -> None:
    world.bot.replies = [HANDOVER]
    world.inbox.gone.add("0-conv-1")
    walker.says("agent")
    assert walker.outcomes() == ["moot"]
    assert Offload.objects.get().state == "moot"
    assert walker.conversation().owner == "other"


def test_a_refused_reply_becomes_a_handover_with_the_reason(walker: Walker, world: World) -> None:
    world.inbox.faults = [error(400, "text too long")]
    walker.says("Hello")
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert Offload.objects.get().reason == "reply_refused"
    assert "text too long" in world.inbox.notes("0-conv-1")[0]
    refused, handover = Delivery.objects.order_by("seq")
    assert (refused.state, refused.trace_id, handover.state) == ("refused", "trace-400", "sent")


def test_a_refused_handover_is_tried_bare_and_then_reported_as_failed(walker: Walker, world: World) -> None:
    world.bot.replies = [HANDOVER]
    world.inbox.faults = [error(400), error(400), error(400)]  # whole, without the note, bare
    walker.says("agent")
    assert world.inbox.completions("0-conv-1") == []
    assert walker.outcomes() == ["dead"]
    assert Offload.objects.get().state == "refused"
    assert walker.conversation().owner == "bot"


def test_the_bare_handover_saves_one_that_was_refused(walker: Walker, world: World) -> None:
    world.bot.replies = [HANDOVER]
    world.inbox.faults = [error(400), error(400)]
    walker.says("agent")
    assert world.inbox.calls[-1][1] == {"complete": "HANDOVER"}
    assert walker.outcomes() == ["handed_over"]
    assert Offload.objects.get().state == "handed_over"


def test_a_message_reported_failed_three_times_becomes_a_handover(walker: Walker, world: World) -> None:
    world.inbox.faults = [error(500), error(500), error(500)]
    walker.says("Hello")
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]


def test_after_the_platforms_time_nothing_is_tried_any_more(walker: Walker, world: World) -> None:
    world.inbox.faults = [NOT_DONE] * 50
    walker.post_and_age(text="Hello", age_s=235)
    assert walker.outcomes() == ["dead"]
    assert [delivery.state for delivery in Delivery.objects.order_by("seq")] == ["failed", "failed"]


def test_a_minute_before_the_platforms_time_is_up_words_give_way_to_the_handover(walker: Walker, world: World) -> None:
    world.inbox.faults = [NOT_DONE] * 3
    walker.post_and_age(text="Hello", age_s=235)
    assert world.inbox.said("0-conv-1") == []
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert walker.outcomes() == ["handed_over"]


def test_no_text_reaches_a_conversation_that_is_gone_after_its_first_message(
    walk_with: Callable[..., Walker], world: World
) -> None:
    walker = walk_with(inbox="sparkcentral")
    world.bot.replies = [{"messages": [{"text": "One"}, {"text": "Two"}, {"text": "Three"}]}]
    world.inbox.faults = [("after", answer(200, {})), error(404)]
    walker.says("Hello")
    assert world.inbox.said("0-conv-1") == ["One"]
    assert [delivery.state for delivery in Delivery.objects.order_by("seq")] == ["sent", "cancelled", "cancelled"]
    assert walker.outcomes() == ["moot"]


# --- attachments --------------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
GIF = b"GIF89a\1\0\1\0"
PICTURE = Answer(200, {"content-type": "image/png"}, PNG, 1)
MAP = {"text": "The map", "attachment": {"url": f"{FILES}/map.png", "name": "map.png", "content_type": "image/png"}}


def test_an_attachment_is_uploaded_and_then_named(walker: Walker, world: World) -> None:
    world.files["/map.png"] = PICTURE
    world.bot.replies = [{"messages": [MAP]}]
    walker.says("map")
    ((_, filename, data),) = world.inbox.uploads
    assert filename.startswith("map-")
    assert filename.endswith(".png")
    assert data == PNG
    assert world.inbox.calls[0][1]["sendMessage"] == {"text": "The map", "attachment": filename}


def test_a_file_that_the_medium_would_drop_becomes_its_link(walker: Walker, world: World) -> None:
    """The inbox would accept both; the contact is on WhatsApp."""
    world.files |= {"/large.png": replace(PICTURE, body=PNG + bytes(5_000_000)), "/a.gif": replace(PICTURE, body=GIF)}
    messages = [{"text": name, "attachment": {"url": f"{FILES}/{name}"}} for name in ("large.png", "a.gif")]
    world.bot.replies = [{"messages": messages}]
    walker.says("map")
    assert world.inbox.uploads == []
    assert world.inbox.said("0-conv-1") == [f"{name}\n{FILES}/{name}" for name in ("large.png", "a.gif")]
    errors = Delivery.objects.filter(kind="attachment").order_by("seq").values_list("last_error", flat=True)
    assert ["up to 5 MB" in errors[0], "image/gif" in errors[1]] == [True, True]


def test_a_file_for_which_there_is_no_room_here_becomes_its_link(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.files["/map.png"] = PICTURE
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    world.bot.replies = [{"messages": [MAP]}]
    walker.says("map")
    assert world.inbox.said("0-conv-1") == [f"The map\n{FILES}/map.png"]


TOO_LARGE = PayloadError("GET files.test/map.png: the answer has more than 10000000 bytes.", status=200)
BROKEN = TemporaryError("GET files.test/map.png: the answer broke off.", effect=Effect.UNKNOWN, status=200)


@pytest.mark.parametrize(
    "file", [answer(404), answer(429), TOO_LARGE, BROKEN, answer(200, "<x>", headers={"content-type": "text/html"})]
)
def test_a_file_that_can_not_be_passed_on_becomes_its_link(
    walker: Walker, world: World, file: Answer | BridgeError
) -> None:
    world.files["/map.png"] = file
    world.bot.replies = [{"messages": [MAP]}]
    walker.says("map")
    assert world.inbox.uploads == []
    assert world.inbox.said("0-conv-1") == [f"The map\n{FILES}/map.png"]
    assert walker.outcomes() == ["replied"]
    assert Delivery.objects.get(kind="attachment").state == "refused"
    assert list(Exchange.objects.exclude(code="").values_list("code", flat=True)) == ["CB-604"]


def test_a_file_that_the_inbox_refuses_becomes_its_link(walker: Walker, world: World) -> None:
    world.files["/map.png"] = PICTURE
    world.bot.replies = [{"messages": [MAP]}]
    world.inbox.faults = [error(400)]
    walker.says("map")
    assert world.inbox.said("0-conv-1") == [f"The map\n{FILES}/map.png"]


def test_a_message_refused_for_its_file_goes_with_the_link(walker: Walker, world: World) -> None:
    world.files["/map.png"] = PICTURE
    world.bot.replies = [{"messages": [MAP]}]
    world.inbox.faults = [("after", answer(201)), error(400)]
    walker.says("map")
    assert world.inbox.said("0-conv-1") == [f"The map\n{FILES}/map.png"]
    assert walker.outcomes() == ["replied"]


def test_a_name_without_an_ending_gets_that_of_its_content(walker: Walker, world: World) -> None:
    world.files["/map"] = PICTURE
    world.bot.replies = [{"messages": [{"attachment": {"url": f"{FILES}/map"}}]}]
    walker.says("map")
    ((_, filename, _),) = world.inbox.uploads
    assert filename.startswith("map-")
    assert filename.endswith(".png")
    assert world.inbox.calls[0][1]["sendMessage"] == {"attachment": filename}


def test_a_file_in_its_address_is_uploaded(walker: Walker, world: World) -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    world.bot.replies = [{"messages": [{"text": "The map", "attachment": {"url": url}}]}]
    walker.says("map")
    ((_, filename, data),) = world.inbox.uploads
    assert data == PNG
    assert filename.startswith("file-")
    assert world.inbox.calls[0][1]["sendMessage"] == {"text": "The map", "attachment": filename}
    shown = MessageRow.objects.get(author="bot").attachment_url
    assert shown == "data:image/png;base64"


@pytest.mark.parametrize(
    "url",
    [
        "file:///C:/maps/map.png",
        "blob:https://bot.example/0b1c",
        "/maps/map.png",
        "map.png",
        "//files.example/map.png",
        "https://me:pw-canary@files.example/map.png",
        "ftp://files.example/map.png",
        "http://10.0.0.7/map.png",
        "http://169.254.169.254/map.png",
        "http://[::1]/map.png",
        "http://2130706433/map.png",
        "http://files/map.png",
        "http://files.internal/map.png",
        "data:image/png;base64,AAAA",
        "data:nothing",
    ],
)
def test_an_address_that_only_the_bot_can_open_is_the_operators(walker: Walker, world: World, url: str) -> None:
    """The fakes fetch nothing from there."""
    world.unreachable.add(url)
    world.bot.replies = [{"messages": [{"text": "The map", "attachment": {"url": url}}]}]
    walker.says("map")
    assert world.inbox.calls[0][1]["sendMessage"] == {"text": "The map"}
    assert walker.outcomes() == ["replied"]
    refused = Delivery.objects.filter(kind="attachment", state="refused").first()
    told = refused.last_error if refused else WebhookEvent.objects.get().reason
    assert told
    assert "pw-canary" not in told


@pytest.mark.parametrize("inbox", ["hootsuite", "sparkcentral"])
def test_a_reply_of_nothing_but_such_a_file_goes_to_humans(
    walk_with: Callable[..., Walker], world: World, inbox: str
) -> None:
    walker = walk_with(inbox=inbox)
    world.unreachable.add("http://10.0.0.7/a.png")
    world.bot.replies = [{"messages": [{"attachment": {"url": "http://10.0.0.7/a.png"}}]}]
    walker.says("map")
    assert not any("10.0.0.7" in text for text in world.inbox.said("0-conv-1"))
    assert world.inbox.completions("0-conv-1") == ["HANDOVER"]
    assert walker.outcomes() == ["handed_over"]


@pytest.mark.parametrize("inbox", ["hootsuite", "sparkcentral"])
@pytest.mark.parametrize("is_first", [True, False])
def test_words_beside_such_a_file_are_said(
    walk_with: Callable[..., Walker], world: World, inbox: str, is_first: bool
) -> None:
    walker = walk_with(inbox=inbox)
    world.unreachable.add("http://10.0.0.7/a.png")
    messages = [{"attachment": {"url": "http://10.0.0.7/a.png"}}, {"text": "That is the way."}]
    world.bot.replies = [{"messages": messages if is_first else messages[::-1]}]
    walker.says("map")
    assert world.inbox.said("0-conv-1") == ["That is the way."]
    assert walker.outcomes() == ["replied"]


def test_a_link_that_only_the_bot_can_open_is_not_offered(walker: Walker, world: World) -> None:
    urls = [
        "http://localhost:3000/help",
        "javascript:alert(1)",
        "/help",
        "https://me:pw@help.example/",
        "https://help.example/",
    ]
    options = [{"title": f"Help {number}", "url": url} for number, url in enumerate(urls)]
    world.bot.replies = [{"messages": [{"text": "Look", "options": options}]}]
    walker.says("help")
    assert world.inbox.said("0-conv-1") == ["Look\nHelp 4: https://help.example/"]
    assert "a link that contacts can't open" in WebhookEvent.objects.get().reason


# --- crashes and retries ------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


def kill_at(monkeypatch: pytest.MonkeyPatch, world: World, *, after: bool) -> None:
    """The next call to the conversation ends the process, before or after the inbox had it."""
    handle = world.inbox.handle

    def handle_once(method: str, path: str, request: dict[str, object]) -> object:
        if path.endswith("/oauth2/token"):
            return handle(method, path, request)
        monkeypatch.setattr(world.inbox, "handle", handle)
        if after:
            handle(method, path, request)
        raise Killed

    monkeypatch.setattr(world.inbox, "handle", handle_once)


def die(walker: Walker) -> None:
    with pytest.raises(Killed):
        walker.says("Hello")
    Conversation.objects.update(lease_until=timezone.now())  # its lease ends


@pytest.mark.parametrize(("after", "copies"), [(False, 1), (True, 2)])
def test_a_call_cut_off_by_a_crash_is_made_once_more(
    walker: Walker, world: World, monkeypatch: pytest.MonkeyPatch, after: bool, copies: int
) -> None:
    kill_at(monkeypatch, world, after=after)
    die(walker)
    assert Delivery.objects.get().state == "in_flight"
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"] * copies
    assert walker.outcomes() == ["replied"]
    assert len(world.bot.turns) == 1  # its reply was written down before
    assert list(Exchange.objects.filter(target="inbox").values_list("result", flat=True)) == ["unknown", "sent"]


def test_a_worker_that_lost_its_lease_changes_nothing(walker: Walker, world: World) -> None:
    from channels_app.conversations.lease import LeaseLostError

    walker.post(make_event(text="Hello", data={}))
    walker.let_time_pass()
    slow = claim_due_conversation("slow")
    assert slow is not None
    Conversation.objects.update(lease_until=timezone.now())
    quick = claim_due_conversation("quick")
    assert quick is not None
    assert quick.fence > slow.fence
    with pytest.raises(LeaseLostError):
        take_step(slow)
    assert world.bot.turns == []
    take_step(quick)
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]


def test_a_person_can_retry_what_failed_and_only_while_it_is_ours(walker: Walker, world: World) -> None:
    world.inbox.faults = [NOT_DONE] * 50
    walker.post_and_age(text="Hello", age_s=235)
    world.inbox.faults = []
    message = Delivery.objects.get(seq=1)
    assert retry_delivery(message)
    walker.work()
    assert world.inbox.said("0-conv-1") == ["You said: Hello"]
    assert walker.outcomes() == ["replied"]
    assert not retry_delivery(message)  # it is sent
    Conversation.objects.update(owner="other")
    Delivery.objects.update(state="failed")
    assert not retry_delivery(message)
    assert WebhookEvent.objects.get().outcome == "replied"
