"""The pictures of README and docs: `make screenshots`. The same installation as in the tests, with a longer past.

`python -m tests.browser.screenshots NAME …` takes some of them anew.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import FloatRect, Page, expect, sync_playwright

from chatbridge.embedded import temporary_servers
from tests.bridge import PATIENCE_S, eventually
from tests.browser.chromium import ADVICE, ARGUMENTS, find_chromium
from tests.browser.demo import LIVE, NEW, OTHER, Demo, raised_demo
from tests.browser.people import CHANNELS, Admin
from tests.browser.stage import simulators
from tests.servers import ENVIRONMENT

DIRECTORY = Path(__file__).resolve().parents[2] / "docs/images"
WIDTH, HEIGHT = 1280, 800
MARGIN = 6
DAYS = 9
"""A week, the day before for comparison, and what is usual on the day before that."""
BOT_TIMEOUT_S = 8
MAX_BYTES = 200_000
"""Of a picture: a page with several must load on a train."""
PUBLIC = {"PUBLIC_BASE_URL": "https://bridge.example.com", "ALLOWED_HOSTS": "127.0.0.1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A page from its top, or from what `since` finds, down to the end of what `until` finds; after `ready`."""

    name: str
    path: Callable[[Demo], str]
    until: str
    since: str = ""
    ready: Callable[[Page], object] = lambda page: None
    scheme: Literal["light", "dark"] = "light"


def pictures(mia: int, noor: int) -> list[Picture]:
    """Of these pages. `mia`: the number of the conversation in which the bot stopped answering; `noor`: of the one
    that agents resolved."""
    story = f"/ops/conversations/{noor}/"
    provider = "#offload_provider-0"
    return [
        Picture(name="channels", path=lambda demo: CHANNELS, until="#changelist-form"),
        Picture(name="channel-setup", path=lambda demo: f"{CHANNELS}{demo.channel(NEW)}/change/", until="#step-bot"),
        Picture(name="channel-live", path=lambda demo: f"{CHANNELS}{demo.channel(LIVE)}/change/", until="#set-up"),
        Picture(name="conversation", path=lambda demo: f"/ops/conversations/{mia}/", until=".lines > :nth-child(6)"),
        Picture(name="dashboard-light", path=lambda demo: "/ops/", until=".tile:nth-child(2)"),
        Picture(name="dashboard-dark", path=lambda demo: "/ops/", until=".tile:nth-child(2)", scheme="dark"),
        Picture(name="failures", path=lambda demo: "/ops/failures/", until=".note"),
        Picture(
            name="handover-provider",
            path=lambda demo: f"{CHANNELS}{demo.channel(OTHER)}/change/",
            ready=lambda page: page.locator(f"{provider} .field-queue_texts summary").click(),
            since=provider,
            until=f"{provider} .field-queue_texts output >> nth=0",
        ),
        Picture(
            name="handover-rules",
            path=lambda demo: f"{CHANNELS}{demo.channel(OTHER)}/routing/",
            ready=try_rules,
            since="#sample",
            until="tbody tr:nth-child(4)",
        ),
        Picture(
            name="handover-note",
            path=lambda demo: story,
            ready=lambda page: page.locator(".line-note summary").click(),
            since=".line:has(.line-note)",
            until=".line:has(.line-note)",
        ),
        Picture(name="handover-story", path=lambda demo: story, since=".lines", until=".lines"),
        Picture(name="handovers-light", path=monday, until=f"{AGENTS} tbody tr >> nth=6"),
        Picture(name="handovers-dark", path=monday, until=f"{AGENTS} tbody tr >> nth=3", scheme="dark"),
    ]


def monday(demo: Demo) -> str:
    return f"/ops/handovers/?channel={demo.channel(OTHER)}"


AGENTS = "section[aria-labelledby=agents]"


def try_rules(page: Page) -> None:
    """On a sample, as an admin would."""
    for name, text in {"words": "I want my money back", "language": "nl", "payload": "team: billing"}.items():
        page.locator(f"#id_{name}").fill(text)
    page.locator("#id_at").fill("2026-11-28T11:30")
    page.get_by_role("button", name="Try it").click()


def main() -> None:
    path = find_chromium()
    if not path:
        sys.exit(f"No pictures: {ADVICE}")
    with demonstration() as demo, sync_playwright() as playwright:
        mia, noor = demo.conversation(demo.left_alone()), demo.conversation(demo.told_to_the_end())
        demo.works_by_day()
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        anna = Admin(browser.new_page(), demo.stage)
        page = anna.log_in()
        prepare(anna, demo)
        wanted = [picture for picture in pictures(mia, noor) if picture.name in sys.argv[1:] or not sys.argv[1:]]
        for picture in wanted:
            print(f"  {take(page, demo, picture)}", flush=True)
        browser.close()


@contextmanager
def demonstration() -> Iterator[Demo]:
    """With servers of its own, at an address as in life."""
    with ExitStack() as stack:
        os.environ |= ENVIRONMENT | stack.enter_context(temporary_servers())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chatbridge-pictures-")))
        (simulator,) = stack.enter_context(simulators(1))
        raised = raised_demo(directory, simulator, days=DAYS, bot_timeout_s=BOT_TIMEOUT_S, **PUBLIC)
        yield stack.enter_context(raised)


def prepare(anna: Admin, demo: Demo) -> None:
    """The channel in the middle of its set-up has tested its connection, and today's failure is in a group."""
    page = anna.open(f"{CHANNELS}{demo.channel(NEW)}/change/")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("button", name="Test again")).to_be_visible(timeout=60_000)
    anna.open("/ops/failures/")
    hit = page.get_by_role("row", name="bots/parcel-bot")
    eventually(lambda: page.reload() and hit.count(), patience_s=2 * PATIENCE_S)


def take(page: Page, demo: Demo, picture: Picture) -> Path:
    page.emulate_media(color_scheme=picture.scheme)
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(demo.stage.url + picture.path(demo), wait_until="networkidle")
    picture.ready(page)
    file = DIRECTORY / f"{picture.name}.png"
    DIRECTORY.mkdir(exist_ok=True)
    page.evaluate("document.activeElement.blur()")
    # a window that is lower than the page keeps its save bar in sight, across whatever is there
    page.set_viewport_size({"width": WIDTH, "height": page.evaluate("document.documentElement.scrollHeight")})
    end = page.locator(picture.until).first.bounding_box()
    assert end, f"{picture.until} is not on the page"
    begin = page.locator(picture.since).first.bounding_box() if picture.since else None
    top = max(begin["y"] - MARGIN, 0) if begin else 0
    seen: FloatRect = {"x": 0, "y": top, "width": WIDTH, "height": end["y"] + end["height"] + MARGIN - top}
    page.screenshot(path=file, clip=seen, animations="disabled")
    size = file.stat().st_size
    assert size < MAX_BYTES, f"{file} has {size} bytes: show less of the page"
    return file


if __name__ == "__main__":
    main()
