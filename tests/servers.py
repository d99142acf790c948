"""PostgreSQL, Redis and the environment for the tests, as a pytest plugin.

The option `-p` in pyproject.toml loads it before pytest-django, which reads the settings first of all.
"""

import os
import signal
from collections.abc import Generator
from contextlib import ExitStack

import pytest

from chatbridge.embedded import EmbeddedError, temporary_servers

ENVIRONMENT = {
    "DEBUG": "1",
    "SECRET_KEY": "only-for-tests-" + "0123456789" * 4,
    "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=",
    "PUBLIC_BASE_URL": "https://bridge.example.com",
    "ALLOWED_HOSTS": "bridge.example.com,testserver,localhost,127.0.0.1",
    "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
}


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, object, object]:
    os.environ |= ENVIRONMENT
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        use_own_redis_database(worker)
    else:
        start_servers(early_config)
    return (yield)


def start_servers(config: pytest.Config) -> None:
    """For the whole session; the workers of pytest-xdist inherit the addresses."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cancelled CI job stops its servers too
    servers = ExitStack()
    config.add_cleanup(servers.close)
    try:
        os.environ |= servers.enter_context(temporary_servers())
    except EmbeddedError as error:
        raise pytest.UsageError(str(error)) from error


def use_own_redis_database(worker: str) -> None:
    """As pytest-django gives each worker (gw0, gw1, …) a database of its own in PostgreSQL."""
    server, slash, database = os.environ.get("REDIS_URL", "").rpartition("/")
    if slash and database == "0":
        os.environ["REDIS_URL"] = f"{server}/{1 + int(worker.removeprefix('gw'))}"
