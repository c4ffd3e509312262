"""The settings: one file, everything from environment variables, refused loudly when wrong.

| variable | unit, default |
| --- | --- |
| KCPCACHE_HOST, KCPCACHE_PORT | where the API listens; 127.0.0.1, 6443 |
| KCPCACHE_EXTERNAL_URL | the URL in kubeconfigs and statuses; https://<host>:<port> |
| KCPCACHE_ALLOWED_HOSTS | further host names for the admin, comma separated |
| KCPCACHE_DATA_DIR | a directory, relative to where the command is run; .kcpcache |
| DATABASE_URL | sqlite:// or postgresql://; a file in the data directory |
| KCPCACHE_SQLITE_SYNCHRONOUS | FULL or NORMAL (a power loss may take the last writes); FULL |
| KCPCACHE_REDIS_URL | redis://, rediss:// or unix://; unset: an embedded server on a private socket |
| KCPCACHE_BROKER_URL | redis://, rediss:// or redis+socket://; the same Redis, the next database number |
| KCPCACHE_ENCRYPTION_KEYS | Fernet keys, comma separated, the first encrypts; made at first start |
| KCPCACHE_SECRET_KEY | signs the admin's sessions; made at first start |
| KCPCACHE_ADMIN_PASSWORD | of the user kcp-admin in the admin; made at first start, in the file admin.password |
| KCPCACHE_TOKEN_AUTH_FILE | CSV of token, user, uid, "groups", as kube-apiserver reads it; none |
| KCPCACHE_TLS_CERT_FILE, KCPCACHE_TLS_KEY_FILE | PEM, served instead of the certificate that is made at first start |
| KCPCACHE_TLS_CA_FILE | PEM, the authority of that certificate, for kubeconfigs |
| KCPCACHE_HEARTBEAT_FILE | touched by a worker or beat at work, for health checks; none |
| KCPCACHE_BEHIND_TLS_PROXY | YES: a proxy that ends TLS stands before `web --no-tls`, which may be public; NO |
| KCPCACHE_SESSION_SECONDS | how long a login to the admin lasts, 300 to a week; 28800 |
| KCPCACHE_HSTS_SECONDS | how long browsers shall insist on TLS for this host, up to two years; 0, not said |
| KCPCACHE_SHARD | the name of this deployment in the cache; root |
| KCPCACHE_IDENTITY_NAMESPACE | where identity Secrets are made; kcp-system |
| KCPCACHE_WORKER_CONCURRENCY | processes of a worker; 2 |
| KCPCACHE_CHANGE_LOG_SECONDS | how long changes are kept for watches that resume, 300 to a year; 3600 |
| KCPCACHE_CHANGE_LOG_ROWS | how many changes are kept at most, 1000 or more; 1000000 |
| KCPCACHE_STREAM_SECONDS | how long a replica keeps changes in Redis for watches that resume, 60 to a day; 3600 |
| KCPCACHE_STREAM_BYTES | how much a replica's changes may take in Redis, 1 MiB or more; 33554432 |
| KCPCACHE_LOG_LEVEL | DEBUG, INFO, WARNING or ERROR; INFO |
| KCPCACHE_LOG_FORMAT | LINE, or JSON with one object a line; LINE |
| OTEL_EXPORTER_OTLP_ENDPOINT | where traces go, with requirements-otel.txt installed; none |
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from kcpcache import environment, privacy, secretfiles, strength

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def dns_label(name: str, default: str) -> str:
    """A variable that becomes part of keys and object names."""
    value = environment.text(name, default)
    if not DNS_LABEL.fullmatch(value):
        raise ImproperlyConfigured(
            f"{name} must be lower-case letters, digits and dashes, at most 63, not {value!r}."
        )
    return value


def secret(name: str, make: Any) -> str:
    """A secret that is kept in the data directory, made there at first start."""
    try:
        return secretfiles.read_or_create(KCPCACHE_DATA_DIR / name, make)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data directory {KCPCACHE_DATA_DIR} cannot be used: {error.strerror} ({error.filename})."
        ) from None


def url_host(host: str) -> str:
    """A host as it stands in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


