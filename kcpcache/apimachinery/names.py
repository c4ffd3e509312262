"""Which names, label keys and label values Kubernetes accepts, and why it refuses the others.

Every check returns messages worded as k8s.io/apimachinery/pkg/util/validation words them; an empty list
means that the value is fine.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import TypeAlias

NameCheck: TypeAlias = Callable[[str], list[str]]

DNS1123_LABEL_MAX_LENGTH = 63
DNS1123_SUBDOMAIN_MAX_LENGTH = 253
QUALIFIED_NAME_MAX_LENGTH = 63
LABEL_VALUE_MAX_LENGTH = 63

GENERATED_SUFFIX_LENGTH = 5
GENERATED_BASE_MAX_LENGTH = 63 - GENERATED_SUFFIX_LENGTH
# No vowels and no 0, 1, 3: generated names never spell a word.
_SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"

_DNS1123_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS1123_SUBDOMAIN = rf"{_DNS1123_LABEL}(\.{_DNS1123_LABEL})*"
_DNS1035_LABEL = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED_NAME})?"

_is_dns1123_label = re.compile(_DNS1123_LABEL).fullmatch
_is_dns1123_subdomain = re.compile(_DNS1123_SUBDOMAIN).fullmatch
_is_dns1035_label = re.compile(_DNS1035_LABEL).fullmatch
_is_qualified_name = re.compile(_QUALIFIED_NAME).fullmatch
_is_label_value = re.compile(_LABEL_VALUE).fullmatch

_QUALIFIED_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character"
)


def _too_long(limit: int) -> str:
    return f"must be no more than {limit} characters"


def _regex_error(rule: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{rule} (e.g. {shown}regex used for validation is '{pattern}')"


def dns1123_label(value: str) -> list[str]:
    """A DNS label as in RFC 1123: namespaces, workspaces."""
    messages = []
    if len(value) > DNS1123_LABEL_MAX_LENGTH:
        messages.append(_too_long(DNS1123_LABEL_MAX_LENGTH))
    if _is_dns1123_label(value):
        return messages
    if _is_dns1123_subdomain(value):
        return [*messages, "must not contain dots"]
    rule = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
        "start and end with an alphanumeric character"
    )
    return [*messages, _regex_error(rule, _DNS1123_LABEL, "my-name", "123-abc")]


def dns1123_subdomain(value: str) -> list[str]:
    """A DNS subdomain as in RFC 1123: the name of most objects, and API groups."""
    messages = []
    if len(value) > DNS1123_SUBDOMAIN_MAX_LENGTH:
        messages.append(_too_long(DNS1123_SUBDOMAIN_MAX_LENGTH))
    if not _is_dns1123_subdomain(value):
        rule = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character"
        )
        messages.append(_regex_error(rule, _DNS1123_SUBDOMAIN, "example.com"))
    return messages


def dns1035_label(value: str) -> list[str]:
    """A DNS label as in RFC 1035, which starts with a letter: plural resource names, short names."""
    messages = []
    if len(value) > DNS1123_LABEL_MAX_LENGTH:
        messages.append(_too_long(DNS1123_LABEL_MAX_LENGTH))
    if not _is_dns1035_label(value):
        rule = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
            "alphabetic character, and end with an alphanumeric character"
        )
        messages.append(_regex_error(rule, _DNS1035_LABEL, "my-name", "abc-123"))
    return messages


def path_segment(value: str) -> list[str]:
    """A name that only has to fit into one URL path segment: RBAC objects."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in value]


def qualified_name(value: str) -> list[str]:
    """A name with an optional DNS subdomain prefix: label keys, annotation keys, finalizers."""
    prefix, slash, name = value.partition("/")
    example = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
    examples = ("MyName", "my.name", "123-abc")
    if "/" in name:
        rule = f"a qualified name {_QUALIFIED_NAME_RULE}"
        return [_regex_error(rule, _QUALIFIED_NAME, *examples) + example]
    messages: list[str] = []
    if slash and not prefix:
        messages.append("prefix part must be non-empty")
    elif slash:
        messages += [f"prefix part {message}" for message in dns1123_subdomain(prefix)]
    else:
        name = prefix
    if not name:
        messages.append("name part must be non-empty")
    elif len(name) > QUALIFIED_NAME_MAX_LENGTH:
        messages.append(f"name part {_too_long(QUALIFIED_NAME_MAX_LENGTH)}")
    if not _is_qualified_name(name):
        messages.append("name part " + _regex_error(_QUALIFIED_NAME_RULE, _QUALIFIED_NAME, *examples))
    return messages


label_key = qualified_name
finalizer = qualified_name


def label_value(value: str) -> list[str]:
    """The value of a label: empty, or up to 63 characters like those of a qualified name."""
    messages = []
    if len(value) > LABEL_VALUE_MAX_LENGTH:
        messages.append(_too_long(LABEL_VALUE_MAX_LENGTH))
    if not _is_label_value(value):
        rule = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
        messages.append(_regex_error(rule, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return messages


def generate_name(base: str) -> str:
    """A name from `metadata.generateName`: `base`, cut to 58 characters, and five random ones."""
    suffix = "".join(secrets.choice(_SAFE_ALPHABET) for _ in range(GENERATED_SUFFIX_LENGTH))
    return base[:GENERATED_BASE_MAX_LENGTH] + suffix


def generated_prefix_check(name_check: NameCheck) -> NameCheck:
    """The check for `metadata.generateName`: a trailing dash is masked, for more characters follow."""

    def check(prefix: str) -> list[str]:
        return name_check(prefix[:-1] + "a" if prefix.endswith("-") else prefix)

    return check
