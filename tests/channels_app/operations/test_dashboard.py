"""The first page: what it says, what it costs, and who may see it."""

import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from channels_app.codes import CODES
from channels_app.lib.clocks import database_now
from channels_app.lib.http.session import Answer
from channels_app.models import Bot, Channel, FailureGroup, Figure, Period, WorkerSlot
from channels_app.operations.figures.counting import Name, whole
from channels_app.operations.figures.reading import WINDOWS
from channels_app.operations.platform_status import STALE, look_at_status_page, status_problems
from tests.builders import make_channel, make_event
from tests.conftest import Walker
from tests.counting import count_newest
from tests.world import FILES, World, answer

PAGE = "/ops/"
LIMIT_BYTES = 60_000
KEYS = ("answer-time", "conversations", "handovers", "failures", "queue", "inbound")


@pytest.fixture
def busy(walker: Walker) -> Walker:
    """A bridge on which something happened."""
    walker.starts()
    walker.says("Hello")
    count_newest(timezone.now(), timedelta(minutes=10))
    return walker


def html(client: Client, **query: Any) -> str:
    response = client.get(PAGE, query)
    assert response.status_code == 200
    content: str = response.content.decode()
    return content


class _Checker(HTMLParser):
    """What a strict policy for content forbids, and ids that are there twice."""

    def __init__(self) -> None:
        super().__init__()
        self.ids = list[str]()
        self.forbidden = list[str]()
        self._is_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.forbidden += [name for name in found if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in found):
            self.forbidden.append(tag)


def check(page: str) -> None:
    checker = _Checker()
    checker.feed(page)
    assert checker.forbidden == []
    assert len(checker.ids) == len(set(checker.ids))


# --- what it says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", WINDOWS)
def test_an_empty_bridge_says_so(admin_client: Client, window: str) -> None:
    page = html(admin_client, window=window)
    check(page)
    assert "No channels yet." in page
    assert "No answers in" in page


def test_each_figure_is_a_sentence_with_its_number(admin_client: Client, busy: Walker) -> None:
    page = html(admin_client)
    check(page)
    assert "19 of 20 answers come within" in page
    assert "The bot got 1 conversation and kept 100 % of them; none is lost." in page
    assert "Nothing was handed over" in page
    assert "No cause of failures needs attention" in page
    assert "Nothing waits for a worker." in page
    assert "events a minute come in" in page


def test_a_lost_message_is_said_aloud(admin_client: Client, busy: Walker) -> None:
    start = whole(timezone.now(), timedelta(minutes=30))
    Figure.objects.create(
        channel=busy.channel, period=Period.HALF_HOUR, start=start, name=Name.FATE, label="lost", value=2
    )
    assert "2 are lost." in html(admin_client)


def test_hand_overs_come_with_share_and_difference(admin_client: Client, busy: Walker) -> None:
    now = whole(timezone.now(), timedelta(minutes=30))
    for hours, reason, value in ((0, "asked_for_human", 3), (0, "bot_failed", 1), (30, "bot_failed", 4), (48, "x", 1)):
        Figure.objects.create(
            channel=busy.channel,
            period=Period.HALF_HOUR,
            start=now - timedelta(hours=hours),
            name=Name.HANDOVER,
            label=reason,
            value=value,
        )
    page = html(admin_client)
    assert "4 handovers in the last 24 hours, most often because the bot asked for an agent." in page
    assert "75 %" in page and "−3" in page


def test_the_state_of_each_channel_is_a_word(admin_client: Client, busy: Walker, world: World) -> None:
    make_channel(name="Shop NL", paused_at=timezone.now(), paused_by="mia")
    make_channel(name="Archived", archived_at=timezone.now())
    page = html(admin_client)
    assert "2 channels: none needs attention, 1 paused." in page
    assert "Paused by mia" in page and ">Healthy<" in page
    assert "Archived" not in page


def test_a_channel_whose_bot_is_down_needs_somebody(admin_client: Client, busy: Walker) -> None:
    Bot.objects.update(failures=2, max_failures=2)
    page = html(admin_client)
    assert "1 channel: 1 needs attention." in page and "Failing: the bot is down" in page
    Bot.objects.update(failures=5, max_failures=20)
    assert "the bot is down" not in html(admin_client)


def test_a_channel_whose_contacts_wait_says_so(admin_client: Client, busy: Walker) -> None:
    now = timezone.now()
    FailureGroup.objects.create(
        channel=busy.channel, fingerprint="a", code="CB-607", first_at=now, last_at=now, waiting=1
    )
    page = html(admin_client)
    assert "1 channel: 1 needs attention." in page and "Degraded: 1 contact waits for an answer" in page


