"""Changes at a steady rate by the bulk path, in a process of its own beside the instance's data.

``python -m bench.bulkchanges WORKSPACE RATE SECONDS OBJECTS SERIAL`` with the environment of a management command,
where SERIAL is the first to use. It prints a JSON line when it is ready, waits for a line on stdin, then prints one for
each batch: first and last serial, when the batch was begun and when it was committed (monotonic clock).
"""

from __future__ import annotations

import json
import os
import sys
import time

from bench import manifests

BATCH_SECONDS = 0.1


def main(workspace: str, rate: int, seconds: float, objects: int, serial: int) -> None:
    """Change the objects in turn, a batch every tenth of a second."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kcpcache.settings")
    import django

    django.setup()
    from workspaces import bulk
    from workspaces.manifests import Document

    applier = bulk.Applier(workspace)
    size = max(1, round(rate * BATCH_SECONDS))
    print(json.dumps({"ready": True}), flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    for batch in range(int(seconds / BATCH_SECONDS)):
        time.sleep(max(0.0, started + batch * BATCH_SECONDS - time.perf_counter()))
        serials = range(serial, serial + size)
        serial += size
        flavours = [manifests.flavour(1 + each % objects, each) for each in serials]
        documents = [Document("bench", 1, json.dumps(flavour).encode()) for flavour in flavours]
        begun = time.perf_counter()
        applier.apply(documents)
        told = {"first": serials[0], "last": serials[-1], "begun": begun, "committed": time.perf_counter()}
        print(json.dumps({**told, "failed": len(applier.summary.failures)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
