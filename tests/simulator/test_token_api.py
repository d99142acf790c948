import pytest


@pytest.mark.parametrize("flavour", ["classic", "hootsuite"])
def test_a_token_lives_about_an_hour(make_agent, flavour):
    answer = make_agent(flavour).token_request().json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3599)


@pytest.mark.parametrize("flavour", ["classic", "hootsuite"])
def test_a_wrong_secret_is_an_invalid_client_with_a_hint(make_agent, flavour):
    agent = make_agent(flavour)
    answer = agent.token_request(auth=(agent.account["client_id"], "wrong"))
    assert answer.status_code == 401
    assert set(answer.json()) == {"error", "error_description", "error_hint", "status_code"}
    assert answer.json()["error"] == "invalid_client"
    assert answer.json()["status_code"] == 401


@pytest.mark.parametrize(
    ("flavour", "changes", "error"),
    [
        ("classic", {"data": {"grant_type": "organization_app"}}, "unsupported_grant_type"),
        ("classic", {"data": {"scope": "all"}}, "invalid_scope"),
        ("hootsuite", {"data": {"grant_type": "client_credentials"}}, "unsupported_grant_type"),
        ("hootsuite", {"data": {"organization_id": "another"}}, "invalid_grant"),
        ("hootsuite", {"data": {"client_secret": "x"}}, "invalid_client"),
        ("hootsuite", {"auth": None}, "invalid_client"),
        ("hootsuite", {"auth": None, "headers": {"Authorization": "Basic ###"}}, "invalid_client"),
        ("hootsuite", {"headers": {"Content-Type": "application/json"}}, "invalid_request"),
    ],
)
def test_what_is_not_in_the_contract_is_refused(make_agent, flavour, changes, error):
    assert make_agent(flavour).token_request(**changes).json()["error"] == error


def test_a_client_of_one_flavour_is_unknown_to_the_other(make_agent, sim):
    agent = make_agent("classic")
    agent.account["flavour"] = "hootsuite"
    assert agent.token_request().json()["error"] == "invalid_client"


def test_an_expired_token_is_refused(make_agent):
    agent = make_agent(token_lifetime_s=0)
    assert agent.send(agent.start(), sendMessage={"text": "Hi"}).status_code == 401


def test_new_keys_end_the_old_tokens(agent, sim):
    conversation = agent.start()
    sim.post("accounts", **agent.account)
    assert agent.send(conversation, sendMessage={"text": "Hi"}).status_code == 401
    agent.log_in()
    assert agent.send(conversation, sendMessage={"text": "Hi"}).status_code == 200
