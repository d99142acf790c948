from typing import Any

import pytest

from channels_app.adapters.inboxes import inbox_class, shared_secret_problem
from tests.channels_app.inboxes.cast import SECRET, SETTINGS


def errors(kind: str = "sparkcentral", **changes: Any) -> dict[str, str]:
    form = inbox_class(kind).settings_form({**SETTINGS, **changes})
    return {field: " ".join(str(message) for message in messages) for field, messages in form.errors.items()}


def test_spaces_around_a_value_are_trimmed() -> None:
    form = inbox_class("sparkcentral").settings_form({**SETTINGS, "client_id": "  demo-client\n"})
    assert form.is_valid()
    assert form.cleaned_data["client_id"] == "demo-client"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"client_id": ""}, "client_id", "required"),
        ({"client_id": None}, "client_id", "required"),
        ({"client_id": "demo client"}, "client_id", "space"),
        ({"client_id": "demo\x00client"}, "client_id", "."),
        ({"client_id": "https://app.sparkcentral.com"}, "client_id", "an address"),
        ({"client_id": "an@agents.example"}, "client_id", "an e-mail address"),
        ({"client_id": 83}, "client_id", "quotes"),
        ({"client_id": True}, "client_id", "quotes"),
        ({"client_secret": "demo-client"}, "client_secret", "This is the client ID"),
        ({"client_secret": "two\nlines"}, "client_secret", "line break"),
        ({"region": "mars"}, "region", "mars"),
        ({"region": None}, "region", "Choose the region"),
        ({"base_url": "app.sparkcentral.com"}, "base_url", "https://"),
        ({"base_url": "ftp://files.example"}, "base_url", "https://"),
        ({"base_url": "https://"}, "base_url", "https://"),
        ({"base_url": "https://me:word@proxy.example"}, "base_url", "password"),
        ({"base_url": "https://proxy.example:99999"}, "base_url", "https://"),
        ({"base_url": "https://proxy .example"}, "base_url", "space"),
    ],
)
def test_the_usual_mix_ups_are_named(changes: dict[str, Any], field: str, words: str) -> None:
    found = errors(**changes)
    assert list(found) == [field]
    assert words in found[field]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "demo client"}, "CB-310"),
        ({"client_secret": "two\nlines"}, "CB-310"),
        ({"client_id": "https://app.sparkcentral.com"}, "CB-311"),
        ({"client_id": "an@agents.example"}, "CB-311"),
        ({"client_secret": "demo-client"}, "CB-312"),
    ],
)
def test_a_mix_up_has_its_code(changes: dict[str, Any], code: str) -> None:
    form = inbox_class("sparkcentral").settings_form({**SETTINGS, **changes})
    assert [error.code for errors in form.errors.as_data().values() for error in errors] == [code]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"region": None, "base_url": "http://127.0.0.1:9000"},
        {"base_url": "http://simulator:9000"},
        {"base_url": "https://[2001:db8::1]:8443/path"},
        {"organization_id": None},
    ],
)
def test_what_is_right_is_taken(changes: dict[str, Any]) -> None:
    assert errors(**changes) == {}


def test_inbox_2_0_needs_an_organization_and_no_region() -> None:
    assert errors("hootsuite", region=None) == {}
    assert list(errors("hootsuite", organization_id=None)) == ["organization_id"]


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        (SETTINGS["client_secret"], "CB-302", "This is the client secret from step 1"),
        (SETTINGS["client_id"], "CB-302", "This is the client ID from step 1"),
        ("https://bridge.example/webhooks", "CB-302", "This is an address"),
        ("00ff-00ff", "CB-301", "contains '-'"),
        ("00FF" * 7 + "00f ", "CB-309", "even number"),
        ("00ff 00ff" * 4, "CB-301", "contains ' '"),
        ("०" * 32, "CB-301", "contains"),
        (SECRET + "0", "CB-309", "This one has 33"),
        ("00ff" * 7, "CB-309", "This one has 28"),
        ("", "CB-309", "This one has 0"),
    ],
)
def test_a_wrong_shared_secret_is_recognised(value: str, code: str, words: str) -> None:
    problem = shared_secret_problem(value, SETTINGS)
    assert problem is not None
    assert (problem.code.code, words in problem.text) == (code, True)


@pytest.mark.parametrize("value", [SECRET, f" {SECRET.upper()}\n"])
def test_a_right_shared_secret_is_taken(value: str) -> None:
    assert shared_secret_problem(value, SETTINGS) is None


def test_a_client_secret_that_is_hexadecimal_is_still_no_shared_secret() -> None:
    problem = shared_secret_problem(SECRET, {"client_secret": SECRET})
    assert problem is not None and "client secret" in problem.text


def test_a_secret_of_another_screen_is_called_by_its_name() -> None:
    problem = shared_secret_problem("https://x.example", {}, name="write-back secret", place="the Write Back settings")
    assert problem is not None
    assert problem.text == "This is an address. The write-back secret is in the Write Back settings."
