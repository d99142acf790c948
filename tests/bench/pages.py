"""How long operators wait for a page, and how many queries it takes, with a short and with a long history.

As a program, it asks for each page as a superuser and prints the figures: `python -m tests.bench.pages`.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from tests.bench.build import Build
from tests.bench.builds import Product
from tests.bench.crews import Crew, raise_all
from tests.bench.fill import full_database
from tests.bench.measure import Goal, show
from tests.bench.stage import Stage
from tests.bench.table import Section
from tests.bridge import BASE_DIR

ASKED = 3
"""Times that a process asks for each page; the databases take turns with processes."""
MOST = 1.10
REPEATED = 2
APPS = ("channels_app", "offload")


@dataclass(frozen=True, slots=True)
class Shown:
    status: int
    queries: int
    ms: float
    repeated: dict[str, int]
    """Statements that one showing of the page sends more often than twice: with more rows it may be more."""


def measure(stage: Stage) -> Section:
    header = ("page", "queries, short", "queries, full", "ms, short", "ms, full", "ratio")
    section = Section(title="Operators' pages", header=header)
    times = ASKED * stage.plan.turn_rounds
    section.remark = (
        f"As a superuser, the fastest of {times}; *short* and *full* are the databases of the part before."
    )
    full, short = full_database(stage, section), stage.build(Product)
    for build in (full, short):
        _end_what_waits(build)
    if not short.turns:
        raise_all(stage, section, [Crew(name="short", build=short)])
    asked = [[_ask(build) for build in (short, full)] for _ in range(stage.plan.turn_rounds)]
    ratios = []
    for name in asked[0][0]:
        few, many = (min((pair[place][name] for pair in asked), key=lambda shown: shown.ms) for place in (0, 1))
        ratios.append(many.ms / few.ms)
        figures = str(few.queries), str(many.queries), show(few.ms), show(many.ms), f"{ratios[-1]:.2f}"
        section.rows.append((name, *figures))
        wrong = {shown.status for shown in (few, many)} - {200}
        section.details += [f"{name}: {count} × {sql[:200]}" for sql, count in many.repeated.items()]
        section.faults += [f"{name}: answered with {status}" for status in wrong]
    section.goals.append(Goal(what="a page, full / short, largest", reached=max(ratios), most=MOST))
    return section


def _end_what_waits(build: Build) -> None:
    """The door was measured without workers: what it left would count as a backlog, which is no history."""
    build.ask("UPDATE channels_app_webhookevent SET state = 'done', outcome = 'moot' WHERE outcome IS NULL")
    build.ask("UPDATE channels_app_conversation SET wake_at = NULL WHERE wake_at IS NOT NULL")
    for table in ("webhookevent", "conversation"):
        build.ask(f"VACUUM ANALYZE channels_app_{table}")


def _ask(build: Build) -> dict[str, Shown]:
    command = [sys.executable, "-m", "tests.bench.pages"]
    done = subprocess.run(command, cwd=BASE_DIR, env=build.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name: Shown(**values) for name, values in json.loads(done.stdout).items()}


# --- in a process of the bridge --------------------------------------------------------------------------------------


def pages() -> dict[str, Callable[[], str]]:
    """The address of each page, by its name. Pages of one row show what was sent last."""
    from django.contrib import admin
    from django.urls import URLPattern, reverse

    from channels_app.models import Delivery
    from channels_app.web.pages.urls import urlpatterns

    models = [model._meta for model in admin.site._registry if model._meta.app_label in APPS]
    found: dict[str, Callable[[], str]] = {
        f"list of {meta.verbose_name_plural}": partial(reverse, f"admin:{meta.app_label}_{meta.model_name}_changelist")
        for meta in models
    }
    sent = Delivery.objects.latest("pk")
    for page, row in {"conversation": sent.conversation_id, "event": sent.event_id}.items():
        found[f"one {page}"] = partial(reverse, f"ops:{page}", args=[row])
    for pattern in urlpatterns:
        route = str(pattern.pattern)
        if isinstance(pattern, URLPattern) and pattern.name and not {"<", "."} & set(route):  # no row, no download
            found[f"ops/{route}"] = partial(reverse, f"ops:{pattern.name}")
    return found


def show_all() -> Iterator[tuple[str, Shown]]:
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client

    user, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(user)
    counted: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        counted.append(sql)
        return execute(sql, params, many, context)

    for name, address in pages().items():
        took = []
        for _ in range(ASKED + 1):  # the first one compiles templates
            counted.clear()
            with connection.execute_wrapper(count):
                began_at = time.perf_counter()
                response = client.get(address(), follow=True)
                took.append(time.perf_counter() - began_at)
        if response.status_code == 405:  # an address for buttons only
            continue
        repeated = {sql: count for sql, count in Counter(counted).items() if count > REPEATED}
        yield name, Shown(response.status_code, len(counted), min(took) * 1000, repeated)


if __name__ == "__main__":
    import django

    django.setup()
    json.dump({name: asdict(shown) for name, shown in show_all()}, sys.stdout)