def test_a_channel_that_fails_needs_somebody(admin_client: Client, walker: Walker, world: World) -> None:
    world.bot.replies = [answer(500)] * 9
    walker.says("Hello")
    count_newest(timezone.now(), timedelta(minutes=10))
    page = html(admin_client)
    assert "1 channel: 1 needs attention." in page and ">Failing<" in page


def test_what_waits_without_a_worker_is_a_problem_with_its_code(admin_client: Client, walker: Walker) -> None:
    walker.post(make_event(text="Hello"))
    page = html(admin_client)
    assert "1 conversation waits for a worker" in page
    assert "Nothing is processing messages" in page and "CB-701" in page
    assert "The bridge itself needs your attention. 1 channel: none needs attention." in page


def failed(channel: Channel, message: str, count: int) -> FailureGroup:
    """A group of failures of this half hour."""
    now = timezone.now()
    group = FailureGroup.objects.create(
        fingerprint=f"{channel.pk}-{count}",
        channel=channel,
        code="CB-502",
        message=message,
        first_at=now,
        last_at=now,
        count=count,
    )
    Figure.objects.create(
        channel=channel,
        period=Period.HALF_HOUR,
        start=whole(now, timedelta(minutes=30)),
        name=Name.GROUP,
        label=str(group.pk),
        value=count,
    )
    return group


def test_causes_of_one_code_are_told_apart(admin_client: Client, busy: Walker) -> None:
    """By the channel, or else by what the other side said; escaped, and no longer than a line."""
    failed(busy.channel, "<b>Bad Gateway</b>", 7)
    failed(busy.channel, "Not Found " + "x" * 99, 6)
    failed(make_channel(name="Shop NL"), "502", 5)
    page = html(admin_client)
    names = [unescape(name) for name in re.findall(r'<a href="/ops/failures/\d+/[^>]*>([^<]*)</a>', page)]
    title = f"CB-502 {CODES['CB-502'].name}"
    assert names == [
        f"{title} · {busy.channel} · <b>Bad Gateway</b>",
        f"{title} · {busy.channel} · Not Found {'x' * 69}…",
        f"{title} · Shop NL",
    ]


def test_causes_link_to_their_page(admin_client: Client, busy: Walker) -> None:
    group = failed(busy.channel, "502", 7)
    page = html(admin_client)
    assert f'href="/ops/failures/{group.pk}/?since=' in page
    assert "7 failures of 1 cause" in page
    FailureGroup.objects.update(resolved_at=timezone.now())
    assert "No cause of failures needs attention" in html(admin_client)


def test_one_channel_can_be_looked_at(admin_client: Client, busy: Walker) -> None:
    other = make_channel(name="Shop NL")
    page = html(admin_client, channel=other.pk)
    assert f'<option value="{other.pk}" selected>' in page
    assert "No answers in" in page
    assert page.count('class="state ') == 1


@pytest.mark.parametrize("query", [{"window": "99y"}, {"channel": "x"}, {"channel": "9" * 30}, {"channel": "-1"}])
def test_a_strange_address_shows_the_usual_page(admin_client: Client, busy: Walker, query: dict[str, str]) -> None:
    assert "The last 24 hours" in html(admin_client, **query)


def test_names_of_channels_are_harmless(admin_client: Client, busy: Walker) -> None:
    Channel.objects.update(name="<script>alert(1)</script>")
    page = html(admin_client)
    check(page)
    assert "&lt;script&gt;alert(1)" in page