# Where we are. Every process and command comes by here before it makes a file.

privacy.begin()
KCPCACHE_HOST = environment.text("KCPCACHE_HOST", "127.0.0.1")
KCPCACHE_PORT = environment.integer("KCPCACHE_PORT", 6443, minimum=1, maximum=65535)
KCPCACHE_DATA_DIR = Path(environment.text("KCPCACHE_DATA_DIR", ".kcpcache")).expanduser().absolute()
privacy.data_directory(KCPCACHE_DATA_DIR)
KCPCACHE_SHARD = dns_label("KCPCACHE_SHARD", "root")
KCPCACHE_IDENTITY_NAMESPACE = dns_label("KCPCACHE_IDENTITY_NAMESPACE", "kcp-system")

_reachable_host = socket.gethostname() if KCPCACHE_HOST in ("0.0.0.0", "::") else KCPCACHE_HOST  # noqa: S104
KCPCACHE_EXTERNAL_URL = environment.url(
    "KCPCACHE_EXTERNAL_URL", f"https://{url_host(_reachable_host)}:{KCPCACHE_PORT}", ["https", "http"]
).rstrip("/")
_external = urlsplit(KCPCACHE_EXTERNAL_URL)
KCPCACHE_BEHIND_TLS_PROXY = environment.choice("KCPCACHE_BEHIND_TLS_PROXY", "NO", ["YES", "NO"]) == "YES"
if _external.path or _external.query or not _external.hostname:
    raise ImproperlyConfigured("KCPCACHE_EXTERNAL_URL must be scheme, host and port only.")
if _external.scheme == "http" and not environment.is_loopback(_external.hostname):
    raise ImproperlyConfigured(
        "KCPCACHE_EXTERNAL_URL must begin with https://: tokens and passwords would be sent in the clear. Where a"
        " proxy ends TLS, it is the proxy's URL."
    )
KCPCACHE_SERVER_NAMES = [
    KCPCACHE_HOST,
    _external.hostname,
]  # in the server's certificate, besides the loopback

KCPCACHE_TLS_CERT_FILE = environment.text("KCPCACHE_TLS_CERT_FILE")
KCPCACHE_TLS_KEY_FILE = environment.text("KCPCACHE_TLS_KEY_FILE")
KCPCACHE_TLS_CA_FILE = environment.text("KCPCACHE_TLS_CA_FILE")
if len({bool(path) for path in (KCPCACHE_TLS_CERT_FILE, KCPCACHE_TLS_KEY_FILE, KCPCACHE_TLS_CA_FILE)}) > 1:
    raise ImproperlyConfigured(
        "KCPCACHE_TLS_CERT_FILE, KCPCACHE_TLS_KEY_FILE and KCPCACHE_TLS_CA_FILE go together: set all or none."
    )
if KCPCACHE_TLS_KEY_FILE:
    privacy.key_file("KCPCACHE_TLS_KEY_FILE", Path(KCPCACHE_TLS_KEY_FILE))
KCPCACHE_AUTHORITY_FILE = KCPCACHE_TLS_CA_FILE or str(KCPCACHE_DATA_DIR / "pki" / "ca.crt")

# Secrets.

_given_key = environment.text("KCPCACHE_SECRET_KEY")
if _given_key and (_weakness := strength.weakness(_given_key)):
    raise ImproperlyConfigured(
        f"KCPCACHE_SECRET_KEY {_weakness}. Who guesses it can forge what it signs: take a random one, such as"
        " `openssl rand -base64 48` prints, or unset it to have one made."
    )
SECRET_KEY = _given_key or secret("secret.key", secretfiles.encryption_key)
KCPCACHE_ENCRYPTION_KEYS = environment.listing("KCPCACHE_ENCRYPTION_KEYS") or [
    key.strip() for key in secret("encryption.keys", secretfiles.encryption_key).split(",")
]
if not all(secretfiles.is_encryption_key(key) for key in KCPCACHE_ENCRYPTION_KEYS):
    raise ImproperlyConfigured(
        "KCPCACHE_ENCRYPTION_KEYS must be Fernet keys (32 bytes in URL-safe base64), separated by commas."
    )
