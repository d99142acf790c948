"""Bodies as the platforms send them: `<kind>/<what it becomes>[__case].json`."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def names(kind: str, prefix: str = "") -> list[str]:
    return sorted(path.stem for path in (HERE / kind).glob(f"{prefix}*.json"))


def raw(kind: str, name: str) -> bytes:
    return (HERE / kind / f"{name}.json").read_bytes()


def load(kind: str, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(raw(kind, name))
    return document


def variants(document: Any, strangers: tuple[Any, ...]) -> list[Any]:
    """The document with each of its values, at any depth, replaced by each stranger, and with each left out."""
    found: list[Any] = list(strangers)
    if isinstance(document, dict):
        for key, value in document.items():
            found.append({other: kept for other, kept in document.items() if other != key})
            found.extend({**document, key: variant} for variant in variants(value, strangers))
    if isinstance(document, list):
        for index, value in enumerate(document):
            found.extend(
                [*document[:index], variant, *document[index + 1 :]] for variant in variants(value, strangers)
            )
    return found
