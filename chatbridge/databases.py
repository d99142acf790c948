"""Where PostgreSQL and Redis are: their URLs, as Django and redis-py take them."""

from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from chatbridge.environment import PORTS, has_valid_port


def database_at(url: str) -> dict[str, Any]:
    """Django's form of a PostgreSQL URL, read by libpq's own parser. Raises ValueError with a sentence."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must be a PostgreSQL URL: postgresql://user:password@host:5432/name")
    try:
        parts = conninfo_to_dict(url)
        ports = str(parts.get("port", "")).split(",")  # one for each of several hosts
    except ProgrammingError as error:
        raise ValueError("is not a valid PostgreSQL URL: postgresql://user:password@host:5432/name") from error
    if not all(port == "" or (port.isdecimal() and 0 < int(port) < PORTS) for port in ports):
        raise ValueError("has a port that is not a number from 1 to 65535: postgresql://user:password@host:5432/name")
    return {
        "ENGINE": "chatbridge.postgresql",
        "NAME": parts.pop("dbname", "chatbridge"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        # Each thread keeps its connection. Pages look first whether it is still there; the statements that every
        # message passes through have a cheaper way to tell, see `statements.fetch`.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            # Seconds, and milliseconds: what the network owes an answer for. A server that is frozen acknowledges all
            # the same; see `lib.postgres` for that.
            "keepalives_idle": "10",
            "keepalives_interval": "3",
            "keepalives_count": "3",
            "tcp_user_timeout": "10000",
            **parts,
            # How often a statement of `statements.py` is run before PostgreSQL keeps its plan.
            "prepare_threshold": 2,
            # A statement that waits for a lock gives up before the platform's 10 seconds for a webhook are over.
            "options": "-c lock_timeout=2000 -c statement_timeout=15000 -c idle_in_transaction_session_timeout=15000",
            # Seconds: short, so that a request can try again within the platform's 10 seconds.
            "connect_timeout": "2",
        },
    }


def redis_url(url: str) -> str:
    """The same URL. Raises ValueError with a sentence if it is none of Redis."""
    if not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must be a Redis URL: redis://host:6379/0")
    if not has_valid_port(url):
        raise ValueError("is not a valid Redis URL, or its port is not a number from 1 to 65535: redis://host:6379/0")
    return url
