"""The settings of kcpcache with another application: what `bench.hello` is served with."""

from kcpcache.settings import *  # noqa: F403

ASGI_APPLICATION = "bench.hello.application"
