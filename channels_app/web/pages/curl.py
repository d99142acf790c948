"""A call as a command for a terminal. Secrets are variables of the shell: $SECRET and $TOKEN."""

import shlex

SIGN_HEX = "openssl dgst -sha256 -mac HMAC -macopt hexkey:\"$SECRET\" | sed 's/^.* //'"
"""The hexadecimal signature of what comes in, by the shared secret, which is hexadecimal itself."""


def with_token(method: str, url: str, body: str) -> str:
    """A call whose sender shows a token: ours to an inbox or a bot, or a bot's to us."""
    lines = [f"curl -i -X {shlex.quote(method or 'POST')} {shlex.quote(url)}", '-H "Authorization: Bearer $TOKEN"']
    if body:
        lines += ["-H 'Content-Type: application/json'", f"--data-binary {shlex.quote(body)}"]
    return " \\\n  ".join(lines)


def signed(url: str, header: str, body: str) -> str:
    """A call that its sender signs: the signature is computed over this very body."""
    parts = [
        f"curl -i -X POST {shlex.quote(url)}",
        "-H 'Content-Type: application/json'",
        f'-H "{header}: $SIGNATURE"',
        '--data-binary "$BODY"',
    ]
    given = f"BODY={shlex.quote(body)}\nSIGNATURE=$(printf '%s' \"$BODY\" | {SIGN_HEX})"
    return f"{given}\n" + " \\\n  ".join(parts)
