"""The WSGI entry point: `gunicorn chatbridge.wsgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatbridge.settings")

application = get_wsgi_application()

from channels_app.channels import remember_channels  # noqa: E402 - models need Django to be set up

remember_channels()
