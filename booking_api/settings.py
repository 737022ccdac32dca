"""Settings, all from the environment; `.env.example` lists every variable.

A value that is missing in production is reported by name by `booking_api.checks`, before any process
takes work, rather than by a traceback from deep inside a library.
"""

from collections.abc import MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import django_stubs_ext
import structlog
from corsheaders.defaults import default_headers

from booking_api.environment import Env
from booking_api.redaction import redact

django_stubs_ext.monkeypatch()  # lets admin classes and query sets be written with their model: ModelAdmin[Salon]

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Process ------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
DEVELOPMENT_SECRET_KEY = "insecure-development-key-never-used-with-debug-off"  # noqa: S105
SECRET_KEY = env.str("DJANGO_SECRET_KEY", default="") or DEVELOPMENT_SECRET_KEY
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else [])
PUBLIC_BASE_URL = env.address("PUBLIC_BASE_URL", ["http", "https"]).rstrip("/")
# Customers press a button on our own page, also where a proxy that we were not told of ends https.
CSRF_TRUSTED_ORIGINS = [*env.list("CSRF_TRUSTED_ORIGINS", default=[]), *filter(None, [PUBLIC_BASE_URL])]

ROOT_URLCONF = "booking_api.urls"
WSGI_APPLICATION = "booking_api.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = True

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "corsheaders",
    "django_extensions",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "phonenumber_field",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "simple_history",
    "booking_api",
    "address",
    "salon",
    "customer",
    "user",
    "schedule",
    "sms",
    "appointment",
    "transfer",
    "waitlist",
    "web",
]

MIDDLEWARE = [
    "booking_api.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "booking_api.middleware.UnusableRequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "web.middleware.LanguageOfPages",
    "booking_api.middleware.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- PostgreSQL and Redis -----------------------------------------------------------------------------
DATABASE_SCHEMES = ["postgres", "postgresql", "psql", "pgsql"]
env.address("DATABASE_URL", DATABASE_SCHEMES)
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://booking@127.0.0.1:5432/booking")}
DATABASES["default"] |= {
    # Persistent connections, checked once per request or task: a restarted PostgreSQL costs one reconnect.
    "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE_SECONDS", default=60),
    "CONN_HEALTH_CHECKS": True,
    # A transaction pooler (pgbouncer) hands the next query to another session.
    "DISABLE_SERVER_SIDE_CURSORS": True,
    "OPTIONS": {"connect_timeout": 5, "application_name": "booking"},
}
REDIS_URL = env.address("REDIS_URL", ["redis", "rediss", "unix"], default="redis://127.0.0.1:6379/0")
# How long an enqueue may hold up a booking when Redis hangs, in seconds.
REDIS_TIMEOUT_SECONDS = env.float("REDIS_TIMEOUT_SECONDS", default=0.5)

# --- Time and language --------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"  # what is stored; a salon's own zone appears where a person reads it
DEFAULT_TIMEZONE = env.str("DEFAULT_TIMEZONE", default="Europe/London")
LANGUAGE_CODE = "en-gb"
# Of the staff pages, by the browser's wish. The API, the admin and every text stay English (`web.middleware`).
LANGUAGES = [("en-gb", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "web/locale"]  # before Django's own, whose admin says some of these words otherwise
PHONENUMBER_DEFAULT_REGION = env.str("DEFAULT_PHONE_REGION", default="GB")
PHONENUMBER_DB_FORMAT = "E164"
PHONENUMBER_DEFAULT_FORMAT = "E164"

# --- Texts --------------------------------------------------------------------------------------------
TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", default="")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", default="")
TWILIO_PHONE_NUMBER = env.str("TWILIO_PHONE_NUMBER", default="")
TWILIO_BASE_URL = env.address("TWILIO_BASE_URL", ["http", "https"], default="https://api.twilio.com")
SMS_HTTP_TIMEOUT_SECONDS = env.float("SMS_HTTP_TIMEOUT_SECONDS", default=5.0)
# How long a claimed text belongs to its worker: must outlast the HTTP timeout (connect + read).
SMS_CLAIM_LEASE_SECONDS = env.float("SMS_CLAIM_LEASE_SECONDS", default=15.0)
# How long an offered text may wait in Redis before it is offered again.
SMS_OFFER_LEASE_SECONDS = env.float("SMS_OFFER_LEASE_SECONDS", default=15.0)
# When a text whose fate is unknown, and of which Twilio shows no trace, may be sent once more. Twilio's
# callbacks tell within seconds; without them only its message list does, and that lags by minutes.
SMS_RECONCILE_SECONDS = env.float("SMS_RECONCILE_SECONDS", default=20.0 if PUBLIC_BASE_URL else 180.0)
SMS_DISPATCH_INTERVAL_SECONDS = env.float("SMS_DISPATCH_INTERVAL_SECONDS", default=0.2)
SMS_DISPATCH_BATCH = env.int("SMS_DISPATCH_BATCH", default=500)
# The most texts waiting in Redis at once, per lane: more would wait longer than their lease.
SMS_QUEUE_LIMIT = env.int("SMS_QUEUE_LIMIT", default=2000)

# --- Waitlist -----------------------------------------------------------------------------------------
WAITLIST_HOLD_MINUTES = env.int("WAITLIST_HOLD_MINUTES", default=30)  # how long a time is kept for its customer

