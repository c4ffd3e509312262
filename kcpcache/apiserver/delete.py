"""Deleting one object or many, over any storage that can."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import orjson

from kcpcache.apimachinery import errors, objects, resourceversion, storage
from kcpcache.apimachinery.descriptor import Descriptor
from kcpcache.apimachinery.objects import JSONObject
from kcpcache.apiserver import body, listoptions, negotiation, writeoptions
from kcpcache.apiserver.exchange import Request, Response
from kcpcache.apiserver.requestinfo import RequestInfo


def delete(store: storage.Deleter, descriptor: Descriptor, request: Request, info: RequestInfo) -> Response:
    """One object: a Status when it is gone, the object itself while finalizers hold it."""
    accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.OBJECT)
    plain = negotiation.Accepted(accepted.media)
    deletion = writeoptions.deletion(request)
    record, is_gone = store.delete(info.namespace, info.name, deletion.options)
    if is_gone:
        return body.respond(request, plain, [orjson.dumps(_success(record, descriptor))])
    content = objects.splice_api_version(record.body, descriptor.api_version)
    return body.respond(request, plain, [content], 202 if deletion.waits else 200)


def delete_collection(
    store: storage.Deleter, descriptor: Descriptor, request: Request, info: RequestInfo
) -> Response:
    """Every selected object; the answer lists what was there."""
    if not isinstance(store, storage.Lister):
        raise errors.MethodNotAllowed("the server does not allow this method on the requested resource")
    accepted = negotiation.accept(request.headers.get("accept", ""), negotiation.LIST)
    deletion = writeoptions.deletion(request)
    parsed = listoptions.parse_list(request, info, descriptor)
    page = store.list(replace(parsed.options, limit=0, exact=False, start_after=None))
    deleted = []
    for record in page.records:
        with contextlib.suppress(errors.NotFound):
            last, _ = store.delete(record.key.namespace, record.key.name, deletion.options)
            deleted.append(objects.splice_api_version(last.body, descriptor.api_version))
    head = orjson.dumps({
        "kind": descriptor.list_kind, "apiVersion": descriptor.api_version,
        "metadata": {"resourceVersion": resourceversion.format(page.revision)},
    })  # fmt: skip
    content = head[:-1] + b',"items":[' + b",".join(deleted) + b"]}"
    return body.respond(request, negotiation.Accepted(accepted.media), [content])


def _success(record: storage.Record, descriptor: Descriptor) -> JSONObject:
    uid = objects.metadata(objects.decode(record.body)).get("uid", "")
    details = {"name": record.key.name, "group": descriptor.group, "kind": descriptor.plural, "uid": uid}
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {name: value for name, value in details.items() if value},
    }  # fmt: skip
