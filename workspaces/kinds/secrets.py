"""Secrets: encrypted at rest, `stringData` folded into `data`."""

from __future__ import annotations

import base64

import orjson

from kcpcache.apimachinery import field, objects
from kcpcache.apimachinery.errors import Cause
from kcpcache.apimachinery.objects import JSONObject
from workspaces.kinds import configkeys, kind
from workspaces.registry.strategy import Context, Strategy

_SERVICE_ACCOUNT = "kubernetes.io/service-account.name"
_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - a type
# type: (keys that must be there, keys of which one must be there)
_REQUIRED_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "kubernetes.io/tls": (("tls.crt", "tls.key"), ()),
    "kubernetes.io/ssh-auth": (("ssh-privatekey",), ()),
    "kubernetes.io/dockercfg": ((".dockercfg",), ()),
    "kubernetes.io/dockerconfigjson": ((".dockerconfigjson",), ()),
    "kubernetes.io/basic-auth": ((), ("username", "password")),
}
_JSON_KEYS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}


class SecretStrategy(Strategy):
    """Checks keys, base64, sizes, what a type demands, and `immutable`. Messages never show a value."""

    has_generation = False

    def normalize(self, obj: JSONObject) -> None:
        """Default the type, bring data into canonical base64, fold `stringData` in."""
        if not obj.get("type"):
            obj["type"] = "Opaque"
        configkeys.canonical_base64("Secret", obj, "data")
        texts = obj.get("stringData")
        if isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()):
            folded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
            obj.pop("stringData")
            if folded and isinstance(obj.get("data") or {}, dict):
                obj["data"] = {**(obj.get("data") or {}), **folded}

    def validate(self, context: Context, obj: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        values = obj.get("data") or {}
        causes = configkeys.validate_keys("data", values)
        if configkeys.decoded_bytes(values) > configkeys.SIZE_LIMIT_BYTES:
            causes.append(field.too_long("data", configkeys.SIZE_LIMIT_BYTES))
        return causes + _validate_type(obj, values)

    def validate_update(self, context: Context, obj: JSONObject, old: JSONObject) -> list[Cause]:
        """See `Strategy`."""
        causes = configkeys.validate_immutable(obj, old, ("data",))
        if obj.get("type") != old.get("type"):
            causes.append(field.invalid("type", obj.get("type"), "field is immutable"))
        return causes


def _validate_type(obj: JSONObject, values: JSONObject) -> list[Cause]:
    """What the types that Kubernetes knows demand."""
    secret_type = str(obj.get("type"))
    needs_account = secret_type == _ACCOUNT_TOKEN
    if needs_account and not objects.annotations(obj).get(_SERVICE_ACCOUNT):
        return [field.required(f"metadata.annotations[{_SERVICE_ACCOUNT}]")]
    every, either = _REQUIRED_KEYS.get(secret_type, ((), ()))
    causes = [field.required(f"data[{key}]") for key in every if key not in values]
    if either and not any(key in values for key in either):
        causes += [field.required(f"data[{key}]") for key in either]
    key = _JSON_KEYS.get(secret_type)
    if key in values and not _is_json(values[key]):
        causes.append(Cause(f"data[{key}]", "FieldValueInvalid", "Invalid value: the value is not JSON"))
    return causes


def _is_json(value: str) -> bool:
    try:
        orjson.loads(base64.b64decode(value))
    except ValueError:
        return False
    return True


SECRETS = kind.load("secrets", SecretStrategy(), selectable_fields=("type",), is_secret=True)
