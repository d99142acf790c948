"""What lists cost: at most 15 statements, and no more for a long one than for a short one."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_app.access.audit import Actor, record_audit
from channels_app.conversations.refusals import count_refusal
from channels_app.models import Exchange, FailureGroup, WorkerSlot
from channels_app.operations.failures.grouping import SETTLED, gather_failures
from tests.builders import make_channel
from tests.conftest import Walker
from tests.counting import count_newest
from tests.world import World, answer

MAX_STATEMENTS = 16
SHORT, LONG = 3, 12
ADMIN = "/admin/channels_app/"
LISTS = (
    *(f"{ADMIN}{name}/" for name in ("channel", "bot", "apitoken")),
    *("/admin/auth/user/", "/admin/auth/group/"),
    *("/ops/", "/ops/?window=7d", "/ops/conversations/", "/ops/conversations/?q=Johan", "/ops/conversations/?q=Hello"),
    *("/ops/exchanges/", "/ops/exchanges/?errors=1", "/ops/exchanges/?code=CB-502", "/ops/exchanges/?slow=1"),
    *("/ops/failures/", "/ops/failures/?state=all", "/ops/workers/", "/ops/audit/", "/ops/codes/", "/ops/refused/"),
    *("/ops/handovers/", "/ops/handovers/?days=28"),
    *(f"/ops/{name}/?since=today" for name in ("conversations", "exchanges", "failures", "audit")),
    "/ops/conversations/?q=Johan&since=today",
)


@pytest.fixture
def grow(walker: Walker, world: World) -> Callable[[int, int], None]:
    """So many more of everything that lists show."""

    def live(since: int, until: int) -> None:
        now = timezone.now()
        for number in range(since, until):
            channel = make_channel()
            walker.says(f"Hello {number}", f"0-conv-{number}")
            world.bot.replies = [answer(502, {"error": "a" * number})] * 2
            walker.says("And now?", f"0-conv-{number}")
            count_refusal("inbox", channel.uuid, "bad_signature")
            record_audit(Actor(name="ann", via="admin"), "paused", channel)
            User.objects.create_user(f"person-{number}", is_staff=True)
            beat = {"started_at": now, "beat_at": now}
            WorkerSlot.objects.create(name=f"w{number}", host="h", pid=number, kind="worker", version="1", **beat)
        Exchange.objects.update(started_at=now - 2 * SETTLED)
        gather_failures()
        count_newest(timezone.now(), 20 * SETTLED)

    return live


def test_a_list_costs_few_statements_however_long_it_is(
    admin_client: Client, grow: Callable[[int, int], None], subtests: pytest.Subtests
) -> None:
    def cost(address: str) -> int:
        with CaptureQueriesContext(connection) as statements:
            assert admin_client.get(address).status_code == 200
        return len(statements)

    grow(0, SHORT)
    for address in LISTS:
        cost(address)  # what a process learns once, e.g. types of content
    short = {address: cost(address) for address in LISTS}
    grow(SHORT, LONG)
    assert FailureGroup.objects.exists()
    for address in LISTS:
        with subtests.test(address):
            assert cost(address) <= min(short[address], MAX_STATEMENTS)
