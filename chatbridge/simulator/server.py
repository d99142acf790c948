"""Puts the parts together and serves them on one port."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from chatbridge.simulator.bots import Bots
from chatbridge.simulator.chatlayer import Chatlayer
from chatbridge.simulator.client import Client
from chatbridge.simulator.control import Control
from chatbridge.simulator.control_tools import ControlTools
from chatbridge.simulator.dialogflow import Dialogflow
from chatbridge.simulator.dify import Dify
from chatbridge.simulator.directline import DirectLine
from chatbridge.simulator.events import EventSender, Timing
from chatbridge.simulator.faults import Faults
from chatbridge.simulator.inbox_api import InboxApi
from chatbridge.simulator.ledger import LEDGER_SIZE, Ledger
from chatbridge.simulator.media import map_png
from chatbridge.simulator.model import Model
from chatbridge.simulator.platform import Platform
from chatbridge.simulator.rasa import Rasa
from chatbridge.simulator.token_api import TokenApi
from chatbridge.simulator.wire import Handler

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9000
DEFAULT_SLOW_S = 3.0
"""How long the demo bot takes over the word "slow"."""

BODY_LIMIT = 16 * 1024 * 1024
"""More than an attachment may have, so that the inbox itself can refuse it."""

CALLBACK_DELAYS_S = (0.2, 0.4, 0.8)
"""A bot whose later words fail tries 3 times more, as Chatlayer does."""

BACKLOG = 1024
SHUTDOWN_S = 0.5
"""Hung answers and long polls aren't waited for."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve. Port 0 picks a free one."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    is_verbose: bool = False
    ledger_size: int = LEDGER_SIZE
    slow_s: float = DEFAULT_SLOW_S
    timing: Timing = field(default_factory=Timing)
    callback_delays_s: Sequence[float] = CALLBACK_DELAYS_S


def build_app(options: Options, client: Client) -> web.Application:
    """The whole simulator as an aiohttp application."""
    platform, ledger, faults = Platform(), Ledger(options.ledger_size), Faults()
    events = EventSender(platform, client, options.timing)
    bots = Bots(client, options.slow_s, options.callback_delays_s)
    chatlayer = Chatlayer(client, options.slow_s, options.callback_delays_s)
    middlewares = [_log] if options.is_verbose else []
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=middlewares)
    for part in (
        TokenApi(platform, ledger, faults),
        InboxApi(platform, ledger, faults),
        bots,
        chatlayer,
        Rasa(options.slow_s),
        Model(options.slow_s),
        Dify(options.slow_s),
        DirectLine(options.slow_s),
        Dialogflow(options.slow_s),
        Control(platform, events),
        ControlTools(platform, events, bots, chatlayer, faults, ledger, client),
    ):
        part.add_routes(app.router)
    picture = map_png()

    async def show_map(request: web.Request) -> web.Response:
        return web.Response(body=picture, content_type="image/png")

    app.router.add_get("/media/map.png", show_map)
    return app


@contextlib.asynccontextmanager
async def serving(options: Options) -> AsyncIterator[str]:
    """Serve in the running loop; gives the URL."""
    client = Client()
    runner = web.AppRunner(build_app(options, client), access_log=None, shutdown_timeout=SHUTDOWN_S)
    try:
        await runner.setup()
        site = web.TCPSite(runner, options.host, options.port, backlog=BACKLOG)
        await site.start()
        yield f"http://{_shown(options.host)}:{runner.addresses[0][1]}"
    finally:
        await client.close()
        await runner.cleanup()


async def serve(options: Options, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(options) as url:
        ready(url)
        await stop.wait()


@contextlib.contextmanager
def in_thread(options: Options | None = None) -> Iterator[str]:
    """Serve in a thread of this process, on a free port by default; gives the URL. For tests."""
    started: list[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = []
    is_ready = threading.Event()

    async def run() -> None:
        stop = asyncio.Event()
        async with serving(options or Options(port=0)) as url:
            started.append((url, asyncio.get_running_loop(), stop))
            is_ready.set()
            await stop.wait()

    def main() -> None:
        try:
            asyncio.run(run())
        finally:
            is_ready.set()

    thread = threading.Thread(target=main, name="simulator", daemon=True)
    thread.start()
    is_ready.wait()
    if not started:
        raise RuntimeError("the simulator did not start")
    url, loop, stop = started[0]
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


@web.middleware
async def _log(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    print(f"{request.method} {request.path} {response.status}", flush=True)
    return response


def _shown(host: str) -> str:
    """An IPv6 address needs brackets in a URL."""
    try:
        socket.inet_pton(socket.AF_INET6, host)
    except OSError:
        return host
    return f"[{host}]"
