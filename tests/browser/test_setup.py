"""The set-up of a channel in a browser, from an empty install on. Its first test finds nothing set up."""

import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import session_on
from tests.browser.people import CHANNELS, Account, Admin, contact_of
from tests.browser.stage import Stage

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def fresh_session(browser: Browser, fresh: Stage) -> Any:
    return session_on(fresh, browser)


@pytest.fixture
def anna(fresh: Stage, fresh_session: Any, open_window: Callable[..., Page]) -> Admin:
    return Admin(open_window(storage_state=fresh_session), fresh)


def test_an_empty_install_becomes_live_and_hands_over(anna: Admin, platforms: list[str]) -> None:
    account = Account(platforms[0], "Acme EU")
    account.generate_keys()
    page = anna.open(CHANNELS)
    expect(page.get_by_text("A channel connects one Sparkcentral virtual agent to one bot.")).to_be_visible()
    page.get_by_role("link", name="Add a channel").click()

    # The same value in both fields, and no server: named, nothing typed is lost but secrets.
    page.get_by_label("Name").fill(account.name)
    page.get_by_label("Client ID").fill(account.client_secret)
    page.get_by_role("textbox", name="Client secret").fill(account.client_secret)
    page.get_by_role("button", name="Save and check").click()
    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("This is the client ID. Copy clientSecret, from the same screen. CB-312")
    expect(summary).to_contain_text("Choose the region: it is in the address of your Sparkcentral.")
    expect(page.get_by_label("Name")).to_have_value(account.name)
    expect(page.get_by_role("textbox", name="Client secret")).to_have_value("")
    expect(page).to_have_title("Error: Add channel | chatbridge")

    page.get_by_label("Client ID").fill(f" {account.client_id} ")
    page.get_by_role("textbox", name="Client secret").fill(account.client_secret)
    page.get_by_label("API address").fill(account.platform)
    anna.add_bot("Parcel bot", f"{account.platform}/bot")
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_text("CB-303: We removed spaces around the value of Client ID.")).to_be_visible()
    expect(anna.step("API keys")).to_contain_text("✓ Works")
    expect(anna.step("Bot")).to_contain_text("answered our test with 1 message")
    expect(page.locator("body")).not_to_contain_text(account.client_secret)

    anna.back_to_channel()
    expect(anna.step("Check the connection")).to_contain_text("✓ Done")
    virtual_agent = account.add_virtual_agent(anna.copy_webhook_url())
    anna.paste_secret(account.client_secret)
    expect(page.locator("#error-summary")).to_contain_text("This is the client secret from step 1.")
    expect(page.locator("#error-summary")).to_contain_text("CB-302")
    page.get_by_role("textbox", name="New shared secret").fill(virtual_agent["shared_secret"])
    page.get_by_role("button", name="Save secret").click()
    expect(anna.step("Paste the shared secret")).to_contain_text("✓ Done")

    # From here on the page ticks by itself: nobody touches it.
    news = page.locator("#live-line")
    expect(news).to_have_text("Waiting for the first message …")
    page.evaluate("window.isTheSamePage = true")
    contact = contact_of(account, virtual_agent)
    contact.begins()
    contact.says("hello")
    expect(news).to_contain_text("This channel is live. Waiting for the first handover …")
    expect(page.locator(".headline .state")).to_have_text("● Live")
    contact.says("agent")
    expect(news).to_contain_text("Your inbox accepted a handover at")
    expect(page.get_by_role("heading", name="Set-up: 7 of 7 done")).to_be_visible()
    assert page.evaluate("window.isTheSamePage")
    page.get_by_text("Show the steps with their addresses").click()
    expect(anna.step("Check the handover to your agents")).to_contain_text("✓ Done")
    assert contact.sees()["owner"] == "queue"


