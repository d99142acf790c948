"""Pages below a channel's own that are more than a question: new API keys, a test event, files, its deletion."""

import json
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.text import slugify

from channels_app.access.audit import record_audit
from channels_app.access.permissions import actor_of
from channels_app.adapters.inboxes import inbox_class
from channels_app.channels.configuration.export import as_yaml, export_channel
from channels_app.channels.deletion import ROUND_S, begin_deletion, delete_some, holdings_of
from channels_app.channels.forms import INBOX_FIELDS, ChannelForm
from channels_app.channels.forms.saving import RefusedError, judged_form
from channels_app.channels.rotations import replace_keys
from channels_app.lib.clocks import database_now
from channels_app.models import Channel
from channels_app.operations.checks.diagnostics import collect_diagnostics
from channels_app.operations.checks.sample_calls import AFTERWARDS, HONESTY, make_sample, send_sample
from channels_app.operations.intents import MAX_EVENTS, seen_intents
from channels_app.protocol.errors import BridgeError
from channels_app.protocol.intents import topics_of
from channels_app.web.admin.base import ModelAdmin, page
from channels_app.web.admin.channel_forms import DeleteForm, add_refusal
from channels_app.web.links import channel_url

KEYS_TEXTS = (
    "The new keys are tried first. They replace the saved ones only if Sparkcentral issues a token for them; until "
    "then the saved ones stay in use.",
)


def replace_keys_page(admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
    form = inbox_class(channel.inbox).settings_form(request.POST or None, initial=channel.shown_settings())
    context: dict[str, Any] = {"texts": KEYS_TEXTS, "button": "Try and save", "form": form}
    if request.method == "POST" and form.is_valid() and (settings := _judged(channel, form)):
        lines = replace_keys(channel, settings, actor_of(request, via="admin"))
        if lines and lines[0].is_ok:
            admin.log_change(request, channel, "Replaced the API keys.")
            admin.message_user(request, "The new keys are accepted and saved.", messages.SUCCESS)
            return HttpResponseRedirect(channel_url(channel))
        context |= {"lines": lines, "verdict": "Not saved: the previous keys are still in use."}
    return page(admin, request, "care", "Replace the API keys", channel, **context)


def _judged(channel: Channel, form: Form) -> dict[str, Any] | None:
    """The settings as the channel's own form takes them; None with its errors on this form."""
    try:
        given = {name: value for name, value in form.cleaned_data.items() if name in INBOX_FIELDS}
        return judged_form(channel, ChannelForm, {"settings": given}).values
    except RefusedError as error:
        add_refusal(form, error)
        return None


def send_test_page(admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
    """A test to ourselves."""
    context: dict[str, Any] = {"honesty": HONESTY, "afterwards": AFTERWARDS, "test_url": request.path}
    if request.method == "POST":
        record_audit(actor_of(request, via="admin"), "sent test event", channel)
        context |= _sent_test(channel)
    return page(admin, request, "send_test", "Send ourselves a test", channel, **context)


def intents_page(admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
    """Which topics an intent gives, and which intents the bot has named lately."""
    tried = request.GET.get("intent", "").strip()
    context = {"tried": tried, "topics": topics_of([tried], channel.intent_topics), "seen": seen_intents(channel)}
    return page(admin, request, "intents", "Intents and topics", channel, most=MAX_EVENTS, **context)


def diagnostics_page(admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
    if request.method != "POST":
        return page(admin, request, "diagnostics", "Diagnostics", channel, test_url=request.path)
    record_audit(actor_of(request, via="admin"), "downloaded diagnostics", channel)
    text = json.dumps(collect_diagnostics(channel), indent=2, ensure_ascii=False, default=str)
    return _download(text, "application/json", f"diagnostics-{_file_name(channel)}.json")


def export_page(admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
    """Its settings as a configuration file; secrets are references to variables."""
    record_audit(actor_of(request, via="admin"), "exported settings", channel)
    return _download(as_yaml(*export_channel(channel)), "application/yaml", f"{_file_name(channel)}.yaml")


def delete_page(admin: ModelAdmin, request: HttpRequest, channel: Channel) -> HttpResponse:
    """In place of Django's page, which lists every row that would go with the channel."""
    form = DeleteForm(request.POST or None, channel=channel)
    if request.method == "POST" and form.is_valid():
        return _delete(admin, request, channel, form.cleaned_data["reason"])
    context = {"form": form, "holdings": holdings_of(channel), "button": "Delete for good", "is_grave": True}
    return page(admin, request, "delete", f"Delete {channel}?", channel, **context)


def _delete(admin: ModelAdmin, request: HttpRequest, channel: Channel, reason: str) -> HttpResponse:
    """A few seconds of it; the page shown next continues by itself, or with its button."""
    actor = actor_of(request, via="admin")
    if "go_on" not in request.POST:
        begin_deletion(channel, actor, reason=reason)
    if delete_some(channel, actor, for_s=ROUND_S):
        admin.message_user(request, f"{channel} is deleted, with everything in it.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:channels_app_channel_changelist"))
    return page(admin, request, "deleting", f"Deleting {channel} …", channel, holdings=holdings_of(channel))


def _file_name(channel: Channel) -> str:
    return f"{slugify(channel.name) or channel.pk}-{database_now():%Y%m%d-%H%M}"


def _download(text: str, content_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=f"{content_type}; charset=utf-8", headers=headers)


def _sent_test(channel: Channel) -> dict[str, Any]:
    """The result of a test event, for its page."""
    try:
        sample = make_sample(channel)
        answer = send_sample(channel, sample)
    except BridgeError as error:
        return {"failure": error.detail, "code": str(error.problem.code) if error.problem else ""}
    return {"sample": sample, "answer": answer, "failure": answer.meaning}
