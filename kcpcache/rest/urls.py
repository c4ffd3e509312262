"""The index of ``/api/``, its OpenAPI document, and what answers everything that is not there. Comes last."""

from __future__ import annotations

from django.urls import path

from kcpcache.rest import views

urlpatterns = [
    path("", views.IndexView.as_view(), name="api-index"),
    path("schema", views.DocumentView.as_view(), name="api-schema"),
    path("docs", views.DocumentationView.as_view(), name="api-docs"),
    path("<path:rest>", views.NothingView.as_view()),
]
