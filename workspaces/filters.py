"""What lists of workspaces, objects and changes can be filtered by."""

from __future__ import annotations

import datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import Case, Func, Q, QuerySet, TextField, Value, When
from django.db.models.functions import StrIndex

from kcpcache.apimachinery.labels import Requirement, Selector
from kcpcache.rest.filters import SelectorField, SelectorFilter
from workspaces.models import Change, Object, Workspace
from workspaces.registry import addresses
from workspaces.store import encryption

LABEL_HELP = "A label selector such as tier=gold or env in (a,b); may be given more than once."
WORKSPACE_HELP = "Path such as root:cloud, or logical cluster."


class WorkspaceField(forms.CharField):
    """A workspace by path or logical cluster; its cluster."""

    def clean(self, value: Any) -> str:
        """The logical cluster, empty for none; ValidationError."""
        text = str(super().clean(value))
        if not text:
            return ""
        found = addresses.find(text)
        if found is None:
            raise forms.ValidationError(f"there is no workspace {text}")
        return found.cluster


class WorkspaceFilter(django_filters.Filter):
    """Keeps what lies in one workspace."""

    field_class = WorkspaceField


class LabelField(SelectorField):
    """A selector that can be turned into SQL."""

    def clean(self, value: Any) -> Selector | None:
        """The parsed selector; ValidationError, also for comparisons of numbers."""
        found = super().clean(value)
        if found and any(each.operator in ("gt", "lt") for each in found.requirements):
            raise forms.ValidationError("labels cannot be compared as numbers here")
        return found


class LabelFilter(SelectorFilter):
    """Matches the column of labels, which is compact JSON: keys and values hold nothing that JSON escapes."""

    field_class = LabelField

    def filter(self, queryset: QuerySet[Any], value: Selector | None) -> QuerySet[Any]:
        """What the selector keeps."""
        for number, requirement in enumerate((value or Selector()).requirements):
            queryset = _required(queryset, requirement, f"label_{number}")
        return queryset


class Created(Func):
    """`metadata.creationTimestamp` of a stored body, as text; null for what is stored encrypted."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """json_extract takes text; what is stored is a BLOB."""
        template = "json_extract(CAST(%(expressions)s AS TEXT), '$.metadata.creationTimestamp')"
        return super().as_sql(compiler, connection, template=template, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """The bytes are UTF-8."""
        template = "(convert_from(%(expressions)s, 'UTF8')::json #>> '{metadata,creationTimestamp}')"
        return super().as_sql(compiler, connection, template=template, **context)


class CreatedFilter(django_filters.IsoDateTimeFilter):
    """Compares the creation timestamps of objects, which are text that sorts as time."""

    def filter(self, queryset: QuerySet[Any], value: Any) -> QuerySet[Any]:
        """What was created in time; never what is encrypted."""
        if value is None or value == "":
            return queryset
        secret = Q()
        for group, resource in encryption.secret_resources():
            secret |= Q(group=group, resource=resource)
        created = Case(When(secret, then=Value(None)), default=Created("body"), output_field=TextField())
        moment = value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found: QuerySet[Any] = queryset.annotate(created_text=created)
        return found.filter(**{f"created_text__{self.lookup_expr}": moment})


def _required(queryset: QuerySet[Any], requirement: Requirement, alias: str) -> QuerySet[Any]:
    """Keep the rows of one requirement. Positions are found byte by byte, where LIKE would ignore case."""
    key, values = requirement.key, requirement.values
    if requirement.operator in ("exists", "!"):
        texts = [f'"{key}":']
    else:
        texts = [f'"{key}":"{value}"' for value in values]
    has_one = Q()
    for number, text in enumerate(texts):
        name = f"{alias}_{number}"
        queryset = queryset.alias(**{name: StrIndex("labels", Value(text))})
        has_one |= Q(**{f"{name}__gt": 0})
    return queryset.filter(~has_one if requirement.operator in ("!", "!=", "notin") else has_one)


class WorkspaceFilters(django_filters.FilterSet):
    """Filters of workspaces."""

    parent = WorkspaceFilter(field_name="parent", help_text=WORKSPACE_HELP)
    name = django_filters.CharFilter()
    created_after = django_filters.IsoDateTimeFilter(field_name="created", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created", lookup_expr="lt")

    class Meta:
        model = Workspace
        fields: list[str] = []


class _Located(django_filters.FilterSet):
    workspace = WorkspaceFilter(field_name="cluster", help_text=WORKSPACE_HELP)
    group = django_filters.CharFilter(help_text="API group; the core group is not to be asked for")
    resource = django_filters.CharFilter(help_text="Plural name such as cpuflavors.")
    namespace = django_filters.CharFilter()
    name = django_filters.CharFilter()
    uid = django_filters.CharFilter()
    label = LabelFilter(help_text=LABEL_HELP)


class ObjectFilters(_Located):
    """Filters of objects."""

    created_after = CreatedFilter(lookup_expr="gte", help_text="Never finds Secrets, which are encrypted.")
    created_before = CreatedFilter(lookup_expr="lt", help_text="Never finds Secrets, which are encrypted.")

    class Meta:
        model = Object
        fields: list[str] = []


class ChangeFilters(_Located):
    """Filters of the change log."""

    type = django_filters.ChoiceFilter(
        method="of_type", choices=[(name, name) for name in ("ADDED", "MODIFIED", "DELETED")]
    )
    revision__gt = django_filters.NumberFilter(field_name="revision", lookup_expr="gt")
    revision__lte = django_filters.NumberFilter(field_name="revision", lookup_expr="lte")
    created_after = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = Change
        fields: list[str] = []

    def of_type(self, queryset: QuerySet[Change], name: str, value: str) -> QuerySet[Change]:
        """The column has the first letter."""
        return queryset.filter(kind=value[0]) if value else queryset
