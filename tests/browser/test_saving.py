"""Forms in a browser that can't be saved at once: somebody else was faster, or the session is over."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.bridge import eventually
from tests.browser.conftest import PATIENCE_MS
from tests.browser.demo import Demo
from tests.browser.people import Account, Admin
from tests.browser.stage import ADMIN, PASSWORD
from tests.browser.test_pages import WIDE, look_at
from tests.browser.watching import Watch

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def address(browser: Browser, demo: Demo, session: Any) -> str:
    """Of a channel that all these tests change, each to values of its own."""
    account = Account(demo.simulator, f"Channel {uuid4()}")
    account.generate_keys()
    with browser.new_context(storage_state=session) as context:
        context.set_default_timeout(PATIENCE_MS)
        anna = Admin(context.new_page(), demo.stage)
        anna.add_channel(account)
        expect(anna.back_to_channel().locator("#channel_form")).to_be_visible()
        return anna.page.url


@pytest.fixture
def page(address: str, session: Any, open_window: Callable[..., Page]) -> Page:
    """The channel's, open to be changed."""
    page = open_window(viewport=WIDE, storage_state=session)
    page.goto(address)
    expect(page.locator("#channel_form")).to_be_visible()
    return page


def open_details(page: Page) -> None:
    """Those parts of the form that are closed."""
    page.evaluate("document.querySelectorAll('#channel_form details').forEach((part) => { part.open = true; })")


def test_two_tabs(page: Page) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    for window in (page, other):
        open_details(window)
    other.get_by_label("Days to keep texts").fill("44")
    other.get_by_role("button", name="Save", exact=True).click()
    expect(other.get_by_text("was changed successfully")).to_be_visible()

    page.locator("[name=fallback_texts-en]").fill("One moment, please.")
    page.get_by_role("button", name="Save", exact=True).click()
    changes = page.get_by_role("region", name="Not saved yet: changed since")
    expect(changes.get_by_role("row").nth(1)).to_contain_text("Days to keep texts")
    expect(changes.get_by_role("row").nth(1)).to_contain_text("44")
    expect(changes.get_by_role("row").nth(1)).to_contain_text(ADMIN)
    expect(page.locator("[name=fallback_texts-en]")).to_have_value("One moment, please.")

    look_at(page)

    page.get_by_role("button", name="Save mine anyway").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    expect(page.locator("[name=fallback_texts-en]")).to_have_value("One moment, please.")


def log_in_again(page: Page) -> None:
    page.get_by_label("Username").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize(("end", "greeting"), [("logged out", "never"), ("another log-in", "always")])
def test_the_session_ends_in_mid_form(demo: Demo, page: Page, watch: Watch, end: str, greeting: str) -> None:
    open_details(page)
    text, secret = f"A colleague takes over ({end}).", "0123456789abcdef" * 2
    external_id = f"typed by hand, {end}"
    page.locator("[name=fallback_texts-en]").fill(text)
    page.locator("#id_shared_secret").fill(secret)
    page.locator("[data-show=id_shared_secret]").click()  # then it is a field of text like any other
    page.locator("#id_greeting").select_option(greeting)
    page.locator("#inbox_channels-group .add-row a").click()
    page.locator('[name$="-external_id"]:visible').last.fill(external_id)
    cookies = [cookie for cookie in page.context.cookies() if cookie["name"] != "sessionid"]
    page.context.clear_cookies()
    if end == "logged out":
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
    else:  # the form's token is not the one of the new session
        Admin(page.context.new_page(), demo.stage).log_in()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator("#kept")).to_contain_text("What you typed is kept in this window, except for secrets")
    assert secret not in page.evaluate("JSON.stringify(sessionStorage)")
    look_at(page)
    if end == "logged out":
        log_in_again(page)
    else:
        assert watch.complaints.pop().endswith("403 (Forbidden)")
        page.get_by_role("link", name="Reopen the page").click()
    expect(page.locator("#given-back")).to_be_focused()
    if end == "logged out":  # it is the same page either way
        look_at(page)
    expect(page.locator("[name=fallback_texts-en]")).to_have_value(text)
    expect(page.locator("#id_shared_secret")).to_have_value("")
    expect(page.locator("#id_greeting")).to_have_value(greeting)
    expect(page.get_by_label("Sparkcentral region")).to_be_visible()  # as the kind of inbox that is chosen has it
    expect(page.locator('[name$="-external_id"]:visible').last).to_have_value(external_id)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    expect(page.locator("#given-back")).to_have_count(0)
    page.reload()
    expect(page.locator("#given-back")).to_have_count(0)


def test_a_key_in_an_address_is_a_secret_too(page: Page) -> None:
    open_details(page)
    page.locator("[name=fallback_texts-en]").fill("A colleague takes over.")
    saved = page.get_by_label("API address").input_value()
    page.get_by_label("API address").fill(f"{saved}/?key=a-key-that-anna-pasted")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#kept")).to_be_visible()
    assert "a-key-that-anna-pasted" not in page.evaluate("JSON.stringify(sessionStorage)")
    log_in_again(page)
    expect(page.locator("[name=fallback_texts-en]")).to_have_value("A colleague takes over.")
    expect(page.get_by_label("API address")).to_have_value(saved)


