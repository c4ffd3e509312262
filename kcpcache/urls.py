"""The URLs that Django serves. The apps come as strings; the API answers whatever is left."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("kcpcache.apiserver.urls")),
]
