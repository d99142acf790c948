"""What both families of adapters share: registry look-up, fields that ask an admin for settings, proofs of origin.

The fields also check configuration files, so a value may be missing or None, and must already be text.
"""

import hmac
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.module_loading import import_string

from channels_app.codes import Problem, describe
from channels_app.lib.http.addresses import is_internal_host
from channels_app.lib.jsons import clean_text
from channels_app.lib.masking import keys_in_query
from channels_app.protocol.errors import ConfigError

NOT_TEXT = "This must be text. In a configuration file, put it in quotes."
_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}")


def adapter_class(registry: Mapping[str, str], kind: str) -> Any:
    """The class that a registry (kind -> dotted path) names for this kind."""
    if kind not in registry:
        raise ConfigError(f"There is no kind “{kind[:40]}”. Known kinds: {', '.join(registry)}.")
    return import_string(registry[kind])


def secret_keys(form_class: type[forms.Form]) -> frozenset[str]:
    """The settings that are encrypted and never shown again: the fields that hide what is typed."""
    fields = form_class.base_fields
    return frozenset(name for name, field in fields.items() if isinstance(field.widget, forms.PasswordInput))


def refusal(problem: Problem) -> ValidationError:
    """The error of a field, with the code that leads to its page."""
    return ValidationError(problem.text, code=str(problem.code))


def same_value_problem(value: str, others: Mapping[str, object]) -> Problem | None:
    """Whether an entered secret is the one of another field; `others` by their labels."""
    label = next((label for label, other in others.items() if value and value == other), None)
    return describe("CB-313", other=label) if label else None


def address_problems(form_class: type[forms.Form], values: Mapping[str, Any]) -> list[Problem]:
    """What of the addresses works, and gives away what is secret."""
    return [*_unencrypted_problems(form_class, values), *_key_problems(form_class, values)]


def _key_problems(form_class: type[forms.Form], values: Mapping[str, Any]) -> list[Problem]:
    """For each address with a key in its query, which is neither encrypted nor covered as a secret is."""
    fields, secrets = form_class.base_fields, secret_keys(form_class)
    instead = next((str(field.label) for name, field in fields.items() if name in secrets), "")
    return [
        describe(
            "CB-524",
            field=field.label,
            key=f"{key}=…" if key else "a value without a name",
            instead=instead or "a header that the other side reads",
        )
        for name, field in fields.items()
        if isinstance(field, AddressField)
        for key in keys_in_query(str(values.get(name) or ""))[:1]
    ]


def _unencrypted_problems(form_class: type[forms.Form], values: Mapping[str, Any]) -> list[Problem]:
    """For each address that takes what is secret, or what contacts write, over the internet in clear.

    A host that the settings allow as internal is taken for one.
    """
    if not any(values.get(name) for name in secret_keys(form_class)):
        return []
    return [
        describe("CB-521", field=field.label)
        for name, field in form_class.base_fields.items()
        if isinstance(field, AddressField) and _is_in_clear(str(values.get(name) or ""))
    ]


def _is_in_clear(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    is_ours = is_internal_host(host) or host.endswith(".test")  # .test is reserved
    allowed = {entry.strip().lower() for entry in settings.ALLOWED_PRIVATE_HOSTS}
    return parts.scheme == "http" and host not in allowed and not is_ours


class AdapterForm(forms.Form):
    """The settings of a kind that knows more of them than each for itself."""

    sections: ClassVar[Mapping[str, str]] = {}
    """Headings, each above the field of this name."""
    saved: Mapping[str, Any] = {}
    """The settings that are to be changed; empty for a new row."""


class WrittenField(forms.CharField):
    """A number is refused: a configuration file that reads `0123` as octal would store another client ID, silently."""

    def to_python(self, value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise ValidationError(NOT_TEXT, code="not_text")
        return super().to_python(value)


class ProseField(WrittenField):
    """Text of several lines, with the ends of lines that files have."""

    def __init__(self, *, rows: int = 12, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows, "class": "vLargeTextField"})
        super().__init__(**{"widget": widget, **options})

    def to_python(self, value: Any) -> str | None:
        text = super().to_python(value)
        return clean_text(text.replace("\r\n", "\n")) if text else text


class TextField(WrittenField):
    """Text that can go into a header or a URL: trimmed, in one piece, printable."""

    is_one_word = True

    def validate(self, value: Any) -> None:
        super().validate(value)
        if not (value or "").isprintable() or (self.is_one_word and " " in (value or "")):
            raise refusal(describe("CB-310"))


class SecretField(TextField):
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})


class PhraseField(SecretField):
    """A secret that people make up themselves, perhaps of several words."""

    is_one_word = False


class AddressField(TextField):
    """An http(s) address. Unlike Django's URLField it takes a host without a dot: a bot next door is `http://bot:9001`."""

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not _is_address(value):
            raise ValidationError(
                "This is not a valid address. It must begin with https:// and contain no password.", code="url"
            )


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        )
    except ValueError:  # a port or an IPv6 address that is none
        return False


# --- proofs of origin ---------------------------------------------------------------------------------------------


def signature(body: bytes, key: bytes) -> str:
    """The hexadecimal HMAC-SHA256 of a raw body."""
    return hmac.new(key, body, "sha256").hexdigest()


def is_signed(body: bytes, presented: str, key: bytes) -> bool:
    """In constant time, and for any header value: comparing text would fail on a non-ASCII letter."""
    well_formed = bool(_SIGNATURE.fullmatch(presented))
    expected = signature(body, key)
    return is_same(presented.lower() if well_formed else "", expected) and well_formed


def is_same(presented: str, expected: str) -> bool:
    """Compare two tokens in constant time."""
    return hmac.compare_digest(presented.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass"))
