import json
import time
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.simulator.conftest import PATIENCE_S, eventually

OPEN = (200, {"offloadSuccess": True, "pauseBot": True})


class Session:
    """A contact of a Chatlayer bot, and what came back to us."""

    def __init__(self, sim, webhook, **changes):
        self.sim, self.webhook, self.id = sim, webhook, str(uuid.uuid4())
        given = {"id": "cl", "access_token": "at", "verify_token": "vt", "reply_url": webhook.url + "/reply"}
        self.made = sim.post("chatlayer", **given | changes)

    def send(self, message, *, token="at", **changes):
        body = {"conversationId": self.id, "message": message, "user": {"firstName": "Johan"}} | changes
        return requests.post(
            self.made["url"], json=body, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S
        )

    def text(self, text, **changes):
        return self.send({"textMessage": {"text": text}}, **changes)

    def act(self, action):
        url = self.made["url"].partition("/chatlayer/")[0] + f"/chatlayer/v1/bots/cl/conversations/{self.id}/actions"
        requests.post(url, json=action, headers={"Authorization": "Bearer at"}, timeout=PATIENCE_S).raise_for_status()

    def replies(self, count):
        eventually(lambda: len(self._at("/hook/reply")) >= count)
        return [each.body for each in self._at("/hook/reply")]

    def offloads(self, event, count=1):
        def found():
            return [each for each in self._at("/hook/offload") if each.raw and each.body["event"] == event]

        eventually(lambda: len(found()) >= count)
        return found()

    def _at(self, path):
        return [each for each in self.webhook.received if urlsplit(each.path).path == path]


@pytest.fixture
def session(sim, webhook):
    return Session(sim, webhook)


@pytest.fixture
def offloading(sim, webhook):
    return Session(sim, webhook, offload_url=webhook.url + "/offload", offload_verify_token="ov")


def test_it_acknowledges_and_answers_later(session):
    assert session.send({"introMessage": {}}).status_code == 200
    (reply,) = session.replies(1)
    assert (reply["senderId"], reply["messageCounter"], reply["verifyToken"]) == (session.id, 1, "vt")
    assert "demo bot" in reply["message"]["text"]
    session.text("tralala")
    assert [each["messageCounter"] for each in session.replies(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"token": "wrong"}, 401),
        ({"conversationId": "x" * 31}, 400),
        ({"conversationId": None}, 400),
        ({"conversationId": "x" * 32}, 200),
        ({"message": {}}, 400),
        ({"message": {"textMessage": {}}}, 400),
        ({"message": {"textMessage": {"text": "a"}, "introMessage": {}}}, 400),
        ({"message": {"postbackMessage": {"title": "a"}}}, 400),
        ({"message": {"unknownMessage": {}}}, 400),
    ],
)
def test_what_it_refuses(session, changes, status):
    message = changes.pop("message", {"textMessage": {"text": "Hi"}})
    assert session.send(message, **changes).status_code == status
    assert session.sim.get("chatlayer/cl")["received"][-1]["status"] == status


def test_identified_by_user_id(sim, webhook):
    session = Session(sim, webhook, identify_by="user.id")
    assert session.text("Hi").status_code == 400
    assert session.text("Hi", user={"id": "u" * 32}).status_code == 200
    assert session.replies(1)[0]["senderId"] == "u" * 32


def test_the_older_form(sim, webhook):
    session = Session(sim, webhook, legacy=True)
    session.text("hello")
    (reply,) = session.replies(1)
    assert reply["recipient"] == {"id": f"default-{session.id}"}
    assert "senderId" not in reply


def test_a_failing_answer_is_retried_three_times(session):
    session.webhook.answers = [(500, {}), (500, {})]
    session.text("hello")
    record = eventually(lambda: [each for each in session.sim.get("chatlayer/cl")["callbacks"] if each["answer"]])[0]
    assert (record["status"], record["attempts"]) == (200, 3)
    assert len({body["messageCounter"] for body in session.replies(3)}) == 1
    session.webhook.answer = (503, {})
    session.text("hello")
    assert eventually(lambda: session.sim.get("chatlayer/cl")["callbacks"][-1]["attempts"] == 4)


