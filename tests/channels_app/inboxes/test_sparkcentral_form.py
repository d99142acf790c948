from typing import Any

import pytest

from channels_app.inboxes import inbox_class, shared_secret_problem
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
    ("value", "words"),
    [
        (SECRET, None),
        (f" {SECRET.upper()}\n", None),
        (SETTINGS["client_secret"], "This is the client secret from step 1"),
        (SETTINGS["client_id"], "This is the client ID from step 1"),
        ("https://bridge.example/webhooks", "This is an address"),
        ("00ff-00ff", "contains '-'"),
        ("00FF" * 7 + "00f ", "even number"),
        ("00ff 00ff" * 4, "contains ' '"),
        ("०" * 32, "contains"),
        (SECRET + "0", "This one has 33"),
        ("00ff" * 7, "This one has 28"),
        ("", "This one has 0"),
    ],
)
def test_a_wrong_shared_secret_is_recognised(value: str, words: str | None) -> None:
    problem = shared_secret_problem(value, SETTINGS)
    assert (problem is None) == (words is None)
    assert (words or "") in (problem or "")


def test_a_client_secret_that_is_hexadecimal_is_still_no_shared_secret() -> None:
    assert "client secret" in (shared_secret_problem(SECRET, {"client_secret": SECRET}) or "")
