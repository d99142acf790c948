"""Bodies on pages: pretty, with a mark where something is covered or cut, and a sentence that says why.

And the call as a command for a terminal, where secrets are variables of the shell: $SECRET and $TOKEN.
"""

import re
import shlex
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from channels_app.lib.masking import body_for
from channels_app.protocol.labels import count_of

_MARKS = re.compile(r"(•{3,}|… \[cut here: \d+ more characters\])")
_CUT = "… [cut here:"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBody:
    """`text` and `raw` are HTML; `plain` the same for a terminal. `notes`: what isn't shown of it, and why."""

    text: SafeString | str = ""
    raw: SafeString | str = ""
    plain: str = ""
    notes: tuple[str, ...] = ()


def show_body(text: str, *, reads_text: bool, keep_days: int, is_old: bool) -> ShownBody:
    """A body for one person. `is_old`: the channel's time for texts is over, so that an empty one was deleted."""
    if not text:
        return ShownBody(notes=(f"Deleted after {count_of(keep_days, 'day')}." if is_old else "No body.",))
    body = body_for(text, reads_text=reads_text)
    if body.is_hidden:
        return ShownBody(notes=("Hidden entirely: it is not plain JSON, and you may not read texts.",))
    notes = []
    if body.masks:
        covered = "secrets" if reads_text else "secrets and texts that you may not read"
        notes.append(f"{count_of(body.masks, 'value is', 'values are')} covered: {covered}.")
    if _CUT in text:
        notes.append("Only the beginning is kept.")
    return ShownBody(
        text=_marked(body.text),
        raw=_marked(body.raw) if body.raw and body.raw != body.text else "",
        plain=body.raw or body.text,
        notes=tuple(notes),
    )


def _marked(text: str) -> SafeString:
    parts = enumerate(_MARKS.split(text))
    return format_html_join(
        "", "{}", ((format_html("<mark>{}</mark>", part) if n % 2 else part,) for n, part in parts)
    )


SIGN_HEX = "openssl dgst -sha256 -mac HMAC -macopt hexkey:\"$SECRET\" | sed 's/^.* //'"
"""The hexadecimal signature of what comes in, by the shared secret, which is hexadecimal itself."""


def curl_with_token(method: str, url: str, body: str) -> str:
    """A call whose sender shows a token: ours to an inbox or a bot, or a bot's to us."""
    lines = [f"curl -i -X {shlex.quote(method or 'POST')} {shlex.quote(url)}", '-H "Authorization: Bearer $TOKEN"']
    if body:
        lines += ["-H 'Content-Type: application/json'", f"--data-binary {shlex.quote(body)}"]
    return " \\\n  ".join(lines)


def curl_signed(url: str, header: str, body: str) -> str:
    """A call that its sender signs: the signature is computed over this very body."""
    parts = [
        f"curl -i -X POST {shlex.quote(url)}",
        "-H 'Content-Type: application/json'",
        f'-H "{header}: $SIGNATURE"',
        '--data-binary "$BODY"',
    ]
    given = f"BODY={shlex.quote(body)}\nSIGNATURE=$(printf '%s' \"$BODY\" | {SIGN_HEX})"
    return f"{given}\n" + " \\\n  ".join(parts)
