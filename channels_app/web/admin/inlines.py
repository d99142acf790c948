"""What is edited on a channel's page with the channel: its inbox channels and its offload provider."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from django.contrib import admin
from django.forms.models import construct_instance
from django.http import HttpRequest
from django.utils.formats import date_format

from channels_app.channels.forms.offload import OffloadProviderForm
from channels_app.channels.forms.queue_field import ACTIONS
from channels_app.channels.live import find_channel
from channels_app.deliveries.queue_figures import known_figures
from channels_app.lib.clocks import database_now
from channels_app.lib.zones import clock_words
from channels_app.models import Channel, InboxChannel
from channels_app.protocol.errors import BridgeError
from channels_app.web.admin.base import ChildFormSet, StackedInline, TabularInline, moment, shows_its_form
from offload.models import OffloadProvider
from offload.opening_hours import is_open, next_opening
from offload.queue import action_for
from offload.wording import about


class InboxChannelFormSet(ChildFormSet):
    """Rows of a table that changes by itself while the page is open. Their fields name themselves: the column's head
    is no label to a screen reader."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_bound and self.management_form.is_valid():
            self._forget_deleted()

    def _forget_deleted(self) -> None:
        """Rows deleted by others while the page was open stay deleted; Django would refuse to save the rest."""
        saved = {str(pk) for pk in self.get_queryset().values_list("pk", flat=True)}
        rows = [f"{self.prefix}-{number}-" for number in range(self.total_form_count())]
        known = rows[: self.initial_form_count()]
        gone = {row for row in known if self.data.get(f"{row}id") not in saved}
        if not gone:
            return
        kept = [row for row in rows if row not in gone]
        data = {name: value for name, value in self.data.items() if not name.startswith(tuple(rows))}
        for number, row in enumerate(kept):
            own = {name.removeprefix(row): value for name, value in self.data.items() if name.startswith(row)}
            data |= {f"{self.prefix}-{number}-{name}": value for name, value in own.items()}
        counts = {"TOTAL_FORMS": len(kept), "INITIAL_FORMS": len(known) - len(gone)}
        self.data = data | {f"{self.prefix}-{name}": str(count) for name, count in counts.items()}
        del self.management_form

    def clean(self) -> None:
        """No saved row may take another one's id: Django leaves that to the database, which can't say where."""
        super().clean()
        saved = dict(InboxChannel.objects.filter(channel=self.instance).values_list("external_id", "pk"))
        for form in self.initial_forms:
            if saved.get(form.cleaned_data.get("external_id"), form.instance.pk) != form.instance.pk:
                form.add_error("external_id", "Another inbox channel of this channel has this id.")

    def save_new(self, form: Any, commit: bool = True) -> Any:
        """What was typed may have come with an event since the page was opened: then it goes into that row."""
        row, _ = InboxChannel.objects.get_or_create(
            channel=self.instance, external_id=form.cleaned_data["external_id"]
        )
        form.instance = construct_instance(form, row, fields=form.changed_data)
        return super().save_new(form, commit)

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        for name, field in form.fields.items():
            field.widget.attrs.setdefault("aria-label", str(field.label or name))


class InboxChannelInline(TabularInline):
    model = InboxChannel
    formset = InboxChannelFormSet
    fields = ("is_enabled", "shows_buttons", "name", "external_id", "first_event")
    readonly_fields = ("first_event",)
    extra = 0
    verbose_name_plural = "inbox channels"

    @admin.display(description="first event")
    def first_event(self, row: InboxChannel) -> str:
        return moment(row.first_seen_at) if row.first_seen_at else "none yet"


def queue_words(provider: OffloadProvider) -> Iterator[str]:
    """What is known of the queue, without asking, and what it would decide."""
    channel = None
    with suppress(BridgeError):  # its keys can't be read
        channel = find_channel(provider.channel.uuid) if provider.pk and provider.queue_rules else None
    if channel is None:
        return
    if not channel.inbox.tells_queue:
        yield f"{channel.inbox.label} tells nothing about its queue, so agents take over."
        return
    known = known_figures(channel.inbox, provider.teams)
    if known.told_at is not None:
        figures = known.figures
        told = {"agents available": figures.agents, "contacts waiting": figures.waiting}
        parts = [f"{name}: {'not told' if number is None else number}" for name, number in told.items()]
        if figures.longest_wait_s:
            parts.append(f"longest wait: {about(figures.longest_wait_s, 'en')}")
        action = ACTIONS[action_for(provider.queue_rules, figures)]
        yield f"At {clock_words(known.told_at)}: {', '.join(parts)}. This means: {action}."
    elif known.failed_at is not None:
        action = ACTIONS[action_for(provider.queue_rules, known.figures)]
        yield f"The figures of the queue couldn't be had at {clock_words(known.failed_at)}. This means: {action}."
    else:
        yield "The figures of the queue are looked up when the bot asks for an agent."


@shows_its_form
class OffloadProviderInline(StackedInline):
    model = OffloadProvider
    form = OffloadProviderForm
    readonly_fields = ("now",)
    fields = (
        *("name", "is_enabled", "disabled_reason", "disabled_until", "verify_token", "opening_hours", "now"),
        *("queue_rules", "teams", "opened_texts", "queue_texts", "nobody_texts", "leave_message_texts"),
        *("left_message_texts", "closed_texts", "disabled_texts"),
        "write_back_secret",
    )
    can_delete = False
    max_num = 1
    extra = 1

    def has_add_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        """A channel has one: else Django would send the whole form a second time, as the template of a next one."""
        return super().has_add_permission(request, obj) and not hasattr(obj, "offload_provider")

    @admin.display(description="right now")
    def now(self, provider: OffloadProvider) -> str:
        moment_now = database_now()
        if not provider.is_enabled:
            until = f" until {moment(provider.disabled_until)}" if provider.disabled_until else ""
            return f"Switched off{until}."
        if provider.pk is None or is_open(provider.opening_hours, moment_now):
            return " ".join(("Open.", *queue_words(provider)))
        opening = next_opening(provider.opening_hours, moment_now)
        if opening is None:
            return "Closed at all times."
        return f"Closed. Opens {date_format(opening, 'l j F, H:i')} ({opening.tzinfo})."
