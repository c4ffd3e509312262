"""What a condition says, as the class that colours it."""

from __future__ import annotations

from django import template

from kcpcache.apimachinery import conditions
from kcpcache.apimachinery.objects import JSONObject

register = template.Library()


@register.filter
def verdict(condition: JSONObject) -> str:
    """``good``, ``bad`` or ``unsure``."""
    return {True: "good", False: "bad", None: "unsure"}[conditions.is_good(condition)]
