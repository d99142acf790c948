"""The set-up without a mouse: everything is reached with Tab, and one always sees where one is."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.demo import OTHER, Demo
from tests.browser.people import CHANNELS, Account, Admin
from tests.browser.stage import ADMIN, PASSWORD

pytestmark = pytest.mark.xdist_group("browser")

MAX_STOPS = 120
"""More than any of these pages has: whoever isn't there by then can't be reached."""
HAS_FOCUS = "(element) => element === document.activeElement"
SHOWS_FOCUS = """(element) => {
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const isOutlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const save = document.querySelector(".submit-row"), row = save?.getBoundingClientRect();
  const isCovered = save && !save.contains(element) && box.bottom > row.top && box.top < row.bottom;
  return isOutlined && box.bottom > 0 && box.top < innerHeight && !isCovered;
}"""


def reach(page: Page, target: Locator, most: int = MAX_STOPS) -> None:
    """By Tab. The target is looked for once: to find one by its role, a browser goes through the whole page."""
    element = target.element_handle()
    for _ in range(most):
        if element.evaluate(HAS_FOCUS):
            assert element.evaluate(SHOWS_FOCUS), f"nobody sees that {target} has the focus"
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{target} is not reached with Tab")


def write(page: Page, field: str, text: str) -> None:
    reach(page, page.get_by_role("textbox", name=field))
    page.keyboard.type(text)


def press(page: Page, role: str, name: str) -> None:
    reach(page, page.get_by_role(role, name=name))  # type: ignore[arg-type]
    page.keyboard.press("Enter")


def test_a_channel_is_set_up_with_the_keyboard_alone(demo: Demo, open_window: Callable[..., Page]) -> None:
    account = Account(demo.simulator, "Keys only")
    account.generate_keys()
    anna = Admin(open_window(), demo.stage)
    page = anna.open("/admin/")
    write(page, "Username", ADMIN)
    write(page, "Password", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Channels", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    press(page, "link", "Add channel")

    write(page, "Name", account.name)
    reach(page, page.get_by_label("Sparkcentral region"))
    page.keyboard.press("ArrowDown")
    write(page, "Client ID", account.client_id)
    write(page, "Client secret", account.client_secret)
    write(page, "API address", account.platform)
    with page.expect_popup() as opened:
        press(page, "link", "Add another bot")
    window = opened.value
    write(window, "Name", "Bot of the keys")
    reach(window, window.get_by_label("HTTP bot"))
    write(window, "Bot address", f"{account.platform}/bot")
    with window.expect_event("close"):
        window.keyboard.press("Enter")
    press(page, "button", "Save and check")
    expect(anna.step("API keys")).to_contain_text("✓ Works")

    press(page, "link", f"Back to {account.name}")
    press(page, "button", "Copy Webhook URL")
    expect(page.get_by_text("Copied", exact=True)).to_be_visible()
    shown = account.add_virtual_agent(page.evaluate("navigator.clipboard.readText()"))
    page.evaluate("(secret) => navigator.clipboard.writeText(secret)", shown["shared_secret"])
    reach(page, page.locator("#first-secret"))
    page.keyboard.press("Control+V")
    press(page, "button", "Save secret")
    expect(anna.step("Paste the shared secret")).to_contain_text("✓ Done")
    expect(page.get_by_role("heading", name="Set-up: 4 of 7 done")).to_be_visible()


def test_opening_hours_are_entered_with_the_keyboard_alone(
    demo: Demo, session: Any, open_window: Callable[..., Page]
) -> None:
    anna = Admin(open_window(storage_state=session, timezone_id="Europe/Brussels"), demo.stage)
    page = anna.open(f"{CHANNELS}{demo.channel(OTHER)}/change/")
    hours = page.get_by_role("group", name="Opening hours")
    reach(page, hours.get_by_role("radio", name="Always"), most=2 * MAX_STOPS)
    page.keyboard.press("ArrowDown")
    expect(hours.get_by_label("Time zone")).to_have_value("Europe/Brussels")  # the browser's own
    for name, digits in (("Monday, from", "0900AM"), ("Monday, until", "1230PM")):
        reach(page, hours.get_by_label(name, exact=True))
        page.keyboard.type(digits)
    press(page, "button", "Same through Friday")
    reach(page, hours.get_by_label("Sunday, from", exact=True), most=2 * MAX_STOPS)
    page.keyboard.type("1000AM")
    page.keyboard.press("Enter")
    alert = page.get_by_text("Sunday: give both times of each span, or none.", exact=True)
    expect(alert).to_be_visible()
    reach(page, hours.get_by_label("Sunday, until", exact=True), most=2 * MAX_STOPS)
    page.keyboard.type("1200AM")
    page.keyboard.press("Enter")
    press(page, "link", f"Back to {OTHER}")
    expect(hours.get_by_label("Friday, until", exact=True)).to_have_value("12:30")
    expect(hours.get_by_label("Sunday, until", exact=True)).to_have_value("00:00")
