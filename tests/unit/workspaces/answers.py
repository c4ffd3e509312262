"""A hundred documents, good and bad, that the API and the bulk command must answer alike.

Each is YAML with the name and the fields of one object; `%s` in it is the place for what varies.
"""

from __future__ import annotations

from typing import Any

THING_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["cores"],
            "properties": {
                "cores": {"type": "integer", "minimum": 1, "maximum": 512},
                "ratio": {"type": "number"},
                "size": {"x-kubernetes-int-or-string": True},
                "tier": {"type": "string", "enum": ["gold", "silver"], "default": "silver"},
                "code": {"type": "string", "pattern": "^[a-z]{2}-[0-9]+$", "maxLength": 10},
                "note": {"type": "string", "nullable": True},
                "when": {"type": "string", "format": "date-time"},
                "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "prices": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["currency"],
                    "items": {
                        "type": "object",
                        "required": ["currency"],
                        "properties": {
                            "currency": {"type": "string"},
                            "amount": {"type": "number", "default": 0},
                        },
                    },
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "flag": {"type": "boolean"},
            },
            "x-kubernetes-validations": [
                {"rule": "self.cores != 13", "message": "thirteen is not sold"},
                {"rule": "!has(self.ratio) || self.ratio < 100.0", "message": "ratio is below 100"},
            ],
        },
        "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
    },
}

_THING = "{apiVersion: example.com/v1, kind: Thing, metadata: {name: thing}, spec: {%s}}"
_METADATA = "{apiVersion: example.com/v1, kind: Thing, metadata: {%s}, spec: {cores: 1}}"
_CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: config%s}}"
_SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: secret}%s}"
_PLACED = "{apiVersion: example.com/v1, kind: Placed, metadata: {name: placed%s}}"

_SPECS = (
    "cores: 1", "cores: 512", "cores: 0", "cores: 513", "cores: 13", "cores: 1.0", "cores: 1.5", "cores: '1'",
    "cores: null", "cores: 1e2", "cores: 0x10", "cores: 0o17", "cores: 1_000", "cores: true", "cores: []", "cores: ~",
    "", "cores: 1, unknown: 2", "cores: 1, cores: 2", "cores: 1, ratio: 1e400", "cores: 1, ratio: -1e400",
    "cores: 1, ratio: .inf", "cores: 1, ratio: .nan", "cores: 1, ratio: 99999999999999999999", "cores: 1, ratio: 1e30",
    "cores: 99999999999999999999", "cores: 9223372036854775807", "cores: 1, ratio: 100", "cores: 1, ratio: 99.99",
    "cores: 1, size: 5", "cores: 1, size: 5Gi", "cores: 1, size: 1.5", "cores: 1, size: 99999999999999999999",
    "cores: 1, tier: gold", "cores: 1, tier: iron", "cores: 1, tier: null", "cores: 1, tier: 1",
    "cores: 1, code: ab-1", "cores: 1, code: AB-1", "cores: 1, code: ab-12345678", "cores: 1, code: ab-123456789",
    "cores: 1, note: null", "cores: 1, note: yes", "cores: 1, note: 'yes'", "cores: 1, note: 2026-12-01",
    "cores: 1, when: 2026-12-01T10:00:00Z", "cores: 1, when: 2026-12-01", "cores: 1, when: yesterday",
    "cores: 1, tags: [a, b]", "cores: 1, tags: [a, a]", "cores: 1, tags: [a, 1]", "cores: 1, tags: a",
    "cores: 1, prices: [{currency: EUR}]", "cores: 1, prices: [{currency: EUR}, {currency: EUR}]",
    "cores: 1, prices: [{amount: 1}]", "cores: 1, prices: {currency: EUR}", "cores: 1, prices: [{currency: EUR, x: 1}]",
    "cores: 1, free: {a: {b: [1, {c: null}]}}", "cores: 1, free: {a: 99999999999999999999}",
    "cores: 1, free: {a: 1e400}", "cores: 1, free: {a: 12:30, b: 0b11, c: 1e3, d: +1, e: .5}", "cores: 1, free: []",
    "cores: 1, free: {? [a] : b}", "cores: 1, free: {1: a, true: b, 1.5: c}", "cores: 1, free: {null: a}",
    "cores: 1, flag: on", "cores: 1, flag: 1", "cores: 1, flag: 'true'", "cores: 13, ratio: 1000, tier: iron",
)  # fmt: skip

_METADATAS = (
    "name: A", "name: a_b", "name: -a", "name: a.b", f"name: {'a' * 253}", f"name: {'a' * 254}",
    "name: a, namespace: b", "name: a, labels: {a: b}", "name: a, labels: {a: 'b c'}", "name: a, labels: {'a b': c}",
    "name: a, labels: {a: 1}", "name: a, labels: []", "name: a, annotations: {a: b}", "name: a, annotations: {a: 1}",
    "name: a, finalizers: [example.com/x]", "name: a, finalizers: [x y]", "name: a, finalizers: x",
    "name: a, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: c, uid: u}]",
    "name: a, ownerReferences: [{kind: ConfigMap, name: c, uid: u}]", "name: a, unknown: 1",
    "name: a, creationTimestamp: null",
)  # fmt: skip

_OTHERS = (
    _CONFIG % "", _CONFIG % ", namespace: default", _CONFIG % ", namespace: none", _CONFIG % ", namespace: 1",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: config}, data: {a: b}}",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: config}, data: {a: 1}}",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: config}, data: {'a b': c}}",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: config}, data: {a: b}, binaryData: {a: YQ==}}",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: config}, extra: 1}",
    _SECRET % "", _SECRET % ", data: {a: YQ==}", _SECRET % ", data: {a: not base64}", _SECRET % ", stringData: {a: b}",
    _PLACED % "", _PLACED % ", namespace: default", _PLACED % ", namespace: none", _PLACED % ", namespace: 'A b'",
    "{apiVersion: example.com/v1, kind: Thing, metadata: {name: thing}, spec: {cores: 1}, status: {phase: Ready}}",
    "{apiVersion: example.com/v1, kind: Thing, metadata: {name: thing}, spec: {cores: 1}, extra: 1}",
    "{apiVersion: example.com/v1, kind: Thing, metadata: {name: thing}}",
    "{apiVersion: example.com/v1, kind: Ending, metadata: {name: ending}}",
)  # fmt: skip

DOCUMENTS = (*(_THING % spec for spec in _SPECS), *(_METADATA % each for each in _METADATAS), *_OTHERS)
