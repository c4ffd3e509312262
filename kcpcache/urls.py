"""The URLs that Django serves. The apps come as strings; the API answers whatever is left."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from kcpcache.apiserver.monitoring import MetricsView

urlpatterns = [
    path("admin/", admin.site.urls),
    path("metrics", MetricsView.as_view()),
    path("api/", include("workspaces.urls")),
    path("api/", include("replication.urls")),
    path("api/", include("kcpcache.rest.urls")),
    path("", include("kcpcache.apiserver.urls")),
]
handler400 = "kcpcache.rest.fallback.bad_request"
handler403 = "kcpcache.rest.fallback.forbidden"
handler404 = "kcpcache.rest.fallback.not_found"
handler500 = "kcpcache.rest.fallback.failed"