def test_who_logs_out_leaves_nothing_typed_in_the_window(page: Page) -> None:
    open_details(page)
    page.locator("[name=fallback_texts-en]").fill("A colleague takes over.")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#kept")).to_be_visible()
    page.goto(page.url.partition("/admin/")[0] + "/ops/")
    log_in_again(page)
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    eventually(lambda: "A colleague takes over." in page.evaluate("JSON.stringify(sessionStorage)"))  # for its page
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Logged out", exact=False).first).to_be_visible()
    eventually(lambda: page.evaluate("sessionStorage.length") == 0)


def test_a_time_that_is_typed_in_part_is_not_saved_as_none(page: Page) -> None:
    posts = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    hours = page.locator("#id_offload_provider-0-opening_hours")
    hours.get_by_label("At these times:").check()
    begin = hours.get_by_label("Monday, from")
    begin.press_sequentially("09")  # no minutes yet
    page.get_by_role("button", name="Save", exact=True).click()
    expect(begin).to_be_focused()
    assert posts == []
    hours.get_by_label("Always").check()  # then nothing depends on it
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()


@pytest.mark.parametrize("is_session_over", [False, True])
def test_the_row_is_deleted_in_mid_form(
    demo: Demo, session: Any, open_window: Callable[..., Page], watch: Watch, is_session_over: bool
) -> None:
    page = Admin(open_window(viewport=WIDE, storage_state=session), demo.stage).open("/admin/channels_app/bot/add/")
    page.get_by_label("Name").fill(f"Parcel bot {uuid4()}")
    page.get_by_label("HTTP bot").check()
    page.get_by_label("Bot address").fill("https://bot.example/turns")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    page.get_by_label("Bot address").fill("https://bot.example/typed-by-anna")
    page.locator("#id_token").fill("a-secret-that-anna-typed")
    other = page.context.new_page()
    other.goto(page.url.replace("/change/", "/delete/"))
    other.get_by_role("button", name="Yes").click()
    expect(other.get_by_text("was deleted successfully")).to_be_visible()
    if is_session_over:
        page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()
    if is_session_over:
        log_in_again(page)

    typed = page.get_by_role("region", name="What you typed, except for secrets")
    expect(typed.get_by_text("https://bot.example/typed-by-anna")).to_be_visible()
    expect(typed.locator("dt", has_text="Kind")).to_be_visible()  # a choice stands under its question
    expect(page.get_by_text("was deleted by")).to_be_visible()
    assert "a-secret-that-anna-typed" not in page.content()
    assert watch.complaints.pop().endswith("404 (Not Found)")
    look_at(page)


def test_a_double_click_saves_once(page: Page) -> None:
    posts = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    open_details(page)
    page.get_by_label("Days to keep texts").fill("45")
    page.get_by_role("button", name="Save", exact=True).dblclick()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    expect(page.get_by_label("Days to keep texts")).to_have_value("45")
    assert len(posts) == 1


def test_roles_that_were_chosen_outlive_the_session(
    demo: Demo, session: Any, open_window: Callable[..., Page]
) -> None:
    """Django's lists of what is left and what is chosen are no ordinary fields."""
    page = Admin(open_window(storage_state=session), demo.stage).open("/admin/auth/user/add/")
    page.get_by_label("Username").fill("carl")
    page.get_by_label("Password:").fill("Xk9-velvet-harbour")
    page.get_by_label("Password confirmation").fill("Xk9-velvet-harbour")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_label("Last name").fill("Berg")
    page.locator("#id_groups_from").select_option("Operator")
    page.locator("#id_groups_add").click()
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#kept")).to_be_visible()
    log_in_again(page)
    expect(page.locator("#given-back")).to_be_focused()
    expect(page.get_by_label("Last name")).to_have_value("Berg")
    expect(page.locator("#id_groups_to option")).to_have_text(["Operator"])
    expect(page.locator("#id_groups_from option", has_text="Operator")).to_have_count(0)
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    expect(page.locator("#id_groups_to option")).to_have_text(["Operator"])


def test_another_person_of_the_same_name_is_not_given_what_was_typed(
    demo: Demo, session: Any, open_window: Callable[..., Page]
) -> None:
    page = Admin(open_window(storage_state=session), demo.stage).open("/admin/auth/user/add/")
    page.get_by_label("Username").fill("anna.berg")
    page.get_by_label("Password:").fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_label("First name").fill(ADMIN)  # by which pages greet her: as the other one
    page.get_by_label("Superuser status").check()
    page.get_by_label("Staff status").check()
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()

    page.get_by_label("Last name").fill("Typed by the first")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator("#kept")).to_be_visible()
    page.get_by_label("Username").fill("anna.berg")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_label("Last name")).to_have_value("")
    expect(page.locator("#given-back")).to_have_count(0)
