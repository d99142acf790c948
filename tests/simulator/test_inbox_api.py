import threading

import pytest
import requests

from tests.simulator.conftest import PATIENCE_S, eventually


def refused(response, status):
    """The documented shape of an error."""
    (error,) = response.json()["errors"]
    return response.status_code == status and set(error) == {"code", "message", "id"} and bool(error["id"])


@pytest.mark.parametrize("flavour", ["classic", "hootsuite"])
def test_one_call_carries_a_whole_reply(make_agent, flavour):
    agent = make_agent(flavour)
    conversation = agent.start(text="Hello")
    body = {"sendMessage": {"text": "Hi!"}, "applyTopics": ["Orders"], "setContactAttributes": {"order": "1"}}
    assert agent.send(conversation, **body, complete="HANDOVER", unknownKey=[1]).status_code == 200
    seen = agent.see(conversation)
    assert [(each["from"], each["text"]) for each in seen["messages"]] == [
        ("contact", "Hello"),
        ("virtual_agent", "Hi!"),
    ]
    assert (seen["owner"], seen["topics"], seen["attributes"]) == ("queue", ["Orders"], {"order": "1"})


def test_what_only_inbox_2_can_do(agent):
    conversation = agent.start(text="Hello")
    message = agent.see(conversation)["messages"][0]["id"]
    body = {
        "indicateTyping": "START",
        "sendMessages": [{"text": "One"}, {"text": "Two"}],
        "applyTags": [{"messageId": message, "tag": "Happy"}],
        "applyConversationNotes": [{"text": "For the agent"}],
    }
    assert agent.send(conversation, **body).status_code == 200
    seen = agent.see(conversation, after=1)
    assert [each["text"] for each in seen["messages"]] == ["One", "Two"]
    assert (seen["tags"], seen["notes"], seen["typing"]) == (
        [{"messageId": message, "tag": "Happy"}],
        ["For the agent"],
        1,
    )


def test_an_account_takes_tags_in_one_form_and_refuses_the_whole_call_in_the_other(make_agent):
    for form in ("objects", "strings"):
        agent = make_agent(tags=form)
        conversation = agent.start(text="Hello")
        message = agent.see(conversation)["messages"][0]["id"]
        forms = {"objects": [{"messageId": message, "tag": "Happy"}], "strings": ["Happy"]}
        other = forms.pop("strings" if form == "objects" else "objects")
        assert refused(agent.send(conversation, sendMessage={"text": "Hi"}, applyTags=other), 400)
        assert agent.see(conversation)["tags"] == []
        assert agent.send(conversation, sendMessage={"text": "Hi"}, applyTags=forms[form]).status_code == 200
        assert agent.see(conversation)["tags"] == [{"messageId": message, "tag": "Happy"}] or form == "strings"
        assert [said["text"] for said in agent.see(conversation)["messages"]] == ["Hello", "Hi"]
    assert agent.see(conversation)["tags"][0]["tag"] == "Happy"


@pytest.mark.parametrize("key", ["sendMessages", "indicateTyping", "applyTags", "applyConversationNotes"])
def test_classic_does_not_know_the_keys_of_inbox_2(classic, key):
    assert refused(classic.send(classic.start(), **{key: []}), 400)


@pytest.mark.parametrize(
    "body",
    [
        {"sendMessage": "Hi"},
        {"sendMessage": {}},
        {"sendMessage": {"text": 1}},
        {"sendMessage": {"attachment": "never-uploaded.png"}},
        {"sendMessages": {"text": "Hi"}},
        {"sendMessages": [{"text": "Hi"}, {}]},
        {"indicateTyping": True},
        {"applyTopics": "Orders"},
        {"applyTopics": [1]},
        {"applyTags": ["Happy"]},
        {"applyTags": [{"tag": "Happy"}]},
        {"applyTags": [{"tag": "Happy", "messageId": "unknown"}]},
        {"applyConversationNotes": ["note"]},
        {"setContactAttributes": {"order number": "1"}},
        {"setContactAttributes": {"order": 1}},
        {"setContactAttributes": {"order\n": "1"}},
        {"complete": "handover"},
        {"complete": ["HANDOVER"]},
    ],
)
def test_malformed_bodies_are_refused_and_change_nothing(agent, body):
    conversation = agent.start()
    assert refused(agent.send(conversation, **{"applyTopics": ["Good"]} | body), 400)
    seen = agent.see(conversation)
    assert (seen["messages"], seen["topics"], seen["owner"]) == ([], [], "virtual_agent")


