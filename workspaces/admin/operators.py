"""What all admin classes share: one answer to every question of permission, read-only unless they say otherwise."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.functional import cached_property

from workspaces import adminaccess

ROWS = 100  # on a page
_COUNTED = 10_000  # rows; counting on would cost more than anybody pages through


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than people page: beyond it they search or filter."""

    @cached_property
    def count(self) -> int:
        """The number of rows, at most `_COUNTED`."""
        objects: Any = self.object_list
        return int(objects.order_by()[:_COUNTED].count())


class OperatorAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A list of rows that operators may see and nobody may change."""

    list_per_page = ROWS
    list_max_show_all = ROWS
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    actions: Any = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        """See `adminaccess.may_use`."""
        return adminaccess.may_use(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `adminaccess.may_use`."""
        return adminaccess.may_use(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Not here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not here."""
        return False


class EditableAdmin(OperatorAdmin):
    """Rows that operators may add, change and delete: accounts, which the store knows nothing of."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """See `adminaccess.may_use`."""
        return adminaccess.may_use(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `adminaccess.may_use`."""
        return adminaccess.may_use(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See `adminaccess.may_use`."""
        return adminaccess.may_use(request.user)
