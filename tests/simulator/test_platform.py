"""Parts that need no server."""

import ast
from pathlib import Path

from chatbridge.simulator.ledger import Ledger
from chatbridge.simulator.limits import QUOTA_CODE, RATE_CODE, Limits

SIMULATOR = Path(__file__).resolve().parents[2] / "chatbridge" / "simulator"
READS_SETTINGS = "chatbridge.environment"
"""Knows nothing of the bridge."""


def test_the_ledger_forgets_the_oldest_and_keeps_counting():
    ledger = Ledger(size=3)
    for _ in range(5):
        ledger.add("conversation", "POST", "c", {})
    assert [each["n"] for each in ledger.after(0)] == [3, 4, 5]
    assert [each["n"] for each in ledger.after(3, limit=1)] == [4]
    assert ledger.after(5) == []


def test_limits_name_what_was_met():
    assert [Limits(per_second=1).take(), Limits(per_second=0).take(), Limits(per_day=0).take()] == [
        0,
        RATE_CODE,
        QUOTA_CODE,
    ]


def test_a_second_later_there_is_room_again():
    limits = Limits(per_second=1)
    limits.take()
    limits.recent[0] -= 1
    assert limits.take() == 0


def test_it_imports_nothing_of_the_bridge():
    for file in SIMULATOR.rglob("*.py"):
        tree = ast.parse(file.read_text())
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        for name in names:
            assert not name.startswith(("channels_app", "offload")), file
            is_its_own = name.startswith(("chatbridge.simulator", READS_SETTINGS))
            assert not name.startswith("chatbridge.") or is_its_own, file


def test_the_chat_needs_no_aiohttp():
    for file in (SIMULATOR / "terminal.py", SIMULATOR / "management" / "commands" / "chat.py"):
        assert "aiohttp" not in file.read_text()
