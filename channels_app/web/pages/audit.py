"""The audit log: who did what, when, from where and why."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, StreamingHttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from channels_app.access.audit import record_audit
from channels_app.access.audit_log import AuditSearch, known_actions
from channels_app.access.changes import in_words
from channels_app.access.permissions import SEE_AUDIT_LOG, actor_of
from channels_app.channels.forms import ChannelForm
from channels_app.channels.forms.offload import OffloadProviderForm
from channels_app.channels.forms.secrets import told_by
from channels_app.lib.times import TimeRange
from channels_app.models import AuditEntry
from channels_app.web.pages.downloads import csv_download
from channels_app.web.pages.frame import operator_page, show
from channels_app.web.times import asked_time

ON_A_PAGE = 50
ROW_PAGES = {
    "channel": "admin:channels_app_channel_change",
    "bot": "admin:channels_app_bot_change",
    "apitoken": "admin:channels_app_apitoken_change",
    "webhookevent": "ops:event",
    "delivery": "ops:delivery",
    "conversation": "ops:conversation",
    "exchange": "ops:exchange",
    "failuregroup": "ops:failure",
    "bulkretry": "ops:bulk",
    "user": "admin:auth_user_change",
}
"""Where the page of a thing is, by its type."""
FIELDS = {"channel": ChannelForm.base_fields, "offloadprovider": OffloadProviderForm.base_fields}
"""Those that know how a table of theirs reads."""
COLUMNS = ("id", "at", "who", "what", "type", "object", "name", "changes", "from", "via", "reason")


class SearchForm(forms.Form):
    who = forms.CharField(required=False, max_length=150, label="Who", help_text="The full name.")
    action = forms.ChoiceField(required=False, label="What")
    thing = forms.CharField(
        required=False, max_length=200, label="On", help_text="Part of its name, or channel:12 as used in links."
    )
    before = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        actions = self.fields["action"]
        assert isinstance(actions, forms.ChoiceField)  # noqa: S101 - narrows for mypy
        actions.choices = [("", "everything"), *((action, action) for action in known_actions())]

    def search(self, during: TimeRange) -> AuditSearch:
        """What can't be understood selects nothing away; the form says what it is."""
        self.is_valid()
        return AuditSearch(during=during, **{name: value for name, value in self.cleaned_data.items() if value})


@operator_page(SEE_AUDIT_LOG)
def audit_log(request: HttpRequest) -> HttpResponse:
    form, time = SearchForm(request.GET), asked_time(request)
    search = form.search(time.during)
    entries = [] if time.problem else list(search.entries()[: ON_A_PAGE + 1])
    return show(
        request,
        "audit",
        "Audit log",
        form=form,
        search=search,
        time=time,
        rows=[_shown(entry) for entry in entries[:ON_A_PAGE]],
        older_url=_url(request, time.query, before=entries[ON_A_PAGE - 1].pk) if len(entries) > ON_A_PAGE else "",
        newest_url=_url(request, time.query, before="") if search.before else "",
        csv_url=reverse("ops:audit_csv") + _url(request, time.query),
    )


@operator_page(SEE_AUDIT_LOG)
def audit_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    time = asked_time(request)
    if time.problem:
        return HttpResponseBadRequest(time.problem, content_type="text/plain; charset=utf-8")
    search = SearchForm(request.GET).search(time.during)
    record_audit(actor_of(request), "exported audit log")
    return csv_download("audit-log", COLUMNS, _table(search))


def _table(search: AuditSearch) -> Iterator[tuple[Any, ...]]:
    for row in search.all_entries():
        changes = "; ".join(": ".join(change) for change in _changes(row))
        thing = (row.object_type, row.object_id, row.object_name)
        yield row.pk, row.at.isoformat(), row.actor, row.action, *thing, changes, row.address, row.via, row.reason


def _shown(entry: AuditEntry) -> dict[str, Any]:
    return {
        "entry": entry,
        "changes": list(_changes(entry)),
        "url": _row_url(entry),
        "history_url": f"?{urlencode({'thing': f'{entry.object_type}:{entry.object_id}'})}" if entry.object_id else "",
    }


def _changes(entry: AuditEntry) -> Iterator[tuple[str, str]]:
    """Each changed field, and from what to what; of a secret only that it changed."""
    for name, values in entry.changes.items():
        if isinstance(values, list) and len(values) == 2:
            yield name, " → ".join(_in_words(entry.object_type, name, value) for value in values)
        else:
            yield name, str(values)


def _in_words(object_type: str, name: str, value: Any) -> str:
    """A value as its field on the channel's page puts it, if it is no text by itself."""
    say = told_by(FIELDS.get(object_type, {}).get(name))
    with suppress(KeyError, TypeError, ValueError):  # what another release has written down
        if say:
            return say(value)
    return in_words(value)


def _row_url(entry: AuditEntry) -> str:
    with suppress(KeyError, NoReverseMatch):
        return reverse(ROW_PAGES[entry.object_type], args=[entry.object_id])
    return ""


def _url(request: HttpRequest, time_query: dict[str, str], **changes: Any) -> str:
    query = request.GET.copy()
    for name in ("since", "until"):  # as they were meant today: "14:05" is another time tomorrow
        query.pop(name, None)
    for name, value in {**time_query, **changes}.items():
        query.setlist(name, [str(value)] if value else [])
    return f"?{query.urlencode()}"
