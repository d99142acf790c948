"""A configuration file as it is written: JSON or YAML, with values that come from the environment.

No sentence here repeats a value of the file, because any of them may be a secret.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

REFERENCE = re.compile(r"\$(?P<escaped>\$\{ENV:)|\$\{ENV:(?P<name>[^}]*)\}?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ConfigurationError(Exception):
    """The file is refused, and nothing was changed. Each problem is a sentence with its path in front."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Problems(dict[str, str]):
    """Path -> what is wrong there. The first one counts: what else is wrong there is mostly its consequence."""

    def add(self, path: str, sentence: str) -> None:
        self.setdefault(path, sentence)

    def refuse_if_any(self) -> None:
        if self:
            raise ConfigurationError([f"{path}: {sentence}" if path else sentence for path, sentence in self.items()])


def place(path: str, key: object) -> str:
    """Where a key stands: `channels[0]` and `name` give `channels[0].name`, an index `channels[0]`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else str(key)


# --- text to document ------------------------------------------------------------------------------------------------


def parse_document(data: bytes, name: str = "") -> Any:
    """The document in a file of this name; without a telling extension it is JSON or else YAML."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(["The file is not UTF-8 text."]) from None
    extension = Path(name).suffix.lower()
    if extension == ".json":
        return _parse_json(text)
    if extension not in (".yaml", ".yml"):
        try:
            return _parse_json(text)
        except ConfigurationError:  # every JSON error is one of YAML too, or it was YAML
            pass
    return _parse_yaml(text)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        _refuse("JSON", error.lineno, error.colno)
    except (RecursionError, ValueError):
        _refuse("JSON")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError([f"The key “{twice}” stands twice in the same object."])
    return values


class _Loader(yaml.SafeLoader):
    """YAML in which dates stay text, as in JSON, and no key of a mapping stands twice."""

    yaml_implicit_resolvers = {
        first: [resolver for resolver in resolvers if resolver[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        known = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in known:
                line = key.start_mark.line + 1
                raise ConfigurationError([f"Line {line}: the key “{key.value}” stands twice in the same mapping."])
            known.add(key.value)
        return node


def _parse_yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - it is the safe loader, and stricter
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse("YAML", *((mark.line + 1, mark.column + 1) if mark else ()))
    except (yaml.YAMLError, RecursionError, ValueError):
        _refuse("YAML")


def _refuse(language: str, line: int = 0, column: int = 0) -> NoReturn:
    """In words of our own: the parsers' own messages repeat parts of the file."""
    where = f" It is invalid at line {line}, column {column}." if line else ""
    hint = " A value with a special character such as * & ! % @ : or # needs quotes." if language == "YAML" else ""
    raise ConfigurationError([f"The file is not {language} that can be read.{where}{hint}"]) from None


# --- references ------------------------------------------------------------------------------------------------------


class References:
    """Puts the environment into a document: `${ENV:NAME}`, and `$${ENV:NAME}` for these characters themselves."""

    def __init__(self, problems: Problems, variables: Mapping[str, str] | None = None) -> None:
        self.paths: set[str] = set()
        """Where values came from the environment: not to be shown."""
        self._problems = problems
        self._variables = os.environ if variables is None else variables

    def resolve(self, node: Any, path: str = "") -> Any:
        """The document with its references replaced; one that can't be stays, and is a problem."""
        match node:
            case dict():
                return {key: self.resolve(value, place(path, str(key))) for key, value in node.items()}
            case list():
                return [self.resolve(value, place(path, index)) for index, value in enumerate(node)]
            case str():
                return REFERENCE.sub(lambda found: self._value(found, path), node)
            case _:
                return node

    def _value(self, found: re.Match[str], path: str) -> str:
        if found["escaped"]:
            return found["escaped"]
        self.paths.add(path)
        try:
            return self._variable(found["name"] if found[0].endswith("}") else "")
        except ValueError as error:
            self._problems.add(path, str(error))
            return found[0]

    def _variable(self, name: str) -> str:
        """Raises ValueError with a sentence."""
        if not VARIABLE.fullmatch(name):
            raise ValueError(
                "this is not a reference to a variable. Write ${ENV:NAME}, or $${ENV:… for the text itself."
            )
        file, value = (self._variables.get(key, "").strip() for key in (f"{name}_FILE", name))
        if file and value:
            raise ValueError(f"{name} and {name}_FILE are both set: keep one of them.")
        if file:
            try:
                value = Path(file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise ValueError(f"{name}_FILE names a file that can't be read as UTF-8 text.") from None
        if not value:
            raise ValueError(f"the environment variable {name} (or {name}_FILE) is missing or empty.")
        return value


def as_written(text: str) -> str:
    """A text that `References` resolves to itself."""
    return text.replace("${ENV:", "$${ENV:")
