"""Words of contacts, as an admin writes them: a list for each language."""

from typing import Any

from django import forms

from channels_app.channels.forms.hours_field import PLACE
from channels_app.channels.forms.texts_field import NAMES, TextsField, TextsWidget, Typed
from channels_app.protocol.wishes import MAX_PHRASES, phrases_of, wrong_in


class WordsWidget(TextsWidget):
    others = "In any other language"
    note = (
        "Words or phrases with commas between them; letter case and accents don’t matter. All lists count, whichever "
        "language the contact writes. All fields empty: no word leads to your agents."
    )


class WordsField(TextsField):
    """By the tag of their language, in their stored form: texts with commas."""

    widget_class = WordsWidget

    def to_python(self, value: Any) -> dict[str, str] | None:
        texts = super().to_python(value)
        for tag, text in (texts or {}).items():
            if wrong := wrong_in(text):
                is_typed = isinstance(value, Typed)
                sentence = f"{NAMES.get(tag, self.widget.others)}: {wrong}" if is_typed else wrong
                raise forms.ValidationError(sentence, code="texts", params={} if is_typed else {PLACE: tag})
        if len(phrases_of(texts)) > MAX_PHRASES:
            raise forms.ValidationError(f"At most {MAX_PHRASES} words and phrases are allowed.", code="texts")
        return texts
