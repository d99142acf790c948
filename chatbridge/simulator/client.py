"""Outgoing HTTP, and the background tasks that do it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp

T = TypeVar("T")

KEEP_ALIVE_S = 1.0
"""Shorter than common servers' (gunicorn: 2 s), so that a connection isn't closed under a request that is leaving."""

BODY_LIMIT = 1_000_000
"""Bytes of an answer that are looked at."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the other side said; status 0 when it said nothing."""

    status: int
    body: bytes = b""
    error: str = ""

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


class Client:
    """One connection pool and the tasks in flight. Made inside the running loop."""

    def __init__(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S)
        self.session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        self.tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run in the background; ended with the client."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def send(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> Answered:
        """One request; trouble is an answer too."""
        try:
            async with self.session.request(
                method,
                url,
                data=body,
                headers=headers,
                params=params,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as response:
                return Answered(response.status, await _read(response))
        except TimeoutError:
            return Answered(0, error=f"no answer within {timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answered(0, error=f"{type(error).__name__}: {error}")

    async def post_json(
        self,
        url: str,
        body: bytes,
        *,
        timeout_s: float,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> Answered:
        """POST of a JSON body."""
        headers = {"Content-Type": "application/json"} | (headers or {})
        return await self.send("POST", url, timeout_s=timeout_s, body=body, headers=headers, params=params)

    async def cancel_tasks(self) -> None:
        """End what is in flight."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """End everything."""
        await self.cancel_tasks()
        await self.session.close()


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > BODY_LIMIT:
            break
    return body


async def tries(delays_s: Sequence[float]) -> AsyncIterator[int]:
    """Yield the number of each try: at once, then after each delay."""
    yield 1
    for number, delay_s in enumerate(delays_s, start=2):
        await asyncio.sleep(delay_s)
        yield number
