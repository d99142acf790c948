"""What is wrong with a page although it looks right: errors of its scripts, of its policy, barriers for people."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Response

SERVER_ERROR = 500
# Runs before each page's own scripts; what the browser blocks is an event of the document.
TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`Content Security Policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`));
"""
GRAVE = ("serious", "critical")
COLOURS = ("color-contrast", "link-in-text-block")
"""Rules whose verdict depends on the theme."""
# Colours that fade are looked at when they have arrived. Style sheets aren't fetched again (preload): the page has
# them, and axe would break the page's policy.
RUN_AXE = """async (options) => {
  await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
  return axe.run(document, {resultTypes: ["violations"], iframes: false, preload: false, ...options});
}"""
# Most of axe's time goes into colours: it reads the same few texts for each element and for all behind it. Here each
# is read once, by axe; the rest are copies.
READ_COLOURS_ONCE = """
const Color = axe.commons.color.Color, read = Color.prototype.parseString, known = new Map();
Color.prototype.parseString = function (text) {
  if (!known.has(text)) {
    read.call(this, text);
    known.set(text, new Color(this));
  }
  const {r, g, b, alpha} = known.get(text);
  return Object.assign(this, {r, g, b, alpha});
};
"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDEST = """[...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1).slice(0, 5)
  .map((element) => element.outerHTML.slice(0, 120))"""


@dataclass
class Watch:
    """Collects what all windows of a test complain about."""

    complaints: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(f"script: {error.error}"))
        context.on("response", self._see)

    def verify(self) -> None:
        assert not self.complaints, "\n".join(self.complaints)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console of {message.page.url if message.page else '?'}: {message.text}")

    def _see(self, response: Response) -> None:
        if response.status >= SERVER_ERROR:
            self.complaints.append(f"{response.status} of {response.url}")


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


def barriers(page: Page, *, only: Sequence[str] = (), without: Sequence[str] = ()) -> list[str]:
    """What axe finds grave on the page as it is now, by all its rules or some."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"() => {{{_axe()}\n{READ_COLOURS_ONCE}}}")
    rules: dict[str, Any] = {"rules": {rule: {"enabled": False} for rule in without}}
    found: dict[str, Any] = page.evaluate(RUN_AXE, {"runOnly": list(only)} if only else rules)
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for rule in found["violations"]
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> list[str]:
    """What makes the page wider than its window; empty if nothing does."""
    return [f"{page.evaluate(OVERFLOW)} px too wide", *page.evaluate(WIDEST)] if page.evaluate(OVERFLOW) > 0 else []
