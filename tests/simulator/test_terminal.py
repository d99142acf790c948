import io
import time

import pytest

from chatbridge.simulator.control_client import Api, SimulatorError
from chatbridge.simulator.terminal import Chat, Patience

QUICK = Patience(first_answer_s=30, quiet_s=0.3)


@pytest.fixture
def say(agent, webhook):
    """Runs a piped conversation against a bot that lives in the webhook's inline replies; gives the screen."""

    def bot(request):
        body = request.body
        if body["type"] == "CONVERSATION_STARTED":
            return 200, {}
        if body["type"] == "CONVERSATION_DELEGATED":
            return 200, {"sendMessage": {"text": "I am back"}}
        text = body["data"]["message"]["text"]
        if text == "late":
            time.sleep(3 * QUICK.quiet_s)
        if text == "agent":
            note = [{"text": "Wants a human"}]
            return 200, {"sendMessage": {"text": "One moment"}, "applyConversationNotes": note, "complete": "HANDOVER"}
        if text == "menu":
            return 200, {"sendMessage": {"text": "Which?\n%[Parcel](reply:p-1)\n%[Help](https://help.example)"}}
        if body["data"]["message"].get("payload"):
            return 200, {"sendMessage": {"text": f"Pressed {body['data']['message']['payload']}: {text}"}}
        if text == "order":
            done = {"applyTopics": ["Orders"], "setContactAttributes": {"order": "A-1"}}
            notes = [{"text": "Asked for A-1"}]
            return 200, {
                "sendMessage": {"text": "Found"},
                "applyTags": ["hot"],
                "applyConversationNotes": notes,
            } | done
        if text == "bye":
            return 200, {"sendMessage": {"text": "Goodbye"}, "complete": "RESOLVED"}
        return 200, {"sendMessages": [{"text": f"You said {text}"}, {"text": "Next"}]}

    webhook.answer = bot

    def run(*lines, **changes):
        out = io.StringIO()
        Chat(Api(agent.sim.url), out=out, patience=QUICK, **changes).run_lines(lines)
        return out.getvalue().splitlines()

    return run


def test_a_scripted_conversation(say, agent):
    screen = say("hello\n", "\n", "agent\n")
    assert screen[1] == "you     hello"
    assert screen[2].startswith("-- conversation ")  # it begins with the contact's words
    assert screen[3:] == [
        "bot     You said hello",
        "bot     Next",
        "you     agent",
        "bot     One moment",
        "-- you are in the agents' queue; note for the agent: Wants a human",
    ]
    (conversation,) = agent.sim.get("conversations")
    assert conversation["contact"]["primaryIdentifier"] == "Johan"


def test_what_a_bot_does_beside_its_words_is_shown_once(say):
    screen = say("order", "agent")
    assert screen[3:] == [
        "bot     Found",
        "-- topic: Orders",
        "-- tag of the contact's message: hot",
        "-- contact attribute: order = A-1",
        "-- note for the agents: Asked for A-1",
        "you     agent",
        "bot     One moment",
        "-- you are in the agents' queue; note for the agent: Wants a human",
    ]


def test_a_button_is_pressed_by_its_name(say):
    screen = say("menu", "Parcel", "[Parcel]", "[Help]", medium="rtm")
    assert screen[3:6] == ["bot     Which?", "        [Parcel]", "        [Help]"]
    assert screen[7] == "bot     You said Parcel"
    assert "bot     Pressed p-1: Parcel" in screen
    assert "bot     You said [Help]" in screen


def test_a_late_answer_is_waited_for(say):
    screen = say("hello", "late", "bye")
    assert screen[screen.index("you     late") :][:3] == ["you     late", "bot     You said late", "bot     Next"]


def test_agents_take_part(say):
    screen = say("/agent take", "hello", "/agent reply I am Alex", "/agent delegate", "bye", contact="Zoë")
    assert "-- the conversation begins with your first words" in screen
    assert screen[screen.index("you     /agent reply I am Alex") :] == [
        "you     /agent reply I am Alex",
        "-- an agent has your conversation",
        "agent   I am Alex",
        "you     /agent delegate",
        "-- the bot has your conversation again",
        "bot     I am back",
        "you     bye",
        "bot     Goodbye",
        "-- the conversation is resolved; /new begins another",
    ]


def test_commands(say, webhook):
    screen = say("/help", "/nonsense", "/image", "/agent dance", "/queue", "/quit", "never said")
    assert any("/quit" in line for line in screen)
    assert "-- /nonsense is not a command; /help lists them" in screen
    assert any("must be one of take, reply" in line for line in screen)
    assert "-- no one is waiting for an agent" in screen
    assert "bot     You said None" in screen
    assert not any("never said" in line for line in screen)


def test_files_and_places_are_sent_without_a_word(say, webhook):
    say("/image", "/location")
    messages = [body["data"]["message"] for body in webhook.bodies("INBOUND_MESSAGE_RECEIVED")]
    assert [(message["text"], message["attachments"][0]["type"]) for message in messages] == [
        (None, "image"),
        (None, "location"),
    ]


def test_a_bot_is_seen_typing_until_it_speaks(agent):
    out = io.StringIO()
    chat = Chat(Api(agent.sim.url), out=out, conversation=agent.start(text="Hello"))
    chat.begin()
    for body in (
        {"indicateTyping": "START"},
        {"indicateTyping": "START"},
        {"sendMessage": {"text": "Here I am"}},
        {"indicateTyping": "START"},
        {"indicateTyping": "STOP"},
    ):
        assert agent.send(chat.conversation, **body).status_code == 200
        chat.take_in(0.1)
    assert out.getvalue().splitlines()[1:] == ["-- the bot is typing …", "bot     Here I am", "-- the bot is typing …"]


def test_a_new_conversation_and_a_repeated_event(say, agent, webhook):
    say("hello", "/dup", "/new", "hello")
    keys = [body["idempotencyKey"] for body in webhook.bodies("INBOUND_MESSAGE_RECEIVED")]
    assert len(keys) == 3
    assert len(set(keys)) == 2
    assert len(agent.sim.get("conversations")) == 2


def test_going_on_with_a_conversation(say, agent):
    conversation = agent.start(text="hello")
    screen = say("more", conversation=conversation)
    assert screen == [
        f"-- conversation {conversation} goes on",
        "you     more",
        "bot     You said more",
        "bot     Next",
    ]


def test_a_named_virtual_agent(say, agent):
    other = {"client_id": agent.account["client_id"], "webhook_url": agent.seat["webhook_url"], "name": "Other"}
    agent.sim.post("virtual-agents", **other)
    assert "with Other" in say(virtual_agent="Other")[0]
    with pytest.raises(SimulatorError, match="there is: Demo, Other"):
        say(virtual_agent="Nobody")


def test_voices_are_coloured_on_request(say):
    assert any("\x1b[32mbot" in line for line in say("hello", is_coloured=True))


def test_without_a_simulator_it_says_what_to_do():
    with pytest.raises(SimulatorError, match=r"python manage\.py simulator"):
        Chat(Api("http://127.0.0.1:9")).run_lines([])


def test_without_a_virtual_agent_it_says_what_to_do(sim):
    with pytest.raises(SimulatorError, match="/sim/virtual-agents"):
        Chat(Api(sim.url)).run_lines([])
