import hashlib
import hmac
import json
import time
import uuid

import pytest
import requests

from tests.simulator.conftest import PATIENCE_S, eventually


class Asker:
    """The bridge, as a bot sees it."""

    def __init__(self, url, token="", secret=""):
        self.url, self.token, self.secret = url, token, secret
        self.session = str(uuid.uuid4())

    def ask(self, text=None, *, key=None, **changes):
        turn = {"version": 1, "type": "message", "turn_id": str(uuid.uuid4()), "session_id": self.session}
        turn |= {"text": text, "payload": None} | changes
        raw = json.dumps(turn).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key or str(turn["turn_id"])}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.secret:
            headers["X-Chatbridge-Signature"] = hmac.new(self.secret.encode(), raw, hashlib.sha256).hexdigest()
        return requests.post(self.url, data=raw, headers=headers, timeout=PATIENCE_S)

    def reply(self, text=None, **changes):
        answer = self.ask(text, **changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def words(self, text=None, **changes):
        return " ".join(message["text"] for message in self.reply(text, **changes)["messages"])


@pytest.fixture
def demo(sim):
    return Asker(f"{sim.url}/bot")


def test_it_greets_by_name(demo):
    assert "Hello Johan!" in demo.words(type="conversation_started", contact={"primary_identifier": "Johan"})


def test_it_speaks_first_when_it_gets_a_conversation_back(demo):
    assert demo.words(type="conversation_delegated") == "I am back: what else can I do?"


def test_it_finds_a_parcel(demo):
    assert "order number" in demo.words("Where is my parcel?")
    assert "not an order number" in demo.words("I forgot")
    reply = demo.reply("a-3301")
    assert "on its way" in reply["messages"][0]["text"]
    assert (reply["topics"], reply["attributes"]) == (["Orders"], {"order_number": "A-3301"})
    assert "can't find" in demo.words("B-1234")


def test_a_session_is_its_own(demo, sim):
    demo.words("parcel")
    assert "You said: I forgot" in Asker(demo.url).words("I forgot")


def test_it_offers_all_kinds_of_options(demo):
    (message,) = demo.reply("menu")["messages"]
    kinds = [next(key for key in ("payload", "url", "phone") if key in option) for option in message["options"]]
    assert kinds == ["payload", "payload", "url", "phone"]
    assert "Monday" in demo.words("Opening hours", payload="hours")


def test_it_shows_a_picture(demo):
    (message,) = demo.reply("Where are you on the map?")["messages"]
    assert message["attachment"]["content_type"] == "image/png"
    assert requests.get(message["attachment"]["url"], timeout=PATIENCE_S).status_code == 200


def test_it_pauses_before_a_picture(demo):
    words, picture = demo.reply("Which way?")["messages"]
    assert ("pause_ms" in words, picture["pause_ms"], "attachment" in picture) == (False, 1500, True)


def test_it_says_what_came_without_a_word(demo):
    image = {"type": "image", "placeholder": "[image]"}
    place = {"type": "location", "placeholder": "[location 51.2,4.4]", "latitude": 51.2, "longitude": 4.4}
    assert "[image]" in demo.words(None, attachments=[image])
    assert "51.2, 4.4" in demo.words(None, attachments=[image, place])


def test_it_gets_a_human(demo):
    reply = demo.reply("I want an agent!")
    assert reply["messages"]
    assert reply["offload"]["reason"] == "asked_for_human"


def test_it_says_goodbye_slowly_or_crashes(demo):
    assert demo.reply("bye")["complete"] == "resolved"
    assert demo.ask("slow").elapsed.total_seconds() >= 0.2
    assert demo.ask("crash").status_code == 500


def test_it_echoes_the_rest_and_takes_pictures(demo):
    assert "You said: tralala" in demo.words("tralala")
    assert "pictures" in demo.words(None)


@pytest.mark.parametrize(
    "changes", [{"version": 2}, {"type": "nonsense"}, {"session_id": None}, {"text": 1}, {"turn_id": ""}]
)
def test_a_turn_against_the_contract_is_refused(demo, changes):
    assert demo.ask(**{"text": "Hi"} | changes).status_code == 400


def test_the_same_key_is_the_same_turn(demo, sim):
    first = demo.ask("parcel", key="k")
    assert demo.ask("something else", key="k").json() == first.json()
    turns = sim.get("bots/demo")["turns"]
    assert [turn["idempotency_key"] for turn in turns] == ["k", "k"]
    assert turns[0]["body"]["text"] == "parcel"


def test_token_and_signature_are_checked_and_shown(sim):
    url = sim.post("bots", id="strict", kind="http", token="t", signing_secret="s")["url"]
    assert Asker(url, "t", "s").ask("Hi").status_code == 200
    assert Asker(url, "wrong", "s").ask("Hi").status_code == 401
    assert Asker(url, "t", "wrong").ask("Hi").status_code == 401
    assert Asker(url).ask("Hi").status_code == 401
    turns = sim.get("bots/strict")["turns"]
    assert [(turn["token_ok"], turn["signature_ok"]) for turn in turns] == [
        (True, True),
        (False, True),
        (True, False),
        (False, False),
    ]
    assert [turn["has_authorization"] for turn in turns] == [True, True, True, False]


def test_an_unknown_bot(sim):
    assert Asker(f"{sim.url}/bots/none").ask("Hi").status_code == 404


@pytest.mark.parametrize("fault", ["500", "garbage", "huge", "wrong_type"])
def test_faults_that_answer(sim, fault):
    answer = Asker(sim.post("bots", fault=fault)["url"]).ask("Hi")
    assert (answer.status_code == 500) == (fault == "500")
    if fault == "garbage":
        with pytest.raises(ValueError):
            answer.json()
    elif fault == "huge":
        assert len(answer.content) > 1_000_000
    elif fault == "wrong_type":
        assert not isinstance(answer.json()["messages"], list)


def test_faults_that_do_not_answer(sim):
    with pytest.raises(requests.ConnectionError):
        Asker(sim.post("bots", fault="close")["url"]).ask("Hi")
    url = sim.post("bots", fault="hang")["url"]
    with pytest.raises(requests.Timeout):
        requests.post(url, json={"version": 1, "type": "message", "turn_id": "1", "session_id": "1"}, timeout=0.2)


def test_an_asynchronous_bot_answers_later(sim, webhook):
    made = sim.post("bots", id="later", mode="async", token="t", signing_secret="s", reply_url=webhook.url)
    bot = Asker(made["url"], "t", "s")
    assert bot.reply("tralala") == {}
    (request,) = eventually(lambda: webhook.received)
    assert request.body["session_id"] == bot.session
    assert "You said: tralala" in request.body["messages"][0]["text"]
    assert request.headers["Authorization"] == "Bearer t"
    told = request.headers["X-Chatbridge-Timestamp"]
    assert abs(time.time() - int(told)) < 300
    signed = f"{told}.".encode() + request.raw
    assert request.headers["X-Chatbridge-Signature"] == hmac.new(b"s", signed, hashlib.sha256).hexdigest()


def test_an_asynchronous_bot_tries_again_with_its_reply_id(sim, webhook):
    webhook.answers = [(500, {}), (502, {}), (202, {"accepted": True})]
    bot = Asker(sim.post("bots", id="later", mode="async", reply_url=webhook.url)["url"])
    bot.reply("tralala")
    (reply,) = eventually(lambda: [each for each in sim.get("bots/later")["replies"] if each["status"] == 202])
    assert reply["attempts"] == 3
    assert len({body["reply_id"] for body in webhook.bodies()}) == 1


def test_an_asynchronous_bot_takes_no_for_an_answer(sim, webhook):
    webhook.answer = (409, {"accepted": False, "code": "not_assigned"})
    Asker(sim.post("bots", id="later", mode="async", reply_url=webhook.url)["url"]).reply("tralala")
    (reply,) = eventually(lambda: [each for each in sim.get("bots/later")["replies"] if each["status"]])
    assert (reply["status"], reply["attempts"], len(webhook.received)) == (409, 1, 1)


def test_an_asynchronous_bot_counts_a_key_once(sim, webhook):
    document = {"id": "later", "mode": "async", "reply_url": webhook.url}
    bot = Asker(sim.post("bots", **document)["url"])
    assert bot.ask("tralala", key="k").json() == {}
    sim.post("bots", **document, delay_ms=1.0)  # changed, it still remembers
    assert bot.ask("tralala", key="k").json() == {}
    bot.reply("the end")
    eventually(lambda: any("the end" in str(body) for body in webhook.bodies()))
    assert sum("tralala" in str(body) for body in webhook.bodies()) == 1
