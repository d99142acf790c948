"""The Celery app: it carries wake-ups only. Rows in PostgreSQL are the truth, so every setting prefers
forgetting a message to handling it twice or blocking a web request."""

import os
from contextlib import suppress
from typing import Any

from celery import Celery
from celery.signals import worker_init, worker_ready

from chatbridge.garbage import search_less

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")

app = Celery("chatbridge")
app.config_from_object("chatbridge.celeryconfig")
app.autodiscover_tasks(["channels_app"])


@worker_init.connect
def run_as_batch(**_: Any) -> None:
    """A woken worker waits until running processes yield; its threads inherit this.

    Web requests and PostgreSQL still go first, and a worker's threads don't take the processor from each other and
    from PostgreSQL in the middle of a statement: on a busy machine this makes some more turns of the same processor.
    """
    if hasattr(os, "SCHED_BATCH"):  # Linux
        with suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


@worker_ready.connect
def _serve_for_long(**_: Any) -> None:
    search_less()
