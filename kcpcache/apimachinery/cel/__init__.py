"""Validation rules of schemas (x-kubernetes-validations), written in CEL."""

from kcpcache.apimachinery.cel.compilation import compile_causes
from kcpcache.apimachinery.cel.rules import Rules

__all__ = ["Rules", "compile_causes"]
