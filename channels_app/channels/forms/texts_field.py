"""What the bridge itself says to contacts, as an admin writes it: a field for each language."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf.global_settings import LANGUAGES
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from channels_app.channels.forms.hours_field import PLACE
from channels_app.channels.forms.settings import prose
from channels_app.protocol.languages import ANY, OFFERED, Texts, language_tag
from channels_app.protocol.sentences import READY, Occasion
from channels_app.protocol.visible import is_visible
from offload.wording import Variable, filled, samples, wrong_in

NOT_TEXTS = 'Must be text, or an object of texts by language, such as {"en": "…", "nl": "…"}.'
NAMES = {language_tag(tag): str(name) for tag, name in LANGUAGES} | OFFERED
"""By their tags: the languages that a list offers."""
VARIABLES = {
    Variable.NAME: "what the contact is called",
    Variable.NEXT_OPENING: "when agents are available next, in the contact's language",
    Variable.WAITING: "how many contacts wait",
    Variable.LONGEST_WAIT: "for how long the first of them has waited, like “about 5 minutes”",
}
MORE = "more"
"""In the names of inputs: what is written in a language that the page didn't list."""


class Typed(dict[str, Any]):
    """What was entered: texts by language, and a pair of language and text for one more."""


def language_choices(kept: str) -> list[tuple[str, str]]:
    """For a select: languages with our own sentences first, and the saved one in any case."""
    others = sorted((tag for tag in NAMES if tag not in OFFERED), key=NAMES.__getitem__)
    known = [*OFFERED, *others, *([kept] if kept and kept not in NAMES else [])]
    return [("", "Not set"), *((tag, NAMES.get(tag, tag)) for tag in known)]