def test_choices_become_buttons_and_a_postback_moves_on(session):
    session.text("menu")
    (reply,) = session.replies(1)
    payload = reply["message"]["attachment"]["payload"]
    assert payload["template_type"] == "button"
    assert [each["type"] for each in payload["buttons"]] == ["postback", "postback", "web_url", "phone_number"]
    chosen = json.loads(payload["buttons"][0]["payload"])
    postback = {"title": chosen["title"], "nextDialogstateId": chosen["nextDialogstateId"]}
    session.send({"postbackMessage": postback | {"sessionDataToSet": chosen["parameters"]}})
    assert "order number" in session.replies(2)[1]["message"]["text"]


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("quick", lambda message: message["quick_replies"][0]["content_type"] == "text"),
        ("carousel", lambda message: message["attachment"]["payload"]["template_type"] == "generic"),
        ("list", lambda message: message["attachment"]["payload"]["template_type"] == "list"),
    ],
)
def test_other_shapes(session, word, shape):
    session.text(word)
    assert shape(session.replies(1)[0]["message"])


def test_a_picture_is_a_message_of_its_own(session):
    session.text("map")
    text, picture = (each["message"] for each in session.replies(2))
    assert "text" in text
    assert picture["attachment"]["type"] == "image"
    assert requests.get(picture["attachment"]["payload"]["url"], timeout=PATIENCE_S).status_code == 200


def test_last_words_and_then_the_offload(offloading):
    offloading.webhook.answer = OPEN
    offloading.text("agent")
    (request,) = offloading.offloads("offload")
    assert parse_qs(urlsplit(request.path).query) == {"challenge.verifyToken": ["ov"]}
    body = request.body
    assert (body["sessionId"], body["version"], body["botId"]) == (offloading.id, "LIVE", "cl")
    assert body["payload"] == {"team": "support"}
    assert [each["actor"] for each in body["transcript"]] == ["user", "bot"]
    paths = [urlsplit(each.path).path for each in offloading.webhook.received]
    assert paths.index("/hook/reply") < offloading.webhook.received.index(request)


def test_a_paused_bot_is_silent_until_an_action_unpauses_it(offloading):
    offloading.webhook.answer = OPEN
    offloading.text("agent")
    offloading.offloads("offload")
    eventually(lambda: any(each["answer"] for each in offloads_of(offloading)))
    offloading.text("anybody there?")
    offloading.send({"introMessage": {}})
    offloading.text("still nobody?")
    offloading.act({"type": "unpause"})
    offloading.text("hello")
    assert "hello" in offloading.replies(2)[1]["message"]["text"].lower()


def offloads_of(session):
    return [each for each in session.sim.get("chatlayer/cl")["callbacks"] if each["to"] == "offload"]


def test_when_nobody_is_there_the_bot_goes_on(offloading):
    offloading.webhook.answer = (200, {"offloadSuccess": False, "pauseBot": False})
    offloading.text("agent")
    assert "Nobody is here" in offloading.replies(2)[1]["message"]["text"]
    offloading.text("hello")
    assert len(offloading.replies(3)) == 3


def test_copies_of_every_message(offloading):
    offloading.text("hello")
    (request,) = offloading.offloads("messages")
    assert [each["actor"] for each in request.body["messages"]] == ["user", "bot"]
    assert parse_qs(urlsplit(request.path).query) == {"challenge.verifyToken": ["ov"]}


def test_the_health_check(offloading):
    offloading.webhook.answer = (200, {"status": "ok"})
    assert offloading.sim.post("chatlayer/cl/health-check")["status"] == 200
    (request,) = offloading.webhook.received
    assert (request.method, urlsplit(request.path).query) == ("GET", "challenge.verifyToken=ov")


