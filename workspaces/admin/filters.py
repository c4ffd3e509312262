"""Filters of the list of objects: workspace, kind and labels, in words that kubectl's users know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from kcpcache.apimachinery import errors, labels
from workspaces import filters
from workspaces.registry import addresses
from workspaces.store import inspection

Rows = QuerySet[Any]


class TextFilter(admin.SimpleListFilter):
    """A filter that is typed in."""

    template = "workspaces/text_filter.html"
    placeholder = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """None to choose from; an entry is needed for the filter to be shown."""
        return [("", "")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """What the form needs: the value, and the other parameters of the page."""
        others = {
            name: values for name, values in changelist.filter_params.items() if name != self.parameter_name
        }
        pairs = [(name, value) for name, values in others.items() for value in values]
        if changelist.query:
            pairs.append(("q", changelist.query))
        yield {
            "name": self.parameter_name,
            "value": self.value() or "",
            "placeholder": self.placeholder,
            "others": pairs,
            "remove": changelist.get_query_string(remove=[self.parameter_name or ""]),
        }


class WorkspaceFilter(TextFilter):
    """One workspace, by its path or its logical cluster's name."""

    title = "workspace"
    parameter_name = "workspace"
    placeholder = "root:cloud"

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """Its objects; none, with a message, when there is no such workspace."""
        wanted = (self.value() or "").strip()
        if not wanted:
            return queryset
        address = addresses.find(wanted)
        if address is None:
            messages.warning(request, f"There is no workspace {wanted}.")
            return queryset.none()
        return queryset.filter(cluster=address.cluster)


class LabelFilter(TextFilter):
    """A label selector, as after `kubectl -l`."""

    title = "labels"
    parameter_name = "label"
    placeholder = "tier=gold,!old"

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """The rows whose labels match; all, with a message, when the selector cannot be read."""
        text = (self.value() or "").strip()
        if not text:
            return queryset
        try:
            selector = labels.parse(text)
        except errors.APIError as error:
            messages.warning(request, f"The labels {text!r} cannot be read: {error.message}")
            return queryset.none()
        if any(requirement.operator in ("gt", "lt") for requirement in selector.requirements):
            messages.warning(request, "Labels cannot be compared as numbers here.")
            return queryset.none()
        return filters.LabelFilter(field_name="labels").filter(queryset, selector)


class KindFilter(admin.SimpleListFilter):
    """One kind of object, of those that there are (in the chosen workspace)."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """``resource.group`` of everything that is stored."""
        reference = request.GET.get("workspace", "").strip()
        address = addresses.find(reference) if reference else None
        found = inspection.kinds(address.cluster if address else "")
        names = sorted(f"{resource}.{group}" if group else resource for group, resource in found)
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        """The rows of one kind."""
        value = self.value()
        if not value:
            return queryset
        resource, _, group = value.partition(".")
        return queryset.filter(group=group, resource=resource)
