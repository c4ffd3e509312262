"""Users and groups: the same for the admin and for the API."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group

from workspaces.admin.operators import EditableAdmin

admin.site.unregister(get_user_model())
admin.site.unregister(Group)


@admin.register(get_user_model())
class AccountAdmin(EditableAdmin, UserAdmin):  # type: ignore[type-arg]
    """Users. What they may do is decided by their groups; Django's own permissions play no part."""

    list_display = ("username", "is_active", "is_staff", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    filter_horizontal: ClassVar[Any] = ("groups",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("username", "password")}),
        ("Names", {"fields": ("first_name", "last_name", "email")}),
        (
            "Rights",
            {
                "fields": ("is_active", "is_staff", "groups"),
                "description": "Staff who are in system:masters may use this admin; "
                "groups decide what somebody may do through the API.",
            },
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )


@admin.register(Group)
class AccountGroupAdmin(EditableAdmin, GroupAdmin):
    """Groups, by their names as the API knows them."""

    fields = ("name",)
    filter_horizontal = ()
