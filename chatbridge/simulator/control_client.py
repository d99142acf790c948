"""The simulator's control API, for who talks as a contact."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import requests

REQUEST_LIMIT_S = 10.0
START_POLL_S = 0.5


class SimulatorError(Exception):
    """The simulator isn't there, or refuses; the text says what to do."""


class Api:
    """The control API."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def call(self, method: str, path: str, body: Any = None, *, params: Any = None, wait_s: float = 0) -> Any:
        """One call; trouble becomes a sentence."""
        # A request of its own each: the poller and the reader of lines are two threads.
        try:
            response = requests.request(
                method, f"{self.url}/sim{path}", json=body, params=params, timeout=REQUEST_LIMIT_S + wait_s
            )
            answer = response.json()
        except (requests.RequestException, ValueError):
            raise SimulatorError(
                f"No simulator answers at {self.url}. Start everything in another terminal: make run "
                "(or the simulator alone: python manage.py simulator)"
            ) from None
        if not response.ok:
            raise SimulatorError(answer.get("error", f"The simulator answered {response.status_code}."))
        return answer

    def await_virtual_agent(
        self, patience_s: float, tell: Callable[[str], object], address: Callable[[], str] | None = None
    ) -> None:
        """Wait until there is a virtual agent to talk to, or for this long; after that the first call says what is
        missing. `address` may learn meanwhile where the simulator is."""
        deadline = time.monotonic() + patience_s
        is_told = False
        while time.monotonic() < deadline:
            self.url = address().rstrip("/") if address else self.url
            with suppress(SimulatorError):
                if self.call("GET", "/virtual-agents"):
                    return
            if not is_told:
                tell(f"Nothing to talk to at {self.url} yet. Is `make run` starting? Waiting; Ctrl-C ends this.")
                is_told = True
            time.sleep(START_POLL_S)
