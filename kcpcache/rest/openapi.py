"""How views become the OpenAPI document: drf-spectacular, with the one shape of errors in every operation."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers


class Cause(serializers.Serializer[Any]):
    """One reason of a refusal."""

    reason = serializers.CharField(required=False)
    message = serializers.CharField(required=False)
    field = serializers.CharField(required=False)


class Details(serializers.Serializer[Any]):
    """More about a failure."""

    name = serializers.CharField(required=False)
    group = serializers.CharField(required=False)
    kind = serializers.CharField(required=False)
    uid = serializers.CharField(required=False)
    causes = Cause(many=True, required=False)
    retryAfterSeconds = serializers.IntegerField(required=False)  # noqa: N815 - Kubernetes' name


class Status(serializers.Serializer[Any]):
    """Kubernetes' `Status`: what every failure looks like, here as in the rest of the API."""

    kind = serializers.ChoiceField(choices=["Status"])
    apiVersion = serializers.ChoiceField(choices=["v1"])  # noqa: N815 - Kubernetes' name
    metadata = serializers.DictField()
    status = serializers.ChoiceField(choices=["Failure"])
    message = serializers.CharField()
    reason = serializers.CharField()
    code = serializers.IntegerField()
    details = Details(required=False)


_FAILURES = {
    "400": "The query cannot be understood.",
    "401": "No credentials, or credentials that nobody issued.",
    "403": "The user may not do this.",
    "406": "Nothing that is accepted can be served.",
    "503": "The database or Redis does not answer; try again soon.",
}


class Schema(AutoSchema):
    """Adds the answers that every operation may give."""

    def get_tags(self) -> list[str]:
        """The first part of the path behind ``/api``."""
        parts = self.path.strip("/").split("/")
        return [parts[1] if len(parts) > 1 and parts[1] else "index"]

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction=direction)
        failures = dict(_FAILURES)
        if "{" in self.path or self._is_list_view():
            failures["404"] = "There is no such thing, or no such page."
        for code, description in failures.items():
            body = self._get_response_for_code(Status, code, direction=direction)  # type: ignore[no-untyped-call]
            bodies.setdefault(code, {**body, "description": description})
        return bodies


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Names the bearer token in the document."""

    target_class = "kcpcache.rest.access.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """HTTP bearer."""
        return {"type": "http", "scheme": "bearer"}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Names the session cookie in the document."""

    target_class = "kcpcache.rest.access.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """The cookie of the admin."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
