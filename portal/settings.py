"""One settings module, read from the environment (README has the table of variables).

Without any variable the portal runs on SQLite and the embedded broker under `var/`.
"""

from datetime import timedelta
from pathlib import Path

import bootstrap_wrapper
import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from portal.secret_key import development_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("PORTAL_DEMO", default=False)
HTTPS = env.bool("HTTPS", default=False)
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
STATIC_MANIFEST = env.bool("STATIC_MANIFEST", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
if not SECRET_KEY:
    if HTTPS or BEHIND_PROXY or STATIC_MANIFEST:
        # Several machines would sign with several keys; one that is shipped would be everybody's.
        raise ImproperlyConfigured("SECRET_KEY is not set: production needs 50 random characters")
    SECRET_KEY = development_key(VAR_DIR)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000")
CODE_VERSION = env.str("CODE_VERSION", default="0.1.0")

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "listings.apps.ListingsConfig",
    "rfq.apps.RfqConfig",
    "compliance.apps.ComplianceConfig",
    "growth.apps.GrowthConfig",
    "portal.admin_site.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "auditlog",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_countries",
    "django_filters",
    "django_htmx",
    "django_prometheus",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
]

MIDDLEWARE = [
    # What answers before the others, static files and refused hosts included, gets the headers too.
    "portal.web_security.AnswerHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.compression.TextGZipMiddleware",
    "portal.web_security.ClientAddressMiddleware",
    "portal.middleware.RequestIdMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.web_security.SessionLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.UserLanguageMiddleware",
    "portal.middleware.StaffMfaMiddleware",
    "portal.middleware.StaffTimeMiddleware",
    "portal.middleware.SellerMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "portal.template_folding.Loader",
                    [
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context_processors.portal",
            ],
            "builtins": ["portal.templatetags.shop_forms"],
        },
    },
]

# --- Database -----------------------------------------------------------------------------------
# An empty variable is an unset one, as compose files write it.
DATABASES = {
    "default": env.db_url_config(
        env.str("DATABASE_URL", default="") or f"sqlite:///{VAR_DIR / 'portal.sqlite3'}"
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_database = DATABASES["default"]
_database["ATOMIC_REQUESTS"] = False
if _database["ENGINE"].endswith("sqlite3"):
    # Deferred transactions fail with "database is locked" as soon as two of them upgrade at once.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        # What a night puts aside and sorts goes to temporary files, not into the process: its memory is
        # bounded by the cache, and nights take no longer (docs/benchmarks.md, P-5). Reads come by the map.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768;"
            "PRAGMA temp_store=FILE; PRAGMA mmap_size=268435456;"
        ),
    }
elif _database["ENGINE"].endswith(("postgresql", "psycopg2")):
    _database["ENGINE"] = "django.db.backends.postgresql"
    _database["CONN_HEALTH_CHECKS"] = True
    _database["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=60)
    _timeout = env.str("STATEMENT_TIMEOUT", default="30s")
    _database["OPTIONS"] = {
        "options": (
            f"-c lock_timeout=3s -c statement_timeout={_timeout} "
            "-c idle_in_transaction_session_timeout=30s"
        ),
    }
else:
    raise ImproperlyConfigured("DATABASE_URL must name SQLite or PostgreSQL")

# --- Broker and cache ---------------------------------------------------------------------------
# `make run` starts the embedded broker on a socket below var/ and exports REDIS_URL to its children.
REDIS_URL = env.str("REDIS_URL", default="")
BROKER_SOCKET = VAR_DIR / "broker.sock"


def _celery_broker(redis_url: str) -> str:
    """Return the Celery spelling of a redis-py URL; unix sockets differ."""
    if redis_url.startswith("unix://"):
        return "redis+socket://" + redis_url.removeprefix("unix://")
    return redis_url or f"redis+socket://{BROKER_SOCKET}"


if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "portal",
        }
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

