"""The catalogue's files are well-formed, the source names no code that isn't there, and every fact finds its code."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string

from channels_app.codes import AREAS, CODES, Button, Code, Place, Problem, Severity, code, describe
from channels_app.codes.__main__ import INDEX, index
from channels_app.codes.markdown import FOLDER, CatalogueError, read_catalogue, read_code
from channels_app.codes.words import UNKNOWN
from channels_app.models import DeliveryState, Outcome
from channels_app.operations.outcome_codes import WISHES
from channels_app.protocol.causes import (
    BOT,
    INBOX,
    REFUSALS,
    TOKEN,
    UPLOAD,
    code_of_call,
    code_of_delivery,
    code_of_offload,
    code_of_outcome,
    code_of_refusal,
    describe_call,
)
from channels_app.protocol.errors import (
    BridgeError,
    ConfigError,
    ConversationGoneError,
    Effect,
    PayloadError,
    RefusedError,
    TemporaryError,
)
from channels_app.web.pages.wording import rich
from offload.models import OffloadReason

ROOT = Path(__file__).resolve().parent.parent.parent
EACH = pytest.mark.parametrize("one", CODES.values(), ids=str)


def sources(*endings: str) -> Iterator[Path]:
    for folder in ("channels_app", "offload", "chatbridge", "templates"):
        for ending in endings:
            yield from (ROOT / folder).rglob(f"*{ending}")


def prose_of(one: Code) -> list[str]:
    return [text for _, texts in one.sections() for text in texts]


# --- the catalogue ------------------------------------------------------------------------------------------------


def test_each_code_has_an_area() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*CODES, "README"}
    assert list(CODES) == sorted(CODES)
    assert {one[:4] for one in CODES} == set(AREAS)


@EACH
def test_an_entry_is_complete(one: Code) -> None:
    assert one.name and not one.name.endswith(".") and len(one.name) <= 50
    assert one.text[-1] in ".?!}"  # a value may be a sentence
    for text in prose_of(one):
        assert text == text.strip() and text[-1] in ".?!”", text
        assert "  " not in text and text.count("`") % 2 == 0, text
    if one.severity is not Severity.INFO:
        assert one.causes and one.repairs


@EACH
def test_only_its_sentence_and_its_buttons_have_placeholders(one: Code) -> None:
    assert "{" not in one.name
    for text in prose_of(one):
        assert not re.search(r"\{\w+\}", text), text


@EACH
def test_codes_that_an_entry_mentions_exist(one: Code) -> None:
    assert set(re.findall(r"CB-\d+", " ".join(prose_of(one)))) <= set(CODES) - {one.code}


def test_a_problem_fills_in_its_values_and_outlives_a_missing_one() -> None:
    found = describe("CB-202", region="US")
    assert found.text == "These keys belong to the US server."
    assert [button.label for button in found.buttons] == ["Switch to US", "Replace keys"]
    assert str(found) == "CB-202: These keys belong to the US server."
    assert describe("CB-502").text == f"The bot answered {UNKNOWN}."
    assert Problem(code("CB-801")).text == CODES["CB-801"].text


def test_values_stay_as_they_are() -> None:
    """What has braces or tags in it is data: nothing is looked up in it, and the page escapes it."""
    text = describe("CB-506", problem="{status} <b>{0.__class__}").text
    assert text == "The bot could not be reached: {status} <b>{0.__class__}."


def test_an_error_keeps_the_problem_that_it_was_raised_with() -> None:
    error = ConfigError(describe("CB-103", host="bot.internal"), status=7)
    assert error.detail == str(error) == describe("CB-103", host="bot.internal").text
    assert (error.problem and error.problem.code, error.status) == (code("CB-103"), 7)
    assert ConfigError("something else").problem is None


# --- its files ----------------------------------------------------------------------------------------------------

ENTRY = """\
---
title: Too warm
severity: warning
sentence: "{server}: too warm."
buttons:
  bot: Open {bot}
---

## What it means

Run `fan`;
see [CB-305](CB-305.md).

## How to fix it

- Open a window,
  and a door.
- Go out.

## Is it retried?

No.

## What the contact notices