KCPCACHE_ADMIN_PASSWORD = environment.text("KCPCACHE_ADMIN_PASSWORD")
KCPCACHE_TOKEN_AUTH_FILE = environment.text("KCPCACHE_TOKEN_AUTH_FILE")
if KCPCACHE_TOKEN_AUTH_FILE:
    privacy.key_file("KCPCACHE_TOKEN_AUTH_FILE", Path(KCPCACHE_TOKEN_AUTH_FILE))

# The database, and a second alias on it for reads that need one snapshot: with `transaction_mode: IMMEDIATE`
# every `atomic()` takes SQLite's write lock, and READ COMMITTED has no snapshot over two statements.

KCPCACHE_SQLITE_SYNCHRONOUS = environment.choice("KCPCACHE_SQLITE_SYNCHRONOUS", "FULL", ["FULL", "NORMAL"])


# A client that stands still, or is gone without a word, must not keep what others wait for: the revision counter above
# all. The server ends its transaction before those who wait for it give up; they then answer 503. Times are in
# milliseconds where nothing else is said. Statements may take as long as they do, in migrations and backups above all.
POSTGRESQL_CONNECTION: dict[str, Any] = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 30,  # seconds
    "keepalives_interval": 10,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
POSTGRESQL_SESSION = {
    "idle_in_transaction_session_timeout": 20_000,
    "lock_timeout": 30_000,
    "tcp_keepalives_idle": 30,  # seconds
    "tcp_keepalives_interval": 10,  # seconds
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
POSTGRESQL_READING_SESSION = {
    "idle_in_transaction_session_timeout": 600_000
}  # holds no lock; a backup writes files


def session_options(parameters: dict[str, int], given: str) -> str:
    """Parameters of PostgreSQL's sessions as libpq wants them, before those that are given."""
    return " ".join([*(f"-c {name}={value}" for name, value in parameters.items()), given]).strip()


def databases(database_url: str) -> dict[str, dict[str, Any]]:
    """The aliases `default` and `snapshot` of one database."""
    try:
        database: dict[str, Any] = {**dj_database_url.parse(database_url)}
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL is not valid: {error}.") from None
    writing: dict[str, Any]
    reading: dict[str, Any]
    if database["ENGINE"] == "django.db.backends.sqlite3":
        if database["NAME"] in ("", ":memory:"):
            raise ImproperlyConfigured("DATABASE_URL must name a file: several processes share the database.")
        database |= {"CONN_MAX_AGE": None}
        pragmas = (
            f"PRAGMA journal_mode=WAL; PRAGMA synchronous={KCPCACHE_SQLITE_SYNCHRONOUS}; "
            "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY"
        )
        options = {
            **database.get("OPTIONS", {}),
            "timeout": 20,  # seconds
            "init_command": pragmas,
        }
        writing, reading = {"transaction_mode": "IMMEDIATE"}, {"transaction_mode": "DEFERRED"}
    elif database["ENGINE"] == "django.db.backends.postgresql":
        database |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}  # seconds
        given = database.get("OPTIONS", {})
        options = {**POSTGRESQL_CONNECTION, **given}
        said = given.get("options", "")  # behind ours, so that it prevails
        writing = {"options": session_options(POSTGRESQL_SESSION, said)}
        reading = {
            "options": session_options(POSTGRESQL_SESSION | POSTGRESQL_READING_SESSION, said),
            "isolation_level": 3,  # psycopg.IsolationLevel.REPEATABLE_READ
        }
    else:
        raise ImproperlyConfigured("DATABASE_URL must begin with sqlite:// or postgresql://.")
    return {
        "default": {**database, "OPTIONS": {**options, **writing}},
        "snapshot": {**database, "OPTIONS": {**options, **reading}, "TEST": {"MIRROR": "default"}},
    }


DATABASES = databases(
    environment.url(
        "DATABASE_URL",
        f"sqlite:///{quote(str(KCPCACHE_DATA_DIR / 'kcpcache.sqlite3'))}",
        ["sqlite", "postgres", "postgresql"],
    )
)
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    privacy.database(Path(DATABASES["default"]["NAME"]))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Redis: the cache, and in the next database number the broker.