CELERY_BROKER_URL = _celery_broker(REDIS_URL)
CELERY_TASK_ALWAYS_EAGER = env.bool("CELERY_TASK_ALWAYS_EAGER", default=False)
CELERY_TASK_EAGER_PROPAGATES = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 900
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    # What a dead worker held is looked for every 10 seconds; without the second only every tenth time.
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_max": 0.2}
CELERY_TIMEZONE = "UTC"
# Beat never names a Pacific hour: it asks which finished days lack a complete run, so the two
# daylight-saving nights and a second beat are harmless.
CELERY_BEAT_SCHEDULE = {
    "schedule-nights": {"task": "portal.tasks.schedule_nights", "schedule": crontab(minute="*/15")},
    # With `schedule.LOST_AFTER`: what a dead worker held is at work again within 75 seconds.
    "sweep-nights": {"task": "portal.tasks.sweep_nights", "schedule": 10.0},
    "sweep-ingest-uploads": {"task": "portal.tasks.sweep_ingest_uploads", "schedule": 60.0},
    "sweep-outbox": {"task": "portal.tasks.sweep_outbox", "schedule": 60.0},
    "sweep-webhooks": {"task": "portal.tasks.sweep_webhooks", "schedule": 15.0},
    "sweep-files": {"task": "portal.tasks.sweep_files", "schedule": crontab(minute=20)},
    "warn-tokens": {"task": "portal.tasks.warn_tokens", "schedule": crontab(minute=50)},
    "alert-searches": {"task": "rfq.tasks.alert_searches", "schedule": crontab(minute="*/15")},
    "rescreen": {"task": "compliance.tasks.rescreen", "schedule": crontab(minute="*/5")},
    "purge-products": {"task": "listings.tasks.purge_products", "schedule": crontab(minute=40)},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

NIGHTLY_CATCHUP_DAYS = env.int("NIGHTLY_CATCHUP_DAYS", default=31)
# Below the task's time limit, so that the database ends a statement before Celery ends the worker.
NIGHTLY_STATEMENT_TIMEOUT = env.str("NIGHTLY_STATEMENT_TIMEOUT", default="14min")
NIGHTLY_WORK_MEM = env.str("NIGHTLY_WORK_MEM", default="128MB")

# --- People -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "portal.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portal:home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "portal.accounts.PortalAccountAdapter"
ACCOUNT_FORMS = {"login": "portal.account_forms.SignInForm"}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# A person is told of a new password, address or second factor; who is nobody here gets no mail.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
# Addresses and second factors change only soon after a password or code was given.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_LOGOUT_ON_GET = False
MFA_ADAPTER = "portal.second_factors.SealedFactors"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Seller back office"
STAFF_MFA_REQUIRED = env.bool("STAFF_MFA_REQUIRED", default=True)

# --- Languages and time -------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
FORMAT_MODULE_PATH = "portal.formats"
# Customary, though not in ISO 3166; without a name pages would show the bare code.
COUNTRIES_OVERRIDE = {"XK": _("Kosovo")}
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- Files --------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [
    BASE_DIR / "static",
    ("vendor/bootstrap", bootstrap_wrapper.get_bootstrap_dir()),
]
STATICFILES_FINDERS = [
    "portal.static_files.UsedFileSystemFinder",
    "portal.static_files.UsedAppDirectoriesFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "portal.static_files.PortalStaticFilesStorage"
        if STATIC_MANIFEST
        else "django.contrib.staticfiles.storage.StaticFilesStorage",
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_USE_FINDERS = not STATIC_MANIFEST
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", default=str(VAR_DIR / "media")))
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
FILE_UPLOAD_HANDLERS = [
    "portal.upload_limits.BoundedUploads",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "portal.upload_limits.SpooledUploads",
]

CLAMAV_URL = env.str("CLAMAV_URL", default="")
"""`tcp://host:3310` or `unix:///path`: every upload is scanned, and refused while clamd is away."""

# --- E-mail -------------------------------------------------------------------------------------
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str(
    "DEFAULT_FROM_EMAIL", default="Seller back office <noreply@example.com>"
)

# --- Webhooks -----------------------------------------------------------------------------------
WEBHOOK_PORTS = env.list("WEBHOOK_PORTS", cast=int, default=[443, 8443])
WEBHOOK_ALLOW_LOCAL = env.bool("WEBHOOK_ALLOW_LOCAL", default=False)
"""Lets webhooks reach plain HTTP, any port and this machine's own network: to try them out, only."""
WEBHOOK_DISABLE_AFTER_DAYS = env.int("WEBHOOK_DISABLE_AFTER_DAYS", default=5)
WEBHOOK_RETENTION_DAYS = env.int("WEBHOOK_RETENTION_DAYS", default=30)

# --- Security -----------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
PROXY_COUNT = env.int("PROXY_COUNT", default=1)
"""Proxies in front that add to `X-Forwarded-For`; their number tells which entry to believe."""
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

# A browser takes a cookie called `__Host-` from this very host by HTTPS only, not from a neighbour.
_host = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_host}sessionid", f"{_host}csrftoken"
LANGUAGE_COOKIE_NAME, SESSION_SEEN_COOKIE_NAME = f"{_host}django_language", f"{_host}seen"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
# Whatever it does, a session ends after these hours; unused ones earlier, those of staff first.
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_MINUTES", default=60) * 60
STAFF_SESSION_IDLE_SECONDS = env.int("STAFF_SESSION_IDLE_MINUTES", default=30) * 60

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "manifest-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
SILENCED_SYSTEM_CHECKS: list[str] = []

# --- Forms, API ---------------------------------------------------------------------------------
FORM_RENDERER = "portal.form_renderer.FormRenderer"
CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["portal.api.permissions.IsMember"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsers.PortalJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "portal.api.pagination.PortalCursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "portal.api.schema.PortalAutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "rest_framework.throttling.AnonRateThrottle",
        "rest_framework.throttling.UserRateThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.str("THROTTLE_ANON", default="60/min"),
        "user": env.str("THROTTLE_USER", default="6000/min"),
    },
    # `REMOTE_ADDR` is the client's already; a header of the caller's own must not tell who is counted.
    "NUM_PROXIES": 0,
    "EXCEPTION_HANDLER": "portal.api.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
API_TOKEN_DAYS = env.int("API_TOKEN_DAYS", default=365)
"""Days after which a new API token ends; whom it belongs to is told before (`portal.services.tokens`)."""
REST_KNOX = {"TOKEN_TTL": timedelta(days=API_TOKEN_DAYS), "AUTH_HEADER_PREFIX": "Token"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Seller back office API",
    "DESCRIPTION": (
        "Facts in, standings out. Instants are ISO 8601 with offset; days are Pacific.\n\n"
        "A query parameter without a value counts as absent; one that a call does not know, or whose"
        " value cannot be read, is answered with 400 and named. In JSON bodies numbers may come as"
        ' text and texts as numbers; truths also as `"true"`, `"1"` or 1.'
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DEFAULT_GENERATOR_CLASS": "portal.api.schema.KeptSchemaGenerator",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "RunStateEnum": "portal.choices.RunState",
        "TradeKindEnum": "portal.choices.TradeKind",
        "ProductStatusEnum": "listings.choices.ProductStatus",
        "QuoteStatusEnum": "rfq.choices.QuoteStatus",
        "SpamKindEnum": "rfq.choices.SpamKind",
        "RfqStatusEnum": "rfq.choices.RfqStatus",
        "SpamReportStatusEnum": "rfq.choices.ReportStatus",
        "FollowUpKindEnum": "rfq.choices.FollowUpKind",
        "CertificateStatusEnum": "compliance.choices.CertificateStatus",
        "CertificateTypeEnum": "compliance.choices.CertificateType",
        "CoverStateEnum": "compliance.choices.CoverState",
        "EprCategoryEnum": "compliance.choices.EprCategory",
        "AppealReasonEnum": "compliance.choices.AppealReason",
        "PowerEnum": "growth.choices.Power",
        "PhaseEnum": "growth.choices.Phase",
        "PackStateEnum": "growth.choices.PackState",
        "RewardKindEnum": "growth.choices.RewardKind",
        "RewardStatusEnum": "growth.choices.RewardStatus",
        "RequestStatusEnum": "portal.choices.RequestStatus",
        "WebhookStatusEnum": "portal.choices.WebhookStatus",
        "DeliveryStateEnum": "portal.choices.DeliveryState",
    },
}

# --- Audit --------------------------------------------------------------------------------------
AUDITLOG_DISABLE_REMOTE_ADDR = False

# --- Logging ------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "portal.request_context.RequestIdFilter"}},
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
