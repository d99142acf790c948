"""Why agents take over: a closed list, written down for people, counted and shown."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from channels_app.operations.handovers import Asked, find_weaknesses
from channels_app.operations.search import find_conversations
from channels_app.protocol.causes import code_of_offload, code_of_outcome
from offload.models import Offload, OffloadReason
from tests.channels_app.test_failure_policy import TOO_SLOW
from tests.conftest import Walker
from tests.world import World, answer

pytestmark = pytest.mark.django_db


def test_each_reason_is_written_down_in_the_words_of_pages() -> None:
    told = (Path(settings.BASE_DIR) / "docs/handovers.md").read_text()
    assert [reason for reason in OffloadReason if f"| `{reason}` | {reason.label} |" not in told] == []


@pytest.mark.parametrize(("reason", "detail"), [("asked_for_human", ""), ("wants money", "wants money"), ("", "")])
def test_what_the_bot_says_of_it_is_told_unless_it_is_the_reasons_name(
    walker: Walker, world: World, reason: str, detail: str
) -> None:
    world.bot.replies = [{"messages": [{"text": "Sure."}], "offload": {"reason": reason}}]
    walker.says("agent")
    assert Offload.objects.get().detail == detail
    assert ("Details: " in world.inbox.notes("0-conv-1")[0]) == bool(detail)


@pytest.mark.parametrize("reason", OffloadReason)
def test_a_reason_that_is_a_failure_has_a_code(reason: OffloadReason) -> None:
    assert not (reason.is_asked_for and reason.is_failure)
    assert code_of_offload(reason) is not None or not reason.is_failure


@pytest.mark.parametrize(("replies", "reason"), [([TOO_SLOW] * 2, "bot_slow"), ([answer(500)] * 2, "bot_failed")])
def test_a_bot_that_is_too_slow_is_told_apart_from_one_that_fails(
    walker: Walker, world: World, admin_client: Client, replies: list[object], reason: str
) -> None:
    world.bot.replies = list(replies)
    walker.says("Hello")
    assert Offload.objects.get().reason == reason
    found = find_conversations(reason=reason).lines
    assert [line.reason for line in found] == [reason]
    assert [line.reason for line in find_conversations("0-conv-1", reason=reason).lines] == [reason]
    assert find_conversations(reason="admin").lines == find_conversations("0-conv-1", reason="admin").lines == ()
    assert [(row.key, row.handovers) for row in find_weaknesses(Asked()).reasons] == [(reason, 1)]
    page = admin_client.get(f"/ops/conversations/?reason={reason}").content.decode()
    assert f"<small>{OffloadReason(reason).label}</small>" in page
    assert "No conversation matches" in admin_client.get("/ops/conversations/?reason=admin").content.decode()
    listed = admin_client.get(f"/api/v1/conversations/?reason={reason}").json()["results"]
    assert [line["reason"] for line in listed] == [reason]
    assert admin_client.get("/api/v1/conversations/?reason=weather").status_code == 400


def test_a_slow_bots_call_tells_more_than_the_reason() -> None:
    assert str(code_of_outcome("handed_over", offload="bot_slow", call="CB-502")) == "CB-502"
    assert str(code_of_outcome("handed_over", offload="bot_slow")) == "CB-501"
