"""What an admin enters for a bot behind any JSON API."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from jmespath.exceptions import JMESPathError, LexerError, ParseError
from jmespath.functions import Functions

from channels_app.adapters.bots.base import TimeoutField
from channels_app.adapters.bots.template_filling import (
    NAMES,
    SESSION_NAMES,
    TemplateError,
    names_in,
    parsed,
    problems_of,
)
from channels_app.adapters.bots.template_presets import (
    FILLED,
    GET,
    LABELS,
    OWN,
    POST,
    PRESETS,
    PUT,
    TO_FILL_IN,
    USUAL,
    with_preset,
)
from channels_app.adapters.bots.template_reading import MAX_EXPRESSION, compiled, remembered_paths
from channels_app.adapters.settings import AdapterForm, AddressField, PhraseField, ProseField, WrittenField
from channels_app.lib.http.session import HEADER_NAME, HEADER_VALUE, OWN_HEADERS

MAX_BODY = 20_000  # characters
MAX_LINES = 20
SECRET_NAMES = ("secret", "secret_2", "secret_base64")
"""Placeholders that only a header takes: bodies and addresses are kept and shown."""
BODIES = ("body", "choice_body", "start_body")


def header_lines(text: str) -> list[tuple[str, str]]:
    """Names and values, one a line: `Authorization: Bearer {{secret}}`."""
    lines = (line.partition(":") for line in text.splitlines() if line.strip())
    return [(name.strip(), value.strip()) for name, _, value in lines]


class TemplateAddressField(AddressField):
    """An address in whose path our session may stand, and in its query what the contact says."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not value:
            return
        if TO_FILL_IN in value:
            raise ValidationError(f"Write your project's ID in the place of {TO_FILL_IN}.", code="placeholder")
        parts = urlsplit(value)
        if names_in(parts.netloc) or "{" in parts.netloc:
            raise ValidationError("A placeholder can't stand in the host.", code="placeholder")
        _refuse(problems_of(parts.path, allowed=SESSION_NAMES))
        _refuse(problems_of(parts.query, remembered=None))


class CodeField(ProseField):
    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, **options})
        self.widget.attrs |= {"class": f"{self.widget.attrs['class']} vCode", "spellcheck": "false"}


class HeadersField(CodeField):
    def validate(self, value: Any) -> None:
        super().validate(value)
        _refuse(self._problems(value or ""))

    def _problems(self, text: str) -> Iterator[str]:
        lines = text.splitlines()
        if len(lines) > MAX_LINES:
            yield f"At most {MAX_LINES} headers are allowed."
        for number, line in enumerate(lines, start=1):
            name, colon, written = line.partition(":")
            is_header = colon and HEADER_NAME.fullmatch(name.strip()) and HEADER_VALUE.fullmatch(written)
            if line.strip() and not is_header:
                yield f"Line {number} is not a header, like “X-Session: {{{{session_id}}}}”."
            if name.strip().lower() in OWN_HEADERS:
                yield f"Line {number}: {name.strip()} is set by chatbridge itself."
        yield from problems_of(text, allowed=(*SECRET_NAMES, *SESSION_NAMES))


class BodyField(CodeField):
    """JSON with placeholders; which values are remembered is known to the whole form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": MAX_BODY, "rows": 8, **options})

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not value:
            return
        try:
            parsed(value)
        except TemplateError as error:
            raise ValidationError(str(error), code="json") from None


class PathField(WrittenField):
    """A JMESPath expression; empty: nothing is looked for."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"class": "vTextField vCode", "spellcheck": "false"})
        super().__init__(**{"required": False, "max_length": MAX_EXPRESSION, "widget": widget, **options})

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and (problem := _path_problem(value)):
            raise ValidationError(problem, code="path")


class RememberField(CodeField):
    def validate(self, value: Any) -> None:
        super().validate(value)
        _refuse(self._problems(value or ""))

    def _problems(self, text: str) -> Iterator[str]:
        if len(text.splitlines()) > MAX_LINES:
            yield f"At most {MAX_LINES} values are allowed."
        for number, line in enumerate(text.splitlines(), start=1):
            for name, path in remembered_paths(line):
                if not (name.isascii() and name.isidentifier() and path):
                    yield f"Line {number} is not a name and a path, like “conversation_id = conversation_id”."
                elif problem := _path_problem(path):
                    yield f"Line {number}: {problem}"


def _path_problem(path: str) -> str:
    try:
        unknown = sorted(_functions(compiled(path).parsed) - set(Functions.FUNCTION_TABLE))
    except LexerError as error:
        return f"This is not a JMESPath: character {error.lexer_position + 1} is not expected."
    except ParseError as error:
        return f"This is not a JMESPath: it can't be read from character {error.lex_position + 1} on."
    except (JMESPathError, RecursionError):
        return "This is not a JMESPath."
    return f"JMESPath has no function {unknown[0]}()." if unknown else ""


def _functions(node: Mapping[str, Any]) -> set[str]:
    """The names of the functions that an expression calls."""
    inside = (_functions(child) for child in node.get("children", ()) if isinstance(child, dict))
    return set().union({node["value"]} if node["type"] == "function_expression" else set(), *inside)


