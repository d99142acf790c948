"""The WSGI entry point: `gunicorn chatbridge.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")

application = get_wsgi_application()

from django.conf import settings  # noqa: E402 - these need Django to be set up
from django.core.cache import close_caches  # noqa: E402
from django.core.signals import request_finished, request_started  # noqa: E402
from django.db import Error, close_old_connections, connection, reset_queries  # noqa: E402

from channels_app.channels.live import remember_channels  # noqa: E402
from channels_app.channels.readiness import NotReadyError, check_once, refuse  # noqa: E402
from channels_app.lib import outages  # noqa: E402
from chatbridge.garbage import search_less  # noqa: E402


def tidy_up_less() -> None:
    """Spare each request what Django does around it and we don't need: an eighth of what an event costs here.

    Connections are kept, and looked at when a request begins; statements are logged in development only; and there
    is no cache that would have to be closed.
    """
    request_finished.disconnect(close_old_connections)
    request_finished.disconnect(close_caches)
    if not settings.DEBUG:
        request_started.disconnect(reset_queries)


BOOT_FAILED = 3
"""Gunicorn's own number: it ends instead of starting the same again and again."""


def learn() -> None:
    """What a process has to know when PostgreSQL goes away. Without it, a web process starts all the same: `/readyz`
    says why it is not ready, and looks again. But one with the wrong keys can do nothing right."""
    try:
        check_once()
        remember_channels()
    except NotReadyError as error:
        if error.is_final:
            refuse(error, status=BOOT_FAILED)
        outages.logger.warning("%s", error)
    except Error as error:
        if outages.met(error) is None:
            raise


tidy_up_less()
learn()
connection.close()  # this thread serves no request
search_less()