@pytest.mark.parametrize(("fault", "counters"), [("double", [1, 1, 2, 2]), ("reorder", [2, 1]), ("gap", [2, 3])])
def test_odd_callbacks(sim, webhook, fault, counters):
    session = Session(sim, webhook, fault=fault)
    session.text("tralala")
    assert [each["messageCounter"] for each in session.replies(len(counters))] == counters


def test_a_bot_may_count_anew_in_each_turn(sim, webhook):
    session = Session(sim, webhook, fault="recount")
    for _ in range(2):
        session.text("hello")
    assert [each["messageCounter"] for each in session.replies(2)] == [1, 1]


def test_a_receipt_is_for_messenger_alone(session):
    session.text("receipt")
    (reply,) = session.replies(1)
    assert reply["message"]["attachment"]["payload"]["template_type"] == "receipt"


def test_silence_and_errors(sim, webhook):
    assert Session(sim, webhook, fault="silent").text("Hi").status_code == 200
    assert Session(sim, webhook, fault="500").text("Hi").status_code == 500
    with pytest.raises(requests.ConnectionError):
        Session(sim, webhook, fault="close").text("Hi")
    time.sleep(0.05)
    assert webhook.received == []


def test_conversation_actions(session):
    base = f"{session.made['api']}/v1/bots/cl/conversations/{session.id}"
    headers = {"Authorization": "Bearer at"}
    session.text("hello")
    session.replies(1)
    body = {"sendMessages": [{"text": "Hi"}]}
    assert (
        requests.post(f"{base}/actions?version=LIVE", json=body, headers=headers, timeout=PATIENCE_S).status_code
        == 200
    )
    assert session.sim.get("chatlayer/cl")["actions"] == [{"session": session.id, "body": body}]
    assert requests.delete(f"{base}/session-data?version=LIVE", timeout=PATIENCE_S).status_code == 401
    assert requests.delete(f"{base}/session-data?version=LIVE", headers=headers, timeout=PATIENCE_S).status_code == 200
    assert requests.delete(f"{base}/session-data?version=LIVE", headers=headers, timeout=PATIENCE_S).status_code == 404


def test_it_names_what_it_understood_and_commands_by_objects(session):
    session.text("A-3301")
    words, commands = session.replies(2)
    assert words["nlp"]["intent"]["name"] == "parcel.status"
    assert commands["message"]["payload"]["topics"] == ["Orders"]
    session.text("tralala")
    assert session.replies(4)[-1]["nlp"]["intent"]["name"] == "not.understood"


@pytest.mark.parametrize(("payloads", "key"), [("text", "textMessage"), ("postback", "postbackMessage")])
def test_opaque_payloads_are_understood_in_one_form_only(sim, webhook, payloads, key):
    session = Session(sim, webhook, payloads=payloads)
    session.text("quick")
    [parcel, hours] = session.replies(1)[0]["message"]["quick_replies"]
    assert parcel["payload"].startswith("b64:")
    forms = {"textMessage": {"text": parcel["payload"]}, "postbackMessage": {"payload": parcel["payload"]}}
    right = {key: forms.pop(key)}

    def understood():
        return {each["nlp"]["intent"]["name"] for each in session.replies(1)[1:]}

    session.send(forms)
    eventually(understood)
    assert understood() == {"not.understood"}
    session.send(right)
    eventually(lambda: "parcel.status" in understood())
    session.send({key: {next(iter(right[key])): hours["payload"]}})
    eventually(lambda: any("9:00" in each["message"].get("text", "") for each in session.replies(1)))


def test_a_draft_says_so_and_answers_tell_the_limits(sim, webhook):
    session = Session(sim, webhook, offload_url=webhook.url + "/offload", offload_verify_token="ov", version="DRAFT")
    webhook.answer = OPEN
    assert session.text("agent").headers["X-RateLimit-Remaining"] == "599"
    (request,) = session.offloads("offload")
    assert request.body["version"] == "DRAFT"


def test_a_dialog_begins_a_conversation_that_comes_back(session):
    session.send({"postbackMessage": {"title": "", "nextDialogstateId": "back", "sessionDataToSet": []}})
    assert "I am back" in session.replies(1)[0]["message"]["text"]
