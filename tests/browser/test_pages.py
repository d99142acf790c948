"""Every page, for everybody: light and dark, wide and narrow, with axe, without a word in the console."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from channels_app.adapters.bots import bot_class
from channels_app.adapters.bots.template_form import TemplateForm
from tests.browser.demo import LIVE, NEW, OTHER, Demo
from tests.browser.people import CHANNELS, Admin
from tests.browser.stage import PASSWORD
from tests.browser.watching import COLOURS, Watch, barriers, overflow
from tests.test_walkthrough import Contact

pytestmark = pytest.mark.xdist_group("browser")

WIDE = ViewportSize(width=1280, height=900)
NARROW = ViewportSize(width=400, height=900)
OPEN_ALL = "document.querySelectorAll('details').forEach((details) => { details.open = true; })"


@dataclass
class Sights:
    """The demo, and two contacts who got no answer."""

    demo: Demo
    mia: Contact
    bram: Contact

    def talk(self, contact: Contact, tail: str = "") -> str:
        return f"/ops/conversations/{self.demo.conversation(contact)}/{tail}"

    def channel(self, name: str, tail: str = "change/") -> str:
        return f"{CHANNELS}{self.demo.channel(name)}/{tail}"

    def newest(self, path: str, table: str, where: str = "true") -> str:
        return f"{path}{self.demo.number(table, where)}/"


@pytest.fixture(scope="module")
def sights(demo: Demo) -> Sights:
    return Sights(demo, demo.left_alone(), demo.given_up())


ADDRESSES: dict[str, Callable[[Sights], str]] = {
    "channels": lambda sights: CHANNELS,
    "add channel": lambda sights: f"{CHANNELS}add/",
    "live channel": lambda sights: sights.channel(LIVE),
    "channel in set-up": lambda sights: sights.channel(NEW),
    "rotate secret": lambda sights: sights.channel(LIVE, "rotate-secret/"),
    "timeouts": lambda sights: sights.channel(LIVE, "timeouts/"),
    "replace keys": lambda sights: sights.channel(LIVE, "replace-keys/"),
    "pause": lambda sights: sights.channel(LIVE, "pause/"),
    "delete": lambda sights: sights.channel(OTHER, "delete/"),
    "send a test": lambda sights: sights.channel(LIVE, "send-test/"),
    "intents": lambda sights: sights.channel(LIVE, "intents/?intent=demo"),
    "diagnostics": lambda sights: sights.channel(LIVE, "diagnostics/"),
    "bots": lambda sights: "/admin/channels_app/bot/",
    "bot": lambda sights: sights.newest("/admin/channels_app/bot/", "bot") + "change/",
    "add bot": lambda sights: "/admin/channels_app/bot/add/",
    "try a bot": lambda sights: sights.newest("/admin/channels_app/bot/", "bot") + "try/",
    "add token": lambda sights: "/admin/channels_app/apitoken/add/",
    "delete bot": lambda sights: sights.newest("/admin/channels_app/bot/", "bot") + "delete/",
    "users": lambda sights: "/admin/auth/user/",
    "user": lambda sights: "/admin/auth/user/1/change/",
    "dashboard": lambda sights: "/ops/",
    "dashboard of an hour": lambda sights: f"/ops/?window=1h&channel={sights.demo.channel(LIVE)}",
    "conversations": lambda sights: "/ops/conversations/",
    "search": lambda sights: "/ops/conversations/?q=parcel",
    "nothing found": lambda sights: "/ops/conversations/?q=0-none",
    "conversation": lambda sights: sights.talk(sights.mia),
    "conversation that failed": lambda sights: sights.talk(sights.bram),
    "do it again": lambda sights: sights.talk(sights.bram, "again/"),
    "hand over": lambda sights: sights.talk(sights.bram, "hand-over/"),
    "speak as the bot": lambda sights: sights.talk(sights.bram, "say/"),
    "calls": lambda sights: "/ops/exchanges/",
    "failed calls": lambda sights: "/ops/exchanges/?errors=1",
    "call to the bot": lambda sights: sights.newest("/ops/exchanges/", "exchange", "target = 'bot' AND code <> ''"),
    "call to the inbox": lambda sights: sights.newest("/ops/exchanges/", "exchange", "target = 'inbox'"),
    "event": lambda sights: sights.newest("/ops/events/", "webhookevent", "outcome = 'dead'"),
    "failures": lambda sights: "/ops/failures/",
    "failure": lambda sights: sights.newest("/ops/failures/", "failuregroup", "waiting > 0"),
    "handovers": lambda sights: "/ops/handovers/",
    "refused": lambda sights: "/ops/refused/",
    "workers": lambda sights: "/ops/workers/",
    "audit log": lambda sights: "/ops/audit/",
    "time zone": lambda sights: "/ops/time-zone/",
    "conversations of a time": lambda sights: "/ops/conversations/?since=yesterday",
    "calls of no time": lambda sights: "/ops/exchanges/?since=25:99",
    "failures of a time": lambda sights: "/ops/failures/?since=yesterday&until=now",
    "codes": lambda sights: "/ops/codes/",
    "code": lambda sights: "/ops/codes/CB-305/",
    "API": lambda sights: "/api/docs/",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_page_is_for_everybody(name: str, sights: Sights, session: Any, open_window: Callable[..., Page]) -> None:
    page = open_window(viewport=WIDE, storage_state=session)
    answer = page.goto(sights.demo.stage.url + ADDRESSES[name](sights), wait_until="networkidle")
    assert answer and answer.status == 200
    look_at(page)


def test_a_phone_shows_what_came_of_each_call(sights: Sights, session: Any, open_window: Callable[..., Page]) -> None:
    page = open_window(viewport=NARROW, storage_state=session)
    page.goto(sights.demo.stage.url + "/ops/exchanges/?errors=1", wait_until="networkidle")
    result = page.get_by_role("columnheader", name="Result").bounding_box()
    assert result
    assert result["x"] + result["width"] <= NARROW["width"]


@pytest.mark.parametrize("window", [WIDE, NARROW])
def test_save_stays_in_sight(
    sights: Sights, session: Any, open_window: Callable[..., Page], window: ViewportSize
) -> None:
    page = open_window(viewport=window, storage_state=session)
    page.goto(sights.demo.stage.url + sights.channel(LIVE), wait_until="networkidle")
    for scroll in ("0", "document.body.scrollHeight / 2", "document.body.scrollHeight"):
        page.evaluate(f"scrollTo(0, {scroll})")
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_in_viewport(ratio=1)


def test_the_log_in_is_for_everybody(demo: Demo, open_window: Callable[..., Page]) -> None:
    page = Admin(open_window(viewport=WIDE), demo.stage).open("/admin/login/")
    look_at(page)
    page.get_by_label("Username").fill("anna")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("Please enter the correct username and password").wait_for()
    look_at(page)


def test_a_preset_fills_in_what_nobody_has_written(demo: Demo, session: Any, open_window: Callable[..., Page]) -> None:
    page = Admin(open_window(viewport=WIDE, storage_state=session), demo.stage).open("/admin/channels_app/bot/add/")
    page.get_by_label("Template (n8n").check()
    preset, body, texts = page.get_by_label("Template for"), page.locator("#id_body"), page.get_by_label("Texts")
    expect(texts).to_have_value("reply")
    texts.fill("mine")
    preset.select_option("dify")
    expect(body).to_have_value(re.compile('"response_mode": "blocking"'))
    expect(page.get_by_label("Address")).to_have_value("https://api.dify.ai/v1/chat-messages")
    preset.select_option("flowise")
    expect(body).to_have_value(re.compile('"question"'))
    expect(page.get_by_label("Address")).to_have_value("")
    expect(page.get_by_label("Remember")).to_have_value("")
    expect(texts).to_have_value("mine")


def test_a_long_form_has_headings_and_what_is_emptied_stays_empty(
    demo: Demo, session: Any, open_window: Callable[..., Page]
) -> None:
    page = Admin(open_window(viewport=WIDE, storage_state=session), demo.stage).open("/admin/channels_app/bot/add/")
    headings = page.locator("h3.section")
    page.get_by_label("Template (n8n").check()
    expect(headings).to_have_text(list(TemplateForm.sections.values()))
    look_at(page)
    page.get_by_label("HTTP bot").check()
    expect(headings).to_have_count(0)
    page.get_by_label("Template (n8n").check()
    page.get_by_label("Template for").select_option("voiceflow_conversation")
    expect(page.get_by_label("Method")).to_have_value("PUT")
    page.get_by_label("Template for").select_option("dify")
    expect(page.get_by_label("Method")).to_have_value("POST")
    marker = page.get_by_label("Handover when a text has")
    marker.fill("")
    page.locator("#id_name").fill("Emptied")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Try a message…")).to_be_visible()
    expect(marker).to_have_value("")
    expect(page.get_by_label("Texts")).to_have_value("answer")
    page.get_by_role("link", name="Delete", exact=True).click()  # other tests open the newest bot
    page.get_by_role("button", name=re.compile("^Yes")).click()
    page.wait_for_url("**/bot/")


def test_the_fields_of_a_kind_stand_in_its_own_order(
    demo: Demo, session: Any, open_window: Callable[..., Page]
) -> None:
    page = Admin(open_window(viewport=WIDE, storage_state=session), demo.stage).open("/admin/channels_app/bot/add/")
    labels = page.locator("[data-kinds]").locator("xpath=ancestor::*[contains(@class, 'form-row')]//label")
    for kind in ("directline", "http", "directline"):
        page.locator(f"input[name=kind][value={kind}]").check()
        shown = [label.strip(":") for label in labels.locator("visible=true").all_inner_texts()]
        fields = bot_class(kind).settings_form.base_fields.values()
        assert shown == [field.label for field in fields]


def test_a_bot_is_tried_on_its_page(sights: Sights, session: Any, open_window: Callable[..., Page]) -> None:
    page = open_window(viewport=WIDE, storage_state=session)
    page.goto(sights.demo.stage.url + ADDRESSES["try a bot"](sights))
    page.get_by_label("What the contact writes").fill("menu")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="What we read")).to_be_visible()
    look_at(page)


def test_a_form_with_mistakes_is_for_everybody(demo: Demo, session: Any, open_window: Callable[..., Page]) -> None:
    page = Admin(open_window(viewport=WIDE, storage_state=session), demo.stage).open(f"{CHANNELS}add/")
    page.get_by_role("button", name="Save and check").click()
    page.get_by_text("Not saved yet").wait_for()
    look_at(page)


def test_a_verdict_is_for_everybody(sights: Sights, session: Any, open_window: Callable[..., Page]) -> None:
    page = Admin(open_window(viewport=WIDE, storage_state=session), sights.demo.stage).open(sights.channel(OTHER))
    page.get_by_role("button", name="Test connection").click()
    page.get_by_role("button", name="Test again").wait_for()
    look_at(page)


def test_opening_hours_are_for_everybody(sights: Sights, session: Any, open_window: Callable[..., Page]) -> None:
    page = Admin(open_window(viewport=WIDE, storage_state=session), sights.demo.stage).open(sights.channel(OTHER))
    page.get_by_role("radio", name="At these times").check()
    expect(page.get_by_role("textbox", name="Monday, from")).to_be_visible()
    look_at(page)


def test_who_has_no_role_is_told(demo: Demo, session: Any, open_window: Callable[..., Page], watch: Watch) -> None:
    """Also at an address that the role doesn't open, and at one where nothing is."""
    anna = Admin(open_window(viewport=WIDE, storage_state=session), demo.stage)
    add_person(anna.open("/admin/auth/user/add/"), "nora")
    page = Admin(open_window(viewport=WIDE), demo.stage).open("/admin/")
    page.get_by_label("Username").fill("nora")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="no role").wait_for()
    look_at(page)
    for path, status in (("/ops/audit/", 403), ("/ops/nothing/", 404)):
        answer = page.goto(demo.stage.url + path)
        assert answer and answer.status == status
        assert str(status) in watch.complaints.pop()
        look_at(page)


def add_person(page: Page, name: str) -> None:
    """Who may log in, and no more."""
    page.get_by_label("Username").fill(name)
    for field in ("Password:", "Password confirmation"):
        page.get_by_label(field).fill(PASSWORD)
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_label("Staff status").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()


def look_at(page: Page) -> None:
    """As somebody does who likes it dark, and somebody with a phone."""
    page.evaluate(OPEN_ALL)
    found = {"light": barriers(page)}
    page.emulate_media(color_scheme="dark")
    found["dark"] = barriers(page, only=COLOURS)
    page.set_viewport_size(NARROW)
    found |= {"narrow": barriers(page, without=COLOURS), "width": overflow(page)}
    told = [f"{way}: {one}" for way, ones in found.items() for one in ones]
    assert not told, "\n".join(told)
