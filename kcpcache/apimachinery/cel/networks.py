"""Kubernetes' CEL IP and CIDR libraries."""

from __future__ import annotations

import ipaddress
from typing import Any

from kcpcache.apimachinery.cel.declare import (
    BOOL,
    INT,
    MAP,
    STRING,
    Declaration,
    function,
    method,
    tagged,
    untagged,
)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Tagged = dict[str, str]


def declarations() -> list[Declaration]:
    """The functions of this library."""
    return [
        function("ip", lambda text: tagged("ip", str(_address(text))), MAP, STRING),
        function("isIP", _is_ip, BOOL, STRING),
        function("ip.isCanonical", lambda text: str(_address(text)) == text, BOOL, STRING),
        method("family", lambda ip: _ip(ip).version, INT, MAP),
        method("isUnspecified", lambda ip: _ip(ip).is_unspecified, BOOL, MAP),
        method("isLoopback", lambda ip: _ip(ip).is_loopback, BOOL, MAP),
        method("isLinkLocalMulticast", _is_link_local_multicast, BOOL, MAP),
        method("isLinkLocalUnicast", lambda ip: _ip(ip).is_link_local, BOOL, MAP),
        method("isGlobalUnicast", _is_global_unicast, BOOL, MAP),
        function("cidr", lambda text: tagged("cidr", str(_network(text))), MAP, STRING),
        function("isCIDR", _is_cidr, BOOL, STRING),
        method("ip", lambda cidr: tagged("ip", str(_cidr(cidr).ip)), MAP, MAP),
        method("masked", lambda cidr: tagged("cidr", str(_cidr(cidr).network)), MAP, MAP),
        method("prefixLength", lambda cidr: _cidr(cidr).network.prefixlen, INT, MAP),
        method("containsIP", _contains_ip, BOOL, MAP, STRING),
        method("containsIP", _contains_ip, BOOL, MAP, MAP),
        method("containsCIDR", _contains_cidr, BOOL, MAP, STRING),
        method("containsCIDR", _contains_cidr, BOOL, MAP, MAP),
    ]


def _address(text: str) -> Address:
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or address.ipv4_mapped):
        raise ValueError(f"IP Address {text!r}: zones and IPv4-mapped IPv6 addresses are not allowed")
    return address


def _network(text: str) -> Network:
    address, slash, length = text.partition("/")
    if not slash or not length.isascii() or not length.isdigit():
        raise ValueError(f"network address parse error during conversion from string: {text!r}")
    _address(address)
    return ipaddress.ip_interface(text)


def _is_ip(text: str) -> bool:
    try:
        _address(text)
    except ValueError:
        return False
    return True


def _is_cidr(text: str) -> bool:
    try:
        _network(text)
    except ValueError:
        return False
    return True


def _ip(value: Tagged) -> Address:
    return _address(untagged("ip", value))


def _cidr(value: Tagged) -> Network:
    return _network(untagged("cidr", value))


def _is_link_local_multicast(value: Tagged) -> bool:
    networks = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))
    return any(_ip(value) in network for network in networks)


def _is_global_unicast(value: Tagged) -> bool:
    address = _ip(value)
    broadcast = address == ipaddress.IPv4Address("255.255.255.255")
    others = address.is_unspecified, address.is_loopback, address.is_multicast, address.is_link_local
    return not broadcast and not any(others)


def _contains_ip(cidr: Tagged, wanted: Any) -> bool:
    address = _address(wanted) if isinstance(wanted, str) else _ip(wanted)
    return address in _cidr(cidr).network


def _contains_cidr(cidr: Tagged, wanted: Any) -> bool:
    outer = _cidr(cidr).network
    inner = (_network(wanted) if isinstance(wanted, str) else _cidr(wanted)).network
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