def private_socket(directory: Path) -> Path:
    """Where the embedded server listens: in the data directory, or where the path is short enough."""
    beside_data = directory / "redis" / "redis.sock"
    if len(os.fsencode(beside_data)) <= 100:  # the kernel's limit is 108 bytes, 104 on macOS
        return beside_data
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"kcpcache-{os.getuid()}-{digest}" / "redis.sock"
    if len(os.fsencode(short)) > 100:
        raise ImproperlyConfigured(
            "KCPCACHE_DATA_DIR and TMPDIR are too long for a socket's path; shorten one."
        )
    return short


def broker_url(redis_url: str) -> str:
    """The broker beside a cache: the same server, the next database number."""
    parts = urlsplit(redis_url)
    number = (
        parse_qs(parts.query).get("db", ["0"])[0] if parts.scheme == "unix" else parts.path.strip("/") or "0"
    )
    if not number.isdecimal():
        raise ImproperlyConfigured("KCPCACHE_REDIS_URL must end with a database number, such as /0.")
    if parts.scheme == "unix":
        return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={int(number) + 1}"
    return parts._replace(path=f"/{int(number) + 1}").geturl()


KCPCACHE_REDIS_EMBEDDED = not environment.text("KCPCACHE_REDIS_URL")
KCPCACHE_REDIS_SOCKET = private_socket(KCPCACHE_DATA_DIR)
KCPCACHE_REDIS_URL = environment.url(
    "KCPCACHE_REDIS_URL", f"unix://{quote(str(KCPCACHE_REDIS_SOCKET))}?db=0", ["redis", "rediss", "unix"]
)

KCPCACHE_BROKER_EMBEDDED = KCPCACHE_REDIS_EMBEDDED and not environment.text("KCPCACHE_BROKER_URL")

# Celery. Messages are hints: they may be lost, so publishing never waits for a broker that is away.

CELERY_BROKER_URL = environment.url(
    "KCPCACHE_BROKER_URL", broker_url(KCPCACHE_REDIS_URL), ["redis", "rediss", "redis+socket"]
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker as long as it takes
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,  # seconds; longer than any task may run
    "socket_connect_timeout": 0.5,  # seconds
    "socket_timeout": 0.8,  # seconds
    "max_retries": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 240  # seconds
CELERY_TASK_TIME_LIMIT = 300  # seconds
# Each kind of work has a queue; a worker without -Q serves them all, `celery -A kcpcache worker -Q …` some.
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES: dict[str, dict[str, Any]] = {
    "default": {},  # what has no queue of its own
    "controllers": {},  # reconciling: workspaces, CRDs, exports, bindings, CachedResources; compaction
    "replication": {},  # filling and feeding replicas, their sweep and their audit
}
CELERY_TASK_ROUTES = {
    "replication.tasks.*": {"queue": "replication"},
    "workspaces.tasks.*": {"queue": "controllers"},
}
CELERY_WORKER_CONCURRENCY = environment.integer("KCPCACHE_WORKER_CONCURRENCY", 2, minimum=1, maximum=256)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = True  # `celery inspect` and Flower; one idle connection to the broker
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # KiB; a child above it is replaced after its task
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "kcpcache.pulse:Scheduler"
CELERY_BEAT_SCHEDULE = {  # sent as `kcpcache.demand` says
    task: {"task": task, "schedule": seconds}
    for task, seconds in {
        "workspaces.tasks.sweep": 3.0,
        "replication.tasks.sweep": 3.0,
        "replication.tasks.audit": 60.0,
        "replication.tasks.sample": 15.0,
        "workspaces.tasks.compact": 60.0,
    }.items()
}
# Changes younger than this, and at most so many, are kept for watches that resume and for replicas that are behind. An
# audit moves idle replicas to the end of the log once a minute: what is kept must be a multiple of that.
KCPCACHE_CHANGE_LOG_SECONDS = environment.integer(
    "KCPCACHE_CHANGE_LOG_SECONDS", 3600, minimum=300, maximum=365 * 24 * 3600
)
KCPCACHE_CHANGE_LOG_ROWS = environment.integer(
    "KCPCACHE_CHANGE_LOG_ROWS", 1_000_000, minimum=1000, maximum=10**12
)
KCPCACHE_STREAM_SECONDS = environment.integer("KCPCACHE_STREAM_SECONDS", 3600, minimum=60, maximum=24 * 3600)
KCPCACHE_STREAM_BYTES = environment.integer(
    "KCPCACHE_STREAM_BYTES", 32 * 1024 * 1024, minimum=1024 * 1024, maximum=2**31
)

# The apps, and the web.

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "kcpcache.rest",  # before rest_framework, whose page it completes
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "workspaces",
    "replication",
    "replication.apps.AdminConfig",  # django.contrib.admin with a site of our own, after whose templates complete it
    "supervisor",
]
KCPCACHE_BACKEND = "workspaces.backend.Backend"

