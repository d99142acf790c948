"""Where Chromium is; as a command, tries to install it. `make browser` runs that, and it never fails."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The one without windows first: it needs a third less of a processor."""
INSTALLING_S = 300
"""A slow mirror; who has none must not wait longer for tests that are skipped then."""
ADVICE = "no Chromium; install it with `apt-get install chromium`, or with `.venv/bin/playwright install chromium`"
ARGUMENTS = ("--no-sandbox",) if os.geteuid() == 0 else ()
"""As root, the usual user of a container, Chromium doesn't start in its sandbox. It opens our own pages only."""


def find_chromium() -> str:
    """Its path: the system's, else the one that Playwright has fetched; empty if there is none."""
    own = next(filter(None, map(shutil.which, NAMES)), "")
    return own or _fetched()


def _fetched() -> str:
    from playwright.sync_api import sync_playwright  # starts a process when it is used, and is slow to import

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.access(path, os.X_OK) else ""


def install_chromium() -> None:
    """With the system's packages if we may, else with Playwright's; tells what it does, and goes on if it fails."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update", "-qq")
        for package in ("chromium-headless-shell", "chromium"):  # the first is not in every distribution
            if not find_chromium():
                _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", package, "fonts-liberation")
    if not find_chromium():
        _run(sys.executable, "-m", "playwright", "install", "chromium")


def _run(*command: str) -> None:
    print(f"  {' '.join(command)}", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=os.environ | quiet, capture_output=True, text=True, timeout=INSTALLING_S, check=False
        )
    except subprocess.TimeoutExpired:
        print(f"  … took longer than {INSTALLING_S} s", flush=True)
    else:
        if done.returncode:
            said = (done.stderr + done.stdout).splitlines()
            print("  … failed:", next((line for line in said if "rror" in line), "it did not say why"), flush=True)


def main() -> None:
    if not find_chromium():
        print("The browser tests need Chromium. Trying to install it:", flush=True)
        install_chromium()
    found = find_chromium()
    print(f"Chromium: {found}" if found else f"Browser tests are skipped: {ADVICE}", flush=True)


if __name__ == "__main__":
    main()
