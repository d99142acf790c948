"""Imports go down the floors of docs/architecture.md, and are absolute so that this can see them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Within a floor a module may use those that stand before it.
FLOORS: list[list[str]] = [
    [
        "channels_app.codes",
        "channels_app.errors",
        "channels_app.limits",
        "channels_app.protocol",
        "channels_app.causes",
    ],
    [
        "channels_app.encryption",
        "channels_app.wording",
        "channels_app.explanations",
        "channels_app.jsons",
        "channels_app.masking",
        "channels_app.addresses",
        "channels_app.visible",
        "channels_app.recorder",
        "channels_app.wire",
        "channels_app.http",
        "channels_app.clocks",
        "channels_app.redis_link",
        "channels_app.postgres_link",
        "channels_app.statements",
        "channels_app.outages",
        "channels_app.tokens",
        "channels_app.throttle",
        "channels_app.wakeups",
        "channels_app.links",
        "channels_app.file_types",
        "channels_app.media",
        "channels_app.options",
        "channels_app.offered",
        "channels_app.steps",
        "channels_app.verdicts",
        "channels_app.configuration_source",
        "channels_app.histograms",
        "channels_app.failure_states",
        "channels_app.times",
        "channels_app.zones",
        "offload.opening_hours",
    ],
    ["channels_app.adapters", "channels_app.inboxes", "channels_app.bots", "channels_app.configuration_schema"],
    ["channels_app.models", "offload.models"],
    [
        "channels_app.audit",
        "channels_app.changes",
        "channels_app.meanwhile",
        "channels_app.roles",
        "channels_app.logins",
        "channels_app.api_tokens",
        "channels_app.contacts",
        "channels_app.milestones",
        "channels_app.credentials",
        "channels_app.channels",
        "channels_app.leases",
        "channels_app.exchanges",
        "channels_app.endings",
        "channels_app.breakers",
        "channels_app.conversations",
        "channels_app.counting",
        "channels_app.events",
        "channels_app.unsaid",
        "channels_app.orders",
        "channels_app.outcome_codes",
        "channels_app.periods",
        "channels_app.audit_log",
        "channels_app.searching",
        "channels_app.calls",
        "channels_app.plans",
        "channels_app.attachments",
        "channels_app.deliveries",
        "channels_app.replays",
        "channels_app.interventions",
        "channels_app.interventions",
        "channels_app.jobs",
        "channels_app.figures",
        "channels_app.channel_health",
        "channels_app.failures",
        "channels_app.gathering",
        "channels_app.bulk_retries",
        "channels_app.retention",
        "channels_app.table_sizes",
        "channels_app.workload",
        "channels_app.platform_status",
        "channels_app.dashboard",
    ],
    ["offload.transcript", "offload.services"],
    [
        "channels_app.silences",
        "channels_app.explaining",
        "channels_app.transcripts",
        "channels_app.sending",
        "channels_app.replies",
        "channels_app.turns",
        "channels_app.readiness",
        "channels_app.rekeying",
        "channels_app.checking",
        "channels_app.rotations",
        "channels_app.channel_care",
        "channels_app.forms",
        "offload.hours_field",
        "offload.forms",
        "channels_app.configuration",
        "channels_app.configuration_export",
        "channels_app.channel_deletion",
        "channels_app.diagnostics",
    ],
    ["channels_app.pump", "channels_app.tasks", "channels_app.housekeeping", "channels_app.guard"],
    [
        "channels_app.operations",
        "channels_app.templatetags",
        "channels_app.webhooks",
        "channels_app.views",
        "channels_app.api",
        "channels_app.admin",
        "channels_app.urls",
        "channels_app.management",
        "offload.views",
        "offload.admin",
        "offload.urls",
        "offload.management",
    ],
]
PLACES = {module: (floor, place) for floor, row in enumerate(FLOORS) for place, module in enumerate(row)}
IGNORED = ("apps", "migrations", "__init__")


def home(module: str) -> tuple[str, tuple[int, int]] | None:
    """The entry of the table that a module belongs to, packages as a whole."""
    parts = module.split(".")
    for length in (3, 2):
        name = ".".join(parts[:length])
        if name in PLACES:
            return name, PLACES[name]
    return None


def modules() -> list[Path]:
    files = [*ROOT.glob("channels_app/**/*.py"), *ROOT.glob("offload/**/*.py")]
    return [file for file in files if "migrations" not in file.parts and file.stem != "apps" and file.stat().st_size]


def imports(file: Path) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith(("channels_app.", "offload."))}


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_down_the_floors(file: Path) -> None:
    module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    own = home(module)
    if module in ("channels_app", "offload"):
        return
    assert own is not None, f"{module} has no floor: give it one in this table"
    for name in imports(file):
        used = home(name)
        if used is not None and used[0] != own[0]:
            assert used[1] < own[1], f"{module} (floor {own[1][0]}) must not use {name} (floor {used[1][0]})"


def test_the_simulator_shares_nothing_with_the_apps() -> None:
    for file in (ROOT / "chatbridge/simulator").rglob("*.py"):
        assert imports(file) == set(), f"{file.name} imports from the apps"
    for file in modules():
        assert "chatbridge.simulator" not in file.read_text()


def test_nobody_outside_the_adapters_asks_for_a_kind() -> None:
    for file in modules():
        if not {"bots", "inboxes"} & set(file.parts):
            text = file.read_text()
            assert not any(f'"{kind}"' in text for kind in ("hootsuite", "chatlayer")), file