class LanguageField(forms.Field):
    """A language from the list on the page; any that has a tag from a program."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Select(choices=language_choices("")), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        self.widget.choices = language_choices(str(value or ""))
        return value

    def clean(self, value: Any) -> str:
        if not value:
            return ""
        if not isinstance(value, str) or not language_tag(value):
            raise forms.ValidationError("Not a language. Give its tag, such as nl or pt-BR.", code="language")
        return language_tag(value)


class TextsWidget(forms.Widget):
    """A text area for each language: those of our own sentences, those that have a text, and one more."""

    use_fieldset = True
    others = "Every other language"
    note = (
        "An empty field: these contacts read “every other language”, or else the text in the channel’s language. All "
        "fields empty: nothing is said."
    )

    def __init__(self, ready: Texts, attrs: Mapping[str, Any] | None = None, *, takes_variables: bool = False) -> None:
        super().__init__(dict(attrs or {}))
        self.ready, self.takes_variables = ready, takes_variables

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        texts: Mapping[str, Any] = self.ready if value is None else value
        more_language, more_text = texts.get(MORE, ("", ""))
        own = [tag for tag in texts if tag not in (ANY, MORE) and tag not in OFFERED]
        rows: list[dict[str, Any]] = [
            {
                "tag": tag,
                "lang": tag,
                "name": NAMES.get(tag, tag),
                "text": texts.get(tag, ""),
                "ready": self.ready.get(tag, ""),
            }
            for tag in (*OFFERED, *own)
        ]
        rows.append({"tag": ANY, "lang": "", "name": self.others, "text": texts.get(ANY, ""), "ready": ""})
        if self.takes_variables:
            for row in rows:
                row["samples"] = samples(row["lang"] or "en")
                row["preview"] = filled(row["text"], row["samples"])
        context = {
            "name": name,
            "id": (attrs or {}).get("id", f"id_{name}"),
            "label": self.attrs.get("aria-label", ""),
            "note": self.note,
            "rows": rows,
            "variables": VARIABLES if self.takes_variables else {},
            "summary": _summary(value, [row["name"] for row in rows if is_visible(row["text"])]),
            "more_language": more_language,
            "more_text": more_text,
            "more": [choice for choice in language_choices("") if choice[0] not in ("", *OFFERED, *own)],
            "is_open": bool((attrs or {}).get("aria-invalid")),
        }
        return render_to_string("admin/chatbridge/texts.html", context)

    def id_for_label(self, id_: str) -> str:
        return ""  # a group of fields, each with a label of its own

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return f"{name}-{ANY}" not in data and name not in data

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """The input, valid or not; or texts in their stored form, from a program."""
        if name in data or f"{name}-{ANY}" not in data:
            return data.get(name)
        prefix = f"{name}-"
        entered = {key.removeprefix(prefix): str(value) for key, value in data.items() if key.startswith(prefix)}
        more = (entered.pop(f"{MORE}-language", ""), entered.pop(f"{MORE}-text", ""))
        return Typed({**entered, MORE: more})


def _summary(value: Any, names: list[str]) -> str:
    if value is None:
        return "Ready-made, in " + ", ".join(OFFERED.values())
    if not names:
        return "No text"
    return ", ".join(names) if len(names) > 1 or names[0] in NAMES.values() else "One text for every language"


class TextsField(forms.Field):
    """Texts by the tag of their language, as they are stored; None: the bridge's own; empty: no text."""

    widget_class = TextsWidget

    def __init__(
        self, of: Occasion | Texts, *, takes_variables: bool = False, max_title: int = 0, **kwargs: Any
    ) -> None:
        """`max_title`: the characters of a text that is a title, on one line; 0: it is no title."""
        self.ready, self.takes_variables = READY[of] if isinstance(of, Occasion) else of, takes_variables
        self.max_title = max_title
        attrs = {"aria-label": kwargs.get("label", "")}
        widget = self.widget_class(self.ready, attrs, takes_variables=takes_variables)
        super().__init__(required=False, widget=widget, **kwargs)

    def to_python(self, value: Any) -> dict[str, str] | None:
        if value is None:
            return None
        if isinstance(value, str):
            value = {ANY: value}
        if not isinstance(value, dict):
            raise forms.ValidationError(NOT_TEXTS, code="texts")
        texts: dict[str, str] = {}
        for name, given in value.items():
            try:
                key, text = _read(name, given)
                wrong = self._wrong_in(text)
                if wrong:
                    raise forms.ValidationError(wrong)
                if text and key in texts:
                    raise forms.ValidationError(f"There are two texts in {NAMES.get(key, key)}.")
            except forms.ValidationError as error:
                raise _placed(error, name, is_typed=isinstance(value, Typed)) from None
            if text:
                texts[key] = text
        return None if texts == self.ready else texts

    def _wrong_in(self, text: str) -> str:
        if self.max_title and (len(text) > self.max_title or len(text.splitlines()) > 1):
            return f"Write this as one line of at most {self.max_title} characters."
        return wrong_in(text) if self.takes_variables else ""

    def words(self, value: Any) -> str:
        """Read-only."""
        texts = self.ready if value is None else value
        return "\n".join(f"{NAMES.get(tag, 'Every other language')}: {text}" for tag, text in texts.items()) or "–"

    def brief(self, value: Any) -> str:
        """Where changes are listed."""
        return self.words(value) if value else _summary(value, [])

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(data) != self.to_python(initial)
        except forms.ValidationError:
            return True


def _read(name: Any, given: Any) -> tuple[str, str]:
    """The language and the text of one entry; without a text it says nothing."""
    if name == MORE and isinstance(given, tuple):
        name, given = given
        if is_visible(given) and not name:
            raise forms.ValidationError("Choose the language of the added text.")
    if not isinstance(name, str) or not isinstance(given, str | None):
        raise forms.ValidationError("Must be text. In YAML, put it in quotes.")
    text = prose(given or "")
    if not is_visible(text):
        return "", ""
    key = ANY if name == ANY else language_tag(name)
    if not key:
        raise forms.ValidationError(
            "Not a language. Give its tag, such as nl or pt-BR, or * for every other language."
        )
    return key, text


def _placed(error: forms.ValidationError, name: Any, *, is_typed: bool) -> forms.ValidationError:
    """For people with the language in front; programs learn the place."""
    sentence = " ".join(error.messages)
    if not is_typed:
        return forms.ValidationError(sentence, code="texts", params={PLACE: str(name)})
    return forms.ValidationError(f"{NAMES[name]}: {sentence}" if name in NAMES else sentence, code="texts")
