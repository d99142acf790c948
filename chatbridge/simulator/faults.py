"""Trouble on demand: which request of the inbox fails, how, and whether it was processed before."""

import asyncio
import random
import socket
import struct
from dataclasses import dataclass, field

from aiohttp import web

from chatbridge.simulator.conversation import JSON

TARGETS = ("inbox", "token", "attachments", "figures")
STATUSES = ("400", "401", "404", "429", "500", "502", "503", "504")
FAULTS = (*STATUSES, "reset", "hang", "slow", "garbage", "taken")
"""`taken`: an agent takes the conversation at this very moment, so the request meets 404 if it comes after that."""

MOMENTS = ("before", "after")

SLOW_S = 10.0
HANG_S = 120.0
"""A hung answer ends in a reset after this time, when every sane client has long given up."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST, as a crashed proxy does."""


@dataclass(slots=True)
class Rule:
    """One fault. `share`: of the matching requests, at random by `seed`; `times`: after so many it is over."""

    target: str
    fault: str
    when: str = "before"
    times: int | None = None
    share: float = 1.0
    client_id: str | None = None
    slow_s: float = SLOW_S
    used: int = 0
    chance: random.Random = field(default_factory=random.Random)

    def hits(self, target: str, when: str, client_id: str | None) -> bool:
        """Is this request to fail? Counts if so."""
        is_meant = self.target == target and self.when == when and self.client_id in (None, client_id)
        if not is_meant or (self.times is not None and self.used >= self.times):
            return False
        if self.share < 1 and self.chance.random() >= self.share:
            return False
        self.used += 1
        return True

    def view(self) -> JSON:
        """As the control API shows it."""
        shown: JSON = {"target": self.target, "fault": self.fault, "when": self.when, "times": self.times}
        return shown | {"share": self.share, "client_id": self.client_id, "used": self.used}


class Faults:
    """The rules in force; the first that hits counts."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def pick(self, target: str, when: str, client_id: str | None) -> Rule | None:
        """The fault for this request at this moment, if any."""
        return next((rule for rule in self.rules if rule.hits(target, when, client_id)), None)


async def strike(rule: Rule, request: web.Request) -> web.Response | None:
    """Do what is no plain status. None: go on as if nothing had happened (it only took long)."""
    if rule.fault == "slow":
        await asyncio.sleep(rule.slow_s)
        return None
    if rule.fault == "garbage":
        return web.Response(body=b"<html>\xff not what you \x00 expected", content_type="text/html")
    if rule.fault == "hang":
        await asyncio.sleep(HANG_S)
    return drop(request)


def drop(request: web.Request) -> web.Response:
    """Cut the connection; the answer that the server wants to write gets nowhere."""
    if transport := request.transport:
        if connection := transport.get_extra_info("socket"):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        transport.abort()
    return web.Response()
