"""The page below a bot's own on which it is tried with a sample."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

from django import forms
from django.http import HttpRequest, HttpResponse

from channels_app.adapters.bots.template_reading import MAX_REMEMBERED
from channels_app.models import Bot
from channels_app.operations.checks.trying import AUTHORS, MAX_SAMPLE, SaidBefore, Sample, try_bot
from channels_app.web.admin.base import ModelAdmin, page

MAX_SAID = 1_000_000  # characters of what was said, as JSON


class SampleForm(forms.Form):
    text = forms.CharField(
        label="What the contact writes",
        required=False,
        max_length=MAX_SAMPLE,
        widget=forms.Textarea(attrs={"rows": 2}),
        initial="Where is my parcel?",
    )
    payload = forms.CharField(
        label="Payload of the chosen option",
        required=False,
        max_length=MAX_SAMPLE,
        help_text="Only if the contact chooses an option: JSON, or a text.",
    )
    contact_name = forms.CharField(label="Name of the contact", required=False, max_length=200, initial="Johan")
    language = forms.CharField(label="Language", required=False, max_length=35, initial="en")
    begins = forms.BooleanField(label="The conversation begins, and nothing is said yet", required=False)
    goes_on = forms.BooleanField(label="In the same conversation as before", required=False)
    session_id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    remembered = forms.CharField(required=False, max_length=50 * MAX_REMEMBERED, widget=forms.HiddenInput)
    said = forms.CharField(required=False, max_length=MAX_SAID, widget=forms.HiddenInput)

    def sample(self) -> Sample:
        given = self.cleaned_data
        is_new = not (given["goes_on"] and given["session_id"])
        return Sample(
            text=given["text"],
            payload=_payload(given["payload"]),
            begins=given["begins"],
            contact_name=given["contact_name"],
            language=given["language"],
            session_id=str(uuid4() if is_new else given["session_id"]),
            remembered={} if is_new else _texts(given["remembered"]),
            said=[] if is_new else list(_lines(given["said"])),
        )


def try_page(admin: ModelAdmin, request: HttpRequest, bot: Bot) -> HttpResponse:
    """A sample is posted: it makes a call."""
    form, context = SampleForm(request.POST or None), dict[str, Any]()
    if request.method == "POST" and form.is_valid():
        sample = form.sample()
        tried = try_bot(bot, sample)
        context["tried"] = tried
        form = SampleForm(
            {
                **{name: request.POST.get(name, "") for name in ("text", "payload", "contact_name", "language")},
                "goes_on": True,
                "session_id": sample.session_id,
                "remembered": json.dumps(tried.remembered),
                "said": json.dumps([[line.author, line.text] for line in tried.said]),
            }
        )
    return page(admin, request, "try_bot", f"Try a message: {bot}", bot, form=form, **context)


def _payload(text: str) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return text or None


def _lines(document: str) -> Iterator[SaidBefore]:
    """The same of what was said."""
    with suppress(ValueError, RecursionError):
        found = json.loads(document)
        for line in found if isinstance(found, list) else ():
            if isinstance(line, list) and len(line) == 2 and line[0] in AUTHORS and isinstance(line[1], str):
                yield SaidBefore(author=line[0], text=line[1])


def _texts(document: str) -> dict[str, str]:
    """What the page had kept for the next message; its reader may have changed it."""
    with suppress(ValueError, RecursionError):
        found = json.loads(document)
        if isinstance(found, dict):
            return {key: value for key, value in found.items() if isinstance(value, str)}
    return {}
