"""ConfigMaps."""

from __future__ import annotations

from kcpcache.apimachinery import field
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import configkeys, kind
from workspaces.registry.strategy import Context, Strategy


class ConfigMapStrategy(Strategy):
    """Checks keys, their overlap, sizes and `immutable`."""

    has_generation = False

    def normalize(self, obj: JSONObject) -> None:
        """Bring binary values into canonical base64."""
        configkeys.canonical_base64("ConfigMap", obj, "binaryData")

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        texts, binaries = obj.get("data") or {}, obj.get("binaryData") or {}
        causes = configkeys.validate_keys("data", texts) + configkeys.validate_keys("binaryData", binaries)
        causes += [
            field.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
            for key in texts
            if key in binaries
        ]
        size_bytes = sum(len(value.encode()) for value in texts.values()) + configkeys.decoded_bytes(binaries)
        if size_bytes > configkeys.SIZE_LIMIT_BYTES:
            causes.append(field.too_long("", configkeys.SIZE_LIMIT_BYTES))
        return causes

    def validate_update(self, context: Context, obj: JSONObject, old: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        return configkeys.validate_immutable(obj, old, ("data", "binaryData"))


CONFIGMAPS = kind.load("configmaps", ConfigMapStrategy())
