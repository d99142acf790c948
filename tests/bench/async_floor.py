"""The floor for bots that think: one asyncio process that calls the bot and then the inbox, and keeps nothing.

It takes the same events at a door of its own.
"""

import asyncio
import json
import os
from collections import deque
from contextlib import suppress
from urllib.parse import urlsplit

from tests.bench.wire import Message, answer, take_message

_ACCEPTED = answer(b"{}")
_BACKLOG = 2_000


class Caller:
    """Kept connections to one server, as many as there are calls at a time."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._host, self._port, self._path = place.hostname, place.port, place.path
        self._idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()

    async def post(self, document: object, more: str = "") -> bytes:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(self._host, self._port)
        body = json.dumps(document).encode()
        writer.write(
            f"POST {self._path}{more} HTTP/1.1\r\nHost: floor\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        arrived = b""
        while (message := take_message(arrived)) is None:
            arrived += await reader.read(65_536)
        self._idle.append((reader, writer))
        return message.body


class Floor:
    def __init__(self) -> None:
        self._bot, self._inbox = Caller(os.environ["BOT_URL"]), Caller(os.environ["INBOX_URL"])
        self._turns: set[asyncio.Task[None]] = set()

    def begin(self, event: bytes) -> None:
        data = json.loads(event)["data"]
        if "message" in data:
            turn = asyncio.create_task(self._turn(data["conversationId"], data["message"]["text"]))
            self._turns.add(turn)
            turn.add_done_callback(self._turns.discard)

    async def _turn(self, conversation: str, text: str) -> None:
        reply = json.loads(await self._bot.post({"session_id": conversation, "text": text}))
        said = reply["messages"][0]["text"]
        await self._inbox.post({"sendMessage": {"text": said}}, f"/{conversation}")


class Door(asyncio.Protocol):
    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._arrived = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        while message := take_message(self._arrived):
            self._arrived = message.rest
            self._handle(message)

    def _handle(self, message: Message) -> None:
        if message.body:
            self._floor.begin(message.body)
        self._transport.write(_ACCEPTED)


async def serve() -> None:
    floor = Floor()
    server = await asyncio.get_running_loop().create_server(
        lambda: Door(floor), "127.0.0.1", int(os.environ["PORT"]), backlog=_BACKLOG
    )
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve())
