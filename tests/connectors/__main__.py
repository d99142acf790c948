"""`make connectors`: each connector against real programs; writes docs/connectors.md, exits with 1 if one failed."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping

import django

from tests.bridge import BASE_DIR
from tests.connectors.programs import FOLDER
from tests.servers import ENVIRONMENT

PAGE = BASE_DIR / "docs" / "connectors.md"
HEAD = """# Connectors, proved

What `make connectors` did last: it installs programs that others wrote, which speak a platform's API, and lets our
connectors talk to them over HTTP on this machine. The programs go into `.connectors/`; `make clean` removes them. It
needs Node.js and npm beside Python.

There is no program that speaks for Dialogflow CX. `tests/channels_app/bots/test_dialogflow_types.py`, a part of
`make test`, proves that connector by Google's own client (`google-cloud-dialogflow-cx`): for the same turn it sends
the same request with the same token's claims to the same address, and we read the same from the answers that its types
write.

| connector | program | what was seen |
|---|---|---|
"""

Proof = Callable[[], Iterator[str]]


def main() -> int:
    os.environ |= ENVIRONMENT | {"DJANGO_SETTINGS_MODULE": "chatbridge.settings"}
    django.setup()
    from tests.connectors import directline, models, templates

    proofs: Mapping[tuple[str, str], Proof] = {**models.PROOFS, **directline.PROOFS, **templates.PROOFS}
    FOLDER.mkdir(exist_ok=True)
    rows, failed = [], 0
    for (kind, program), proof in proofs.items():
        seen: list[str] = []
        try:
            for fact in proof():
                print(f"{program}: {fact}", flush=True)
                seen.append(fact)
        except Exception:
            traceback.print_exc()
            seen.append("**failed** after this")
            failed += 1
        rows.append(f"| {kind} | `{program}` | {'; '.join(seen)} |\n")
    PAGE.write_text(HEAD + "".join(rows))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
