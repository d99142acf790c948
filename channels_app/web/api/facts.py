"""Serializers of answers that are dataclasses: what a field is, its annotation says."""

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from rest_framework import serializers

from channels_app.codes import Code

Field = serializers.Field[Any, Any, Any, Any]
_FIELDS: Mapping[Any, type[Field]] = {
    bool: serializers.BooleanField,
    int: serializers.IntegerField,
    float: serializers.FloatField,
    str: serializers.CharField,
    datetime: serializers.DateTimeField,
    Code: serializers.CharField,
}


def answer_of(
    facts: type, names: str, *, called: str = "", about: str = "", **given: "str | Field"
) -> type[serializers.Serializer[Any]]:
    """Shows fields and properties of a dataclass, in this order.

    `given`: the help text of one, or the field itself where the annotation doesn't tell. `called`: in the schema,
    if otherwise than the dataclass; `about`: its description there.
    """
    fields: dict[str, Any] = {}
    for name in names.split():
        more = given.get(name, "")
        # A field is recreated in its place: DRF orders fields by creation.
        fields[name] = (
            _field(_annotation(facts, name), help_text=more or None) if isinstance(more, str) else deepcopy(more)
        )
    return type(f"{called or facts.__name__}Serializer", (serializers.Serializer,), {**fields, "__doc__": about})


def _annotation(facts: type, name: str) -> Any:
    found = getattr(facts, name, None)
    return get_type_hints(found.fget)["return"] if isinstance(found, property) else get_type_hints(facts)[name]


def _field(annotation: Any, **more: Any) -> Field:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        [annotation] = [one for one in inner if one is not NoneType]
        return _field(annotation, allow_null=True, **more)
    if origin is not None and issubclass(origin, Mapping):
        return serializers.DictField(child=_field(inner[1]), **more)
    if origin is not None:
        return serializers.ListField(child=_field(inner[0]), **more)
    if issubclass(annotation, Enum):
        return serializers.ChoiceField(choices=[str(member) for member in annotation], **more)
    return _FIELDS[annotation](**more)
