"""Whatever people change by a form is written into the audit log, with before and after."""

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from channels_app.access.audit import CHANGED, Actor, record_audit
from channels_app.access.changes import Values, differences, values_of
from channels_app.access.permissions import actor_of
from channels_app.channels.forms.saving import count_revision
from channels_app.models import InboxChannel
from channels_app.web.admin.base import ChangeForm
from channels_app.web.admin.meanwhile import MeanwhileAdmin


class AuditedAdmin(MeanwhileAdmin):
    """In the transaction that saves; so nothing is saved that isn't written down, and the other way round."""

    def actor(self, request: HttpRequest) -> Actor:
        return actor_of(request, via="admin")

    def save_model(self, request: HttpRequest, obj: Any, form: ChangeForm, change: bool) -> None:
        before = _saved_values(obj)
        if before and not differences(before, values_of(obj)):
            return  # who opens a page and saves it changes nothing
        super().save_model(request, obj, form, change)
        self._record(request, obj, before)

    def save_formset(self, request: HttpRequest, form: ChangeForm, formset: Any, change: bool) -> None:
        saved = formset.model._default_manager.filter(pk__in=[row.pk for row in formset.get_queryset()])
        before = {row.pk: values_of(row) for row in saved}  # the formset's own rows hold the new values already
        for part in formset.deleted_forms:
            if part.instance.pk:  # afterwards it has none
                record_audit(self.actor(request), "deleted", part.instance)
        super().save_formset(request, form, formset, change)
        touched = (*formset.new_objects, *(row for row, _ in formset.changed_objects))
        for row in touched:
            self._record(request, row, before.get(row.pk, {}))
        if formset.model is InboxChannel and formset.has_changed():  # a part of its channel's revision
            count_revision(form.instance, len(touched) + len(formset.deleted_objects))

    def save_related(self, request: HttpRequest, form: ChangeForm, formsets: Any, change: bool) -> None:
        """Also who is in which group: such a relation is no column of its row."""
        names = [field.name for field in self.opts.many_to_many if field.name in form.changed_data]
        before = {name: _names_of(form.instance, name) if change else [] for name in names}
        super().save_related(request, form, formsets, change)
        changes = {name: [before[name], _names_of(form.instance, name)] for name in names}
        if changes:
            record_audit(self.actor(request), "changed", form.instance, changes=changes)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        record_audit(self.actor(request), "deleted", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            record_audit(self.actor(request), "deleted", row)
        super().delete_queryset(request, queryset)

    def _record(self, request: HttpRequest, row: Model, before: Values) -> None:
        changes = differences(before, values_of(row))
        if changes:
            record_audit(self.actor(request), "changed" if before else "added", row, changes=changes)


class AuditedPersonAdmin(AuditedAdmin):
    """Django's page for a new password saves by itself, and asks no `save_model`."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        if request.resolver_match and request.resolver_match.url_name == "auth_user_password_change":
            record_audit(self.actor(request), "changed password", obj, changes={"password": CHANGED})
        return super().log_change(request, obj, message)


def _saved_values(row: Model) -> Values:
    """As it is in the database; nothing of a new one. Some fields may be set already on the row at hand."""
    saved = type(row)._default_manager.filter(pk=row.pk).first() if row.pk else None
    return values_of(saved) if saved else {}


def _names_of(row: Model, name: str) -> list[str]:
    return sorted(str(other) for other in getattr(row, name).all())
