"""The Celery app: it carries wake-ups only. Rows in PostgreSQL are the truth, so every setting prefers
forgetting a message to handling it twice or blocking a web request."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")

app = Celery("chatbridge")
app.config_from_object("chatbridge.celeryconfig")
app.autodiscover_tasks(["channels_app"])
