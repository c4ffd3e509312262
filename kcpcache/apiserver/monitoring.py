"""The page `/metrics`, for whoever may read it."""

from __future__ import annotations

import rest_framework.permissions
import rest_framework.request
from django.http import HttpRequest, HttpResponse
from prometheus_client.exposition import choose_encoder
from rest_framework.views import APIView

from kcpcache.apiserver import authentication, authorization, exposition, views
from kcpcache.apiserver.requestinfo import RequestInfo


class MayRead(rest_framework.permissions.BasePermission):
    """The one decision point, asked about the path."""

    def has_permission(self, request: rest_framework.request.Request, view: object) -> bool:
        """True, or Forbidden with kube-apiserver's message."""
        info = RequestInfo(rest=request.path, verb=(request.method or "").lower())
        authorization.authorize(request.user, info)  # type: ignore[arg-type]
        return True


class MetricsView(APIView):
    """All figures, computed now."""

    authentication_classes = [authentication.BearerAuthentication]
    permission_classes = [MayRead]
    content_negotiation_class = views.AsKubernetes
    schema = None

    def get(self, request: HttpRequest) -> HttpResponse:
        """In the format that the scraper accepts: OpenMetrics, or Prometheus' older text."""
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return HttpResponse(encode(exposition.registry()), content_type=content_type)
