"""REST of this app, below ``/api/``."""

from __future__ import annotations

from django.urls import path

from workspaces import views

urlpatterns = [
    path("workspaces", views.WorkspaceList.as_view()),
    path("workspaces/<str:workspace>", views.WorkspaceDetail.as_view()),
    path("objects", views.ObjectList.as_view()),
    path("objects/<int:id>", views.ObjectDetail.as_view()),
    path("changes", views.ChangeList.as_view()),
    path("changes/<int:revision>", views.ChangeDetail.as_view()),
]
