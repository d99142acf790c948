"""More pages below a channel's own: new API keys, a test to ourselves, diagnostics, and the end of a channel."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.text import slugify

from channels_app.access.audit import record_audit
from channels_app.access.permissions import actor_of
from channels_app.adapters.inboxes import inbox_class
from channels_app.channels.configuration.export import as_yaml, export_channel
from channels_app.channels.deletion import ROUND_S, begin_deletion, delete_some, holdings_of
from channels_app.channels.rotations import replace_keys
from channels_app.lib.clocks import database_now
from channels_app.models import Channel
from channels_app.operations.checks.diagnostics import collect_diagnostics
from channels_app.operations.checks.sample_calls import AFTERWARDS, HONESTY, make_sample, send_sample
from channels_app.protocol.errors import BridgeError
from channels_app.web.admin.base import page
from channels_app.web.admin.care import CareAdmin
from channels_app.web.admin.care_acts import CHANGE
from channels_app.web.admin.forms.care import DeleteForm

DELETE = "channels_app.delete_channel"
KEYS_TEXTS = (
    "The new keys are tried first. Only if Sparkcentral gives a token for them, they replace the ones that are saved; "
    "until then those go on working.",
)


class ToolsAdmin(CareAdmin):
    def get_urls(self) -> list[URLPattern]:
        return [
            self.care_url("replace-keys", self.keys_view),
            self.care_url("send-test", self.send_test_view),
            self.care_url("diagnostics", self.diagnostics_view),
            self.care_url("export", self.export_view),
            *super().get_urls(),
        ]

    # --- API keys ---

    def keys_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        channel = self.channel_for(request, object_id, CHANGE)
        form = inbox_class(channel.inbox).settings_form(request.POST or None, initial=_shown_settings(channel))
        context: dict[str, Any] = {"texts": KEYS_TEXTS, "button": "Try and save", "form": form}
        if request.method == "POST" and form.is_valid():
            lines = replace_keys(channel, form.cleaned_data, actor_of(request, via="admin"))
            if lines and lines[0].is_ok:
                self.log_change(request, channel, "Replaced the API keys.")
                self.message_user(request, "The new keys are accepted and saved.", messages.SUCCESS)
                return HttpResponseRedirect(_url(channel, "change"))
            context |= {"lines": lines, "verdict": "Not saved: the keys from before are still in use."}
        return page(self, request, "care", "Replace the API keys", channel, **context)

    # --- a test to ourselves ---

    def send_test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        channel = self.channel_for(request, object_id, CHANGE)
        context: dict[str, Any] = {"honesty": HONESTY, "afterwards": AFTERWARDS, "test_url": request.path}
        if request.method == "POST":
            record_audit(actor_of(request, via="admin"), "sent test event", channel)
            context |= _sent_test(channel)
        return page(self, request, "send_test", "Send ourselves a test", channel, **context)

    # --- diagnostics ---

    def diagnostics_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        channel = self.channel_for(request, object_id, CHANGE)
        if request.method != "POST":
            return page(self, request, "diagnostics", "Diagnostics", channel, test_url=request.path)
        record_audit(actor_of(request, via="admin"), "downloaded diagnostics", channel)
        text = json.dumps(collect_diagnostics(channel), indent=2, ensure_ascii=False, default=str)
        return _download(text, "application/json", f"diagnostics-{_file_name(channel)}.json")

    def export_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Its settings as a configuration file; secrets are references to variables."""
        channel = self.channel_for(request, object_id, CHANGE)
        record_audit(actor_of(request, via="admin"), "exported settings", channel)
        return _download(as_yaml(*export_channel(channel)), "application/yaml", f"{_file_name(channel)}.yaml")

    # --- the end ---

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """In place of Django's page, which lists every row that would go with the channel."""
        channel = self.channel_for(request, object_id, DELETE)
        form = DeleteForm(request.POST or None, channel=channel)
        if request.method == "POST" and form.is_valid():
            return self._delete(request, channel, form.cleaned_data["reason"])
        context = {"form": form, "holdings": holdings_of(channel), "button": "Delete for good", "is_grave": True}
        return page(self, request, "delete", f"Delete {channel}?", channel, **context)

    def _delete(self, request: HttpRequest, channel: Channel, reason: str) -> HttpResponse:
        """A few seconds of it; the page that then appears goes on by itself, or by its button."""
        actor = actor_of(request, via="admin")
        if "go_on" not in request.POST:
            begin_deletion(channel, actor, reason=reason)
        if delete_some(channel, actor, for_s=ROUND_S):
            self.message_user(request, f"{channel} is deleted, with all that it had.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:channels_app_channel_changelist"))
        return page(self, request, "deleting", f"Deleting {channel} …", channel, holdings=holdings_of(channel))


def _file_name(channel: Channel) -> str:
    return f"{slugify(channel.name) or channel.pk}-{database_now():%Y%m%d-%H%M}"


def _download(text: str, content_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=f"{content_type}; charset=utf-8", headers=headers)


def _url(channel: Channel, name: str) -> str:
    return reverse(f"admin:channels_app_channel_{name}", args=[channel.pk])


def _shown_settings(channel: Channel) -> dict[str, Any]:
    """What may stand in a form: all but the secrets."""
    secrets = channel.secret_names()
    return {name: value for name, value in channel.settings.items() if name not in secrets}


def _sent_test(channel: Channel) -> dict[str, Any]:
    """What came of a test event, for its page."""
    try:
        sample = make_sample(channel)
        answer = send_sample(channel, sample)
    except BridgeError as error:
        return {"failure": error.detail, "code": str(error.problem.code) if error.problem else ""}
    return {"sample": sample, "answer": answer, "failure": answer.meaning}
