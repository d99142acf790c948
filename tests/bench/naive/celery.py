"""The naive build's worker: `celery -A tests.bench.naive.celery worker`."""

from celery import Celery

app = Celery("naive")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # for the threads of the web server too
app.autodiscover_tasks(["tests.bench.naive"])
