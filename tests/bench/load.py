"""The load on the door: requests that were signed before, over kept connections, in a process of its own.

Reads a `Load` as JSON from its input and prints what came of it as JSON.
"""

import gc
import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from tests.bench.events import Post, conversation_id
from tests.bench.wire import take_message

RECEIVE_BYTES = 65_536
SILENCE_S = 30.0
"""A server that says nothing for so long has lost a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """`paths`: doors, each for every so-manieth conversation. It ends after `events` or `seconds`."""

    port: int
    paths: Sequence[str]
    conversations: int
    events: int
    seconds: float
    seed: str
    crowd: str
    """Conversations' ids begin with it."""
    connections: int = 32


@dataclass(slots=True, kw_only=True)
class Arrived:
    """`answers` by status; `per_s` counts those within the time only."""

    answers: dict[str, int] = field(default_factory=dict)
    per_s: float = 0.0


def write_requests(load: Load) -> list[bytes]:
    post = Post(load.seed)
    requests = []
    for number in range(load.events):
        place = number % load.conversations
        requests.append(post.message(load.paths[place % len(load.paths)], conversation_id(load.crowd, place), number))
    return requests


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._arrived = b""

    def receive(self) -> int | None:
        """The status of an answer that is complete now; 0 when the server has closed."""
        received = self.socket.recv(RECEIVE_BYTES)
        if not received:
            return 0
        message = take_message(self._arrived + received)
        if message is None:
            self._arrived += received
            return None
        self._arrived = message.rest
        return message.status


def send_all(load: Load, requests: Sequence[bytes]) -> Arrived:
    """Each connection sends its next request when its last one was answered."""
    selector, answers, waiting = selectors.DefaultSelector(), Counter[str](), iter(requests)
    for _ in range(load.connections):
        connection = _Connection(load.port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.socket.sendall(next(waiting))
    began_at = time.perf_counter()
    ends_at, in_time, under_way = began_at + load.seconds, 0, load.connections
    while under_way:
        ready = selector.select(SILENCE_S)
        if not ready:
            answers["silence"] += under_way
            break
        now = time.perf_counter()
        for key, _ in ready:
            status = key.data.receive()
            if status is None:
                continue
            answers[str(status or "closed")] += 1
            in_time += now <= ends_at
            request = next(waiting, None) if now < ends_at and status else None
            if request is None:
                under_way -= 1
                selector.unregister(key.fileobj)
            else:
                key.data.socket.sendall(request)
    took_s = min(time.perf_counter() - began_at, load.seconds)
    return Arrived(answers=dict(answers), per_s=in_time / took_s)


def main() -> None:
    load = Load(**json.load(sys.stdin))
    requests = write_requests(load)
    gc.disable()
    json.dump(asdict(send_all(load, requests)), sys.stdout)


if __name__ == "__main__":
    main()
