"""Where Celery enters: a wake-up says that there is work, and nothing else."""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from channels_app.channels.readiness import wait_until_usable
from channels_app.conversations.wakeups import wake_a_worker
from channels_app.lib.process import prepare_for_many_calls
from channels_app.turns.pump import worker_pump

logger = logging.getLogger(__name__)


@shared_task(name="channels_app.tasks.work", ignore_result=True)
def work() -> None:
    """Let the steps be taken that are due, and soon become due."""
    worker_pump().listen()


@worker_init.connect
def begin(**_: Any) -> None:
    """Without it there is nothing to do; and one that this worker can't read or write must be left to others."""
    prepare_for_many_calls()
    wait_until_usable()
    connection.close()  # this thread takes no steps


@worker_init.connect
def plan_for_many_rows(**_: Any) -> None:
    """From now on, for each connection of this worker."""
    connection_created.connect(read_by_index)


def read_by_index(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """A worker wants single rows out of many. Its plans are kept, and the first ones may be made while tables are
    still small: then to read and sort all of a table looks cheap, and a backlog would pay for it at each claim.

    What is switched off is very expensive for the planner, and PostgreSQL would compile (JIT) what is expensive.
    """
    if connection.settings_dict["OPTIONS"].get("prepare_threshold") is None:
        return  # no plan is kept; and behind a pooler, our settings would leak to other sessions
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET jit = off")


@worker_ready.connect
def look_for_work(**_: Any) -> None:
    """Register at startup, and check for work: there is no wake-up for what became due while no worker ran."""
    worker_pump().announce()
    connection.close()  # this thread takes no steps
    wake_a_worker()


@worker_shutting_down.connect
def stop_claiming(**_: Any) -> None:
    """Steps that have begun end; the rest is left to other workers."""
    worker_pump().stop()


@worker_shutdown.connect
def say_goodbye(**_: Any) -> None:
    worker_pump().end()
    connection.close()
