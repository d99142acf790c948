"""The template kind against Node-RED, with a bot that is a flow: node_red/flow.json."""

import shutil
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from channels_app.adapters.bots import BotConnector, bot_class
from channels_app.protocol import Attachment, Option, Reply
from channels_app.protocol.errors import BridgeError, PayloadError, TemporaryError
from tests.channels_app.bots.cast import make_turn
from tests.connectors.programs import FOLDER, free_port, from_npm, running

NODE_RED = "node-red@4.1.8"
FILES = Path(__file__).parent / "node_red"
USER = "bridge:pass of node-red"
USER_HASH = "$2b$08$8LJjVmQpEZRdcI1qJikjB.wgB71QVWUnLa7bM5KDdyWDjCjRAGRni"
LOG_IN = {"Authorization": f"Basic {b64encode(USER.encode()).decode()}"}
AWKWARD = 'Quote " and \\ and \n\t\u2028 and 👩\u200d👩\u200d👧 and {{secret}} and "}, {"'
SETTINGS: dict[str, Any] = {
    "secret": USER,
    "secret_2": "second-key",
    "headers": "Authorization: Basic {{secret_base64}}\nX-Key: {{secret_2}}",
    "body": '{"text": {{text}}, "conversation": "{{remembered.conversation}}"}',
    "choice_body": '{"pressed": "{{payload}}", "conversation": "{{remembered.conversation}}"}',
    "start_body": '{"begins": true}',
    "texts_path": "lines",
    "options_path": "buttons[].{title: label, payload: value}",
    "files_path": "media[].href",
    "intent_path": "intent",
    "handover_path": "action",
    "handover_value": "handover",
    "details_path": "summary",
    "remember": "conversation = id",
}


def connector(url: str, **settings: Any) -> BotConnector:
    given = {**SETTINGS, "url": url, **settings}
    form = bot_class("template").settings_form(given)
    assert form.is_valid(), form.errors
    return bot_class("template")(form.cleaned_data)


def ask(bot: BotConnector, **turn: Any) -> Reply:
    reply = bot.send(make_turn(**turn))
    assert reply is not None
    return reply


def said(reply: Reply) -> list[str]:
    return [message.text for message in reply.messages if message.text]


def failure(bot: BotConnector, **turn: Any) -> tuple[type[BridgeError], str] | None:
    try:
        ask(bot, **turn)
    except BridgeError as error:
        return type(error), error.detail
    return None


def node_red() -> Iterator[str]:
    home, port = FOLDER / "node-red-user", free_port()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    program = from_npm(NODE_RED) / "node-red" / "red.js"
    flow = shutil.copy(FILES / "flow.json", home)
    command: list[str | Path] = ["node", program, "--settings", FILES / "settings.js", "--userDir", home, flow]
    environment = {"PORT": str(port), "USER_HASH": USER_HASH}
    with running(command, environment, port=port, ready="/look/ready?q=x", known_to=LOG_IN) as url:
        bot = connector(f"{url}/chat")
        [line] = bot.check()
        assert line.is_ok and "1 message" in line.detail, line
        yield "Test connection, through Node-RED's own Basic Auth"
        assert said(ask(bot, text=AWKWARD)) == [AWKWARD]
        yield "quotes, line breaks, emoji and placeholders in a contact's text come back as they were"
        menu = ask(bot, text="menu")
        assert said(menu) == ["Hello!", "Which one?"]
        parcel, person = menu.messages[-1].options
        assert (parcel, person) == (
            Option(title="Parcel", payload={"id": 7}),
            Option(title="A person", payload="person"),
        )
        pressed = ask(bot, text="Parcel", payload=parcel.payload, remembered=menu.remembered)
        assert said(pressed) == ['You pressed {"id":7}.']
        yield "options; the payload of a pressed one comes back as the object that it was"
        assert pressed.remembered == menu.remembered != ask(bot, text="menu").remembered
        anew = ask(bot, text="menu", remembered={"conversation": "nr-99"})
        assert said(anew) == said(menu) and anew.remembered != {"conversation": "nr-99"}
        assert "began a new one" in anew.remarks
        yield "its id of a conversation is remembered; one that it doesn't know begins anew"
        assert ask(bot, text="map").messages[-1].attachment == Attachment(url="https://files.example/map.png")
        [intent] = ask(bot, text="Hi").intents
        assert (intent.name, intent.score) == ("demo", 0.5)
        yield "files, intent"
        handed = ask(bot, text="person")
        assert handed.offload and handed.offload.payload == {"order": "A-3301"}
        assert said(handed) == ["A colleague takes over."]
        yield "a handover with its details"
        silent = ask(bot, text="wait")
        assert (silent.messages, silent.unshown) == ((), ()) and ask(bot, text="nothing").is_unshowable
        yield "an empty list is silence, an answer without the path is not"
        look = connector(f"{url}/look/{{{{session_id}}}}?q={{{{text}}}}", method="GET")
        turn = make_turn(text=AWKWARD)
        assert said(ask(look, text=AWKWARD)) == [f"{turn.session_id}: {AWKWARD}"]
        yield "GET with the text in the query"
        assert failure(bot, text="fail") == (TemporaryError, "The bot answered 500, out_of_order.")
        assert failure(bot, text="plain") == (PayloadError, "The body is not readable JSON.")
        for wrong in ({"secret": "bridge:wrong"}, {"secret_2": "wrong"}):
            [line] = connector(f"{url}/chat", **wrong).check()
            assert line.code == "CB-517", line
        yield "errors and wrong secrets are named"


PROOFS = {("Template", NODE_RED): node_red}
