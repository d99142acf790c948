"""Every setting of the bridge, each read once. docs/operations.md explains the variables to operators."""

import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from channels_app.lib.encryption import parse_keys
from channels_app.lib.http.addresses import AllowList
from channels_app.protocol.errors import ConfigError
from chatbridge import limits
from chatbridge.databases import database_at, redis_url
from chatbridge.environment import (
    PORTS,
    Environment,
    base_url,
    certificates,
    host_names,
    mail_addresses,
    web_url,
)

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

env = Environment()
LOCAL_DIR = Path(env.text("CHATBRIDGE_LOCAL_DIR", str(BASE_DIR / ".local")))
# While `make run` runs, a second terminal finds its databases and keys. Never where any of them is given: a file
# that was left behind must not put a production server into development mode.
if not any(env.text(name) for name in ("DEBUG", "DATABASE_URL", "SECRET_KEY", "ENCRYPTION_KEYS")):
    env.add_defaults(LOCAL_DIR / "env")
DEBUG = env.flag("DEBUG")

# --- secrets and addresses: production gives all of them, development has stand-ins ---------------------------------
SECRET_KEY = env.required(
    "SECRET_KEY",
    unless=DEBUG,
    default="development-only",
    hint='a long random text, e.g. from: python -c "import secrets; print(secrets.token_urlsafe(50))"',
)
if not DEBUG and 0 < len(env.text("SECRET_KEY")) < 32:
    env.problems.append("SECRET_KEY is too short: give at least 32 random characters.")

_development_key = base64.urlsafe_b64encode(hashlib.sha256(b"development-only").digest()).decode()
ENCRYPTION_KEYS: list[bytes] = env.parsed(
    "ENCRYPTION_KEYS",
    env.required(
        "ENCRYPTION_KEYS",
        unless=DEBUG,
        default=_development_key if DEBUG else "",
        hint='one or more 32-byte keys in URL-safe base64, e.g. from: python -c "import base64, os; '
        'print(base64.urlsafe_b64encode(os.urandom(32)).decode())"',
    ),
    parse_keys,
    [],
)
ENCRYPTION_KEYS_FILE = env.file("ENCRYPTION_KEYS")  # read again when a key is missing
PUBLIC_BASE_URL = env.parsed(
    "PUBLIC_BASE_URL",
    env.required(
        "PUBLIC_BASE_URL",
        unless=DEBUG,
        default="http://127.0.0.1:8000",
        hint="where Sparkcentral and your bots reach this bridge, e.g. https://bridge.example.com",
    ),
    base_url,
    "",
)
ALLOWED_HOSTS: list[str] = env.parsed(
    "ALLOWED_HOSTS",
    env.required(
        "ALLOWED_HOSTS",
        unless=DEBUG,
        default="localhost,127.0.0.1,[::1]" if DEBUG else "",
        hint="the host names of this bridge, e.g. bridge.example.com",
    ),
    host_names,
    [],
)
ALLOWED_PRIVATE_HOSTS = env.words("ALLOWED_PRIVATE_HOSTS")
try:
    AllowList.parse(ALLOWED_PRIVATE_HOSTS)
except ConfigError as error:
    env.problems.append(str(error))
STATUS_PAGE_URL = env.parsed("STATUS_PAGE_URL", env.text("STATUS_PAGE_URL"), base_url, "")

# Alerts for the team: by mail, if there is a server for it, and to an address of the team's chat.
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_USE_SSL = env.flag("EMAIL_USE_SSL")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", default=bool(EMAIL_HOST) and not EMAIL_USE_SSL)
EMAIL_PORT = env.number("EMAIL_PORT", 465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25, least=1, most=PORTS - 1)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_TIMEOUT = 10
_sender: list[str] = env.parsed("DEFAULT_FROM_EMAIL", env.text("DEFAULT_FROM_EMAIL"), mail_addresses, [])
DEFAULT_FROM_EMAIL = _sender[0] if _sender else ""
ALERT_MAIL_TO: list[str] = env.parsed("ALERT_MAIL_TO", env.text("ALERT_MAIL_TO"), mail_addresses, [])
ALERT_WEBHOOK_URL = env.parsed("ALERT_WEBHOOK_URL", env.text("ALERT_WEBHOOK_URL"), web_url, "")
ALERT_WEBHOOK_SECRET = env.text("ALERT_WEBHOOK_SECRET")
if EMAIL_USE_SSL and EMAIL_USE_TLS:
    env.problems.append("EMAIL_USE_SSL and EMAIL_USE_TLS are both 1: keep one of them.")
if EMAIL_HOST and not DEFAULT_FROM_EMAIL:
    env.problems.append("DEFAULT_FROM_EMAIL is missing: from which address mails are sent, e.g. bridge@example.com")
if ALERT_MAIL_TO and not EMAIL_HOST:
    env.problems.append("EMAIL_HOST is missing: the mail server that sends to ALERT_MAIL_TO")
# OpenSSL reads it by itself, and would say nothing of a wrong one: every call would fail instead.
env.parsed("SSL_CERT_FILE", env.text("SSL_CERT_FILE"), certificates, "")


