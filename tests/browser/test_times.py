"""“It was at 14:05”: an operator whose clock shows another time than the server's finds what a customer told them."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.bridge import PATIENCE_S, eventually
from tests.browser.demo import LIVE, OTHER, Demo
from tests.browser.people import Admin

pytestmark = pytest.mark.xdist_group("browser")

KATHMANDU = "Asia/Kathmandu"
"""Five hours and three quarters before UTC: whoever reads it as UTC, or by whole hours, finds something else."""


def last_heard(demo: Demo, conversation: int) -> datetime:
    newest = "SELECT received_at FROM channels_app_webhookevent WHERE conversation_id = %s ORDER BY id DESC LIMIT 1"
    with psycopg.connect(demo.stage.database_url) as connection:
        found = connection.execute(newest, [conversation]).fetchone()
    assert found
    at: datetime = found[0]
    return at


def test_a_failure_is_found_by_the_time_of_day_that_a_customer_names(
    demo: Demo, open_window: Callable[..., Page]
) -> None:
    contact = demo.given_up()
    number = demo.conversation(contact)
    page = Admin(open_window(timezone_id=KATHMANDU), demo.stage).log_in()
    expect(page.locator("#zone")).to_have_text(re.compile("Times in Asia/Kath?mandu"))  # browsers spell it as of old
    told = last_heard(demo, number).astimezone(ZoneInfo(KATHMANDU))

    page.goto(f"{demo.stage.url}/ops/conversations/")
    page.get_by_label("Time, or from").fill(f"{told:%H:%M}")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("#time-help")).to_contain_text(f"{told - timedelta(minutes=5):%H:%M}:00 UTC+05:45")
    page.locator(f'a[href^="/ops/conversations/{number}/?event="]').click()
    expect(page.locator("#why .cause")).to_contain_text("CB-605")
    expect(page.locator("#why time").first).to_have_attribute("title", re.compile(r"UTC\+05:45$"))

    def is_found() -> bool:
        """Several causes can have failed in that minute: one of their pages names the contact."""
        page.goto(f"{demo.stage.url}/ops/failures/")
        page.get_by_label("Time, or from").fill(f"{told:%Y-%m-%d %H:%M}")
        page.get_by_role("button", name="Show", exact=True).click()
        page.wait_for_load_state()
        causes = page.locator(".groups").get_by_role("link", name="CB-605").all()
        for address in [cause.get_attribute("href") for cause in causes]:
            page.goto(f"{demo.stage.url}{address}")
            if page.get_by_role("link", name=contact.id).count():
                return True
        return False

    # Guards put failures into groups every 15 seconds, when these are 5 seconds old.
    eventually(is_found, patience_s=2 * PATIENCE_S)


def test_another_zone_is_chosen_and_kept(demo: Demo, open_window: Callable[..., Page]) -> None:
    page = Admin(open_window(timezone_id="America/New_York"), demo.stage).log_in()
    page.get_by_role("link", name="Times in America/New_York").click()
    page.get_by_label("Show times in").select_option("Europe/Brussels")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Times are shown in Europe/Brussels.")).to_be_visible()
    elsewhere = Admin(open_window(timezone_id="Asia/Tokyo"), demo.stage).log_in()
    elsewhere.get_by_role("link", name="Times in Europe/Brussels").click()
    elsewhere.get_by_label("Show times in").select_option("")
    elsewhere.get_by_role("button", name="Save").click()
    expect(elsewhere.get_by_role("link", name="Times in Asia/Tokyo")).to_be_visible()


def point_at(page: Page, plot: Locator) -> None:
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)


def test_a_cell_of_the_dashboard_leads_to_what_happened_then(
    demo: Demo, session: Any, open_window: Callable[..., Page]
) -> None:
    page = Admin(open_window(storage_state=session), demo.stage).open("/ops/")
    point_at(page, page.locator(".tile", has=page.locator("#inbound-heading")).locator(".plot"))
    cell = page.locator("#cell-link")
    expect(cell).to_have_attribute("title", re.compile(r"^From [0-9:]+ · Events [0-9]+ · "))
    cell.click()
    expect(page.get_by_label("Direction")).to_have_value("in")
    expect(page.locator("#time-help")).to_contain_text(re.compile(r"from .*:[03]0:00 .* to .*:[03]0:00 "))

    # By the keyboard: the lines of the table behind the plot.
    page.goto(f"{demo.stage.url}/ops/?channel={demo.channel(LIVE)}")
    page.locator("#conversations-summary").focus()
    page.keyboard.press("Enter")
    page.locator("#conversations-table tbody a").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Channel")).to_have_value(str(demo.channel(LIVE)))
    expect(page.locator("#time-help")).to_contain_text("Only what happened from")


def test_the_strip_of_a_channel_leads_to_its_conversations_of_that_half_hour(
    demo: Demo, session: Any, open_window: Callable[..., Page]
) -> None:
    page = Admin(open_window(storage_state=session), demo.stage).open("/ops/")
    point_at(page, page.get_by_role("row", name=OTHER).locator(".strip .plot"))
    page.locator("#cell-link").click()
    expect(page.get_by_label("Channel")).to_have_value(str(demo.channel(OTHER)))
    expect(page.locator("#time-help")).to_contain_text(re.compile(r"from .*:[03]0:00 .* to .*:[03]0:00 "))
