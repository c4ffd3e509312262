"""``manage.py why WORKSPACE RESOURCE NAME``: why a consumer sees, or does not see, an object."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from replication.insight import why
from workspaces.management.operator import Answer, OperatorCommand


class Command(OperatorCommand):
    """Follow one object from its source to a consumer."""

    help = """Say why a consumer sees, or does not see, an object.

Follows the object link by link: the resource and the object in the provider's workspace, the CachedResource with
identity, schema and selector, the worker, the replica in Redis, the endpoint slice, the APIExport, its schema, the
APIBinding, the consumer's discovery, and the object as the consumer reads it. It ends at the first link that is
broken and says what to do. Nothing is changed."""
    examples = (
        ("root:alice cpuflavors cpu-small", "why does root:alice (not) see cpu-small?"),
        ("root:alice cpuflavors.cloud.example.com cpu-small", "the same, for one of two groups"),
        ("root:cloud cpuflavors cpu-small", "is it replicated? asked of the provider"),
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who asks for what."""
        super().add_arguments(parser)
        parser.add_argument("workspace", help="the consumer: path or logical cluster name")
        parser.add_argument("resource", help="plural name, with its group or without")
        parser.add_argument("name", help="the object's name")

    def answer(self, **options: Any) -> Answer:
        """Every link, up to the first that is broken."""
        links = why.explain(options["workspace"], options["resource"], options["name"])
        width = max(len(link.name) for link in links)
        lines = []
        for link in links:
            lines.append(f"{'ok  ' if link.is_well else 'FAIL'} {link.name.ljust(width)}  {link.message}")
            if link.what_to_do:
                lines.append(f"     {' ' * width}  -> {link.what_to_do}")
        return Answer(links, "\n".join(lines), is_well=all(link.is_well for link in links))
