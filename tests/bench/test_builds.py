"""The builds beside ours take what the platform sends, and nothing else; else their speed would mean nothing."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.build import Build
from tests.bench.builds import Floor, Naive
from tests.bench.load import Load, send_all, write_requests
from tests.bridge import REDIS_DATABASE, fresh_database

pytestmark = pytest.mark.xdist_group("processes")

EVENTS = 20


@pytest.mark.parametrize(("kind", "table"), [(Floor, "event"), (Naive, "naive_event")])
def test_signed_events_become_rows(kind: type[Build], table: str, tmp_path: Path) -> None:
    redis_url = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/{REDIS_DATABASE}"
    with fresh_database() as url:
        build = kind(tmp_path, url, counterpart_url="http://127.0.0.1", redis_url=redis_url)
        try:
            build.prepare()
            build.need_web()
            build.await_all()
            load = Load(
                port=build.port, paths=build.doors, conversations=4, events=EVENTS, seconds=60, seed="1", crowd="c"
            )
            requests = write_requests(replace(load, connections=2))
            forged = [request.replace(b"parcel", b"PARCEL") for request in requests[:2]]
            assert send_all(replace(load, connections=2), requests).answers == {"200": EVENTS}
            assert send_all(replace(load, connections=2), forged).answers == {"401": 2}
            assert build.ask(f"SELECT count(*) FROM {table}") == [(EVENTS,)]
        finally:
            build.stop()
            build.empty()
