"""An operator finds out why a contact got no answer, and repairs it."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.bridge import PATIENCE_S, eventually
from tests.browser.demo import OTHER, Demo
from tests.browser.people import Admin
from tests.test_walkthrough import post

pytestmark = pytest.mark.xdist_group("browser")

QUESTION = "Where is order A-3301?"


def test_a_failed_delivery_is_found_explained_and_repeated(
    demo: Demo, session: Any, open_window: Callable[..., Page]
) -> None:
    contact = demo.contact(OTHER, "Noor Weber")
    eventually(contact.heard)
    post(f"{demo.simulator}/sim/faults", {"target": "inbox", "fault": "400"})
    contact.says(QUESTION)

    page = Admin(open_window(storage_state=session), demo.stage).open(f"/ops/failures/?channel={demo.channel(OTHER)}")
    group = page.get_by_role("link", name="CB-605 Reply refused")
    # Guards put failures into groups every 15 seconds, when these are 5 seconds old.
    eventually(lambda: page.reload() and group.count(), patience_s=2 * PATIENCE_S)
    group.click()
    expect(page.get_by_role("heading", name="What it means")).to_be_visible()
    expect(page.locator("table")).to_contain_text("failed: needs an operator")
    page.get_by_role("link", name=contact.id).click()
    why = page.locator("#why")
    expect(why.get_by_role("heading", name="Why did the bot not answer this message?")).to_be_visible()
    expect(why.locator(".cause")).to_contain_text("CB-605")

    # The same page by the search: the platform's id leads straight to it.
    found_at = page.url.partition("?")[0]
    page.get_by_role("link", name="Conversations").click()
    page.get_by_role("searchbox", name="Find a conversation").fill(contact.id)
    page.get_by_role("button", name="Find").click()
    expect(page).to_have_url(found_at)

    requests.delete(f"{demo.simulator}/sim/faults", timeout=10).raise_for_status()  # the inbox is well again
    page.get_by_role("link", name="Retry").first.click()
    page.get_by_label("Reason, for the audit log").fill("the inbox is well again")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("1 event is retried.")).to_be_visible()
    contact.hears("A-3301 is on its way")
    answered = page.get_by_role("heading", name="Did the bot answer the last message?")
    eventually(lambda: page.reload() and answered.count())
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("table")).to_contain_text("the inbox is well again")
