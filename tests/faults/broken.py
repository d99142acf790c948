"""Runs a process of the bridge with a known defect, so that the run can show that it would notice.

    python -m tests.faults.broken NAME -- ARGUMENTS OF PYTHON

The defect is put in from outside after everything is loaded; the product has no switch for it.
"""

import os
import runpy
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

import django

Function = Callable[..., Any]


def put_in(module: str, name: str, make: Callable[[Function], Function]) -> None:
    """Replace a function wherever it was imported to. An unknown name ends the process: the defect would be none."""
    true = getattr(sys.modules[module], name)
    defect = make(true)
    for loaded, holder in list(sys.modules.items()):
        if loaded.partition(".")[0] in ("channels_app", "offload") and getattr(holder, name, None) is true:
            setattr(holder, name, defect)


# --- left open, lost -------------------------------------------------------------------------------------------------


def forget_what_came_meanwhile() -> None:
    """A worker that gives a conversation back overlooks what came while it worked."""
    from django.db import connection

    def make(true: Function) -> Function:
        def release(lease: Any, given: Any) -> datetime | None:
            woken: datetime | None = true(lease, given)
            if given.until is None and given.put_off is None:
                with connection.cursor() as cursor:
                    cursor.execute(
                        "UPDATE channels_app_conversation SET wake_at = NULL WHERE id = %s AND NOT EXISTS ("
                        " SELECT 1 FROM channels_app_webhookevent AS event WHERE event.conversation_id = %s"
                        " AND event.outcome IS NULL AND event.id <= %s)",
                        [lease.conversation_id, lease.conversation_id, _newest(lease)],
                    )
            return woken

        return release

    put_in("channels_app.conversations.release", "release", make)


def never_mend_it() -> None:
    """The same, and the guard doesn't look for such conversations either."""
    forget_what_came_meanwhile()
    put_in("channels_app.conversations.claim", "repair_lost_wakeups", lambda true: lambda: 0)


def _newest(lease: Any) -> int:
    return max((event.facts.id for event in lease.events), default=0)


def answer_before_commit() -> None:
    """The webhook answers 200 at once and stores the event when it finds the time."""
    from channels_app.conversations.events import Stored

    late_s = 0.5

    def make(true: Function) -> Function:
        def store_inbox_event(*args: Any, **kwargs: Any) -> Stored:
            threading.Timer(late_s, true, args, kwargs).start()
            return Stored(event_id=0, conversation_id=0, is_new=True, owes_wakeup=True)

        return store_inbox_event

    put_in("channels_app.conversations.events", "store_inbox_event", make)


# --- double replies --------------------------------------------------------------------------------------------------


def resend_what_may_have_arrived() -> None:
    """A call without an answer is simply made again."""
    from channels_app.deliveries.verdicts import Verdict

    put_in("channels_app.deliveries.verdicts", "judge_unknown", lambda true: lambda *args, **kwargs: Verdict.RETRY)


def call_for_what_was_taken() -> None:
    """A reply that has left in the response to a request leaves by a call, too."""
    put_in("channels_app.deliveries.inline", "is_taken", lambda true: lambda delivery: False)


def count_repeated_events() -> None:
    """An event that comes twice is two events."""

    def make(true: Function) -> Function:
        def store_inbox_event(channel_id: int, revision: int, event: Any, *rest: Any) -> Any:
            stored = true(channel_id, revision, event, *rest)
            return stored if stored.is_new else true(channel_id, revision, replace(event, key=str(uuid4())), *rest)

        return store_inbox_event

    put_in("channels_app.conversations.events", "store_inbox_event", make)


# --- order -----------------------------------------------------------------------------------------------------------


def take_the_newest_first() -> None:
    """What was said last is answered first."""
    latest = datetime(2100, 1, 1, tzinfo=UTC)

    def make(true: Function) -> Function:
        def next_step(events: Sequence[Any], *more: Any) -> Any:
            return true(
                [replace(event, sent_at=datetime.now(UTC) + (latest - event.sent_at)) for event in events], *more
            )

        return next_step

    put_in("channels_app.turns.steps", "next_step", make)


# --- said after handover ---------------------------------------------------------------------------------------------


def forget_the_handover() -> None:
    """Whose the conversation is isn't written down, so the bot goes on."""

    def make(true: Function) -> Function:
        return lambda lease, given: true(lease, replace(given, owner=None))

    put_in("channels_app.conversations.release", "release", make)


# --- left alone ------------------------------------------------------------------------------------------------------


def say_nothing_when_the_bot_fails() -> None:
    """A failed bot is like one that has nothing to say."""
    from channels_app.conversations.release import Release
    from channels_app.models import Outcome

    def make(true: Function) -> Function:
        return lambda lease, channel, claimed, *more, **kwargs: Release.ending([claimed], Outcome.SILENT)

    put_in("channels_app.deliveries.replies", "hand_over_for", make)


DEFECTS: dict[str, Callable[[], None]] = {
    defect.__name__.replace("_", "-"): defect
    for defect in (
        forget_what_came_meanwhile,
        never_mend_it,
        answer_before_commit,
        resend_what_may_have_arrived,
        call_for_what_was_taken,
        count_repeated_events,
        take_the_newest_first,
        forget_the_handover,
        say_nothing_when_the_bot_fails,
    )
}


def main() -> None:
    name, separator, *arguments = sys.argv[1:]
    assert separator == "--", __doc__
    sys.path.insert(0, str(Path.cwd()))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")
    django.setup()
    for module in (
        "channels_app.tasks",
        "channels_app.upkeep.guard",
        "channels_app.web.webhooks.inbox",
        "channels_app.web.webhooks.offload",
    ):
        import_module(module)
    DEFECTS[name]()
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
