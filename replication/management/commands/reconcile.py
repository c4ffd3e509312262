"""``manage.py reconcile WORKSPACE [NAME]``: what workers do, in the foreground and at once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kcpcache.apimachinery import errors
from replication import rows
from replication.controllers import cachedresource, endpointslice
from replication.controllers.state import GROUP, PLURAL, SLICES
from replication.replica import connection, meta, sync
from workspaces.registry import addresses, client


class Command(BaseCommand):
    """Reconcile the CachedResources of a workspace and bring their replicas forward."""

    help = "Reconcile the CachedResources of a workspace now, and show what came of it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Workspace and, for one of them only, its name."""
        parser.add_argument("workspace", help="path or logical cluster name")
        parser.add_argument("name", nargs="?", help="one CachedResource; all of the workspace if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the controllers, then the replication, then the controllers again for the counts."""
        address = addresses.find(options["workspace"])
        if address is None:
            raise CommandError(f"There is no workspace {options['workspace']}.")
        found = client.list(address.cluster, GROUP, PLURAL)
        names = [
            obj["metadata"]["name"] for obj in found if options["name"] in (None, obj["metadata"]["name"])
        ]
        if options["name"] and not names:
            raise CommandError(f"There is no CachedResource {options['name']} in {address.path}.")
        try:
            for number, name in enumerate(names, 1):
                self.stdout.write(f"[{number}/{len(names)}] {name}: {self._reconcile(address.cluster, name)}")
        except (errors.APIError, connection.Error) as error:
            raise CommandError(f"Reconciling failed: {error}") from error

    def _reconcile(self, cluster: str, name: str) -> str:
        obj = client.get(cluster, GROUP, PLURAL, name)
        if obj is None:
            return "gone"
        uid = obj["metadata"]["uid"]
        cachedresource.reconcile(cluster, name)
        source = rows.find(uid)
        if source is not None:
            sync.sync(connection.client(), uid, to_end=True)
            cachedresource.reconcile(cluster, name)
        for slice_ in client.list(cluster, GROUP, SLICES):
            endpointslice.reconcile(cluster, slice_["metadata"]["name"])
        present = meta.read(connection.client(), source.family) if source is not None else None
        return (
            f"{present.count} objects at revision {present.cursor}"
            if present is not None
            else "nothing replicated"
        )
