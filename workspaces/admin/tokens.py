"""Bearer tokens: made and revoked here, shown once, listed without anything that would let one in."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from workspaces import adminaccess, tokens
from workspaces.admin.operators import OperatorAdmin
from workspaces.models import Token


class TokenForm(forms.Form):
    """For whom, and for how long."""

    user = forms.CharField(max_length=150, help_text="Made if there is none of this name.")
    groups = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="The user is put into these; system:masters may do everything.",
    )
    description = forms.CharField(max_length=200, required=False, help_text="What it is for.")
    days = forms.IntegerField(
        min_value=1, max_value=3650, required=False, help_text="How long it is valid; for ever if empty."
    )

    def clean_user(self) -> str:
        """A name as Django takes it."""
        name: str = self.cleaned_data["user"]
        get_user_model().username_validator(name)
        return name


@admin.register(Token)
class TokenAdmin(OperatorAdmin):
    """Who has tokens, since when and until when."""

    list_display = ("short", "user", "description", "created", "expires", "last_used")
    list_display_links = None
    list_select_related = ("user",)
    list_filter = ("expires",)
    search_fields = ("user__username", "description")
    ordering = ("user__username", "created")
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Operators may make tokens."""
        return adminaccess.may_use(request.user)

    @admin.display(description="token")
    def short(self, token: Token) -> str:
        """Enough of the digest to tell tokens apart."""
        return f"{token.digest[:8]}…"

    @admin.action(description="Revoke the selected tokens")
    def revoke(self, request: HttpRequest, chosen: Any) -> None:
        """They are refused from now on, in other processes within seconds."""
        count = sum(tokens.revoke(token.digest) for token in chosen)
        self.message_user(request, f"{count} tokens are no longer valid.", messages.SUCCESS)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make a token and show it, in this answer only."""
        form = TokenForm(request.POST or None)
        token = ""
        if request.method == "POST" and form.is_valid():
            token = _made(form.cleaned_data)
        context = {
            **self.admin_site.each_context(request),
            "title": "The new token" if token else "Add token",
            "opts": self.opts,
            "form": form,
            "token": token,
        }
        return TemplateResponse(request, "workspaces/token.html", context)


def _made(wanted: dict[str, Any]) -> str:
    days = wanted["days"]
    expires = timezone.now() + datetime.timedelta(days=days) if days else None
    groups = [group.name for group in wanted["groups"]]
    return tokens.create(wanted["user"], groups, expires, description=wanted["description"])
