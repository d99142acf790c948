"""Settings from the environment, with one list of all that is wrong instead of one complaint a start."""

import os
import re
import shlex
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

T = TypeVar("T")

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"", "0", "false", "no", "off"})
PORTS = 65_536
# A leading dot stands for all subdomains; an IPv6 address has brackets.
MAIL_ADDRESS = re.compile(r"[^@\s,<>]+@[^@\s,<>]+\.[^@\s,<>]+")
ALLOWED_HOST = re.compile(r"\.?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")


class Environment:
    """Reads variables and collects what is missing or wrong; `NAME_FILE` names a file that holds the value."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables
        self.problems: list[str] = []
        self.names: set[str] = set()
        """Of the variables that were read so far."""

    def add_defaults(self, file: Path) -> None:
        """Take from a file of `NAME=value` lines, as a shell reads them, what is not set; it need not exist."""
        try:
            words = shlex.split(file.read_text(encoding="utf-8"), comments=True)
        except (OSError, ValueError):
            return
        self._variables = {**dict(word.split("=", 1) for word in words if "=" in word), **self._variables}

    def file(self, name: str) -> str:
        """The path of the file that holds the value, if one does."""
        return self._variables.get(f"{name}_FILE", "").strip()

    def text(self, name: str, default: str = "") -> str:
        self.names.add(name)
        file = self.file(name)
        if not file:
            return self._variables.get(name, "").strip() or default
        if self._variables.get(name, "").strip():
            self.problems.append(f"{name} and {name}_FILE are both set: keep one of them.")
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            self.problems.append(f"{name}_FILE names {file}, which can't be read: {reason}.")
            return default

    def required(self, name: str, *, unless: bool, default: str, hint: str) -> str:
        """A value that production must give; `default` serves while `unless` (development) is true."""
        value = self.text(name)
        if value:
            return value
        is_said = any(problem.startswith(f"{name}_FILE ") for problem in self.problems)  # a file that can't be read
        if not unless and not is_said:
            self.problems.append(f"{name} is missing: {hint}")
        return default

    def flag(self, name: str, default: bool = False) -> bool:
        word = self.text(name, "1" if default else "0").lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            self.problems.append(f"{name} must be 1 or 0, not “{word}”.")
        return word in TRUE_WORDS

    def number(self, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
        word = self.text(name, str(default))
        if not re.fullmatch(r"\d{1,9}", word) or int(word) < least or (most is not None and int(word) > most):
            bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
            self.problems.append(f"{name} must be a whole number {bounds}, not “{word}”.")
            return default
        return int(word)

    def words(self, name: str, default: str = "") -> list[str]:
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def parsed(self, name: str, text: str, parse: Callable[[str], T], fallback: T) -> T:
        """`parse(text)`, or `fallback` with its ValueError's sentence on the list. Empty text is not parsed."""
        if not text:
            return fallback
        try:
            return parse(text)
        except ValueError as error:
            self.problems.append(f"{name}: {error}")
            return fallback

    def report(self) -> str:
        problems = list(dict.fromkeys(self.problems))  # a setting may be read twice
        count = "1 setting is" if len(problems) == 1 else f"{len(problems)} settings are"
        lines = "\n".join(f"  - {problem}" for problem in problems)
        return f"chatbridge can't start: {count} missing or wrong.\n{lines}"


def base_url(text: str) -> str:
    """A public base URL without its last slash. Raises ValueError with a sentence.

    A path is refused: the bridge answers at `/` only, and the addresses that we show are built on this one.
    """
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\\]", text):
        raise ValueError("must look like https://bridge.example.com.")
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("must be only scheme and host, like https://bridge.example.com: no path, query or user.")
    return f"{parts.scheme}://{parts.netloc}"


def web_url(text: str) -> str:
    """An address that is called. Raises ValueError with a sentence that doesn't repeat it: it may hold a secret."""
    parts = _split(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\\]", text):
        raise ValueError("must look like https://hooks.example.com/alerts.")
    return text


def mail_addresses(text: str) -> list[str]:
    """Of one or several people, with commas. Raises ValueError with a sentence."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not all(MAIL_ADDRESS.fullmatch(address) for address in found):
        raise ValueError("must be mail addresses with commas between them, like lead@example.com.")
    return found


def host_names(text: str) -> list[str]:
    """The entries of ALLOWED_HOSTS in the forms that Django compares with. Raises ValueError with a sentence."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise ValueError("names no host: bridge.example.com")
    for entry in entries:
        if entry != "*" and not ALLOWED_HOST.fullmatch(entry):
            raise ValueError(
                f"“{entry}” is not a host name. Give only the name, without https://, port or path: bridge.example.com"
            )
    return entries


def certificates(file: str) -> str:
    """The name of a file with certificates of authorities. Raises ValueError with a sentence."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise ValueError(f"names {file}, which contains no certificate in PEM format.") from None
    except OSError as error:
        raise ValueError(f"names {file}, which can't be read: {error.strerror}.") from None
    return file


def has_valid_port(url: str) -> bool:
    """Whether the URL can be read and its port, if it has one, is a number that a port can have."""
    parts = _split(url)
    return parts is not None and parts.port != 0


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no port
    except ValueError:
        return None
    return parts
