"""The command line that all scripts share."""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import environment, figures, instance, report, results, target
from bench.api import Unexpected
from bench.instance import Instance, NotReady
from bench.results import Growth, Outcome, Result
from bench.target import NoTarget, Target

Measure = Callable[[Instance, argparse.Namespace], list[Result]]
AddOptions = Callable[[argparse.ArgumentParser], None]


@dataclass(frozen=True, slots=True)
class Workload:
    """A script: what it measures, with which options.

    `quick` are the options of a short run that only shows that everything works. A workload that does not need
    a server starts its own.
    """

    key: str  # such as P4
    description: str
    add_options: AddOptions
    measure: Measure
    quick: Sequence[str] = ()
    needs_server: bool = True

    def parser(self) -> argparse.ArgumentParser:
        """The options of the script itself."""
        parser = argparse.ArgumentParser(
            description=self.description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        self.add_options(parser)
        return parser


def main(workload: Workload) -> None:
    """Run one workload as the command line says, and print what it found; exits 1 with one sentence on failure."""
    parser = workload.parser()
    parser.add_argument("--output", choices=["table", "json"], default="table")
    if workload.needs_server:
        add_target_options(parser)
    options = parser.parse_args()
    prepare()
    try:
        server = chosen(options) if workload.needs_server else instance.NOWHERE
        outcome = Outcome(environment.describe(), workload.measure(server, options))
    except (NoTarget, NotReady, Unexpected, OSError) as error:
        sys.exit(f"{parser.prog}: {error}")
    outcome.growth.extend(growth(outcome.results))
    show(outcome, options.output)


def add_target_options(parser: argparse.ArgumentParser) -> None:
    """Which server."""
    default = os.environ.get("KUBECONFIG") or ".kcpcache/admin.kubeconfig"
    parser.add_argument("--kubeconfig", type=Path, default=Path(default), help=f"default: {default}")
    parser.add_argument("--server", metavar="URL", help="instead of a kubeconfig, with --token and --ca")
    parser.add_argument("--token", default="", help="a bearer token")
    parser.add_argument("--ca", type=Path, help="file with the authority of the server's certificate, PEM")
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="data directory of the server if it runs here: adds memory, CPU and the bulk path for loading; "
        "default: where the kubeconfig lies",
    )


def chosen(options: argparse.Namespace) -> Instance:
    """The instance that the options name; NoTarget."""
    if options.server:
        authority = options.ca.read_text() if options.ca else ""
        try:
            server = Target(target.base_url(options.server), options.token, authority)
        except ValueError as error:
            raise NoTarget(f"{error}.") from None
        return instance.running(server, options.data_dir)
    return instance.running(
        target.from_kubeconfig(options.kubeconfig), options.data_dir or options.kubeconfig.resolve().parent
    )


def sizes(argument: str) -> list[int]:
    """The type of options that take several numbers: ``1000,10000``."""
    return [int(part.replace("_", "")) for part in argument.split(",")]


def growth(found: Sequence[Result]) -> list[Growth]:
    """Exponents of all cases that were measured at more than one number of objects."""
    by_case: dict[tuple[str, str], dict[int, float]] = {}
    for result in found:
        if "objects" in result.sizes:
            medians = by_case.setdefault((result.workload, result.case), {})
            medians[result.sizes["objects"]] = result.figures.median_seconds
    return [
        Growth(workload, case, medians, figures.exponent(medians))
        for (workload, case), medians in by_case.items()
        if len(medians) > 1
    ]


def show(outcome: Outcome, form: str) -> None:
    """Print to stdout."""
    if form == "json":
        print(json.dumps(results.to_json(outcome), indent=1))
    else:
        print(report.text(outcome), end="")


def prepare() -> None:
    """Raise the limit of open files as far as this user may, and clean up also when asked to stop by SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
