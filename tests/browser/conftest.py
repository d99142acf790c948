"""A browser, and what it looks at: an installation with nothing in it, and one that has worked for a week."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.bridge import PATIENCE_S
from tests.browser.chromium import ADVICE, ARGUMENTS, find_chromium
from tests.browser.demo import Demo, raised_demo
from tests.browser.people import Admin
from tests.browser.stage import Stage, raised, simulators
from tests.browser.watching import Watch

PATIENCE_MS = PATIENCE_S * 1000
CLIPBOARD = ["clipboard-read", "clipboard-write"]


# Not longer than these tests: while Playwright runs in this thread, Django refuses to use a database in it.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if not path:
        pytest.skip(f"browser tests are skipped: {ADVICE}")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def platforms(browser: Browser) -> Iterator[list[str]]:
    """Two servers of the inbox's platform that know nothing of each other's accounts, as its regions."""
    with simulators(2) as addresses:
        yield addresses


@pytest.fixture(scope="package")
def empty(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The database of an installation that nobody uses, to be copied: its tables are made once."""
    with raised(tmp_path_factory.mktemp("empty")) as stage:
        yield stage.database_url


@pytest.fixture(scope="module")
def fresh(empty: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything runs, and nobody has set up anything. There is a superuser."""
    with raised(tmp_path_factory.mktemp("fresh"), like=empty) as stage:
        stage.start_all()
        yield stage


@pytest.fixture(scope="package")
def demo(empty: str, platforms: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """It has worked for two days, and is about to go on."""
    directory = tmp_path_factory.mktemp("demo")
    with raised_demo(directory, platforms[0], days=2, bot_timeout_s=1, like=empty) as demo:
        yield demo


@pytest.fixture(scope="package")
def session(browser: Browser, demo: Demo) -> Any:
    """The cookies of somebody who is logged in to the demo."""
    return session_on(demo.stage, browser)


def session_on(stage: Stage, browser: Browser) -> Any:
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE_MS)
        Admin(context.new_page(), stage).log_in()
        return context.storage_state()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What no page may do; looked at when the test is over."""
    watch = Watch()
    yield watch
    watch.verify()


@pytest.fixture
def open_window(browser: Browser, watch: Watch) -> Iterator[Callable[..., Page]]:
    """A window of a browser that knows nothing yet."""
    contexts: list[BrowserContext] = []

    def open_one(**options: Any) -> Page:
        context = browser.new_context(permissions=CLIPBOARD, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        watch.follow(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
