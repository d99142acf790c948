"""The statements that every message passes through, assembled; `make statements` writes docs/statements.sql.

In the product they are put together from the parts that a step needs; here each stands once, with all of its parts.
"""

import os
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")
    django.setup()

from channels_app.channels.milestones import ANSWERED, HANDED_OVER
from channels_app.conversations import claim, contacts, events, exchanges, lookup, release
from channels_app.deliveries import inline, recording, writing

FILE = Path(__file__).resolve().parent.parent / "docs/statements.sql"
WIDTH = 119
HEAD = """\
-- The statements that every message passes through, each once and whole, in the order of a message's way.
--
-- Written by `make statements`, compared by a test. Values are named %(so)s. The product leaves out of a statement the
-- parts (WITH …) that would change nothing; what must be there in any case is the part that checks the fence (`held`).
-- How each is planned: tests/channels_app/test_statement_plans.py. Why they are what they are: decision 14.
"""


class Assembled(NamedTuple):
    module: str
    does: str
    sql: str


STATEMENTS = (
    Assembled(
        "conversations.events",
        "An event of the inbox is stored, once per key, and opens its conversation if that is new. `milestone` only "
        "for the first event of a channel; the look for an account short of calls unless the channel never, or "
        "always, answers in the response.",
        events._store_from_inbox(is_first=True, waits=True, if_short=True),
    ),
    Assembled(
        "conversations.lookup",
        "A bot's later reply: its conversation, with whether that is on its way to the agents.",
        lookup._SESSION_OF_BOT,
    ),
    Assembled(
        "conversations.events",
        "What a bot or an operator says in a conversation that we know is stored, once per key.",
        events._STORE_IN_CONVERSATION,
    ),
    Assembled(
        "conversations.claim",
        "A worker leases the conversation that waits longest, and reads its open events.",
        claim._CLAIM_DUE,
    ),
    Assembled("conversations.claim", "The same with a conversation that is named.", claim._TAKE),
    Assembled("conversations.contacts", "An event says something new of the contact.", contacts._KEEP_CONTACT),
    Assembled(
        "conversations.contacts", "An event names another inbox channel than before.", contacts._FIND_INBOX_CHANNEL
    ),
    Assembled("conversations.contacts", "One that has another name now, or is new.", contacts._KEEP_INBOX_CHANNEL),
    Assembled(
        "conversations.lookup",
        "Before the bot is asked: whose the conversation is, what the contact said, and that a try begins. `joined`: "
        "the STARTED that the bot is told of with this message.",
        lookup._begin(joins=True, chooses=True),
    ),
    Assembled(
        "conversations.lookup",
        "The same for a contact who comes back after the end: with a new session.",
        lookup._begin(joins=True, chooses=False, renews=True),
    ),
    Assembled(
        "conversations.exchanges",
        "A call beside the bot's, e.g. that the contact sees it typing; the last one goes with the next statement.",
        exchanges._ONE_MORE,
    ),
    Assembled(
        "deliveries.writing",
        "The reply as rows, before anything of it leaves. `merged`, `answered`: events that end with it, or have "
        "their answer with it; `called`: the call of the bot.",
        writing._write(merges=True, answers=True, calls=True, offers=True, remembers=True, checks=True),
    ),
    Assembled(
        "deliveries.recording",
        "A call is about to leave that is not the first of its reply, or not at its first try.",
        recording._MARK_IN_FLIGHT,
    ),
    Assembled(
        "deliveries.recording",
        "What became of a call after which the event goes on.",
        recording._RECORD_WITH_CALL,
    ),
    Assembled(
        "deliveries.inline",
        "Ten times a second while requests of the inbox wait for their answers: those that are ready.",
        inline._FIND,
    ),
    Assembled("deliveries.inline", "A request takes its answer along.", inline._TAKE),
    Assembled("deliveries.inline", "A worker takes back what no request came for.", inline._TAKE_BACK),
    Assembled(
        "conversations.release",
        "The end of a step: the conversation is released with what has ended, waits, was tried and called, and the "
        "next one is claimed.",
        release._give_back(
            ends=True, puts_off=True, tries=True, calls=True, claims=True, reaches=(ANSWERED, HANDED_OVER)
        ),
    ),
)


def document() -> str:
    """docs/statements.sql as it should be."""
    return "\n".join([HEAD, *(_written(statement) for statement in STATEMENTS)])


def _written(statement: Assembled) -> str:
    does = textwrap.wrap(f"{statement.module}: {statement.does}", WIDTH - 3)
    sql = "\n".join(line for line in _lines(statement.sql) if line)
    return "\n".join([*(f"-- {line}" for line in does), f"{sql};", ""])


def _lines(sql: str) -> Iterator[str]:
    for line in re.sub(r"\n+(?=\s*\n)", "\n", sql).strip().splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        yield from textwrap.wrap(line, WIDTH, subsequent_indent=f"{indent}    ", break_on_hyphens=False)


if __name__ == "__main__":
    FILE.write_text(document())
