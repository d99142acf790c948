"""What the work needs: PostgreSQL, Redis, and the accounts of the inboxes."""

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from django.db import connection

from channels_app.channels.live import make_inbox
from channels_app.codes import Problem, describe
from channels_app.conversations.wakeups import QUEUE, TIMEOUT_S
from channels_app.models import Channel, Credential
from channels_app.protocol.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """PostgreSQL or Redis: `facts` are words and values for people. `took_ms` None: it did not answer."""

    name: str
    took_ms: float | None
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One set of API keys: the channels that use it, and what the platform says about it."""

    row: Credential
    channels: Sequence[str]

    @property
    def quota_share(self) -> float | None:
        used, limit = self.row.quota_used, self.row.quota_limit
        return used / limit if used is not None and limit else None


_SERVER = """
SELECT current_setting('server_version'), current_setting('max_connections')::int,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'),
    pg_size_pretty(pg_database_size(current_database()))
"""


def ask_postgresql() -> Service:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        took_ms = (time.perf_counter() - began) * 1000
        cursor.execute(_SERVER)
        version, most, connections, active, size = cursor.fetchone()
    facts = [("Version", version), ("Connections", f"{connections} of {most}, {active} at work"), ("Size", size)]
    return Service(name="PostgreSQL", took_ms=took_ms, facts=facts)


def ask_redis() -> Service:
    """Asked with a short time-out, because it may be away and the page must come all the same."""
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=None
    )
    began = time.perf_counter()
    try:
        client.ping()
        took_ms = (time.perf_counter() - began) * 1000
        info: dict[str, Any] = client.info()
        waiting = client.llen(QUEUE)
    except redis.RedisError as error:
        return Service(name="Redis", took_ms=None, facts=[("Problem", type(error).__name__)])
    finally:
        client.close()
    memory = str(info.get("used_memory_human", "?"))
    facts = [("Version", str(info.get("redis_version", "?"))), ("Memory", memory), ("Wake-ups waiting", str(waiting))]
    return Service(name="Redis", took_ms=took_ms, facts=facts)


def redis_problems(service: Service) -> list[Problem]:
    return [describe("CB-708")] if service.took_ms is None else []


def read_accounts() -> list[Account]:
    channels: dict[str, list[str]] = defaultdict(list)
    for channel in Channel.objects.filter(archived_at=None):
        with suppress(ConfigError):  # a channel without keys, or with unreadable secrets, has no account
            channels[make_inbox(channel).account_key].append(channel.name)
    rows = Credential.objects.order_by("pk")
    return [Account(row=row, channels=channels.get(row.account_key, [])) for row in rows]