# --- tables, files, refreshing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_the_numbers_behind_a_figure_are_a_file(admin_client: Client, busy: Walker, key: str) -> None:
    response = admin_client.get(f"/ops/figures/{key}.csv", {"window": "1h"})
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/csv")
    lines = b"".join(response.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 1 + (WINDOWS["1h"].cells if key not in ("handovers", "failures") else 0)


def test_there_is_no_other_figure(admin_client: Client) -> None:
    assert admin_client.get("/ops/figures/salaries.csv").status_code == 404


def test_every_plot_stands_beside_its_table(admin_client: Client, busy: Walker) -> None:
    page = html(admin_client)
    assert page.count("Show as table") == page.count('class="plot" role="img"') == 4
    assert page.count('class="definition"') == len(KEYS)


def test_the_part_that_is_fetched_again_is_the_part_of_the_page(admin_client: Client, busy: Walker) -> None:
    part = html(admin_client, part="figures")
    assert "<html" not in part and "19 of 20 answers" in part
    assert 'data-refresh="?window=24h&amp;channel=&amp;part=figures"' in html(admin_client)


# --- costs and permissions ----------------------------------------------------------------------------------------


@pytest.fixture
def operator(client: Client, db: None) -> Client:
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_conversation"))
    client.force_login(user)
    return client


def fill(channels: int) -> None:
    """A day of figures on some channels."""
    now = whole(timezone.now(), timedelta(minutes=30))
    labels = {
        Name.INBOUND: ["inbox"],
        Name.OUTCOME: ["replied", "handed_over", "dead"],
        Name.FATE: ["bot", "handed_over", "resolved", "lost", "taken"],
        Name.HANDOVER: ["asked_for_human", "bot_failed", "bot_silent", "out_of_time", "admin"],
        Name.ANSWER_TIME: ["0.5", "1", "2", "3", "60"],
        Name.WAITING: [""],
        Name.OLDEST: [""],
    }
    for number in range(channels):
        channel = make_channel(name=f"Channel of a long name {number}")
        Figure.objects.bulk_create(
            Figure(
                channel=channel,
                period=Period.HALF_HOUR,
                start=now - timedelta(minutes=30) * back,
                name=name,
                label=label,
                value=1234,
            )
            for back in range(96)
            for name, found in labels.items()
            for label in found
        )
        WorkerSlot.objects.create(
            name=f"w{number}", host="h", pid=1, kind="worker", version="1", started_at=now, beat_at=timezone.now()
        )


def test_the_page_asks_eleven_questions_however_many_channels(
    operator: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    fill(5)
    html(operator)  # content types and the like are known from now on
    with django_assert_max_num_queries(11):
        html(operator)


def test_the_page_is_small(operator: Client, world: World) -> None:
    fill(10)
    page = html(operator)
    check(page)
    assert len(page.encode()) < LIMIT_BYTES


def test_only_who_may_see_conversations_sees_it(client: Client, db: None) -> None:
    assert client.get(PAGE).status_code == 302
    client.force_login(User.objects.create_user("eve", is_staff=True))
    assert client.get(PAGE).status_code == 403
    assert client.get("/ops/figures/queue.csv").status_code == 403


# --- the platform's status page -----------------------------------------------------------------------------------


def status_page(indicator: str, description: str) -> Answer:
    return answer(200, {"page": {"id": "x"}, "status": {"indicator": indicator, "description": description}})


@pytest.mark.parametrize(
    ("indicator", "is_trouble"), [("none", False), ("minor", True), ("critical", True), ("?", False)]
)
def test_trouble_on_the_status_page_is_a_line_while_it_is_reported(
    admin_client: Client, world: World, settings: Any, indicator: str, is_trouble: bool
) -> None:
    settings.STATUS_PAGE_URL = FILES
    world.files["/api/v2/status.json"] = status_page(indicator, "Inbox <b>slow</b>")
    look_at_status_page()
    page = admin_client.get("/ops/").content.decode()
    assert ("status page reports trouble: Inbox &lt;b&gt;slow&lt;/b&gt;." in page) == is_trouble
    assert ("CB-712" in page) == is_trouble
    world.files["/api/v2/status.json"] = status_page("none", "All Systems Operational")
    look_at_status_page()
    assert "CB-712" not in admin_client.get("/ops/").content.decode()


def test_an_old_look_at_the_status_page_says_nothing(world: World, db: None, settings: Any) -> None:
    settings.STATUS_PAGE_URL = FILES
    world.files["/api/v2/status.json"] = status_page("major", "Down")
    look_at_status_page()
    now = database_now()
    assert [str(problem.code) for problem in status_problems(now)] == ["CB-712"]
    assert status_problems(now + STALE) == []
    settings.STATUS_PAGE_URL = "https://other.example.com"
    assert status_problems(now) == []


@pytest.mark.parametrize(
    "answered",
    [answer(503), answer(302), answer(200, ["x"]), answer(200, {"status": "ok"}), Answer(200, {}, b"<html>", 1)],
)
def test_a_status_page_that_cannot_be_read_is_no_trouble(
    world: World, db: None, settings: Any, answered: Answer
) -> None:
    settings.STATUS_PAGE_URL = FILES
    world.files["/api/v2/status.json"] = answered
    assert "status page" in look_at_status_page()
    assert status_problems(database_now()) == []


def test_without_an_address_no_status_page_is_asked(world: World, db: None) -> None:
    assert look_at_status_page() == "no status page is set"  # the world would refuse any call
    assert status_problems(database_now()) == []
