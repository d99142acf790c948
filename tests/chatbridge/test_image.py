"""Production is production: what `.dockerignore` lets into the image starts with what the image installs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.chatbridge.test_environment import PRODUCTION

pytestmark = pytest.mark.xdist_group("image")  # else each process of pytest would make the copy of its own

PROJECT = Path(__file__).resolve().parents[2]
DEVELOPMENT = ("chatbridge/embedded", "chatbridge/local", "chatbridge/simulator", "tests", "docs", ".git")
COMMON = {"pip", "setuptools"}
# Whoever asks for one of these modules is told what an image would say.
PRELUDE = """
import importlib.abc, sys
missing = set(sys.argv.pop(1).split(","))
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
"""
EVERY_MODULE = """
import importlib, pkgutil
import django
django.setup()
for app in ("chatbridge", "channels_app", "offload"):
    for module in pkgutil.walk_packages(importlib.import_module(app).__path__, f"{app}."):
        importlib.import_module(module.name)
        print(module.name)
"""


def is_ignored(path: PurePosixPath) -> bool:
    """By the rules of a .dockerignore: the last pattern that fits the path, or a folder above it, decides."""
    ignored = False
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").strip()
        if not pattern or pattern.startswith("#"):
            continue
        places = (str(place) for place in (path, *path.parents[:-1]))
        if any(fnmatch(place, pattern) or fnmatch(f"/{place}", pattern.replace("**", "*")) for place in places):
            ignored = not line.startswith("!")
    return ignored


def kept_files() -> Iterator[PurePosixPath]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:  # not a checkout, but an archive of it
        names = [str(path.relative_to(PROJECT)) for path in PROJECT.rglob("*") if path.is_file()]
    else:
        names = listed.stdout.splitlines()
    paths = (PurePosixPath(name) for name in names if not name.startswith((".venv/", ".local/")))
    return (path for path in paths if not is_ignored(path) and (PROJECT / path).exists())


def installed_in_the_image() -> set[str]:
    """The distributions of requirements.txt that the Dockerfile installs, and all that these need."""
    left_out = re.search(r"grep -v '(\S+)' requirements.txt", (PROJECT / "Dockerfile").read_text())
    assert left_out
    lines = (PROJECT / "requirements.txt").read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line[:1].isalpha() and not re.search(left_out[1], line)]
    found: set[str] = set()
    seen: set[str] = set()
    while wanted:
        requirement = wanted.pop()
        name, extras = canonicalize_name(requirement.name), requirement.extras or {""}
        if f"{name} {sorted(extras)}" in seen:
            continue
        seen.add(f"{name} {sorted(extras)}")
        try:
            needed = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            continue  # for another platform
        found.add(name)
        for one in needed:
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras):
                wanted.append(one)
    return found


def missing_modules() -> set[str]:
    """What is installed here and not in the image, by the names that one imports."""
    there = installed_in_the_image() | COMMON
    return {
        module
        for module, distributions in packages_distributions().items()
        if not there & {canonicalize_name(name) for name in distributions}
    }


@pytest.fixture(scope="module")
def in_image(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Runs Python in a copy of the image's files, with its packages and a production environment."""
    app = tmp_path_factory.mktemp("image")
    for path in kept_files():
        (app / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PROJECT / path, app / path)
    missing = ",".join(sorted(missing_modules()))
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment = {**kept, **PRODUCTION, "DJANGO_SETTINGS_MODULE": "chatbridge.settings"}

    def run(script: str, *arguments: str) -> str:
        command = [sys.executable, "-c", PRELUDE + script, missing, *arguments]
        done = subprocess.run(command, cwd=app, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def manage(*words: str) -> str:
    return f"import runpy, sys\nsys.argv = ['manage.py', *{words!r}]\nrunpy.run_path('manage.py', run_name='__main__')"


@pytest.fixture(scope="module")
def managed(in_image: Callable[..., str]) -> tuple[str, str]:
    """The list of commands, and what the check of a deployment says, from one process."""
    check = manage("check", "--deploy", "--fail-level", "WARNING")
    commands, _, checked = in_image(f"{manage('help', '--commands')}\nprint('---')\n{check}").partition("---\n")
    return commands, checked


def test_the_image_holds_the_bridge_and_nothing_of_development() -> None:
    files = {str(path) for path in kept_files()}
    assert {"manage.py", "gunicorn.conf.py", "chatbridge/wsgi.py", "offload/models.py", "requirements.txt"} <= files
    assert any(name.startswith("templates/static/") for name in files)
    assert any(name.startswith("channels_app/migrations/") for name in files)
    assert not [name for name in files if name.startswith(DEVELOPMENT) or "__pycache__" in name]


def test_the_image_installs_nothing_of_development() -> None:
    there = installed_in_the_image()
    assert {"django", "celery", "gunicorn", "psycopg", "psycopg-binary", "urllib3"} <= there
    lines = (PROJECT / "requirements-dev.txt").read_text().splitlines()
    development = {canonicalize_name(Requirement(line).name) for line in lines if line[:1].isalpha()}
    assert not there & development
    assert not [name for name in there if name.startswith("pytest")]
    assert {"pytest", "aiohttp", "hypothesis"} <= missing_modules()


def test_the_checks_of_a_deployment_pass(managed: tuple[str, str]) -> None:
    assert "no issues" in managed[1]


def test_every_module_of_the_image_can_be_imported(in_image: Callable[..., str]) -> None:
    modules = in_image(EVERY_MODULE).split()
    assert {"chatbridge.wsgi", "chatbridge.celery", "channels_app.management.commands.guard"} <= set(modules)
    assert not [name for name in modules if name.startswith(tuple(path.replace("/", ".") for path in DEVELOPMENT[:3]))]


def test_each_process_of_the_image_finds_its_start(in_image: Callable[..., str], managed: tuple[str, str]) -> None:
    gunicorn = "import sys\nfrom gunicorn.app.wsgiapp import run\nsys.argv = ['gunicorn', *sys.argv[1:]]\nrun()"
    in_image(gunicorn, "--check-config", "chatbridge.wsgi")
    celery = "import sys\nfrom celery.__main__ import main\nsys.argv = ['celery', *sys.argv[1:]]\nmain()"
    assert "--pool" in in_image(celery, "-A", "chatbridge", "worker", "--help")
    commands = managed[0].split()
    assert {"guard", "migrate", "apply_config"} <= set(commands)
    assert not {"simulator", "chat"} & set(commands)
