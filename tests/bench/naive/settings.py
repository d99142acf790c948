"""Django's and DRF's defaults, on the same servers and with the same number of threads as the bridge."""

from chatbridge.settings import ALLOWED_HOSTS, DATABASES, REDIS_URL, SECRET_KEY

__all__ = ["ALLOWED_HOSTS", "SECRET_KEY"]

DEBUG = False
_database = DATABASES["default"]
DATABASES = {
    "default": {
        **_database,
        "CONN_MAX_AGE": 600,  # seconds: a thread keeps its connection
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {name: value for name, value in _database["OPTIONS"].items() if name not in ("pool", "options")},
    }
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
    "tests.bench.naive",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tests.bench.naive.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = 16
