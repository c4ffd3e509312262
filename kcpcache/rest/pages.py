"""Pages of lists: `page` and `page_size`."""

from __future__ import annotations

from typing import Any

from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

from kcpcache.apimachinery.errors import Cause
from kcpcache.rest import filtering


class Pages(PageNumberPagination):
    """``{"count": …, "next": …, "previous": …, "results": […]}``, 100 at a time unless asked otherwise."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
    page_query_description = "The page, from 1."
    page_size_query_description = "How many a page holds, at most 1000."

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        """One page; BadRequest for numbers that are none, NotFound behind the last page."""
        causes = [
            Cause(name, "FieldValueInvalid", f"it must be a whole number from 1 to {limit}")
            for name, limit in (
                (self.page_query_param, 10**9),
                (self.page_size_query_param, self.max_page_size),
            )
            if name in request.query_params and not _is_whole(request.query_params[name], limit)
        ]
        if causes:
            raise filtering.refusal(causes)
        return super().paginate_queryset(queryset, request, view)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope in the words of OpenAPI 3.1, which has no `nullable`."""
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {"count": {"type": "integer"}, "next": link, "previous": link, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}


def _is_whole(text: str, limit: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 12 and 1 <= int(text) <= limit
