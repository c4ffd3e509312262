"""Filters that refuse what they cannot understand: django-filter for querysets, and the same for plain rows.

Rows are dataclasses that no table holds, such as the health of a CachedResource.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import django_filters
from django import forms

from kcpcache.apimachinery import errors, labels
from kcpcache.apimachinery.labels import Selector

T = TypeVar("T")

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "exact": operator.eq, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le,
}  # fmt: skip


class Rows(list[T]):
    """A list that django-filter takes for a queryset."""

    model = None

    def all(self) -> Rows[T]:
        """Itself."""
        return self


class BooleanField(forms.TypedChoiceField):
    """``true`` or ``false``; anything else is refused, where Django's own field takes it for unknown."""

    def __init__(self, **options: Any) -> None:
        options.pop("null_label", None)
        choices = [("", "any"), ("true", "true"), ("false", "false")]
        super().__init__(choices=choices, coerce=lambda value: value == "true", empty_value=None, **options)


class BooleanFilter(django_filters.Filter):
    """``true`` or ``false``."""

    field_class = BooleanField


class SelectorField(forms.CharField):
    """A label selector as kubectl takes it: ``tier=gold,env in (a,b),!legacy``."""

    def clean(self, value: Any) -> Selector | None:
        """The parsed selector, None for no selector; ValidationError."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return labels.parse(text)
        except errors.APIError as error:
            raise forms.ValidationError(error.message) from None


class SelectorFilter(django_filters.Filter):
    """Keeps what a label selector matches."""

    field_class = SelectorField


class _RowFilter(django_filters.Filter):
    def filter(self, rows: Iterable[Any], value: Any) -> Iterable[Any]:
        if value is None or value == "":
            return rows
        compare = _COMPARE[self.lookup_expr]
        return Rows(row for row in rows if self._holds(compare, getattr(row, self.field_name), value))

    def _holds(self, compare: Callable[[Any, Any], bool], found: Any, value: Any) -> bool:
        return found is not None and compare(found, value)


class RowChar(_RowFilter, django_filters.CharFilter):
    """Equal text."""


class RowChoice(_RowFilter, django_filters.ChoiceFilter):
    """One of some words."""


class RowNumber(_RowFilter, django_filters.NumberFilter):
    """A number, compared."""


class RowMoment(_RowFilter, django_filters.IsoDateTimeFilter):
    """A moment, compared."""


class RowBoolean(_RowFilter, BooleanFilter):
    """``true`` or ``false``."""


class RowSelector(_RowFilter, SelectorFilter):
    """A label selector over a mapping."""

    def _holds(self, compare: Callable[[Any, Any], bool], found: Any, value: Any) -> bool:
        return bool(value.matches(found))


class RowContains(_RowFilter, django_filters.CharFilter):
    """Text that is in a list."""

    def _holds(self, compare: Callable[[Any, Any], bool], found: Any, value: Any) -> bool:
        return value in found


class RowFilterSet(django_filters.FilterSet):
    """A filter set over `Rows`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, each in self.filters.items():
            each.label = name  # there is no model to take it from

    def filter_queryset(self, queryset: Any) -> Any:
        """Each filter in turn."""
        for name, value in self.form.cleaned_data.items():
            queryset = self.filters[name].filter(queryset, value)
        return queryset
