"""The naive build's web server: `gunicorn tests.bench.naive.wsgi`."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
