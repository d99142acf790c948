"""What is called alike in two things is copied by its name."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Made = TypeVar("Made", bound="DataclassInstance")


def attributes(thing: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in names}


def filled(kind: type[Made], row: Any, **own: Any) -> Made:
    """A dataclass whose fields are the row's attributes of the same names, except those that are given."""
    names = [field.name for field in fields(kind) if field.name not in own]
    return kind(**attributes(row, *names), **own)
