"""Bots that are asked again and again take no real time."""

import pytest

from channels_app.adapters.bots import directline, directline_line
from tests.fakes.directline import Time


@pytest.fixture(autouse=True)
def fake_time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    for module in (directline, directline_line):
        monkeypatch.setattr(module, "time", made)
    return made
