"""REST of this app, below ``/api/``."""

from __future__ import annotations

from django.urls import path

from replication import views

urlpatterns = [
    path("cachedresources", views.CachedResourceList.as_view()),
    path("cachedresources/<str:uid>", views.CachedResourceDetail.as_view()),
    path("cachedresources/<str:uid>/resync", views.ResyncView.as_view()),
    path("cachedresources/<str:uid>/verify", views.VerifyView.as_view()),
    path("cachedresources/<str:uid>/repair", views.RepairView.as_view()),
    path("replicas", views.ReplicaList.as_view()),
    path("replicas/<str:uid>", views.ReplicaDetail.as_view()),
    path("replicas/<str:uid>/objects", views.ReplicaObjectList.as_view()),
    path("replicas/<str:uid>/objects/<str:name>", views.ReplicaObjectDetail.as_view()),
    path("bindings", views.BindingList.as_view()),
    path("workers", views.WorkerList.as_view()),
    path("checks", views.CheckList.as_view()),
]
