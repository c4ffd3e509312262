"""The classes that all REST views are made of, and the views that belong to no app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlencode

import rest_framework.exceptions
from django.http import Http404, HttpRequest, HttpResponsePermanentRedirect, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework import generics
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from kcpcache import requestid
from kcpcache.apimachinery import errors
from kcpcache.apiserver import documents, exceptions
from kcpcache.rest import access
from kcpcache.rest.filtering import Filtering
from kcpcache.rest.pages import Pages

_LINKS = {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}}


class RESTView(APIView):
    """Bearer token or session, the rights of the API, JSON or a page to browse, and errors as `Status`."""

    authentication_classes = [access.BearerAuthentication, access.SessionAuthentication]
    permission_classes = [access.MayUse]
    renderer_classes = [JSONRenderer, BrowsableAPIRenderer]

    def handle_exception(self, exc: Exception) -> Response:
        """The same `Status` as everywhere; whoever browses without a session is asked to log in."""
        error = exceptions.as_api_error(_translated(exc), requestid.current.get())
        if error.code == 401 and _browses(self.request):
            query = urlencode({"next": self.request.get_full_path()})
            return HttpResponseRedirect(f"{reverse('admin:login')}?{query}")  # type: ignore[return-value]
        renderer = getattr(self.request, "accepted_renderer", None)
        if not isinstance(
            renderer, BrowsableAPIRenderer
        ):  # a document's own format cannot say what went wrong
            self.request.accepted_renderer = JSONRenderer()
            self.request.accepted_media_type = JSONRenderer.media_type
        answer = Response(error.status(), status=error.code)
        answer.exception = True
        if error.code == 401:
            answer["WWW-Authenticate"] = 'Bearer realm="kcpcache"'
        if error.retry_after_seconds:
            answer["Retry-After"] = str(error.retry_after_seconds)
        return answer


class ListView(RESTView, generics.ListAPIView[Any]):
    """A list with filters, search, order and pages."""

    filter_backends = [Filtering]
    pagination_class = Pages
    filterset_class: ClassVar[Any] = None
    search_fields: ClassVar[Sequence[str]] = ()
    ordering_fields: ClassVar[Mapping[str, str]] = {}

    def pagination_names(self) -> tuple[str, ...]:
        """The parameters of pages."""
        return (Pages.page_query_param, Pages.page_size_query_param)


class DetailView(RESTView, generics.GenericAPIView[Any]):
    """One thing; subclasses find it."""

    pagination_class = None

    def get_object(self) -> Any:
        """The thing that the URL names; NotFound."""
        raise NotImplementedError

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show it."""
        if unknown := set(request.query_params) - {"format"}:
            raise errors.BadRequest(f"this takes no parameters, but got {', '.join(sorted(unknown))}")
        return Response(self.get_serializer(self.get_object()).data)


class IndexView(RESTView):
    """The REST interface: everything that kcpcache knows, for people and scripts. The pages can be browsed."""

    @extend_schema(responses={200: _LINKS}, operation_id="index")
    def get(self, request: Request) -> Response:
        """Where everything is."""
        names = (
            "workspaces", "objects", "cachedresources", "replicas", "bindings", "changes", "workers", "checks",
            "schema", "docs",
        )  # fmt: skip
        return Response({name: request.build_absolute_uri(f"/api/{name}") for name in names})


class DocumentView(RESTView, SpectacularAPIView):
    """The OpenAPI document, as YAML or (by `Accept` or `?format=json`) JSON."""

    renderer_classes = SpectacularAPIView.renderer_classes
    schema = None


class DocumentationView(RESTView, SpectacularSwaggerView):
    """The OpenAPI document as a page, from our own files."""

    renderer_classes = SpectacularSwaggerView.renderer_classes
    url_name = "api-schema"
    title = "kcpcache REST"
    schema = None


class NothingView(RESTView):
    """What is not there: a `Status`, whoever asks. A slash too many is forgiven."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Access first: strangers do not learn which paths there are."""
        super().initial(request, *args, **kwargs)
        raise documents.not_found()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Send ``/api/objects/`` to ``/api/objects``."""
        path = request.path.rstrip("/")
        if request.path.endswith("/") and path != "/api" and request.method in ("GET", "HEAD"):
            query = request.META.get("QUERY_STRING", "")
            return HttpResponsePermanentRedirect(f"{path}?{query}" if query else path)
        return super().dispatch(request, *args, **kwargs)


def _translated(error: Exception) -> Exception:
    """The framework's words for what the API has its own words for."""
    if isinstance(error, Http404):
        return documents.not_found()
    if isinstance(error, rest_framework.exceptions.NotAuthenticated):
        return errors.Unauthorized("Unauthorized")
    if isinstance(error, rest_framework.exceptions.MethodNotAllowed):
        return errors.MethodNotAllowed("the server does not allow this method on the requested resource")
    return error


def _browses(request: Any) -> bool:
    return "text/html" in request.headers.get("Accept", "")
