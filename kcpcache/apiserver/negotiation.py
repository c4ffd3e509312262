"""Which form a client wants its answer in, and which form its body has.

Source: Kubernetes API concepts, "Resource representations", "Receiving resources as Tables" and
"Aggregated discovery"; k8s.io/apiserver `endpoints/handlers/negotiation`.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from kcpcache.apimachinery import errors
from kcpcache.apiserver.exchange import Request

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
OPENAPI_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
OPENAPI_V2_PROTOBUF_ASKED = (
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"  # no valid media type
)
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

GZIP_MINIMUM_BYTES = 128 * 1024
_GZIP_LEVEL = 1

_TABLE_FORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_PRETTY_AGENTS = ("curl", "Wget", "Mozilla/5.0")


@dataclass(frozen=True, slots=True)
class Accepted:
    """The chosen answer: media type, and the transformation (`form`) in its version and group."""

    media: str = JSON
    form: str = ""  # Table, PartialObjectMetadata, PartialObjectMetadataList, APIGroupDiscoveryList
    form_version: str = ""
    form_group: str = ""

    @property
    def form_api_version(self) -> str:
        """The apiVersion of the form's objects."""
        return f"{self.form_group}/{self.form_version}"

    @property
    def content_type(self) -> str:
        """What the answer's Content-Type header says."""
        if self.form == "APIGroupDiscoveryList":
            return f"{self.media};g={self.form_group};v={self.form_version};as={self.form}"
        return self.media


@dataclass(frozen=True, slots=True)
class Offer:
    """What an endpoint can serve: media types in order of preference, and forms as (kind, group, versions)."""

    media: tuple[str, ...] = (JSON, YAML)
    forms: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


_META = ("meta.k8s.io", ("v1", "v1beta1"))
OBJECT = Offer(forms=(("Table", *_META), ("PartialObjectMetadata", *_META)))
LIST = Offer(forms=(("Table", *_META), ("PartialObjectMetadataList", *_META)))
WATCH = Offer(media=(JSON,), forms=(("Table", *_META), ("PartialObjectMetadata", *_META)))
DISCOVERY = Offer(forms=(("APIGroupDiscoveryList", "apidiscovery.k8s.io", ("v2", "v2beta1")),))
PLAIN = Offer()
OPENAPI_V2 = Offer(media=(JSON, OPENAPI_V2_PROTOBUF, OPENAPI_V2_PROTOBUF_ASKED))


@lru_cache(maxsize=1024)
def accept(header: str, offer: Offer) -> Accepted:
    """The first clause of an Accept header, best quality first, that `offer` can serve; NotAcceptable."""
    if not header.strip():
        return Accepted(media=offer.media[0])
    for media_type, parameters in _clauses(header):
        media = _served_media(media_type, offer)
        if media is None:
            continue
        if "as" not in parameters:
            return Accepted(media=media)
        wanted = (parameters["as"], parameters.get("g", ""), parameters.get("v", ""))
        for kind, group, versions in offer.forms:
            if wanted[0] == kind and wanted[1] == group and wanted[2] in versions:
                return Accepted(media, kind, wanted[2], group)
    raise errors.NotAcceptable(f"only the following media types are accepted: {', '.join(offer.media)}")


def _clauses(header: str) -> list[tuple[str, dict[str, str]]]:
    clauses = []
    for position, clause in enumerate(header.split(",")):
        media_type, *raw = (part.strip() for part in clause.split(";"))
        parameters = {
            name.strip().lower(): value.strip().strip('"')
            for name, _, value in (p.partition("=") for p in raw)
        }
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            quality = 0.0
        if quality > 0:
            clauses.append((-quality, position, media_type.lower(), parameters))
    clauses.sort(key=lambda clause: clause[:2])
    return [(media_type, parameters) for _, _, media_type, parameters in clauses]


def _served_media(media_type: str, offer: Offer) -> str | None:
    if media_type in ("*/*", "application/*", "*"):
        return offer.media[0]
    return media_type if media_type in offer.media else None


def body_media(headers: Mapping[str, str], accepted: Iterable[str], default: str = JSON) -> str:
    """The body's media type without parameters; UnsupportedMediaType when it is none of `accepted`."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower() or default
    allowed = tuple(accepted)
    if media not in allowed:
        raise errors.UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(allowed)
        )
    return media


def wants_pretty(request: Request) -> bool:
    """Whether the client asked for indented JSON; terminals and browsers need not ask."""
    if "pretty" in request.query:
        return request.parameter("pretty").lower() not in ("0", "f", "false")
    return request.headers.get("user-agent", "").startswith(_PRETTY_AGENTS)


def wants_gzip(headers: Mapping[str, str]) -> bool:
    """Whether Accept-Encoding names gzip with a quality above 0."""
    for clause in headers.get("accept-encoding", "").split(","):
        coding, _, parameters = clause.partition(";")
        if coding.strip().lower() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def compress(chunks: Iterable[bytes]) -> bytes:
    """One gzip member; fast rather than small, since both ends pay for time, not bytes."""
    return gzip.compress(b"".join(chunks), compresslevel=_GZIP_LEVEL, mtime=0)
