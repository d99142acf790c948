"""A database as it is after years: what real turns have left behind, many times over.

Multiplying rows that the bridge itself has written keeps every column true, whatever the tables look like.
"""

from collections.abc import Iterator

from tests.bench.builds import ACCOUNTS, Product
from tests.bench.crews import Crew, raise_all, run
from tests.bench.drives import Pace
from tests.bench.stage import Stage
from tests.bench.table import Section
from tests.bridge import eventually

FULL, CROWD = "full", "old"
SAMPLE = ACCOUNTS
"""Conversations that are played, one for each channel; the others are their copies."""
DAYS = 60
"""The history goes back so far."""
DRAIN_S = 300.0
TABLES = ("contact", "conversation", "webhookevent", "eventbody", "message", "delivery", "exchange")
REFERENCES = ("id", "contact_id", "conversation_id", "event_id", "delivery_id", "last_turn_id")
_NEXT_ID = "left(external_id, -6) || lpad((right(external_id, 6)::int + copy * {sample})::text, 6, '0')"
OWN = {
    "conversation.external_id": _NEXT_ID,
    "contact.external_id": _NEXT_ID,
    "conversation.session_id": "gen_random_uuid()",
    "webhookevent.idempotency_key": "gen_random_uuid()::text",
}
"""What must differ from copy to copy besides numbers and times."""


def full_database(stage: Stage, section: Section) -> Product:
    """The bridge on a database with many finished events."""
    build = stage.build(Product, FULL)
    if stage.is_full:
        return build
    crew = Crew(name=FULL, build=build, crowd=CROWD)
    raise_all(stage, section, [crew], SAMPLE)
    said = stage.plan.events // stage.plan.old_conversations - 2  # besides the beginning and the first message
    run(stage, section, crew, crew.drive(SAMPLE, Pace.BURST, burst=said, drain_s=DRAIN_S))
    eventually(lambda: not build.ask("SELECT 1 FROM channels_app_conversation WHERE wake_at IS NOT NULL LIMIT 1"))
    for statement in _multiply(build, stage.plan.old_conversations // SAMPLE - 1):
        build.ask(statement)
    stage.is_full = True
    return build


def _multiply(build: Product, copies: int) -> Iterator[str]:
    """The sample becomes the oldest; each copy is a step younger, and its numbers are higher."""
    stride = max(_highest(build, table) for table in TABLES)
    step = f"interval '{DAYS * 86_400 / copies:.0f} s'"
    for table in TABLES:
        columns = _columns(build, table)
        moments = [name for name, kind in columns.items() if kind == "timestamp with time zone"]
        if moments:
            shifted = ", ".join(f"{name} = {name} - {copies} * {step}" for name in moments)
            yield f"UPDATE channels_app_{table} SET {shifted}"
        values = ", ".join(_value(table, name, kind, stride, step) for name, kind in columns.items())
        yield (
            # The rows are consistent as they are; checking a million references would take longer than writing them.
            "SET session_replication_role = replica;"
            f" INSERT INTO channels_app_{table} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE"
            f" SELECT {values} FROM generate_series(1, {copies}) AS copy CROSS JOIN channels_app_{table}"
        )
        if "id" in columns:
            sequence = f"pg_get_serial_sequence('channels_app_{table}', 'id')"
            yield f"SELECT setval({sequence}, max(id)) FROM channels_app_{table}"
        yield f"VACUUM ANALYZE channels_app_{table}"


def _highest(build: Product, table: str) -> int:
    key = "event_id" if table == "eventbody" else "id"
    return int(build.ask(f"SELECT coalesce(max({key}), 0) FROM channels_app_{table}")[0][0])


def _columns(build: Product, table: str) -> dict[str, str]:
    rows = build.ask(
        "SELECT column_name, data_type FROM information_schema.columns"
        f" WHERE table_name = 'channels_app_{table}' AND is_generated = 'NEVER' ORDER BY ordinal_position"
    )
    return dict(rows)


def _value(table: str, name: str, kind: str, stride: int, step: str) -> str:
    if own := OWN.get(f"{table}.{name}"):
        return own.format(sample=SAMPLE)
    if name in REFERENCES:
        return f"{name} + copy * {stride}"
    return f"{name} + copy * {step}" if kind == "timestamp with time zone" else name
