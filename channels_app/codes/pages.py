"""The page of each code: as Markdown for the repository, as HTML for the product."""

import html
import re
from collections.abc import Callable, Iterator

from channels_app.codes import AREAS, CODES, Code

INTRODUCTION = (
    "Whatever can go wrong has a code, everywhere the same: on the admin's pages, in the API, in commands and in the "
    "logs. Each code has a page that says what it means, what usually causes it, how to check that, how to repair it, "
    "whether the bridge tries again by itself, and what the contact notices.",
    "**Error**: contacts get no answer from the bot, or somebody has to act. **Warning**: it works or mends itself, "
    "but not as it should. **Info**: good to know, nobody has to do anything.",
    "In the product, the same pages are at `/ops/codes/<code>/`.",
)
"""The index's own words."""

Rich = Callable[[str], str]
_MARKS = re.compile(r"`([^`]+)`|\b(CB-\d{3})\b")


def sections(code: Code) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Titles with their paragraphs; several of them are a list. In the order in which people ask."""
    yield "What it means", (code.meaning,)
    for title, texts in (
        ("Likely causes", code.causes),
        ("How to check", code.checks),
        ("How to repair", code.repairs),
    ):
        if texts:
            yield title, texts
    yield "Is it tried again?", (code.retried,)
    yield "What the contact notices", (code.contact,)


# --- Markdown -----------------------------------------------------------------------------------------------------


def markdown_page(code: Code) -> str:
    head = [f"# {code}: {code.name}", f"> {code.text}", f"{code.severity.capitalize()}. [All codes](README.md)"]
    parts = [f"## {title}\n\n{_markdown_list(texts)}" for title, texts in sections(code)]
    return "\n\n".join([*head, *parts]) + "\n"


def markdown_index() -> str:
    parts = ["# Codes", *INTRODUCTION]
    for prefix, title in AREAS.items():
        rows = [
            f"| [{one}]({one}.md) | {one.severity} | {one.name} | {one.text} |"
            for one in CODES.values()
            if one.code.startswith(prefix)
        ]
        parts.append(f"## {title}\n\n" + "\n".join(["| code | | | says |", "|---|---|---|---|", *rows]))
    note = "These pages are made from the catalogue in `channels_app/codes/`: change it there, and run"
    return "\n\n".join([*parts, "---", f"{note} `python -m channels_app.codes`."]) + "\n"


def _markdown_list(texts: tuple[str, ...]) -> str:
    if len(texts) == 1:
        return _marked(texts[0], "`{}`", "[{0}]({0}.md)", str)
    return "\n".join(f"- {_marked(text, '`{}`', '[{0}]({0}.md)', str)}" for text in texts)


# --- HTML ---------------------------------------------------------------------------------------------------------


def html_page(code: Code) -> str:
    """What stands below the headline: safe to be put into a page as it is."""
    parts = [f'<p class="sentence">{html.escape(code.text)}</p>']
    parts += [f"<h2>{html.escape(title)}</h2>{_html_list(texts)}" for title, texts in sections(code)]
    return "\n".join(parts)


def html_text(text: str) -> str:
    """One sentence of a code's page, escaped: what is typed as code, and codes as links."""
    return _marked(text, "<code>{}</code>", '<a href="/ops/codes/{0}/">{0}</a>', html.escape)


def _html_list(texts: tuple[str, ...]) -> str:
    if len(texts) == 1:
        return f"<p>{html_text(texts[0])}</p>"
    return "<ul>" + "".join(f"<li>{html_text(text)}</li>" for text in texts) + "</ul>"


def _marked(text: str, typed: str, link: str, escape: Rich) -> str:
    """The text with what is in backticks, and codes, put into these forms; all the rest escaped."""
    parts, end = [], 0
    for found in _MARKS.finditer(text):
        parts.append(escape(text[end : found.start()]))
        parts.append(typed.format(escape(found[1])) if found[1] else link.format(found[2]))
        end = found.end()
    return "".join([*parts, escape(text[end:])])
