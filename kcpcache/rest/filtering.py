"""What a list's query may say: filters, `search`, `ordering` and pages. Whatever else it says is refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.template import loader
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from kcpcache.apimachinery import errors
from kcpcache.apimachinery.errors import Cause
from kcpcache.rest.filters import BooleanFilter, Rows

SEARCH, ORDERING, FORMAT = "search", "ordering", "format"
_REPEATABLE = ("label",)  # joined: all must hold


class Filtering(BaseFilterBackend):
    """Reads `filterset_class`, `search_fields` and `ordering_fields` (name shown to field) of a view."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """What the query keeps, in the order that it asks for; BadRequest."""
        query = request.query_params
        allowed = {*_names(view), *view.pagination_names(), FORMAT}
        causes = [
            Cause(
                name,
                "FieldValueNotSupported",
                f"there is no such filter; known are {', '.join(sorted(allowed))}",
            )
            for name in query
            if name not in allowed
        ]
        causes += [
            Cause(name, "FieldValueDuplicate", "it may be given once")
            for name in query
            if name not in _REPEATABLE and len(query.getlist(name)) > 1
        ]
        filterset = _filterset(request, queryset, view)
        if filterset is not None:
            causes += _invalid(filterset)
        if causes:
            raise refusal(causes)
        if filterset is not None:
            queryset = filterset.qs
        queryset = _searched(queryset, query.get(SEARCH, ""), view.search_fields)
        return _ordered(queryset, query.get(ORDERING, ""), view.ordering_fields)

    def to_html(self, request: Request, queryset: Any, view: Any) -> str:
        """The form of the browsable page."""
        filterset = _filterset(request, queryset, view)
        if filterset is None:
            return ""
        page = loader.get_template("django_filters/rest_framework/form.html")
        return page.render({"filter": filterset}, request._request)

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """The parameters for the OpenAPI document."""
        found = [_parameter(name, each) for name, each in _filters(view).items()]
        if view.search_fields:
            what = ", ".join(field.replace("__", ".") for field in view.search_fields)
            found.append(_described(SEARCH, {"type": "string"}, f"Text to be found in any of: {what}."))
        if view.ordering_fields:
            names = [sign + name for name in view.ordering_fields for sign in ("", "-")]
            found.append(_described(ORDERING, {"type": "string", "enum": names}, "A minus turns it round."))
        return found


def refusal(causes: Sequence[Cause]) -> errors.BadRequest:
    """The answer to a query that cannot be understood; names each parameter."""
    what = "; ".join(f"{cause.field}: {cause.message}" for cause in causes)
    return errors.BadRequest(f"the query is refused: {what}", causes=causes)


def _names(view: Any) -> set[str]:
    names = set(_filters(view))
    if view.search_fields:
        names.add(SEARCH)
    if view.ordering_fields:
        names.add(ORDERING)
    return names


def _filters(view: Any) -> dict[str, django_filters.Filter]:
    return view.filterset_class.base_filters if view.filterset_class else {}


def _filterset(request: Request, queryset: Any, view: Any) -> Any:
    if view.filterset_class is None:
        return None
    query = request.query_params.copy()
    for name in _REPEATABLE:
        if len(query.getlist(name)) > 1:
            query[name] = ",".join(query.getlist(name))
    return view.filterset_class(query, queryset=queryset, request=request)


def _invalid(filterset: Any) -> list[Cause]:
    return [
        Cause(name, "FieldValueInvalid", " ".join(str(message) for message in messages))
        for name, messages in filterset.errors.items()
    ]


def _searched(found: Any, text: str, fields: Sequence[str]) -> Any:
    if not text or not fields:
        return found
    if "\0" in text:
        raise refusal([Cause(SEARCH, "FieldValueInvalid", "null characters are not allowed")])
    if isinstance(found, QuerySet):
        return found.filter(reduce(or_, (Q(**{f"{field}__icontains": text}) for field in fields)))
    wanted = text.lower()
    return Rows(row for row in found if any(wanted in str(getattr(row, field)).lower() for field in fields))


def _ordered(found: Any, text: str, fields: dict[str, str]) -> Any:
    if not text:
        return found
    name = text.removeprefix("-")
    if name not in fields:
        raise refusal([Cause(ORDERING, "FieldValueNotSupported", f"known are {', '.join(fields)}")])
    is_reversed, field = text.startswith("-"), fields[name]
    if isinstance(found, QuerySet):
        return found.order_by(f"-{field}" if is_reversed else field, *found.model._meta.ordering, "pk")
    known = [row for row in found if getattr(row, field) is not None]
    known.sort(key=lambda row: getattr(row, field), reverse=is_reversed)
    return Rows([*known, *(row for row in found if getattr(row, field) is None)])


def _parameter(name: str, each: django_filters.Filter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if isinstance(each, django_filters.NumberFilter):
        schema = {"type": "number"}
    elif isinstance(each, django_filters.IsoDateTimeFilter):
        schema["format"] = "date-time"
    elif isinstance(each, BooleanFilter):
        schema = {"type": "boolean"}
    elif each.extra.get("choices"):
        schema["enum"] = [value for value, _ in each.extra["choices"]]
    return _described(name, schema, str(each.extra.get("help_text", "")))


def _described(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
