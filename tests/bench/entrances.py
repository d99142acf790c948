"""How a contact's words get in: by the door as signed events, or as tasks, straight into Celery's queue."""

import asyncio
import base64
import json
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit
from uuid import uuid4

from tests.bench.drives import Drive
from tests.bench.events import Post, marked
from tests.bench.wire import take_message

Accepted = Callable[[], None]


class Entrance(Protocol):
    answers: Counter[str]

    def send(self, conversation: str, place: int, number: int, accepted: Accepted) -> None:
        """Message `number` of a conversation, the `place`th of its crowd; number 0 begins it."""

    def close(self) -> None: ...


async def open_entrance(drive: Drive, seed: str) -> Entrance:
    if drive.task:
        return await Queue.open(drive)
    return await Doors.open(drive, seed)


class Doors:
    """Webhooks, over kept connections that each wait for the answer."""

    def __init__(self, drive: Drive, seed: str) -> None:
        self.answers: Counter[str] = Counter()
        self._paths = drive.paths
        self._post = Post(seed)
        self._idle: deque[_Caller] = deque()
        self._waiting: deque[tuple[bytes, Accepted]] = deque()
        self._is_closed = False

    @classmethod
    async def open(cls, drive: Drive, seed: str) -> "Doors":
        doors, loop = cls(drive, seed), asyncio.get_running_loop()
        for _ in range(drive.connections):
            _, caller = await loop.create_connection(lambda: _Caller(doors), "127.0.0.1", drive.port)
            doors._idle.append(caller)
        return doors

    def send(self, conversation: str, place: int, number: int, accepted: Accepted) -> None:
        path = self._paths[place % len(self._paths)]
        post = self._post
        request = post.message(path, conversation, number) if number else post.started(path, conversation)
        if self._idle:
            self._idle.popleft().call(request, accepted)
        else:
            self._waiting.append((request, accepted))

    def answered(self, caller: "_Caller", status: int) -> None:
        self.answers[str(status)] += 1
        if self._is_closed:
            caller.close()
        elif self._waiting:
            caller.call(*self._waiting.popleft())
        else:
            self._idle.append(caller)

    def close(self) -> None:
        """What nobody has sent yet is not sent any more; what was begun ends."""
        self._is_closed = True
        self._waiting.clear()
        for caller in self._idle:
            caller.close()


class _Caller(asyncio.Protocol):
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._arrived = b""
        self._accepted: Accepted | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def call(self, request: bytes, accepted: Accepted) -> None:
        self._accepted = accepted
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        message = take_message(self._arrived)
        if message is None or self._accepted is None:
            return
        self._arrived, accepted, self._accepted = message.rest, self._accepted, None
        self._doors.answered(self, message.status)
        if message.status == 200:
            accepted()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._accepted is not None:
            self._doors.answers["closed"] += 1

    def close(self) -> None:
        self._transport.close()


class Queue:
    """Messages of Celery's task protocol 2, pushed as its own client would."""

    def __init__(self, task: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.answers: Counter[str] = Counter()
        self._task = task
        self._writer = writer
        self._reading = asyncio.create_task(_discard(reader))

    @classmethod
    async def open(cls, drive: Drive) -> "Queue":
        address = urlsplit(drive.redis_url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        queue = cls(drive.task, reader, writer)
        queue._command("AUTH", address.password or "")
        queue._command("SELECT", address.path.removeprefix("/"))
        return queue

    def send(self, conversation: str, place: int, number: int, accepted: Accepted) -> None:
        if number:
            self._command("LPUSH", "wakeups", self._message(conversation, marked(conversation, number)))
        self.answers["200"] += 1
        asyncio.get_running_loop().call_soon(accepted)

    def close(self) -> None:
        self._reading.cancel()
        self._writer.close()

    def _command(self, *words: str) -> None:
        encoded = [word.encode() for word in words]
        parts = [b"*%d\r\n" % len(encoded), *(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)]
        self._writer.write(b"".join(parts))

    def _message(self, conversation: str, text: str) -> str:
        task_id = str(uuid4())
        body = json.dumps([[conversation, text], {}, {}]).encode()
        headers = {"lang": "py", "task": self._task, "id": task_id, "root_id": task_id, "retries": 0}
        properties = {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "priority": 0,
            "delivery_info": {"exchange": "", "routing_key": "wakeups"},
            "delivery_tag": task_id,
            "body_encoding": "base64",
        }
        envelope = {"content-encoding": "utf-8", "content-type": "application/json"}
        return json.dumps(
            {**envelope, "body": base64.b64encode(body).decode(), "headers": headers, "properties": properties}
        )


async def _discard(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass
