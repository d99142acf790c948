"""A package imports only from packages below it: what a line may touch is known from where it stands."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels_app.adapters.bots import BOTS
from channels_app.adapters.inboxes import INBOXES

ROOT = Path(__file__).resolve().parent.parent
HOUSE = [
    "channels_app.web",
    "channels_app.management",
    "channels_app.upkeep",
    "channels_app.operations",
    "channels_app.turns",
    "channels_app.deliveries",
    "channels_app.conversations",
    "channels_app.channels",
    "offload",
    "channels_app.access",
    "channels_app.models",
    "channels_app.adapters",
    "channels_app.lib",
    "channels_app.protocol",
    "channels_app.codes",
]
DOORS = ("admin", "api", "pages", "webhooks")
FILES = [file for app in ("channels_app", "offload") for file in sorted((ROOT / app).rglob("*.py"))]


def floor(module: str) -> int:
    """Counted from the top; what stands in no package is above all, where Django and Celery look."""
    return next((n for n, name in enumerate(HOUSE) if module == name or module.startswith(f"{name}.")), -1)


def imports(file: Path) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith(("channels_app.", "offload."))}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_package_imports_only_from_those_below_it(file: Path) -> None:
    own = floor(".".join(file.relative_to(ROOT).with_suffix("").parts))
    up = {name for name in imports(file) if floor(name) < own}
    assert not up, f"{file.relative_to(ROOT)} imports from above it: {', '.join(sorted(up))}"


@pytest.mark.parametrize("door", DOORS)
def test_a_door_imports_no_other_door(door: str) -> None:
    others = tuple(f"channels_app.web.{other}." for other in DOORS if other != door)
    for file in (ROOT / "channels_app/web" / door).rglob("*.py"):
        assert not {name for name in imports(file) if name.startswith(others)}, file


def test_the_simulator_shares_nothing_with_the_apps() -> None:
    for file in (ROOT / "chatbridge/simulator").rglob("*.py"):
        assert imports(file) == set(), f"{file.name} imports from the apps"
    for file in FILES:
        assert "chatbridge.simulator" not in file.read_text()


def test_nobody_outside_the_adapters_asks_for_a_kind() -> None:
    kinds = {*BOTS, *INBOXES} - {"http", "sparkcentral"}  # a scheme, and what the API's examples show
    for file in FILES:
        if not {"adapters", "migrations"} & set(file.parts):
            text = file.read_text()
            assert not any(f'"{kind}"' in text for kind in kinds), file


def test_the_paper_shows_the_same_house() -> None:
    rows = []
    for package in HOUSE:
        opening = ast.get_docstring(ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text())) or ""
        rows.append(
            f"| `{package.removeprefix('channels_app.')}/` | {' '.join(opening.split(chr(10) * 2)[0].split())} |"
        )
    assert "\n".join(rows) in (ROOT / "docs/architecture.md").read_text()


def test_the_walk_in_the_paper_names_what_is_there() -> None:
    walk = (ROOT / "docs/architecture.md").read_text().partition("function by function")[2].partition("\n## ")[0]
    steps = re.findall(r"^\| `(\S+\.py)` \| (.+) \|$", walk, re.MULTILINE)
    assert len(steps) > 30
    for module, words in steps:
        file = next(path for path in (ROOT / "channels_app" / module, ROOT / module) if path.exists())
        missing = (
            set(re.findall(r"`([\w.]+)`", words))
            - {"Say", "Release", "Ask"}
            - set(defined(ast.parse(file.read_text())))
        )
        assert not missing, f"{module}: {missing}"


def defined(node: ast.AST, within: str = "") -> Iterator[str]:
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef):
            yield f"{within}{inner.name}"
            yield from defined(inner, f"{within}{inner.name}.")
