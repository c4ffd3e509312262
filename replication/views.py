"""REST: CachedResources with their health, replicas, bindings, workers and checks; read-only but for the actions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from kcpcache.apimachinery import errors
from kcpcache.rest.filters import Rows
from kcpcache.rest.views import DetailView, ListView, RESTView
from replication import actions, filters, rows, serializers
from replication.controllers.state import GROUP, PLURAL
from replication.insight import consumers, health, system, workers
from replication.insight.health import Health
from replication.models import Replica
from replication.replica import body, connection, meta
from workspaces.models import Object
from workspaces.views import WithPaths


@extend_schema_view(get=extend_schema(operation_id="cachedresources_list"))
class CachedResourceList(ListView):
    """All CachedResources with their health, computed now."""

    serializer_class = serializers.CachedResourceSerializer
    filterset_class = filters.CachedResourceFilters
    search_fields = ["name", "workspace", "resource", "group"]
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name", "workspace": "workspace", "phase": "phase", "lag": "lag_seconds", "created": "created",
        "cache": "cache", "consumers": "consumers",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        """Every one; they are counted in hundreds, and their health takes some statements for all."""
        return Rows(health.all())


class _FromRedis(RESTView):
    """Says 503 while Redis does not answer."""

    def handle_exception(self, exc: Exception) -> Response:
        """The error as `Status`."""
        if isinstance(exc, connection.Error):
            exc = errors.ServiceUnavailable("Redis does not answer", retry_after_seconds=1)
        return super().handle_exception(exc)


class _OfCachedResource(RESTView):
    def health(self, uid: str) -> Health:
        """The one with a uid; NotFound."""
        key = (
            Object.objects.filter(group=GROUP, resource=PLURAL, uid=uid)
            .values_list("cluster", "name")
            .first()
        )
        found = health.one(*key) if key else None
        if found is None:
            raise Http404
        return found


@extend_schema_view(get=extend_schema(operation_id="cachedresources_get"))
class CachedResourceDetail(_OfCachedResource, DetailView):
    """One CachedResource with its health, computed now."""

    serializer_class = serializers.CachedResourceSerializer

    def get_object(self) -> Health:
        """It; NotFound."""
        return self.health(self.kwargs["uid"])


class _Action(_OfCachedResource):
    parser_classes = [JSONParser]

    def accepted(self, action: str, uid: str, message: str) -> Response:
        """202: a worker does it."""
        return Response({"action": action, "uid": uid, "message": message}, status=202)


class ResyncView(_Action):
    """Have a worker look at it again, and bring the replica to the newest revision."""

    @extend_schema(
        operation_id="cachedresources_resync", request=None, responses={202: serializers.AcceptedSerializer}
    )
    def post(self, request: Request, uid: str) -> Response:
        """Resync now."""
        found = self.health(uid)
        actions.resync(uid, found.cluster, found.name)
        return self.accepted("resync", uid, "A worker brings the replica to the newest revision.")


class RepairView(_Action):
    """Have a worker fill the replica anew, whatever it holds; open watches of consumers list again."""

    @extend_schema(
        operation_id="cachedresources_repair", request=None, responses={202: serializers.AcceptedSerializer}
    )
    def post(self, request: Request, uid: str) -> Response:
        """Repair now."""
        self.health(uid)
        actions.repair(uid)
        return self.accepted("repair", uid, "A worker fills the replica anew.")


class VerifyView(_FromRedis, _Action):
    """Compare the replica with its source, object by object; changes nothing."""

    @extend_schema(
        operation_id="cachedresources_verify", request=None, responses={200: serializers.VerdictSerializer}
    )
    def post(self, request: Request, uid: str) -> Response:
        """Verify now."""
        self.health(uid)
        report = actions.verify(uid)
        if report is None:
            raise errors.NotFound("there is no replica of it yet", kind="replicas", name=uid)
        differences = report.differences
        return Response(
            {"uid": uid, "count": report.count, "is_equal": not differences, "differences": differences}
        )


@extend_schema_view(get=extend_schema(operation_id="replicas_list"))
class ReplicaList(WithPaths, ListView):
    """All replicas, as the database knows them."""

    queryset = Replica.objects.order_by("cluster", "name", "uid")
    serializer_class = serializers.ReplicaSerializer
    filterset_class = filters.ReplicaFilters
    search_fields = ["name", "resource", "group", "cluster"]
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name", "count": "count", "size_bytes": "size_bytes", "last_sync": "last_sync",
        "cursor": "cursor", "created": "created",
    }  # fmt: skip


@extend_schema_view(get=extend_schema(operation_id="replicas_get"))
class ReplicaDetail(WithPaths, DetailView):
    """One replica, by the uid of its CachedResource."""

    serializer_class = serializers.ReplicaSerializer
    queryset = Replica.objects.all()

    def get_object(self) -> Replica:
        """It; NotFound."""
        found = self.get_queryset().filter(uid=self.kwargs["uid"]).first()
        if found is None:
            raise Http404
        return found  # type: ignore[no-any-return]


class _Held:
    """The names in a replica, of which pages read the objects."""

    def __init__(self, source: rows.Source, epoch: int) -> None:
        self._source, self._epoch = source, epoch

    def __len__(self) -> int:
        return int(connection.hasty_client().zcard(self._source.family.index(self._epoch)))

    def __getitem__(self, wanted: slice) -> list[dict[str, Any]]:
        client, family = connection.hasty_client(), self._source.family
        names = client.zrange(family.index(self._epoch), wanted.start, wanted.stop - 1)
        bodies = client.hmget(family.objects(self._epoch), names) if names else []
        return [
            {"name": name.decode(), "object": body.decode(found)}
            for name, found in zip(names, bodies, strict=True)
            if found is not None
        ]

    def find(self, name: str) -> dict[str, Any] | None:
        """One object by name."""
        found = connection.hasty_client().hget(self._source.family.objects(self._epoch), name)
        return body.decode(found) if found is not None else None


def _held(uid: str) -> _Held:
    """What Redis holds of a replica; NotFound, Redis errors."""
    source = rows.find(uid)
    present = meta.read(connection.hasty_client(), source.family) if source is not None else None
    if source is None or present is None:
        raise errors.NotFound("Redis holds no such replica", kind="replicas", name=uid)
    return _Held(source, present.epoch)


@extend_schema_view(get=extend_schema(operation_id="replicas_objects_list"))
class ReplicaObjectList(_FromRedis, ListView):
    """The objects of a replica, as Redis has them."""

    serializer_class = serializers.ReplicaObjectSerializer

    def get_queryset(self) -> Any:
        """Read page by page."""
        return _held(self.kwargs["uid"])


@extend_schema_view(get=extend_schema(operation_id="replicas_objects_get"))
class ReplicaObjectDetail(_FromRedis, DetailView):
    """One object of a replica, as Redis has it."""

    serializer_class = serializers.ReplicaObjectSerializer

    def get_object(self) -> dict[str, Any]:
        """It; NotFound, Redis errors."""
        name = self.kwargs["name"]
        found = _held(self.kwargs["uid"]).find(name)
        if found is None:
            raise Http404
        return {"name": name, "object": found}


@extend_schema_view(get=extend_schema(operation_id="bindings_list"))
class BindingList(ListView):
    """All APIBindings: who consumes what, and at which revision they are served."""

    serializer_class = serializers.BindingSerializer
    filterset_class = filters.BindingFilters
    search_fields = ["workspace", "binding", "export", "provider_workspace"]
    ordering_fields: ClassVar[dict[str, str]] = {
        "workspace": "workspace", "export": "export", "phase": "phase", "served_revision": "served_revision",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        """Every one."""
        return Rows(consumers.all())


@extend_schema_view(get=extend_schema(operation_id="workers_list"))
class WorkerList(ListView):
    """All Celery workers that were heard of within the hour."""

    serializer_class = serializers.WorkerSerializer
    filterset_class = filters.WorkerFilters
    search_fields = ["name"]
    ordering_fields: ClassVar[dict[str, str]] = {
        "name": "name", "last_seen": "last_seen", "tasks_per_minute": "tasks_per_minute",
    }  # fmt: skip

    def get_queryset(self) -> Any:
        """Every one."""
        return Rows(workers.all())


@extend_schema_view(get=extend_schema(operation_id="checks_list"))
class CheckList(ListView):
    """Whether the parts of the system are well, asked now, and what to do where they are not."""

    serializer_class = serializers.CheckSerializer
    filterset_class = filters.CheckFilters

    def get_queryset(self) -> Any:
        """Every one."""
        return Rows(system.checks())