MIDDLEWARE = [
    "kcpcache.requestid.middleware",
    "django.middleware.security.SecurityMiddleware",
    "kcpcache.staticfiles.Middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "kcpcache.urls"
ASGI_APPLICATION = "kcpcache.asgi.application"
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
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["kcpcache.apiserver.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "kcpcache.rest.openapi.Schema",
    "EXCEPTION_HANDLER": "kcpcache.apiserver.exceptions.rest_framework_handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "kcpcache",
    "DESCRIPTION": "What is replicated, how far behind, who consumes it, and what is wrong.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",  # from our own static files: the page loads nothing from other hosts
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"validatorUrl": None, "deepLinking": True, "persistAuthorization": False},
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
}

DEBUG = False
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
DATETIME_FORMAT, DATE_FORMAT, TIME_FORMAT = "Y-m-d H:i:s", "Y-m-d", "H:i:s"  # of the admin; times are UTC
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # the admin's files come straight from the installed packages
DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 1024 * 1024  # bytes; what kube-apiserver takes as well

# Security.

ALLOWED_HOSTS = sorted(
    {_external.hostname, _reachable_host, "localhost", "127.0.0.1", "[::1]"}
    | set(environment.listing("KCPCACHE_ALLOWED_HOSTS"))
)
CSRF_TRUSTED_ORIGINS = [KCPCACHE_EXTERNAL_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _external.scheme == "https"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = environment.integer(
    "KCPCACHE_SESSION_SECONDS", 8 * 3600, minimum=300, maximum=7 * 24 * 3600
)  # from the login on, however busy
SECURE_HSTS_SECONDS = environment.integer("KCPCACHE_HSTS_SECONDS", 0, minimum=0, maximum=2 * 365 * 24 * 3600)
if KCPCACHE_BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
AUTHENTICATION_BACKENDS = ["workspaces.passwords.Backend"]  # bounds what strangers may try
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Logging: one line a record, on stderr; requests and single tasks are not logged one by one.

KCPCACHE_LOG_LEVEL = environment.choice("KCPCACHE_LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
KCPCACHE_LOG_FORMAT = environment.choice("KCPCACHE_LOG_FORMAT", "LINE", ["LINE", "JSON"])
_chatty_level = "DEBUG" if KCPCACHE_LOG_LEVEL == "DEBUG" else "WARNING"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "kcpcache.requestid.Filter"},
        "refusals": {"()": "kcpcache.refusals.Filter"},
        "outage": {"()": "kcpcache.outage.Filter"},
    },
    "formatters": {
        "line": {"()": "kcpcache.logs.LineFormatter"},
        "json": {"()": "kcpcache.logs.JSONFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": KCPCACHE_LOG_FORMAT.lower(),
            "filters": ["refusals", "outage", "request_id"],
        },
    },
    "root": {"handlers": ["stderr"], "level": KCPCACHE_LOG_LEVEL},
    "loggers": {
        "django": {"level": "INFO", "handlers": [], "propagate": True},
        "drf_spectacular": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},  # a refused request is an answer, not an incident
        "celery": {"level": _chatty_level},
        "kombu": {"level": "WARNING"},
        "uvicorn": {"level": _chatty_level},
        "asyncio": {"level": "WARNING"},
    },
}
