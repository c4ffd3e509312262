"""What a schema is compiled to, once a descriptor."""

from __future__ import annotations

from dataclasses import dataclass

from kcpcache.apimachinery import cel
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apimachinery.schema.validation import Validator


@dataclass(frozen=True, slots=True)
class Compiled:
    """A schema ready to be used on every write."""

    schema: JSONObject
    validator: Validator
    rules: cel.Rules


def compiled(descriptor: Descriptor) -> Compiled | None:
    """The compiled schema of a descriptor, kept on it; None when the kind has none."""
    if descriptor.schema is None:
        return None
    found: Compiled | None = descriptor.extra.get("compiled")
    if found is None:
        validator = Validator(descriptor.schema, go_times=descriptor.origin == "builtin")
        found = Compiled(descriptor.schema, validator, cel.Rules(descriptor.schema))
        descriptor.extra["compiled"] = found
    return found
