"""`python -m channels_app.codes`: writes docs/codes anew."""

from pathlib import Path

from channels_app.codes import CODES
from channels_app.codes.pages import markdown_index, markdown_page

FOLDER = Path("docs/codes")


def write_pages(folder: Path) -> None:
    """All pages and their index; a page whose code is gone goes too."""
    pages = {f"{one}.md": markdown_page(one) for one in CODES.values()} | {"README.md": markdown_index()}
    folder.mkdir(parents=True, exist_ok=True)
    for stray in {path.name for path in folder.glob("*.md")} - pages.keys():
        (folder / stray).unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_pages(FOLDER)