def test_keys_of_another_server_are_named_with_code_and_advice(anna: Admin, platforms: list[str]) -> None:
    account = Account(platforms[0], "Keys of the other region")
    account.generate_keys()
    page = anna.page
    anna.add_channel(account, server=platforms[1])
    line = anna.step("API keys")
    expect(line).to_contain_text("✗ Does not work")
    expect(line).to_contain_text("Sparkcentral does not accept these keys on")
    expect(line).to_contain_text("Copy both values again, or try the other region.")
    expect(page.get_by_text("Your entries are saved, even if a check below failed.")).to_be_visible()
    anna.back_to_channel()
    step = anna.step("Check the connection")
    expect(step).to_contain_text("▲ Needs attention")
    step.get_by_role("link", name="CB-201").click()
    expect(page.get_by_text("The keys belong to the other region")).to_be_visible()


def test_refused_events_say_what_is_wrong_with_the_secret(anna: Admin, platforms: list[str]) -> None:
    account = Account(platforms[0], "Secret of another")
    account.generate_keys()
    page = anna.page
    anna.add_channel(account)
    anna.back_to_channel()
    virtual_agent = account.add_virtual_agent(anna.copy_webhook_url())
    contact_of(account, virtual_agent).begins()
    step = anna.step("Paste the shared secret")
    expect(step).to_contain_text("▲ Needs attention")
    expect(step).to_contain_text("refused: no shared secret saved yet. Copy “Shared Secret” from there")
    expect(step.get_by_role("link", name="CB-304")).to_be_visible()

    anna.paste_secret("00ff" * 16)
    expect(step).to_contain_text("✓ Done")
    contact_of(account, virtual_agent).begins()
    expect(step).to_contain_text("signature does not match. Usual causes: secret of another virtual agent")
    expect(step.get_by_role("link", name="CB-305")).to_be_visible()
    card = page.locator(".card", has_text="Signature does not match")
    card.get_by_text("Likely causes").click()
    expect(card).to_contain_text("The secret was regenerated in Sparkcentral after it was pasted here.")
    expect(page.locator("#refused")).to_contain_text("127.0.0.0/24")


def test_a_shared_secret_is_generated_by_keyboard_and_shown_once(anna: Admin, platforms: list[str]) -> None:
    account = Account(platforms[0], "Enters the secret there")
    account.generate_keys()
    page = anna.page
    anna.add_channel(account)
    anna.back_to_channel()
    step = anna.step("Paste the shared secret")
    generate = step.get_by_role("button", name="Generate a shared secret")
    generate.press("Enter")
    made = step.get_by_role("textbox", name="Generated shared secret, shown only now")
    first = made.input_value()
    assert re.fullmatch("[0-9a-f]{64}", first)
    expect(step.get_by_role("button", name="Copy the generated secret")).to_be_focused()
    generate.press("Enter")
    secret = made.input_value()
    assert secret != first
    step.get_by_role("button", name="Save secret").press("Enter")
    expect(step).to_contain_text("✓ Done")
    expect(page.locator("body")).not_to_contain_text(secret)
    assert secret not in page.content()
    field = page.locator("#id_shared_secret")
    page.locator('[data-generate="id_shared_secret"]').press("Enter")
    expect(field).to_have_value(page.locator("#id_shared_secret_shown").input_value())
    field.fill("ab")
    expect(page.locator("#id_shared_secret_made")).to_be_hidden()


def test_when_no_event_comes_the_page_says_what_to_check(anna: Admin, platforms: list[str]) -> None:
    account = Account(platforms[0], "Nobody calls")
    account.generate_keys()
    page = anna.page
    anna.add_channel(account)
    anna.back_to_channel()
    anna.paste_secret("00ff" * 16)
    step = anna.step("Turn the virtual agent on")
    expect(step).to_contain_text("Waiting for the first message.")
    expect(step).not_to_contain_text("CB-401")
    with psycopg.connect(anna.stage.database_url) as connection:  # eleven minutes go by
        connection.execute("UPDATE channels_app_channel SET shared_secret_saved_at = now() - interval '11 minutes'")
    expect(step).to_contain_text("Sparkcentral has sent no event about this. Check there: 1) the virtual agent")
    expect(step.get_by_role("link", name="CB-401")).to_be_visible()
    expect(page.get_by_role("link", name="Send ourselves a test…")).to_be_visible()
