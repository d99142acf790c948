"""Reads the catalogue: one Markdown file per code, whose front matter says what the product shows of it anywhere.

    ---
    title: Keys of the other region
    severity: error
    sentence: These keys belong to the {region} server.
    buttons:
      switch_region: Switch to {region}
    ---

    ## What it means

    One paragraph, or a list. Other codes are links: [CB-201](CB-201.md).

Each file is read when a process starts, so a mistake in one of them stops that process and says where it is.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from channels_app.codes.words import SECTIONS, Button, Code, Place, Severity

FOLDER = Path(__file__).parent / "catalogue"
PARAGRAPHS = ("meaning", "retried", "contact")
"""What every file has, in one paragraph each. The other sections may be lists, and may be left out."""

_FILE = re.compile(r"---\n(?P<front>.*?\n)---\n(?P<body>.*)", re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
_ITEM = re.compile(r"^-(?: |$)", re.MULTILINE)
_LINK = re.compile(r"\[(CB-\d{3})\]\(\1\.md\)")
# The C loader is nine times as fast; not every build of PyYAML has it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CatalogueError(ValueError):
    """A file of the catalogue is not as the product needs it; the text names the file."""


def read_catalogue(folder: Path = FOLDER) -> Iterator[Code]:
    """All codes in order. Raises CatalogueError."""
    for path in sorted(folder.glob("CB-*.md")):
        try:
            yield read_code(path.stem, path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise CatalogueError(f"{path.name}: {error}") from error


def read_code(code: str, text: str) -> Code:
    """One file. Raises ValueError, whose text says what is wrong with it."""
    if not re.fullmatch(r"CB-[1-9]\d\d", code):
        _fail("a file is named after its code, e.g. CB-101.md")
    parts = _FILE.fullmatch(text)
    if parts is None:
        _fail("it must begin with front matter between two lines of ---")
    return Code(code=code, **_front_matter(parts["front"]), **_sections(parts["body"]))


def _front_matter(text: str) -> dict[str, Any]:
    try:
        front = yaml.load(text, _Loader)  # noqa: S506 - both loaders are the safe ones
    except yaml.YAMLError as error:
        _fail(f"its front matter is not YAML (a text with “: ” or a leading {{ needs quotes): {error}")
    if not isinstance(front, dict) or not {"title", "severity", "sentence"} <= front.keys():
        _fail("its front matter needs title, severity and sentence")
    if unknown := front.keys() - {"title", "severity", "sentence", "buttons"}:
        _fail(f"unknown in its front matter: {', '.join(sorted(map(str, unknown)))}")
    buttons = front.get("buttons", {})
    if not isinstance(buttons, dict):
        _fail("buttons must be lines of “place: label”")
    return {
        "name": _text("title", front["title"]),
        "severity": Severity(front["severity"]),
        "text": _template("sentence", front["sentence"]),
        "buttons": tuple(Button(label=_template("label", label), place=Place(at)) for at, label in buttons.items()),
    }


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        _fail(f"{name} must be a text, not {value!r}; quote it if YAML takes it for something else")
    return value


def _template(name: str, value: object) -> str:
    """A text whose {placeholders} are plain names: what fills them in is data, nothing is looked up in it."""
    text = _text(name, value)
    if re.search("[{}]", _PLACEHOLDER.sub("", text)):
        _fail(f"{name} has a brace that doesn't belong to a {{placeholder}}: {text}")
    return text


def _sections(body: str) -> dict[str, Any]:
    before, *parts = _HEADING.split(body)
    titles = parts[::2]
    wanted = [title for title, field in SECTIONS.items() if title in titles or field in PARAGRAPHS]
    if before.strip() or titles != wanted:
        _fail(f"its sections must be {', '.join(wanted)}; it has {', '.join(titles)}")
    found: dict[str, Any] = {}
    for title, text in zip(titles, parts[1::2], strict=True):
        texts = _texts(title, text.strip())
        if SECTIONS[title] not in PARAGRAPHS:
            found[SECTIONS[title]] = texts
        elif len(texts) == 1:
            found[SECTIONS[title]] = texts[0]
        else:
            _fail(f"“{title}” must be one paragraph")
    return found


def _texts(title: str, text: str) -> tuple[str, ...]:
    """The items of a list, or the one paragraph, each in one line and without the addresses of links."""
    before, *items = _ITEM.split(text)
    texts = items if items and not before else [text]
    if not all(texts) or any("\n\n" in one.strip() or "\n- " in one for one in texts):
        _fail(f"“{title}” must be one paragraph or one list")
    return tuple(_LINK.sub(r"\1", " ".join(one.split())) for one in texts)


def _fail(problem: str) -> NoReturn:
    raise ValueError(problem)
