"""Everybody else in one slim process: the inbox with its token endpoint, a bot that echoes, and the contacts.

`POST /drive` with a `Drive` sets the contacts to work; the answer, once all is done, is what they heard.
"""

import argparse
import asyncio
import gc
import json
from contextlib import suppress
from dataclasses import asdict
from urllib.parse import unquote

from tests.bench.contacts import Contacts
from tests.bench.drives import Drive
from tests.bench.events import read_mark
from tests.bench.wire import Message, answer, take_message

BOT = b"/bot"
TOKEN = b"/oauth2/token"
CONVERSATIONS = b"/inbox/v1/virtual-agent/conversations/"
DRIVE = b"/drive"
BACKLOG = 2_000
"""Connections that may be made at the same moment: a thousand bots' answers are waited for."""
TYPING = b'"indicateTyping"'
_TOKEN_ANSWER = answer(b'{"access_token":"token-of-the-bench","token_type":"bearer","expires_in":3599}')
# As the platform sends with each answer; the bridge keeps them for its operators.
_INBOX_ANSWER = answer(b"{}", "X-Account-Quota: 100000\r\nX-Account-Quota-Used: 1\r\n")
_NOTHING_HERE = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Door(asyncio.Protocol):
    def __init__(self, contacts: Contacts) -> None:
        self._contacts = contacts
        self._arrived = b""
        self._drive: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        while message := take_message(self._arrived):
            self._arrived = message.rest
            self._handle(message)

    def _handle(self, message: Message) -> None:
        path = message.path
        if path == BOT:
            self._ask_bot(message.body)
        elif path.startswith(CONVERSATIONS):
            if TYPING not in message.body:
                self._contacts.told(unquote(path.removeprefix(CONVERSATIONS).decode()), *read_mark(message.body))
            self._transport.write(_INBOX_ANSWER)
        elif path == TOKEN:
            self._transport.write(_TOKEN_ANSWER)
        elif path == DRIVE:
            self._drive = asyncio.create_task(self._run(Drive(**json.loads(message.body))))
        else:
            self._transport.write(_NOTHING_HERE)

    def _ask_bot(self, body: bytes) -> None:
        conversation, number = read_mark(body)
        self._contacts.asked(conversation, number)
        reply = answer(
            b'{"messages":[{"text":"Your parcel is on its way. #%b:%d#"}]}' % (conversation.encode(), number)
        )
        loop = asyncio.get_running_loop()
        loop.call_later(self._contacts.bot_s, self._answer_as_bot, conversation, number, reply)

    def _answer_as_bot(self, conversation: str, number: int, reply: bytes) -> None:
        self._contacts.answered(conversation, number)
        self._transport.write(reply)

    async def _run(self, drive: Drive) -> None:
        heard = await self._contacts.run(drive)
        self._transport.write(answer(json.dumps(asdict(heard)).encode()))


async def serve(port: int, seed: int) -> None:
    contacts = Contacts(seed)
    server = await asyncio.get_running_loop().create_server(lambda: Door(contacts), "127.0.0.1", port, backlog=BACKLOG)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    gc.freeze()
    with suppress(KeyboardInterrupt):  # the run ends, and says so itself
        asyncio.run(serve(options.port, options.seed))


if __name__ == "__main__":
    main()
