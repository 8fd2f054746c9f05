"""Every setting, read once from the environment; a bad or missing value stops the start.

An empty environment is development on SQLite. ``PRODUCTION=1`` demands every secret by name.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()
BASE_DIR = Path(__file__).resolve().parent.parent.parent
PRODUCTION = env.bool("PRODUCTION", False)
#: A database marked DEMO: one-press sign-in, mail shown on a page, a sandbox banner. Never in production.
DEMO = env.bool("DEMO", False)
SANDBOX = env.bool("SANDBOX", not PRODUCTION)
TESTING = "pytest" in sys.modules


def _needed(name: str, development: str) -> str:
    """A value that production must set and development may leave out."""
    value = env.str(name, "")
    if PRODUCTION and value and value == development:
        raise ImproperlyConfigured(f"{name} is the development value, which everybody can read: make one of your own")
    if value or not PRODUCTION:
        return value or development
    raise ImproperlyConfigured(f"PRODUCTION=1 needs {name} in the environment")


if PRODUCTION and DEMO:
    raise ImproperlyConfigured("DEMO=1 opens the door to everyone: it cannot be combined with PRODUCTION=1")

SECRET_KEY = _needed("SECRET_KEY", "development-only-" + "k" * 40)
PORT = env.int("PORT", 8000)
SITE_URL = _needed("SITE_URL", f"http://localhost:{PORT}").rstrip("/")
_site = urlsplit(SITE_URL)
DEBUG = False
ALLOWED_HOSTS = [str(_site.hostname)] if PRODUCTION else ["localhost", "127.0.0.1", "testserver", "[::1]"]
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# Keys that encrypt tokens and secrets in the database, newest first: "id:key,id:key".
_DEVELOPMENT_KEY = "dev:" + "Y291bnRlcnNpZ24tZGV2ZWxvcG1lbnQta2V5LTAwMDA="
FIELD_KEYS: dict[str, str] = {}
for _entry in _needed("FIELD_KEYS", _DEVELOPMENT_KEY).split(","):
    _id, _, _key = _entry.strip().partition(":")
    try:
        Fernet(_key)
    except ValueError as error:
        raise ImproperlyConfigured(f"FIELD_KEYS: the key {_id!r} is not 32 bytes in url-safe base64") from error
    if PRODUCTION and _key == _DEVELOPMENT_KEY.partition(":")[2]:
        raise ImproperlyConfigured(f"FIELD_KEYS: the key {_id!r} is the development key, which everybody can read")
    FIELD_KEYS[_id] = _key

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "template_partials",
    "simple_history",
    "django_q",
    "practice.core",
    "practice.firm",
    "billing",
    "proposals",
    "ledger_sync",
    "practice.site",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "practice.site.middleware.request_ids",
    "practice.site.middleware.refuse_null_characters",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "practice.site.middleware.require_second_factor",
    "practice.site.middleware.audit_cause",
]

ROOT_URLCONF = "practice.site.urls"
WSGI_APPLICATION = "practice.site.wsgi.application"
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
                "practice.site.context.site",
            ],
            "builtins": ["practice.core.templatetags.words"],
        },
    }
]

# The database. Each writer on SQLite takes its lock at BEGIN: deferred transactions fail under load instead of waiting.
DATABASE_URL = env.str("DATABASE_URL", "")
if PRODUCTION and not DATABASE_URL:
    raise ImproperlyConfigured("PRODUCTION=1 needs DATABASE_URL in the environment")
if DATABASE_URL and not DATABASE_URL.startswith("sqlite"):
    DATABASES = {
        "default": {**env.db_url("DATABASE_URL"), "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True},
    }
else:
    _path = Path(DATABASE_URL.removeprefix("sqlite:///")) if DATABASE_URL else BASE_DIR / "var" / "countersign.sqlite3"
    _path.parent.mkdir(parents=True, exist_ok=True)
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(_path),
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            "ATOMIC_REQUESTS": False,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": f"PRAGMA journal_mode=WAL;PRAGMA synchronous={'OFF' if TESTING else 'NORMAL'};",
            },
            # Tests use a file too: threads that share one connection in memory would share its transactions.
            "TEST": {"NAME": str(BASE_DIR / "var" / f"test-{os.getpid()}.sqlite3")},
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# django-q2 is the bell and the clock; rows are the truth (docs/architecture.md).
Q_CLUSTER: dict[str, object] = {
    "name": "countersign",
    "workers": 4,
    "queue_limit": 2,
    "bulk": 1,
    "poll": 0.1,
    "timeout": 100,
    "retry": 260,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "recycle": 500,
    "guard_cycle": 1,
    "log_level": "WARNING",
}
#: What was sent to a ledger, and its notices as received, are kept so many days; then their fingerprints stay.
KEEP_SENT_DAYS = env.int("KEEP_SENT_DAYS", 90)
REDIS_URL = env.str("REDIS_URL", "")
if REDIS_URL:
    Q_CLUSTER["redis"] = REDIS_URL
else:
    Q_CLUSTER["orm"] = "default"

# People sign in by email: password or emailed code, then a second factor where their role asks for one.
AUTH_USER_MODEL = "firm.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
#: How many proxies of ours stand in front: so many addresses at the end of X-Forwarded-For are believed. With none, the
#: header is a visitor's own word and is not read.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", 0)
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_ADAPTER = "practice.firm.accounts.AccountAdapter"
ACCOUNT_FORMS = {"login": "practice.firm.accounts.LoginForm"}
MFA_ADAPTER = "practice.firm.accounts.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
if TESTING:
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if TESTING
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://" if not PRODUCTION else "smtp://localhost:25")
if PRODUCTION and not os.environ.get("EMAIL_URL"):
    raise ImproperlyConfigured("PRODUCTION=1 needs EMAIL_URL in the environment")
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL_CONFIG.get("EMAIL_HOST", "")
EMAIL_PORT = EMAIL_CONFIG.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = EMAIL_CONFIG.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = EMAIL_CONFIG.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = EMAIL_CONFIG.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL_CONFIG.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 30
DEFAULT_FROM_EMAIL = f"mail@{_site.hostname}"
if DEMO:
    EMAIL_BACKEND = "practice.site.mailbox.MailboxBackend"

# The vendors. In development and the demo these addresses are the sandboxes'.
XERO_BASE = env.str("XERO_BASE", "").rstrip("/")
XERO_CLIENT_ID = _needed("XERO_CLIENT_ID", "xero-development")
XERO_CLIENT_SECRET = _needed("XERO_CLIENT_SECRET", "xero-development-secret")
XERO_WEBHOOK_KEY = _needed("XERO_WEBHOOK_KEY", "xero-development-webhook-key")
QBO_BASE = env.str("QBO_BASE", "").rstrip("/")
QBO_CLIENT_ID = _needed("QBO_CLIENT_ID", "qbo-development")
QBO_CLIENT_SECRET = _needed("QBO_CLIENT_SECRET", "qbo-development-secret")
QBO_VERIFIER = _needed("QBO_VERIFIER", "qbo-development-verifier")
STRIPE_API_BASE = env.str("STRIPE_API_BASE", "https://api.stripe.com").rstrip("/")
STRIPE_JS_URL = env.str("STRIPE_JS_URL", "https://js.stripe.com/endive/stripe.js")
if PRODUCTION and (XERO_BASE or QBO_BASE or STRIPE_API_BASE != "https://api.stripe.com") and not SANDBOX:
    raise ImproperlyConfigured(
        "sandbox addresses are set: unset XERO_BASE, QBO_BASE, STRIPE_API_BASE, or set SANDBOX=1"
    )

# What a page may load: itself and Stripe, nothing else.
_stripe_js = f"{urlsplit(STRIPE_JS_URL).scheme}://{urlsplit(STRIPE_JS_URL).netloc}"
_stripe = [_stripe_js, STRIPE_API_BASE]
if STRIPE_API_BASE == "https://api.stripe.com":
    _stripe += ["https://hooks.stripe.com", "https://*.js.stripe.com"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", *_stripe],
        "style-src": ["'self'"],
        "frame-src": ["'self'", *_stripe],
        "connect-src": ["'self'", *_stripe],
        "img-src": ["'self'", "data:"],
        "form-action": ["'self'"] + [base for base in (XERO_BASE, QBO_BASE) if base],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_NAME = "countersign_session"
CSRF_COOKIE_NAME = "countersign_csrf"
SESSION_COOKIE_SAMESITE = "Lax"
if PRODUCTION:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

SIMPLE_HISTORY_REVERT_DISABLED = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "WARNING")},
}
