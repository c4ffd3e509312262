"""Objects as the YAML that people read and edit."""

from __future__ import annotations

from typing import Any

import yaml

from kcpcache.apimachinery.objects import JSONObject

_FIRST = ("apiVersion", "kind", "metadata", "type", "spec", "data", "status")


class _Dumper(yaml.CSafeDumper):
    """Long texts as blocks, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    node: yaml.Node = dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)
    return node


_Dumper.add_representer(str, _text)


def of(obj: JSONObject) -> str:
    """The object in kubectl's order of fields."""
    names = [*(name for name in _FIRST if name in obj), *(name for name in obj if name not in _FIRST)]
    ordered = {name: obj[name] for name in names}
    return yaml.dump(ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
