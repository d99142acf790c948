"""Celery's settings. Why not the usual reliable ones: docs/decisions/0002-rows-are-the-truth.md."""

import sys
from typing import Any

from django.conf import settings

from channels_app.conversations.wakeups import LISTENERS

broker_url = settings.REDIS_URL
task_default_queue = "wakeups"
task_ignore_result = True
task_acks_late = False  # a wake-up that dies with its worker is made again by the guard
accept_content = ["json"]
task_serializer = "json"
worker_consumer = "chatbridge.consumer:Consumer"
worker_pool = "threads"
worker_concurrency = LISTENERS + 1  # they listen; turns have threads of their own
worker_prefetch_multiplier = 1
CELERY_DB_REUSE_MAX = sys.maxsize  # else Celery closes the connection to PostgreSQL before and after each task
worker_eta_task_limit = 100
worker_enable_remote_control = False
worker_send_task_events = False
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_channel_error_retry = True
_short: dict[str, Any] = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.2}
task_publish_retry = True
task_publish_retry_policy = _short
broker_transport_options = {
    **_short,
    "socket_timeout": 3,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    "health_check_interval": 3,  # a connection that fell silent is left after as much and BRPOP's own time
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
