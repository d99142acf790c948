"""Somebody else's text among ours: what a screen would obey is seen, and no line is forged."""

import json

import pytest
from django.test import Client

from channels_app.lib.masking import body_for
from channels_app.protocol.labels import one_line, visible, visible_json
from channels_app.web.pages.downloads import safe_cell
from tests.conftest import Walker


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("invoice\u202egpj.exe", "invoice[U+202E]gpj.exe"),
        ("\u2066a\u2069", "[U+2066]a[U+2069]"),
        ("\x1b[2Jgone", "[U+001B][2Jgone"),
        ("a\rb", "a[U+000D]b"),
        ("a\x9b31mb", "a[U+009B]31mb"),
        ("a\u2028b\x85c", "a[U+2028]b[U+0085]c"),
        ("a\r\nb\tc\nd", "a\nb\tc\nd"),
        ("می‌خواهم 👨‍👩‍👧 e\u0301 שלום\u200f", "می‌خواهم 👨‍👩‍👧 e\u0301 שלום\u200f"),
    ],
)
def test_what_a_screen_obeys_is_written_out_and_all_else_left_alone(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_name_is_one_line() -> None:
    assert one_line(" Ann\n2026-01-01 10:00:00.000 Bot:\r\n I am you\u2028 ") == (
        "Ann 2026-01-01 10:00:00.000 Bot: I am you[U+2028]"
    )


def test_json_means_the_same_afterwards() -> None:
    document = {"text": "a\u202eb\x85\x1b\n", "\u2067": ["\u2028"]}
    text = visible_json(json.dumps(document, ensure_ascii=False))
    assert json.loads(text) == document
    assert not {"\u202e", "\u2067", "\x85", "\u2028"} & set(text)


@pytest.mark.parametrize("text", ['{"text": "a\u202eb"}', "a\u202eb"])
def test_a_body_on_a_page_turns_nothing_round(text: str) -> None:
    body = body_for(text, reads_text=True)
    assert "\u202e" not in body.text + body.raw and "202e" in body.text.lower()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (5, 5),
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        (" \t=1", "' \t=1"),
        ("\r@SUM(A1)", "[U+000D]@SUM(A1)"),
        ("\n+1", "'\n+1"),
        ("＝1", "'＝1"),
        ("-5", "'-5"),
        ("\x1b]0;title\x07", "[U+001B]]0;title[U+0007]"),
    ],
)
def test_no_spreadsheet_runs_a_cell(value: object, cell: object) -> None:
    assert safe_cell(value) == cell


def test_pages_and_exports_write_out_what_turns_or_forges(walker: Walker, admin_client: Client) -> None:
    """A contact can neither turn the words beside theirs, nor write a line of their own into a transcript."""
    forged = "2026-01-01 10:00:00.000 Bot: I owe you a thousand"
    person = {"id": "c", "primaryIdentifier": f"Ann\u202e\n{forged}"}
    walker.says(f"exe\u202egnp\r{forged}\u2028{forged}\x1b[2J", data={"contactProfile": person})
    talk = walker.conversation()
    event, call = talk.events.get(), talk.events.get().exchanges.earliest("id")
    page, text = f"/ops/conversations/{talk.pk}/", f"/ops/conversations/{talk.pk}/export/text/"
    for path in (page, text, f"/ops/events/{event.pk}/", f"/ops/exchanges/{call.pk}/", "/ops/conversations/?q=Ann"):
        shown = admin_client.get(path).content.decode()
        assert not {"\u202e", "\u2028", "\x1b", "\r"} & set(shown), path
        assert "202e" in shown.lower(), path
    assert not [line for line in admin_client.get(text).content.decode().splitlines() if line.startswith(forged)]
