"""The WSGI entry point: `gunicorn chatbridge.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")

application = get_wsgi_application()
