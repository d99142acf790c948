"""Bulk retries: a plan to read, then progress with pause and cancel, then the result."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from channels_app.access.permissions import REPLAY, actor_of
from channels_app.lib.times import MAX_LENGTH, TimeError
from channels_app.models import BulkRetry, Channel, FailureGroup
from channels_app.operations.failures.bulk_retries import (
    MAX_ITEMS,
    RATE,
    BulkError,
    Result,
    cancel_bulk_retry,
    pause_bulk_retry,
    plan_bulk_retry,
    progress_of,
    resume_bulk_retry,
    start_bulk_retry,
)
from channels_app.web.pages.downloads import csv_download
from channels_app.web.pages.frame import by_button_of, operator_page, posted_text, show
from channels_app.web.times import parse_range

CSV_CHUNK = 500


@operator_page(REPLAY)
@by_button_of("ops:failure")
def plan_for_group(request: HttpRequest, group_id: int) -> HttpResponse:
    group = get_object_or_404(FailureGroup, pk=group_id)
    return redirect("ops:bulk", plan_bulk_retry(group.channel_id, actor_of(request), group_id=group.pk).pk)


@operator_page(REPLAY)
@by_button_of("ops:failures")
def plan_for_window(request: HttpRequest) -> HttpResponse:
    form = WindowForm(request.POST)
    if not form.is_valid():
        for problems in form.errors.values():
            messages.error(request, " ".join(str(problem) for problem in problems))
        return redirect("ops:failures")
    asked = form.cleaned_data
    actor = actor_of(request)
    bulk = plan_bulk_retry(asked["channel"].pk, actor, since=asked["since"], until=asked["until"])
    return redirect("ops:bulk", bulk.pk)


@operator_page()
def bulk_detail(request: HttpRequest, bulk_id: int) -> HttpResponse:
    bulk = get_object_or_404(BulkRetry.objects.select_related("channel", "group"), pk=bulk_id)
    progress = progress_of(bulk)
    context: dict[str, Any] = {
        "bulk": bulk,
        "progress": progress,
        "skipped": [(result.removeprefix("skipped: "), count) for result, count in progress.skipped.items()],
        "ended": progress.done + progress.failed + sum(progress.skipped.values()),
        "may_replay": request.user.has_perm(REPLAY),
        "rate": RATE,
        "is_cut": progress.matching >= MAX_ITEMS,
    }
    if request.GET.get("part") == "progress":  # what the page fetches again from time to time
        return render(request, "ops/bulk_progress.html", context)
    return show(request, "bulk", f"Bulk retry {bulk.pk} on {bulk.channel}", **context)


_ACTS = {"pause": pause_bulk_retry, "resume": resume_bulk_retry, "cancel": cancel_bulk_retry}


@operator_page(REPLAY)
@by_button_of("ops:bulk")
def bulk_act(request: HttpRequest, bulk_id: int, act: str) -> HttpResponse:
    get_object_or_404(BulkRetry, pk=bulk_id)
    actor = actor_of(request)
    try:
        if act == "start":
            start_bulk_retry(bulk_id, actor, posted_text(request, "reason"))
        elif act in _ACTS:
            _ACTS[act](bulk_id, actor)
        else:
            raise Http404("A bulk retry has no such action.")
    except BulkError as error:
        messages.error(request, str(error))
    return redirect("ops:bulk", bulk_id)


@operator_page()
def bulk_csv(request: HttpRequest, bulk_id: int) -> StreamingHttpResponse:
    """The result for each event, as a file."""
    bulk = get_object_or_404(BulkRetry, pk=bulk_id)
    return csv_download(f"bulk-retry-{bulk.pk}", ("event", "conversation", "received", "result", "at"), _rows(bulk))


def _rows(bulk: BulkRetry) -> Iterator[tuple[Any, ...]]:
    items = bulk.items.select_related("event__conversation").order_by("event_id")
    for item in items.iterator(chunk_size=CSV_CHUNK):
        at = item.at.isoformat() if item.at else ""
        result = item.result or Result.WAITING.name.lower()
        yield item.event_id, item.event.conversation.external_id, item.event.received_at.isoformat(), result, at


def _moment(label: str, placeholder: str = "") -> forms.CharField:
    attributes = {"size": 16, "placeholder": placeholder, "autocomplete": "off"}
    return forms.CharField(
        label=label, required=False, max_length=MAX_LENGTH, widget=forms.TextInput(attrs=attributes)
    )


class WindowForm(forms.Form):
    """A channel and a time; cleaned, `since` and `until` are moments or None."""

    channel = forms.ModelChoiceField(queryset=Channel.objects.filter(archived_at=None), empty_label=None)
    since = _moment("Failed messages that came from", "14:05")
    until = _moment("until")

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        try:
            during = parse_range(found.get("since", ""), found.get("until", ""))
        except TimeError as error:
            raise forms.ValidationError(str(error)) from error
        return found | {"since": during.since, "until": during.until}