def _refuse(problems: Iterator[str]) -> None:
    if found := list(problems):
        raise ValidationError([ValidationError(problem, code="template") for problem in found])


class TemplateForm(AdapterForm):
    sections = {
        "url": "What is sent",
        "texts_path": "What the answer says",
        "handover_path": "Handing over and resolving",
        "remember": "From message to message",
    }
    preset = forms.ChoiceField(
        label="Template for",
        choices=list(LABELS.items()),
        initial=OWN,
        required=False,
        widget=forms.Select(
            attrs={"data-presets": json.dumps({kind: {**USUAL, **preset} for kind, preset in PRESETS.items()})}
        ),
        help_text="Fills in what is empty below. Change what you like.",
    )
    url = TemplateAddressField(
        label="Address",
        help_text="Where each message is sent. {{session_id}} may stand in its path, e.g. for a thread, and any "
        "placeholder in its query.",
    )
    method = forms.ChoiceField(
        label="Method",
        choices=[(POST, POST), (PUT, PUT), (GET, "GET: without a body")],
        initial=POST,
        required=False,
    )
    secret = PhraseField(
        label="Secret",
        required=False,
        help_text="An API key, or user:password. It stands in the headers as {{secret}}, or encoded for Basic Auth as "
        "{{secret_base64}}.",
    )
    secret_2 = PhraseField(label="Second secret", required=False, help_text="For an API that wants two: {{secret_2}}.")
    headers = HeadersField(
        label="Headers",
        rows=3,
        help_text="One a line, e.g. Authorization: Bearer {{secret}}. A header whose secret is not saved is left out. "
        "{{session_id}} and {{turn_id}} are replaced, too.",
    )
    body = BodyField(
        label="Body",
        help_text="JSON. {{text}}, {{payload}}, {{session_id}}, {{language}}, {{contact.primary_identifier}}, "
        "{{attribute.company}} and others are replaced by what is known. Empty: as the template above has it.",
    )
    choice_body = BodyField(
        label="Body for a chosen option",
        rows=4,
        help_text="Sent when the contact chooses an option that has a payload: {{payload}}. Empty: the body above, "
        "with the option's title as {{text}}.",
    )
    start_body = BodyField(
        label="Body at the start",
        rows=4,
        help_text="Sent when the bot should speak first. Empty: it is not told, and waits for the contact's first "
        "message.",
    )
    texts_path = PathField(
        label="Texts",
        help_text="Where in the answer the bot's words are, as a JMESPath: reply, or messages[].text. A text, a list "
        "of texts, or objects with text, url of a file and options, in their order.",
    )
    options_path = PathField(
        label="Options",
        help_text="Texts, or objects with title, and payload, url or phone: buttons[].{title: label, payload: value}.",
    )
    files_path = PathField(
        label="Files", help_text="Addresses, or objects with url, name and content_type: media[].url."
    )
    intent_path = PathField(
        label="Intent", help_text="What the bot understood: a text, or an object with name and score."
    )
    handover_path = PathField(
        label="Handover when",
        help_text="If this has the value below, an agent takes over after the bot's words: action, or needs_human.",
    )
    handover_value = WrittenField(
        label="… has the value",
        required=False,
        max_length=100,
        help_text="E.g. handover, or true. Empty: any value but false.",
    )
    handover_marker = WrittenField(
        label="Handover when a text has",
        required=False,
        max_length=100,
        help_text="For a language model that can only write: tell it in its prompt to write e.g. [HANDOVER] when the "
        "contact needs a person. Contacts never see it.",
    )
    resolve_path = PathField(
        label="Resolve when",
        help_text="If this has the value below, the conversation is resolved after the bot's words, unless an agent "
        "is to take over.",
    )
    resolve_value = WrittenField(
        label="… has the value",
        required=False,
        max_length=100,
        help_text="E.g. done, or true. Empty: any value but false.",
    )
    topics_path = PathField(label="Topics", help_text="As they are called in the inbox: a text, or a list of texts.")
    details_path = PathField(
        label="Details for agents",
        help_text="Stands in the note when an agent takes over, and routing rules can read it: an object or a text.",
    )
    remember = RememberField(
        label="Remember",
        rows=3,
        help_text="What of an answer comes with the next messages of the conversation, a name and a JMESPath a line: "
        "conversation_id = conversation_id. It stands in bodies as {{remembered.conversation_id}}.",
    )
    may_repeat = forms.BooleanField(
        label="Repeat a call that failed midway",
        required=False,
        initial=False,
        help_text="Tick it if the API can get the same message twice without harm. Otherwise only a call that it "
        "surely didn't get is repeated. {{turn_id}} and the header Idempotency-Key are the same in both.",
    )
    timeout_s = TimeoutField()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        saved = self.saved.get("preset") or ""
        filled = with_preset(cleaned.get("preset") or OWN, cleaned, saved)
        if cleaned.get("body") and not saved:  # what is empty was emptied: the page had filled it in beside the body
            filled |= {name: cleaned[name] for name in FILLED if self.data.get(name) == ""}
        known = [name for name, _ in remembered_paths(filled.get("remember") or "")]
        for name in BODIES:
            for problem in problems_of(filled.get(name) or "", allowed=NAMES, remembered=known):
                self.add_error(name, ValidationError(problem, code="template"))
        return filled