Nothing.
"""


def test_a_file_becomes_an_entry() -> None:
    assert read_code("CB-199", ENTRY) == Code(
        code="CB-199",
        name="Too warm",
        severity=Severity.WARNING,
        text="{server}: too warm.",
        meaning="Run `fan`; see CB-305.",
        repairs=("Open a window, and a door.", "Go out."),
        retried="No.",
        contact="Nothing.",
        buttons=(Button(label="Open {bot}", place=Place.BOT),),
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("---\ntitle", "title", "must begin with front matter"),
        ('"{server}: too warm."', "{server}: too warm.", "not YAML"),
        ("title: Too warm\n", "", "needs title, severity and sentence"),
        ("title: Too warm\nseverity", "severity", "needs title, severity and sentence"),
        ("title: Too warm", "title: yes", "title must be a text, not True"),
        ("severity: warning", "severity: bad", "'bad' is not a valid Severity"),
        ("buttons:", "button:", "unknown in its front matter: button"),
        ("  bot: Open {bot}", "- Open", "buttons must be lines"),
        ("  bot: Open {bot}", "  attic: Open {bot}", "'attic' is not a valid Place"),
        ("  bot: Open {bot}", "  bot: 7", "label must be a text, not 7"),
        ("{server}", "{server.name}", "sentence has a brace"),
        ("{server}", "{}", "sentence has a brace"),
        ("Open {bot}", "Open {bot", "label has a brace"),
        ("## Is it retried?\n\nNo.\n\n", "", "its sections must be What it means, How to fix it, Is it retried?"),
        ("## How to fix it", "## How to mend it", "it has What it means, How to mend"),
        ("## How to fix it", "## Likely causes\n\nSun.\n\n## Likely causes", "it has What it means, Likely causes, L"),
        ("Nothing.\n", "", "“What the contact notices” must be one paragraph or one list"),
        ("Nothing.\n", "- Heat.\n- Noise.\n", "“What the contact notices” must be one paragraph"),
        ("- Open a window", "Choose:\n- Open a window", "“How to fix it” must be one paragraph or one list"),
        ("- Go out.", "- Go out.\n\nOr stay.", "“How to fix it” must be one paragraph or one list"),
        ("- Go out.", "- ", "“How to fix it” must be one paragraph or one list"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_the_files_name(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in ENTRY
    (tmp_path / "CB-199.md").write_text(ENTRY.replace(old, new, 1))
    with pytest.raises(CatalogueError, match=r"^CB-199\.md: ") as caught:
        list(read_catalogue(tmp_path))
    assert told in str(caught.value)


def test_a_file_has_the_name_of_its_code(tmp_path: Path) -> None:
    (tmp_path / "CB-99.md").write_text(ENTRY)
    with pytest.raises(CatalogueError, match=r"^CB-99\.md: a file is named after its code"):
        list(read_catalogue(tmp_path))


def test_the_index_is_that_of_the_catalogue() -> None:
    """If this fails: `python -m channels_app.codes`."""
    assert INDEX.read_text() == index()


def test_links_to_and_between_the_files_lead_somewhere() -> None:
    for page in [*FOLDER.glob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)]*CB-[^)]*|[^)]*catalogue/[^)]*)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@EACH
def test_codes_that_a_file_mentions_are_links(one: Code) -> None:
    text = (FOLDER / f"{one}.md").read_text()
    assert not re.findall(r"(?<!\[)\bCB-\d{3}\b(?!\.md\)|\])", text)


def test_prose_is_escaped_marked_and_linked() -> None:
    text = rich("Run `a <b>` & see CB-305.")
    assert text == 'Run <code>a &lt;b&gt;</code> &amp; see <a href="/ops/codes/CB-305/">CB-305</a>.'


def test_a_code_is_shown_and_a_word_of_django_is_not() -> None:
    assert "CB-305" in render_to_string("admin/chatbridge/code.html", {"code": "CB-305"})
    for word in ("required", "", None):
        assert render_to_string("admin/chatbridge/code.html", {"code": word}).strip() == ""


# --- the source ---------------------------------------------------------------------------------------------------


def test_every_code_in_the_source_exists() -> None:
    for file in sources(".py", ".html", ".js"):
        unknown = set(re.findall(r"\bCB-\d{3}\b", file.read_text())) - set(CODES)
        assert not unknown, f"{file.relative_to(ROOT)}: {unknown}"


def described() -> Iterator[tuple[str, str, set[str]]]:
    """Each `describe("CB-…", name=…)` of the source: where, which, and what it fills in."""
    for file in sources(".py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "describe":
                names = {keyword.arg for keyword in node.keywords}
                if isinstance(node.args[0], ast.Constant) and None not in names:  # else it has values from elsewhere
                    yield f"{file.name}:{node.lineno}", str(node.args[0].value), {name for name in names if name}


def _in_order(value: object) -> str:
    """For the names of tests: processes that share them must see the same ones."""
    return " ".join(sorted(value)) if isinstance(value, set) else str(value)[:40]


@pytest.mark.parametrize(("where", "name", "given"), list(described()), ids=_in_order)
def test_a_sentence_gets_just_the_values_that_it_wants(where: str, name: str, given: set[str]) -> None:
    entry = CODES[name]
    wanted = re.findall(r"\{(\w+)\}", " ".join([entry.text, *(button.label for button in entry.buttons)]))
    assert given == set(wanted), where


def test_the_catalogue_needs_neither_django_nor_a_database() -> None:
    allowed = {*sys.stdlib_module_names, "channels_app", "yaml"}
    for file in [*(ROOT / "channels_app/codes").glob("*.py"), ROOT / "channels_app/protocol/causes.py"]:
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {module.partition(".")[0] for module in modules} <= allowed, file.name


# --- from facts to a code -----------------------------------------------------------------------------------------


def refused_for() -> set[str]:
    """The reasons that doors and adapters count by, as the source says them."""
    texts = [file.read_text() for file in sources(".py") if "codes" not in file.parts]
    named = [found for text in texts for found in re.findall(r'(?<!OffloadRequest\()reason="([a-z_]+)"', text)]
    counted = [found for text in texts for found in re.findall(r'self\.(?:count|refuse)\([^()]*?"([a-z_]+)"', text)]
    return {*named, *counted, "old_secret", "old_secret_used", "old_address", "lost_wakeup"}


def test_every_reason_of_a_refusal_has_a_code() -> None:
    assert {"no_secret", "malformed", "archived", "unknown_session"} <= refused_for()  # the search finds something
    assert refused_for() <= set(REFUSALS)
    assert code_of_refusal("new_secret") is None  # it is what an admin wants to see


@pytest.mark.parametrize(
    ("reason", "door", "expected"),
    [
        ("no_secret", "inbox", "CB-304"),
        ("no_secret", "bot", "CB-512"),
        ("no_secret", "offload", "CB-812"),
        ("no_secret", "write_back", "CB-813"),
        ("bad_signature", "", "CB-305"),
        ("bad_signature", "bot", "CB-513"),
        ("bad_signature", "write_back", "CB-814"),
        ("no_signature", "inbox", "CB-306"),
        ("no_signature", "bot", "CB-513"),
        ("bad_verify_token", "offload", "CB-504"),
        ("old_secret", "inbox", "CB-308"),
        ("too_old", "inbox", "CB-403"),
        ("in_future", "inbox", "CB-405"),
        ("archived", "inbox", "CB-804"),
    ],
)
def test_the_same_reason_means_something_else_at_another_door(reason: str, door: str, expected: str) -> None:
    assert str(code_of_refusal(reason, door)) == expected


REACHED = Effect.UNKNOWN
CALLS = [
    (BOT, ConfigError("the URL has no host."), "CB-507"),
    (BOT, PayloadError("messages: must be a list"), "CB-503"),
    (BOT, RefusedError("The bot answered 302.", status=302), "CB-502"),
    (BOT, RefusedError("The bot answered 401.", status=401), "CB-517"),
    (BOT, RefusedError("The bot answered 403.", status=403), "CB-517"),
    (BOT, RefusedError("The bot answered 404.", status=404), "CB-502"),
    (BOT, TemporaryError("The bot answered 429.", effect=Effect.NONE, status=429), "CB-502"),
    (BOT, TemporaryError("The bot answered 500.", effect=Effect.FAILED, status=500), "CB-502"),
    (BOT, TemporaryError("POST bot.test/: connection refused.", effect=Effect.NONE), "CB-506"),
    (BOT, TemporaryError("POST bot.test/: no complete answer in time.", effect=REACHED, timed_out=True), "CB-501"),
    (BOT, TemporaryError("POST bot.test/: no complete answer.", effect=REACHED, timed_out=True, status=200), "CB-501"),
    (BOT, TemporaryError("POST bot.test/: no connection in time.", effect=Effect.NONE, timed_out=True), "CB-506"),
    (BOT, TemporaryError("POST bot.test/: the connection was closed.", effect=REACHED), "CB-526"),
    (BOT, TemporaryError("POST bot.test/: the answer is not valid HTTP.", effect=REACHED), "CB-526"),
    (BOT, TemporaryError("POST bot.test/: the kept connection was closed.", effect=Effect.FAILED), "CB-526"),
    (BOT, TemporaryError("POST bot.test/: the answer broke off.", effect=REACHED, status=200), "CB-526"),
    (INBOX, ConversationGoneError("Sparkcentral answered 404", status=404), "CB-601"),
    (INBOX, ConfigError("Sparkcentral answered 401. It refuses our API keys.", status=401), "CB-208"),
    (INBOX, ConfigError("The URL has no host."), "CB-206"),
    (INBOX, RefusedError("Sparkcentral answered 400: too long (code 1003)", status=400), "CB-605"),
    (INBOX, PayloadError("the answer has more than 100000 bytes", status=200), "CB-605"),
    (INBOX, TemporaryError("Sparkcentral answered 429", effect=Effect.NONE, status=429), "CB-602"),
    (INBOX, TemporaryError("Sparkcentral answered 503", effect=Effect.NONE, status=503), "CB-607"),
    (INBOX, TemporaryError("Sparkcentral answered 500", effect=Effect.FAILED, status=500), "CB-607"),
    (INBOX, TemporaryError("POST api.test/: no complete answer in time.", effect=REACHED), "CB-606"),
    (UPLOAD, RefusedError("The file has 12000000 bytes.", status=0), "CB-604"),
    (UPLOAD, RefusedError("Sparkcentral answered 400", status=400), "CB-604"),
    (UPLOAD, ConversationGoneError("Sparkcentral answered 404", status=404), "CB-601"),
    (UPLOAD, TemporaryError("PUT api.test/: no complete answer in time.", effect=REACHED), "CB-607"),
    (TOKEN, ConfigError("The URL has no host."), "CB-206"),
    (TOKEN, TemporaryError("POST api.test/: connection refused.", effect=Effect.NONE), "CB-203"),
]


@pytest.mark.parametrize(("target", "error", "expected"), CALLS)
def test_a_call_that_failed_has_a_code_and_a_whole_sentence(target: str, error: BridgeError, expected: str) -> None:
    assert str(code_of_call(target, error)) == expected
    found = describe_call(target, error, limit=20, inbox="Sparkcentral")
    assert str(found.code) == expected
    assert UNKNOWN not in found.text and ".." not in found.text


@pytest.mark.parametrize("target", [BOT, INBOX, TOKEN, UPLOAD])
def test_an_error_that_knows_its_problem_is_believed(target: str) -> None:
    problem = describe("CB-104", key="ab12")
    assert code_of_call(target, ConfigError(problem)) == code("CB-104")
    assert describe_call(target, ConfigError(problem)) == problem
    assert code_of_call(target, None) is None


def test_every_reason_of_a_handover_has_a_code_unless_somebody_wanted_it() -> None:
    assert {reason for reason in OffloadReason if code_of_offload(reason) is None} == {
        reason for reason in WISHES if reason not in ("contact_asked", "message_left")
    }


def test_every_state_of_a_delivery_has_a_code_unless_it_is_well() -> None:
    well = {DeliveryState.PENDING, DeliveryState.IN_FLIGHT, DeliveryState.SENT}
    assert {state for state in DeliveryState if code_of_delivery(state) is None} == well
    assert code_of_delivery("failed", is_handover=True) == code("CB-810")
    assert code_of_delivery("unconfirmed", is_handover=True) == code("CB-606")


ENDS: list[tuple[Outcome, dict[str, Any], str]] = [
    (Outcome.DEAD, {}, "CB-705"),
    (Outcome.DEAD, {"delivery": "refused"}, "CB-605"),
    (Outcome.DEAD, {"delivery": "failed"}, "CB-608"),
    (Outcome.DEAD, {"delivery": "failed", "is_handover": True}, "CB-810"),
    (Outcome.MOOT, {}, "CB-610"),
    (Outcome.MOOT, {"delivery": "cancelled"}, "CB-601"),
    (Outcome.REPLIED_UNCONFIRMED, {"delivery": "unconfirmed"}, "CB-606"),
    (Outcome.HANDED_OVER, {"offload": "bot_failed"}, "CB-511"),
    (Outcome.HANDED_OVER, {"offload": "bot_failed", "call": "CB-502"}, "CB-502"),
    (Outcome.HANDED_OVER, {"offload": "bot_failed", "call": "CB-000"}, "CB-511"),
    (Outcome.HANDED_OVER, {"offload": "bot_silent", "call": "CB-502"}, "CB-508"),
    (Outcome.HANDED_OVER, {"offload": "asked_for_human"}, "None"),
    (Outcome.REPLIED, {"call": "CB-502"}, "None"),
    (Outcome.RESOLVED, {}, "None"),
    (Outcome.SILENT, {}, "None"),
    (Outcome.IGNORED, {}, "None"),
    (Outcome.MERGED, {}, "None"),
]


@pytest.mark.parametrize(("outcome", "facts", "expected"), ENDS)
def test_how_an_event_ended_has_a_code(outcome: Outcome, facts: dict[str, Any], expected: str) -> None:
    assert str(code_of_outcome(outcome, **facts)) == expected


def test_every_outcome_is_judged() -> None:
    assert {outcome for outcome, _, _ in ENDS} == set(Outcome)