@pytest.mark.parametrize(
    "sent", [{"data": b"{"}, {"data": b"[]", "headers": {"Content-Type": "application/json"}}, {"data": b"{}"}]
)
def test_what_is_no_json_object_is_refused(agent, sent):
    assert refused(agent.request("POST", agent.path(agent.start()), **sent), 400)


def test_an_attribute_with_a_value_is_kept(agent):
    given = [{"attribute": "company", "value": "Acme", "source": "MEDIUM"}]
    conversation = agent.start(attributes=[*given, {"attribute": "city", "value": None, "source": "AGENT"}])
    agent.send(conversation, setContactAttributes={"company": "Other", "city": "Gent"})
    assert agent.see(conversation)["attributes"] == {"company": "Acme", "city": "Gent"}


def test_the_strongest_source_of_an_attribute_is_shown(agent):
    sources = ("CRM_CONFIRMED", "MEDIUM", "AGENT")
    attributes = [{"attribute": "name", "value": source, "source": source} for source in sources]
    assert agent.see(agent.start(attributes=attributes))["attributes"] == {"name": "CRM_CONFIRMED"}


def test_topics_that_do_not_exist_are_ignored(make_agent):
    agent = make_agent(topics=["Hotel Reservation"])
    conversation = agent.start()
    assert agent.send(conversation, applyTopics=["hotel reservation", "Nonsense"]).status_code == 200
    assert agent.see(conversation)["topics"] == ["Hotel Reservation"]


@pytest.mark.parametrize(("complete", "owner"), [("HANDOVER", "queue"), ("RESOLVED", "closed")])
def test_a_completed_conversation_is_gone(agent, complete, owner):
    conversation = agent.start()
    assert agent.send(conversation, complete=complete).status_code == 200
    assert agent.see(conversation)["owner"] == owner
    assert refused(agent.send(conversation, sendMessage={"text": "Hi"}), 404)
    assert refused(agent.upload(conversation, "map.png"), 404)


def test_conversations_of_others_are_unknown(make_agent):
    mine, theirs = make_agent(), make_agent()
    assert refused(mine.send(theirs.start(), sendMessage={"text": "Hi"}), 404)
    assert refused(mine.send("0-0-0-0", sendMessage={"text": "Hi"}), 404)


def test_tokens_are_bound_to_their_flavour(agent, classic):
    conversation = agent.start()
    agent.token = classic.token
    assert refused(agent.send(conversation), 401)
    assert refused(agent.request("POST", agent.path(conversation), headers={"Authorization": "Bearer nonsense"}), 401)


