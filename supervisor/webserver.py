"""uvicorn, as this service needs it: TLS, no access log, watches ended by ourselves at SIGTERM."""

from __future__ import annotations

import gc
import inspect
import logging
import os
import resource
import signal
import socket
import ssl
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from django.conf import settings
from django.utils.module_loading import import_string

from supervisor import connections, pki

logger = logging.getLogger(__name__)

GRACE_SECONDS = 3  # for requests in hand when the server is asked to stop
STOP_SECONDS = 8.0  # after which the process ends, whatever its threads still do
KEEP_ALIVE_SECONDS = 75


class Server(uvicorn.Server):
    """Ends open watches before it waits for connections, and keeps the collector away from what stays."""

    def __init__(self, config: uvicorn.Config, application: Any) -> None:
        super().__init__(config)
        self._application = application
        self._last_resort: threading.Timer | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at a signal. Threads cannot be cancelled, and an interpreter that ends waits for them: not for long."""
        if self._last_resort is None:
            self._last_resort = threading.Timer(STOP_SECONDS, _end)
            self._last_resort.daemon = True
            self._last_resort.start()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; then exempt all that has been loaded from garbage collection."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the application end its watches (clients resume elsewhere), then stop as uvicorn does."""
        end_watches = getattr(self._application, "shutdown", None)
        if end_watches is not None:
            ended = end_watches()
            if inspect.isawaitable(ended):
                await ended
        await super().shutdown(sockets)


def serve(host: str, port: int, *, tls: bool) -> None:
    """Serve the ASGI application until SIGTERM or SIGINT."""
    _allow_many_connections()
    application = import_string(settings.ASGI_APPLICATION)
    context = _context(host) if tls else None
    config = uvicorn.Config(
        application,
        host=host,
        port=port,
        loop="uvloop",
        http=connections.Protocol,
        ws="none",
        lifespan="auto",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_context_factory=(lambda *_: context) if context is not None else None,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # uvicorn raises the signal again after a clean stop
    Server(config, application).run()


def _end() -> None:
    """End the process at once: what it has not acknowledged is not promised to anybody."""
    logger.error(
        "requests have not ended %.0f s after the signal to stop; the process ends without them", STOP_SECONDS
    )
    os._exit(1)


def _context(host: str) -> ssl.SSLContext:
    """The certificate that was given, else the one of the data directory."""
    if settings.KCPCACHE_TLS_CERT_FILE:
        return pki.context(Path(settings.KCPCACHE_TLS_CERT_FILE), Path(settings.KCPCACHE_TLS_KEY_FILE))
    names = pki.server_names(host, *settings.KCPCACHE_SERVER_NAMES)
    return pki.server_context(settings.KCPCACHE_DATA_DIR, names)


def _allow_many_connections() -> None:
    """Raise the limit of open files as far as this user may: each watch is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 1_048_576 if hard == resource.RLIM_INFINITY else min(hard, 1_048_576)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
