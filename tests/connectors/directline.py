"""The Direct Line kind against NLP.js (Express), which has a Direct Line of its own for its bots."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from channels_app.adapters.bots import BotConnector, bot_class
from channels_app.protocol import Completion, Reply
from tests.channels_app.bots.cast import make_turn
from tests.connectors.programs import free_port, from_npm, running

NLPJS = "@nlpjs/directline-connector@4.26.1"
BESIDE = ("@nlpjs/basic@4.27.0", "@nlpjs/express-api-server@4.27.0")
BOT = Path(__file__).with_name("nlpjs_bot.js")


class Contact:
    def __init__(self, url: str, **settings: Any) -> None:
        usual = {"url": f"{url}/directline", "secret": "s-1", "greeting_event": "startConversation", "quiet_s": 1}
        self.bot: BotConnector = bot_class("directline")({**usual, **settings})
        self.memory: dict[str, str] = {}
        self.session = str(uuid.uuid4())

    def writes(self, text: str | None, **changes: Any) -> Reply:
        turn = {"turn_id": str(uuid.uuid4()), "session_id": self.session, "remembered": self.memory, "text": text}
        reply = self.bot.send(make_turn(**{**turn, **changes}))
        assert reply is not None
        self.memory = {**self.memory, **reply.remembered}
        return reply

    def hears(self, text: str | None, **changes: Any) -> list[str]:
        return [message.text for message in self.writes(text, **changes).messages]


def nlpjs() -> Iterator[str]:
    """As an author would write the bot, and as NLP.js answers by itself."""
    modules = from_npm(NLPJS, *BESIDE)
    port = free_port()
    with running(["node", BOT, str(port), "rich"], {"NODE_PATH": str(modules)}, port=port) as url:
        contact = Contact(url)
        [line] = contact.bot.check()
        assert line.is_ok, line
        yield "Test connection"
        assert contact.hears("hello", is_first=True) == ["Welcome, Johan!", "Good morning!"]
        yield "a greeting by the event, then the answer to the first message"
        [menu] = contact.writes("menu").messages
        assert [option.title for option in menu.options] == ["Track a parcel", "Opening hours"]
        chosen = [contact.hears(option.title, payload=option.payload) for option in menu.options]
        assert chosen == [["Your parcel arrives tomorrow."], ['Chosen: {"show":"hours"}']]
        yield "suggested actions are options, and a choice goes back as its text or its value"
        [card] = contact.writes("card").messages
        assert (card.text, [option.url for option in card.options]) == (
            "Our shop\nIn the harbour",
            ["https://maps.example/shop"],
        )
        assert card.attachment and card.attachment.url == "https://files.example/shop.png"
        yield "a hero card"
        slow = Contact(url, quiet_s=2, greeting_event="nothing")
        assert slow.hears("later") == ["Let me look.", "Found it."]
        yield "an answer in two messages, a second apart"
        hasty = Contact(url, quiet_s=0, greeting_event="nothing")
        assert hasty.hears("later") == ["Let me look."]
        time.sleep(1.5)  # until it has said the rest
        assert hasty.hears("hello") == ["Found it.", "Good morning!"]
        yield "what comes later is said with the next answer"
        turn_id = str(uuid.uuid4())
        before = contact.memory
        first = contact.hears("where is my parcel", turn_id=turn_id)
        contact.memory = before
        assert contact.hears("where is my parcel", turn_id=turn_id, is_repeat=True) == first
        yield "a second try of a turn posts nothing, and reads the answer by the watermark"
        reply = contact.writes("human")
        assert reply.offload and (reply.offload.reason, reply.offload.payload) == (
            "Escalate",
            {"summary": "Wants a person.", "va_LastTopic": "Escalate", "Order": "A-3301"},
        )
        yield "`handoff.initiate` with its context"
        assert contact.writes("bye").complete is Completion.RESOLVED
        yield "`endOfConversation`"
    port = free_port()
    with running(["node", BOT, str(port)], {"NODE_PATH": str(modules)}, port=port) as url:
        plain = Contact(url, greeting_event="nothing")
        assert plain.hears("hello") == ["Good morning!"]
        assert plain.hears("where is my parcel") == ["Your parcel arrives tomorrow."]
        yield "NLP.js by itself, which tells another id of our message"


PROOFS = {("Direct Line", NLPJS): nlpjs}