def test_more_requests_than_allowed_in_a_second(make_agent):
    agent = make_agent(requests_per_second=3)
    conversation = agent.start()
    answers = [agent.send(conversation, indicateTyping="START") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert refused(answers[-1], 429)
    assert "Retry-After" not in answers[-1].headers
    assert answers[0].headers["X-Account-Rate-Limit-Requests-Remaining"] == "2"
    assert agent.see(conversation)["typing"] == 3


def test_the_daily_quota(make_agent):
    agent = make_agent(daily_quota=2)
    conversation = agent.start()
    answers = [agent.send(conversation) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    headers = answers[-1].headers
    assert (headers["X-Account-Quota"], headers["X-Account-Quota-Used"]) == ("2", "2")


def test_an_uploaded_file_can_be_sent(agent):
    conversation = agent.start()
    assert agent.upload(conversation, "map-1_a.png", b"12345").status_code == 200
    assert agent.send(conversation, sendMessage={"attachment": "map-1_a.png"}).status_code == 200
    seen = agent.see(conversation)
    assert seen["messages"][0]["attachment"] == "map-1_a.png"
    assert seen["attachments"] == [{"name": "map-1_a.png", "content_type": "image/png", "bytes": 5}]


@pytest.mark.parametrize("name", ["a b.png", "caf%C3%A9.png", "a%2Fb.png", "a(1).png"])
def test_file_names_with_other_characters_are_refused(agent, name):
    assert refused(agent.upload(agent.start(), name), 400)


def test_a_file_name_is_unique_in_its_conversation(agent):
    one, other = agent.start(), agent.start()
    assert agent.upload(one, "map.png").status_code == 200
    assert refused(agent.upload(one, "map.png"), 400)
    assert agent.upload(other, "map.png").status_code == 200


def test_a_file_must_be_small_and_declared(agent):
    conversation = agent.start()
    assert refused(agent.upload(conversation, "huge.png", b"x" * 10_000_000), 400)
    assert refused(agent.upload(conversation, "chunked.png", iter([b"1", b"2"])), 400)
    path = f"{agent.path(conversation)}/attachments/typeless.png"
    assert refused(agent.request("PUT", path, data=b"12"), 400)
    assert agent.see(conversation)["attachments"] == []


def test_files_are_put_not_posted(agent):
    path = f"{agent.path(agent.start())}/attachments/map.png"
    assert agent.request("POST", path, data=b"12").status_code == 405


def test_contact_attributes_by_contact(agent):
    conversation = agent.start(contact={"id": "contact-1"})
    path = "/inbox/v2/contact/{}/contact-attributes"
    body = {"contactAttributes": [{"attribute": "city", "value": "Gent"}], "autoConfirm": True}
    assert agent.request("PUT", path.format("contact-1"), json=body).status_code == 200
    assert agent.see(conversation)["attributes"] == {"city": "Gent"}
    assert refused(agent.request("PUT", path.format("unknown"), json=body), 404)
    assert refused(agent.request("PUT", path.format("contact-1"), json={"city": "Gent"}), 400)


def test_figures_about_queue_and_presence(make_agent):
    agent = make_agent(agents_available=7)
    conversation = agent.start(medium="fb")
    agent.send(conversation, complete="HANDOVER")
    base = "/inbox/v1/"

    def ask(path, **body):
        return agent.request("POST", base + path, json=body)

    presence = ask("user-presence/metrics/agent-availability", teamIds=[], userPresenceStatus="AVAILABLE")
    assert presence.json() == {"value": 7}
    waiting = "queue/metrics/contacts-waiting"
    assert ask(waiting, status="NEW", mediumId="fb").json() == {"value": 1}
    assert ask(waiting, status="NEW", mediumId="whatsapp").json() == {"value": 0}
    assert ask(waiting, status="NEW", channelIds=["other"]).json() == {"value": 0}
    assert ask("queue/metrics/longest-wait-time", status="NEW").json()["value"] >= 0
    assert refused(ask(waiting), 400)


def test_figures_of_teams_and_groups(make_agent, sim):
    agent = make_agent(
        agents=[
            {"id": "mia", "teams": ["sales", "care"]},
            {"id": "tom", "teams": ["sales"], "presence": "AWAY"},
            {"id": "eva", "teams": ["care"]},
        ]
    )
    for team, channel in (("sales", "c-1"), ("sales", "c-2"), ("", "c-1")):
        agent.send(agent.start(team=team, channel={"id": channel}), complete="HANDOVER")
    base = "/inbox/v1/"

    def ask(path, **body):
        return agent.request("POST", base + path, json=body).json()

    presence = "user-presence/metrics/agent-availability"
    assert ask(presence, userPresenceStatus="AVAILABLE", teamIds=["sales"]) == {"value": 1}
    assert ask(presence, userPresenceStatus="AWAY") == {"value": 1}
    grouped = {"value": {"sales": {"value": 1}, "care": {"value": 2}}}
    assert ask(presence, userPresenceStatus="AVAILABLE", groupBy="TEAM") == grouped
    waiting = "queue/metrics/contacts-waiting"
    assert ask(waiting, status="NEW", groupBy="TEAM") == {"value": {"sales": {"value": 2}}}
    assert ask(waiting, status="NEW", groupBy="CHANNEL") == {"value": {"c-1": {"value": 2}, "c-2": {"value": 1}}}
    assert ask(waiting, status="PENDING", groupBy="OWNER") == {"value": {}}
    assert list(ask("queue/metrics/longest-wait-time", status="NEW", groupBy="TEAM")["value"]) == ["sales"]
    assert "errors" in ask(waiting, status="NEW", groupBy="WEATHER")

    def online():
        found = agent.request("GET", base + "user-presence/online-agents").json()["agents"]
        return {each["id"]: each["userPresence"] for each in found}

    assert online() == {"mia": "AVAILABLE", "tom": "AWAY", "eva": "AVAILABLE"}
    sim.post(f"accounts/{agent.account['client_id']}/agents", agents_available=1)
    assert online() == {"mia": "AVAILABLE", "tom": "AWAY", "eva": "AWAY"}


def test_agents_open_note_and_set_topics(agent, sim):
    conversation = agent.start()
    agent.send(conversation, complete="HANDOVER")
    locks = lambda: agent.request("GET", "/inbox/v1/queue/lock").json()["locks"]  # noqa: E731
    assert locks() == []
    for body in ({"action": "take"}, {"action": "note", "text": "VIP"}, {"action": "topic", "text": "Refund"}):
        sim.post(f"conversations/{conversation}/agent", **body)
    [lock] = locks()
    assert (lock["conversationId"], lock["userId"]) == (conversation, "agent-1")
    assert lock["lockedAt"].endswith("Z")
    seen = agent.see(conversation)
    assert (seen["notes"], seen["topics"]) == (["VIP"], ["Refund"])
    sim.post(f"conversations/{conversation}/agent", action="resolve")
    assert locks() == []


# Faults and the ledger


def ledger(sim, kind="conversation"):
    return [each for each in sim.get("ledger")["requests"] if each["kind"] == kind]


@pytest.mark.parametrize("fault", ["401", "404", "429", "500", "502", "503", "504"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_status_before_or_after_processing(agent, sim, fault, when):
    conversation = agent.start()
    sim.post("faults", target="inbox", fault=fault, when=when, times=1)
    assert refused(agent.send(conversation, sendMessage={"text": "Hi"}), int(fault))
    is_processed = when == "after"
    assert len(agent.see(conversation)["messages"]) == is_processed
    (entry,) = ledger(sim)
    assert (entry["processed"], entry["status"], entry["fault"]) == (is_processed, int(fault), fault)
    assert (entry["conversation"], entry["body"]) == (conversation, {"sendMessage": {"text": "Hi"}})
    assert agent.send(conversation, sendMessage={"text": "Hi"}).status_code == 200


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_reset_connection(agent, sim, when):
    conversation = agent.start()
    sim.post("faults", target="inbox", fault="reset", when=when)
    with pytest.raises(requests.ConnectionError):
        agent.send(conversation, sendMessage={"text": "Hi"})
    assert len(agent.see(conversation)["messages"]) == (when == "after")
    assert ledger(sim)[0]["status"] == 0


HI = {"sendMessage": {"text": "Hi"}}


def test_a_hung_request_gets_no_answer(agent, sim):
    conversation = agent.start()
    sim.post("faults", target="inbox", fault="hang", when="after")
    with pytest.raises(requests.Timeout):
        agent.request(
            "POST", agent.path(conversation), json={"sendMessage": {"text": "Hi"}}, timeout=(PATIENCE_S, 0.2)
        )
    eventually(lambda: len(agent.see(conversation)["messages"]) == 1)


def test_a_slow_request_is_done_in_the_end(agent, sim):
    conversation = agent.start()
    sim.post("faults", target="inbox", fault="slow", slow_s=0.3)
    with pytest.raises(requests.Timeout):
        agent.request(
            "POST", agent.path(conversation), json={"sendMessage": {"text": "Hi"}}, timeout=(PATIENCE_S, 0.1)
        )
    assert agent.see(conversation, after=0, wait_s=PATIENCE_S)["messages"][0]["text"] == "Hi"


def test_garbage_instead_of_an_answer(agent, sim):
    sim.post("faults", target="inbox", fault="garbage")
    answer = agent.send(agent.start())
    assert answer.status_code == 200
    with pytest.raises(ValueError):
        answer.json()


def test_faults_of_tokens_and_attachments(agent, sim):
    conversation = agent.start()
    sim.post("faults", target="token", fault="401")
    sim.post("faults", target="attachments", fault="503", when="after")
    assert agent.token_request().json()["error"] == "invalid_client"
    assert refused(agent.upload(conversation, "map.png"), 503)
    assert len(agent.see(conversation)["attachments"]) == 1
    assert agent.send(conversation).status_code == 200
    assert requests.delete(f"{sim.url}/sim/faults", timeout=PATIENCE_S).status_code == 200
    assert agent.token_request().status_code == 200


def test_a_fault_of_one_account_only(make_agent, sim):
    one, other = make_agent(), make_agent()
    sim.post("faults", target="inbox", fault="500", client_id=one.account["client_id"])
    assert one.send(one.start()).status_code == 500
    assert other.send(other.start()).status_code == 200


def test_a_share_of_faults_is_the_same_for_the_same_seed(make_agent, sim):
    agent = make_agent(requests_per_second=1000)
    conversation = agent.start()

    def statuses():
        requests.delete(f"{sim.url}/sim/faults", timeout=PATIENCE_S)
        sim.post("faults", target="inbox", fault="500", share=0.5, seed=7)
        return [agent.send(conversation).status_code for _ in range(20)]

    first = statuses()
    assert set(first) == {200, 500}
    assert statuses() == first


def test_the_ledger_is_numbered_and_can_be_read_on(make_agent, sim):
    agent = make_agent(requests_per_second=1000)
    conversation = agent.start()
    start = sim.get("ledger")["last"]
    threads = [threading.Thread(target=agent.send, args=(conversation,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = sim.get("ledger", after=start)["requests"]
    assert [each["n"] for each in entries] == list(range(start + 1, start + 11))
    assert [each["n"] for each in sim.get("ledger", after=start + 3, limit=2)["requests"]] == [start + 4, start + 5]
