"""On what a run ran: what decides the figures, and nothing that tells whose machine it was."""

import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path

import redis

from tests.bench.ground import Ground

SYNCS = 200
PAGE = b"x" * 8192
PACKAGES = ("Django", "djangorestframework", "celery", "gunicorn", "psycopg", "redis", "requests")


def describe(ground: Ground) -> list[str]:
    """One line for each fact."""
    with redis.Redis.from_url(ground.redis.url) as client:
        redis_version = client.info("server")["redis_version"]
    settings = ", ".join(f"{name} {ground.setting(name)}" for name in ("fsync", "synchronous_commit"))
    return [
        f"{os.cpu_count()} cores, {_cpu_model()}, {_memory_gib():.0f} GiB of memory, {platform.system()}",
        f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in PACKAGES)}",
        f"PostgreSQL {ground.setting('server_version')}, {settings}, over a Unix socket; Redis {redis_version}",
        f"The disk syncs a page in {_sync_ms(ground.directory):.2f} ms (median of {SYNCS})",
        f"Load by others when the run began: {os.getloadavg()[0]:.1f} (average of a minute; 0 is a quiet machine)",
    ]


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _sync_ms(directory: Path) -> float:
    took = []
    with (directory / "sync").open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(PAGE)
            began_at = time.perf_counter()
            os.fsync(file.fileno())
            took.append(time.perf_counter() - began_at)
    return statistics.median(took) * 1000