# --- Accounts -----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "user.ExtendedUser"
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "/login/", "/", "/login/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
PASSWORD_RESET_TIMEOUT = 60 * env.int("PASSWORD_RESET_MINUTES", default=60)  # seconds
# Where a person sets a new password: a page of whoever uses this API, with {uid} and {token} in its address.
PASSWORD_RESET_URL = env.str("PASSWORD_RESET_URL", default="")
SIMPLE_JWT = {
    "CHECK_REVOKE_TOKEN": True,  # a changed password ends access tokens as well
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=env.int("ACCESS_TOKEN_MINUTES", default=30)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=env.int("REFRESH_TOKEN_DAYS", default=14)),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "UPDATE_LAST_LOGIN": True,
}

# --- How often somebody may ask; 0 is no limit -----------------------------------------------------------
RATE_LIMIT_PER_USER = env.int("RATE_LIMIT_PER_USER", default=3000)  # a minute
RATE_LIMIT_PER_API_KEY = env.int("RATE_LIMIT_PER_API_KEY", default=3000)  # a minute
RATE_LIMIT_PER_IP = env.int("RATE_LIMIT_PER_IP", default=6000)  # a minute; a salon may share one address
RATE_LIMIT_PER_CALENDAR_FEED = env.int("RATE_LIMIT_PER_CALENDAR_FEED", default=120)  # an hour
PASSWORD_RESETS_PER_ACCOUNT = env.int("PASSWORD_RESETS_PER_ACCOUNT", default=5)  # an hour
PASSWORD_RESETS_PER_IP = env.int("PASSWORD_RESETS_PER_IP", default=60)  # an hour
LOGIN_FREE_ATTEMPTS = env.int("LOGIN_FREE_ATTEMPTS", default=10)
LOGIN_FREE_ATTEMPTS_PER_IP = env.int("LOGIN_FREE_ATTEMPTS_PER_IP", default=50)
COUNTER_PREFIX = "booking:"  # of the keys in Redis
# How many proxies stand before web, each adding to X-Forwarded-For; none is believed that does not.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

# --- Mail ---------------------------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25"))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="booking@localhost")

# --- API ----------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "user.authentication.ApiKeyAuthentication",
        "user.authentication.CookieJWTAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["booking_api.renderers.FastJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["booking_api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "booking_api.pagination.PageNumberPagination",
    "DEFAULT_SCHEMA_CLASS": "booking_api.schema.ApiSchema",
    "DEFAULT_THROTTLE_CLASSES": ["booking_api.rate_limits.CallerThrottle"],
    "EXCEPTION_HANDLER": "booking_api.errors.exception_handler",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
DRF_STANDARDIZED_ERRORS = {"ENABLE_IN_DEBUG_FOR_UNHANDLED_EXCEPTIONS": True}
SPECTACULAR_SETTINGS = {
    "TITLE": "Salon booking",
    "DESCRIPTION": "Book appointments; the customer's phone gets the right text, at the right moment, once.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],  # an expired cookie hides no documentation
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "booking_api.examples.add_examples",
        "booking_api.schema.close_requests",
    ],
    "ENUM_NAME_OVERRIDES": {
        "AppointmentStatusEnum": "appointment.models.Appointment.Status",
        "MessageStatusEnum": "sms.models.Message.Status",
    },
}

# --- Pages and security -------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
# What `make setup` gets from npm, served as it is.
NODE_MODULES = BASE_DIR / "web/npm/node_modules"
STATICFILES_DIRS = [
    ("event-calendar", NODE_MODULES / "@event-calendar/build/dist"),
    ("figtree", NODE_MODULES / "@fontsource-variable/figtree/files"),
]
# Where people look, not programs: errors are pages there. The front page is one too.
PATHS_OF_PAGES = ("/admin/", "/desk/", "/login/", "/logout/", "/waitlist/o/")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not STATIC_ROOT.exists()  # a checkout serves them from where they lie
HTTPS_ONLY = PUBLIC_BASE_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
# Web itself speaks plain http, so only a proxy can tell that a request came by https.
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=HTTPS_ONLY and TRUSTED_PROXIES > 0)
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics/$"]  # asked from inside
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000 if HTTPS_ONLY else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
# Preloading binds a whole domain for years: its owner's decision, and not to be had by a header alone.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
CONTENT_SECURITY_POLICY_OF_PAGES = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
CONTENT_SECURITY_POLICY_OF_DATA = "default-src 'none'; frame-ancestors 'none'"
# Other sites' scripts: none, unless named; with a token in the Authorization header, never by cookie.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_HEADERS = (*default_headers, "idempotency-key", "if-match", "if-none-match")
CORS_EXPOSE_HEADERS = [
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Policy",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
]
CSRF_FAILURE_VIEW = "booking_api.errors.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("LARGEST_BODY_BYTES", default=1_048_576)

# --- Metrics: shown to whoever sends this as a bearer token, to nobody while it is empty -------------------
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Logs: one line an event, never a whole phone number or text --------------------------------------
LOG_LEVEL = env.one_of("LOG_LEVEL", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], default="INFO")
LOG_FORMAT = env.one_of("LOG_FORMAT", ["json", "console"], default="console" if DEBUG else "json")
_SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _one_line_a_request(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A request is logged when it has been answered; that it began is for DEBUG."""
    if event.get("event") == "request_started" and LOG_LEVEL != "DEBUG":
        raise structlog.DropEvent
    return event


structlog.configure(
    processors=[
        _one_line_a_request,
        *_SHARED_PROCESSORS,
        structlog.stdlib.filter_by_level,
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer()
                if LOG_FORMAT == "json"
                else structlog.dev.ConsoleRenderer(colors=False),
                redact,
            ],
            "foreign_pre_chain": [*_SHARED_PROCESSORS, structlog.processors.format_exc_info],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "twilio.http_client": {"level": "WARNING"},
        "dramatiq": {"level": "WARNING"},
    },
}
