"""The Celery app: it carries wake-ups only. Rows in PostgreSQL are the truth, so every setting prefers
forgetting a message to handling it twice or blocking a web request."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_ready

from chatbridge.garbage import search_less

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")

app = Celery("chatbridge")
app.config_from_object("chatbridge.celeryconfig")
app.autodiscover_tasks(["channels_app"])


@worker_ready.connect
def _serve_for_long(**_: Any) -> None:
    search_less()