# --- PostgreSQL and Redis -------------------------------------------------------------------------------------------
PLAIN_CURSORS = env.flag("PLAIN_CURSORS")
"""Statements go through Django's cursors instead of `lib.prepared`, which uses what psycopg doesn't promise."""

# The web server's, for gunicorn.conf.py.
PORT = env.number("PORT", 8000, least=1, most=PORTS - 1)
WEB_CONCURRENCY = env.number("WEB_CONCURRENCY", 2, least=1)
ACCESS_LOG = env.flag("ACCESS_LOG")
# Each thread keeps one connection to PostgreSQL, and each process some for upkeep: see docs/operations.md.
WEB_THREADS = env.number("WEB_THREADS", 16, least=1)
# Of one worker, or of a guard that processes turns itself. A turn whose bot thinks has no thread, only a call.
TURNS_AT_ONCE = env.number("TURNS_AT_ONCE", 12, least=1)
CALLS_AT_ONCE = env.number("CALLS_AT_ONCE", 1_500, least=1)
CALLS_PER_BOT = env.number("CALLS_PER_BOT", 1_000, least=1)
STOP_GRACE_S = env.number("STOP_GRACE_S", 30, least=0)
# Seconds that the inbox's request waits for an answer to carry. The platform waits ten, a look may take two more.
INLINE_ANSWER_S = env.number("INLINE_ANSWER_S", 3, least=1, most=7)
_database_url = env.required(
    "DATABASE_URL",
    unless=DEBUG,
    default="postgresql://127.0.0.1:5432/chatbridge",
    hint="your PostgreSQL, e.g. postgresql://user:password@host:5432/chatbridge",
)
DATABASES: dict[str, dict[str, Any]] = {"default": env.parsed("DATABASE_URL", _database_url, database_at, {})}
# Not behind a PgBouncer that gives each transaction another connection and is older than 1.21.
if DATABASES["default"] and not env.flag("PREPARE_STATEMENTS", default=True):
    DATABASES["default"]["OPTIONS"]["prepare_threshold"] = None
REDIS_URL = env.parsed(
    "REDIS_URL",
    env.required(
        "REDIS_URL",
        unless=DEBUG,
        default="redis://127.0.0.1:6379/0",
        hint="your Redis, e.g. redis://host:6379/0",
    ),
    redis_url,
    "",
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- the application ------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels_app",
    "offload",
    *(["chatbridge.simulator"] if DEBUG else []),  # for development: the image doesn't have it
]
BEHIND_PROXY = env.flag("BEHIND_PROXY")
MIDDLEWARE = [
    "chatbridge.health.HealthMiddleware",
    "chatbridge.doors.DoorsMiddleware",
    *(["chatbridge.proxy.ProxyMiddleware"] if BEHIND_PROXY else []),
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "channels_app.web.pages.time_zone.TimeZoneMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "chatbridge.unavailable.UnavailableMiddleware",
]
ROOT_URLCONF = "chatbridge.urls"
WSGI_APPLICATION = "chatbridge.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "channels_app.web.pages.menu.menu",
            ]
        },
    }
]
LOGIN_URL, LOGIN_REDIRECT_URL = "admin:login", "admin:index"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"  # of programs; pages are in the zone of who reads them: see operations/time_zone.py
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
WHITENOISE_USE_FINDERS = True  # straight from the packages: no collectstatic step that a deploy could forget
REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None, "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {
    "TITLE": "chatbridge",
    "DESCRIPTION": "Everything the pages can do, for programs. See docs/api.md.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["channels_app.web.api.schema.only_our_paths"],
    "POSTPROCESSING_HOOKS": ["channels_app.web.api.schema.with_problems"],
    "SORT_OPERATIONS": False,  # by the pages' order
}

# A body above these is refused with 413 before it is verified.
MAX_INBOX_BODY_BYTES = limits.MAX_INBOX_BODY_BYTES
MAX_BOT_BODY_BYTES = limits.MAX_BOT_BODY_BYTES
DATA_UPLOAD_MAX_MEMORY_SIZE = limits.MAX_BODY_BYTES

# --- safety on the web ----------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {"default-src": ["'self'"], "frame-ancestors": ["'none'"], "form-action": ["'self'"]}
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
_is_https = PUBLIC_BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 8 * 3600  # seconds: a working day
CSRF_TRUSTED_ORIGINS = ["://".join(urlsplit(PUBLIC_BASE_URL)[:2])] if PUBLIC_BASE_URL else []
# The proxy in front says whether the contact of the browser was https; only a proxy that always sets it may be used.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# A year, in seconds; the proxy redirects http to https, so that health checks and platforms on http still work.
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
SECURE_SSL_REDIRECT = False
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains and preload are a decision about the whole domain, not ours
    "security.W008",  # see SECURE_SSL_REDIRECT
    "security.W021",
]

# --- logs -----------------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "chatbridge.logs.LineFormatter", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "filters": {"one_a_minute": {"()": "chatbridge.logs.OneAMinute"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["one_a_minute"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.server": {"handlers": ["console"], "level": "WARNING", "propagate": False},
    },
}

if env.problems:
    # Not an exception: starting a process should print a list, not a traceback with the list at its end.
    raise SystemExit(env.report())
