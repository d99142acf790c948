"""Reads the records of a run: the simulator's by its control API, the bridge's from its tables."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, LiteralString

import psycopg
import requests
from psycopg.rows import dict_row

from tests.faults.records import Blow, Call, Heard, History, Notice, Row, Sending, Tenure, marker_in

JSON = dict[str, Any]
TIMEOUT_S = 60.0
"""A ledger of thousands of requests, on a busy machine."""

_ROWS = """
SELECT conversation.external_id AS conversation, event.source, event.idempotency_key AS key, event.type,
    extract(epoch FROM event.sent_at)::float AS sent_at, extract(epoch FROM event.received_at)::float AS received_at,
    event.outcome, event.attempts
FROM channels_app_webhookevent AS event
JOIN channels_app_conversation AS conversation ON conversation.id = event.conversation_id
"""
_SENDINGS = """
SELECT conversation.external_id AS conversation, delivery.payload,
    array(SELECT attempt.result FROM channels_app_exchange AS attempt
          WHERE attempt.delivery_id = delivery.id ORDER BY attempt.n) AS results
FROM channels_app_delivery AS delivery
JOIN channels_app_conversation AS conversation ON conversation.id = delivery.conversation_id
WHERE delivery.kind = 'reply' ORDER BY delivery.id
"""
_TO_DO: dict[str, LiteralString] = {
    "leases": "SELECT count(*) FROM channels_app_conversation WHERE lease_slot IS NOT NULL",
    "events": "SELECT count(*) FROM channels_app_webhookevent WHERE outcome IS NULL",
    "wake-ups": "SELECT count(*) FROM channels_app_conversation WHERE wake_at IS NOT NULL",
}
_DEFECTS: dict[str, LiteralString] = {
    "lost wake-ups, mended by the guard": "SELECT coalesce(sum(count), 0) FROM channels_app_intakecount"
    " WHERE door = 'guard' AND reason = 'lost_wakeup'",
}


def collect(simulator: str, database_url: str, bots: Sequence[str], blows: Sequence[Blow]) -> History:
    """Everything about a run that has come to rest. `bots` are paths of the control API."""
    shown = [_get(f"{simulator}/sim/conversations/{one['id']}") for one in _get(f"{simulator}/sim/conversations")]
    ledger = _get(f"{simulator}/sim/ledger")["requests"]
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        rows = [Row(**row) for row in connection.execute(_ROWS)]
        sendings = [_sending(row) for row in connection.execute(_SENDINGS)]
    return History(
        notices=[_notice(one["id"], event) for one in shown for event in one["events"]],
        rows=rows,
        sendings=sendings,
        calls=[
            *(_call(entry["conversation"], entry) for entry in ledger if entry["kind"] == "conversation"),
            *(_call(one["id"], call) for one in shown for call in one["calls"] if call["inline"]),
        ],
        figures=_figures(ledger),
        heard=[heard for path in bots for heard in _heard(_get(f"{simulator}/sim/{path}"))],
        blows=sorted(blows, key=lambda blow: blow.at),
        tenures={one["id"]: [_tenure(each) for each in one["owners"]] for one in shown},
        left_open=_counted(database_url, _TO_DO | _DEFECTS),
    )


def has_work_left(database_url: str) -> bool:
    """By the bridge's own tables."""
    return any(_counted(database_url, _TO_DO).values())


def _counted(database_url: str, queries: Mapping[str, LiteralString]) -> dict[str, int]:
    with psycopg.connect(database_url) as connection:
        return {what: _one(connection.execute(query).fetchone()) for what, query in queries.items()}


def _one(row: Sequence[Any] | None) -> int:
    return int(row[0]) if row else 0


def _get(url: str) -> Any:
    response = requests.get(url, timeout=TIMEOUT_S)
    response.raise_for_status()
    return response.json()


def _notice(conversation: str, event: JSON) -> Notice:
    is_accepted = event["status"] == 200
    return Notice(
        conversation=conversation,
        key=event["key"],
        type=event["type"],
        sent_at=event["at"],
        accepted_at=event["at"] + event["ms"] / 1000 if is_accepted else None,
        ended_inline=bool(event.get("inline")),
        marker=marker_in(event.get("text") or ""),
    )


def _sending(row: Mapping[str, Any]) -> Sending:
    messages = row["payload"]["outgoing"]["messages"]
    return Sending(
        conversation=row["conversation"],
        texts=tuple(message["text"] for message in messages),
        results=tuple(row["results"]),
    )


def _call(conversation: str, entry: JSON) -> Call:
    body = entry["body"] if isinstance(entry["body"], dict) else {}
    done_inline_at = entry["at"] if entry.get("inline") and entry["status"] == 200 else None
    return Call(
        conversation=conversation,
        at=entry["at"],
        texts=tuple(_texts(body)),
        completes="complete" in body,
        processed_at=entry.get("processed_at", done_inline_at),
        status=entry["status"] or 0,
        fault=entry["fault"] or "",
        is_inline=bool(entry.get("inline")),
    )


def _figures(ledger: Sequence[JSON]) -> dict[str, list[float]]:
    """Looks at locks are no figures: they are GETs."""
    found: dict[str, list[float]] = {}
    for entry in ledger:
        if entry["kind"] == "metrics" and entry["method"] == "POST":
            found.setdefault(entry["client_id"] or "", []).append(entry["at"])
    return found


def _texts(body: JSON) -> Iterator[str]:
    for message in [*([body["sendMessage"]] if "sendMessage" in body else []), *body.get("sendMessages", [])]:
        yield message.get("text") or ""


def _heard(bot: JSON) -> Iterator[Heard]:
    """Of an HTTP bot its `turns`, of a Chatlayer what it `received`; the latter knows no key of a question."""
    is_chatlayer = "received" in bot
    speaks_later = is_chatlayer or bot["mode"] == "async"
    said = [answer for answer in bot["callbacks"] if answer["to"] == "reply"] if is_chatlayer else bot["replies"]
    arrived = str([answer for answer in said if answer["status"] in (200, 202)])  # a bot gives up after four tries
    repeated = str([answer for answer in said if answer["attempts"] > 1])
    for turn in bot["received"] if is_chatlayer else bot["turns"]:
        body = turn["body"] or {}
        text = body.get("text") or body.get("message", {}).get("textMessage", {}).get("text") or ""
        if marker := marker_in(text):
            is_greeted = bool(body.get("is_first"))  # with the start of its conversation, and in general words
            yield Heard(
                marker=marker,
                at=turn["at"],
                counts_once=not is_chatlayer,
                is_answered=not is_greeted and (not speaks_later or marker in arrived),
                answer_is_repeated=is_chatlayer and marker in repeated,
            )


def _tenure(change: JSON) -> Tenure:
    return Tenure(at=change["at"], is_ours=change["owner"] == "virtual_agent")
