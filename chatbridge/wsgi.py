"""The WSGI entry point: `gunicorn chatbridge.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")

application = get_wsgi_application()

from django.db import connection  # noqa: E402 - both need Django to be set up

from channels_app.channels import remember_channels  # noqa: E402
from chatbridge.garbage import search_less  # noqa: E402

remember_channels()
connection.close()  # this thread serves no request
search_less()
