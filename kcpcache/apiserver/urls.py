"""The Kubernetes API's URLs, for Django's resolver; the handler reads what lies behind them."""

from __future__ import annotations

from django.urls import re_path

from kcpcache.apiserver.views import ClusterView

urlpatterns = [re_path(r"^(?:clusters/|services/|version$)", ClusterView.as_view())]
