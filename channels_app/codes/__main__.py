"""`python -m channels_app.codes`: writes the index of the catalogue, catalogue/README.md."""

from channels_app.codes import AREAS, CODES
from channels_app.codes.markdown import FOLDER

INDEX = FOLDER / "README.md"
INTRODUCTION = """\
# Codes

Every known problem has a code, the same on the admin pages, in the API, in commands and in the logs. Each \
code has a page that says what it means, what usually causes it, how to check that, how to fix it, whether the bridge \
retries by itself, and what the contact notices.

**Error**: contacts get no answer from the bot, or an operator has to act. **Warning**: it works or fixes itself, but \
not as it should. **Info**: good to know, no action needed.

The same pages are in the product at `/ops/codes/<code>/`.
"""


def index() -> str:
    parts = [INTRODUCTION]
    for prefix, title in AREAS.items():
        rows = "".join(
            f"| [{one}]({one}.md) | {one.severity} | {one.name} | {one.text} |\n"
            for one in CODES.values()
            if one.code.startswith(prefix)
        )
        parts.append(f"## {title}\n\n| code | | | says |\n|---|---|---|---|\n{rows}")
    parts.append("---\n\n`python -m channels_app.codes` writes this index from the files beside it.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    INDEX.write_text(index(), encoding="utf-8")
