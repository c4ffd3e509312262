"""The ASGI entry point: `kcpcache.asgi:application`."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application
from django.utils.module_loading import import_string

from kcpcache import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kcpcache.settings")

tracing.configure()
django_application = get_asgi_application()
application = import_string("kcpcache.apiserver.front.Front")(django_application)
