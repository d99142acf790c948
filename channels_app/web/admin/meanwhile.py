"""Two people at one page: who saves last is told what the other changed, before it is overwritten."""

from collections.abc import Iterable, Iterator
from typing import Any

from django import forms
from django.contrib.admin.utils import flatten_fieldsets
from django.db import connection
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from channels_app.access.changes import values_of
from channels_app.access.meanwhile import Place, Seen, changes_since, stamp
from channels_app.web.admin.base import FilteredAdmin

SEEN = "_seen"
"""What the form showed when it was opened."""
ON_TOP = "_on_top"
"""The button that saves all the same; its value is what the person was told."""
HELD = "Somebody else has saved this page since you opened it. Nothing of yours is saved yet."


class HeldForm(forms.BaseForm):
    """Mixed into a form that is not saved, whatever it says, until the person has decided."""

    def full_clean(self) -> None:
        super().full_clean()
        self.add_error(None, HELD)


class MeanwhileAdmin(FilteredAdmin):
    """For every form that changes a row. The row is locked while it is compared and saved."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None and request.method == "POST" and connection.in_atomic_block:
            row = self.model._default_manager.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
            seen = _seen(request)
            row.meanwhile = changes_since(seen, self._shown(request, row)) if seen else []
        return row

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class: Any = super().get_form(request, obj, change=change, **kwargs)
        is_held = change and bool(getattr(obj, "meanwhile", None))
        return type(form_class)(form_class.__name__, (HeldForm, form_class), {}) if is_held else form_class

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None and change and self.has_change_permission(request, obj):
            meanwhile = getattr(obj, "meanwhile", [])
            context |= {"meanwhile": meanwhile, "seen": _seen(request) or stamp(self._shown(request, obj))}
            if meanwhile:  # the row at hand holds what was typed by now
                saved = self.model._default_manager.get(pk=obj.pk)
                context["on_top"] = stamp(self._shown(request, saved))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _shown(self, request: HttpRequest, row: Any) -> Seen:
        """What the form shows of the row, as it is saved, and of the rows that are edited with it."""
        names = flatten_fieldsets(self.get_fieldsets(request, row))
        form_class: Any = super().get_form(request, row, change=True, fields=names)
        shown = dict(_shown_of(row, form_class, ""))
        for inline in self.get_inline_instances(request, row):
            formset: Any = inline.get_formset(request, row)
            parts: Iterable[Model] = formset.model._default_manager.filter(**{formset.fk.name: row})
            for part in parts:
                shown |= _shown_of(part, formset.form, f"{part._meta.verbose_name} “{part}”: ")
        return shown


def _seen(request: HttpRequest) -> str:
    """What this person has seen last; empty when the form is only opened now."""
    return str(request.POST.get(ON_TOP) or request.POST.get(SEEN) or "")


def _shown_of(row: Model, form_class: Any, heading: str) -> Iterator[tuple[Place, Any]]:
    values = values_of(row)
    for relation in row._meta.many_to_many:
        values[relation.name] = sorted(str(other) for other in getattr(row, relation.name).all())
    key = f"{row._meta.model_name}:{row.pk}"
    for name, field in form_class(instance=row).fields.items():
        saved = name if name in values else f"settings.{name}"
        is_of_rows = hasattr(field, "queryset")
        choices = {} if is_of_rows else dict(getattr(field.widget, "choices", ()))
        yield Place(key, saved, f"{heading}{field.label or name}", choices), values.get(saved)
