"""Who sits in front of the browser, and what they do again and again."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.stage import ADMIN, PASSWORD, Stage
from tests.test_walkthrough import Contact, post

CHANNELS = "/admin/channels_app/channel/"


@dataclass
class Account:
    """What the platform shows an admin there: API keys first, then a virtual agent with its secret."""

    platform: str
    name: str
    client_id: str = ""
    client_secret: str = ""

    def generate_keys(self) -> None:
        made = post(f"{self.platform}/sim/accounts", {"flavour": "classic"})
        self.client_id, self.client_secret = made["client_id"], made["client_secret"]

    def add_virtual_agent(self, webhook_url: str) -> dict[str, Any]:
        """What is shown of it: `shared_secret`, and the `id` that contacts of the simulator need."""
        wanted = {"client_id": self.client_id, "name": self.name, "webhook_url": webhook_url}
        return post(f"{self.platform}/sim/virtual-agents", wanted)


@dataclass
class Admin:
    """A person with a window of the bridge's pages."""

    page: Page
    stage: Stage

    def open(self, path: str) -> Page:
        self.page.goto(self.stage.url + path)
        return self.page

    def log_in(self) -> Page:
        page = self.open("/admin/")
        page.get_by_label("Username").fill(ADMIN)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
        return page

    def add_channel(self, account: Account, *, server: str = "", bot: str = "") -> None:
        """Fill in and save; checks follow. The simulator stands at an address of its own, in place of a region."""
        page = self.open(f"{CHANNELS}add/")
        page.get_by_label("Name").fill(account.name)
        page.get_by_label("Client ID").fill(account.client_id)
        page.get_by_role("textbox", name="Client secret").fill(account.client_secret)
        page.get_by_label("API address").fill(server or account.platform)
        if bot:
            self.add_bot(account.name, bot)
        page.get_by_role("button", name="Save and check").click()

    def add_bot(self, name: str, address: str) -> None:
        """In the small window that the plus beside the field opens."""
        with self.page.expect_popup() as opened:
            self.page.locator("#add_id_bot").click()
        window = opened.value
        window.get_by_label("Name").fill(name)
        window.get_by_label("HTTP bot").check()
        window.get_by_label("Bot address").fill(address)
        with window.expect_event("close"):
            window.get_by_role("button", name="Save").click()
        expect(self.page.get_by_label("Bot:")).to_contain_text(name)

    def back_to_channel(self) -> Page:
        self.page.get_by_role("link", name="Back to").click()
        return self.page

    def step(self, title: str) -> Locator:
        """One of the set-up's, by its words."""
        return self.page.locator(".step", has=self.page.get_by_text(title, exact=False))

    def copy_webhook_url(self) -> str:
        """With the button, out of the clipboard."""
        step = self.step("Give your inbox our webhook URL")
        step.get_by_role("button", name="Copy Webhook URL").click()
        expect(step.get_by_text("Copied", exact=True)).to_be_visible()
        copied: str = self.page.evaluate("navigator.clipboard.readText()")
        return copied

    def paste_secret(self, secret: str) -> None:
        """Into the step that asks for it."""
        self.page.locator("#first-secret").fill(secret)
        self.page.get_by_role("button", name="Save secret").click()


def contact_of(account: Account, virtual_agent: dict[str, Any]) -> Contact:
    return Contact(account.platform, virtual_agent["id"])
