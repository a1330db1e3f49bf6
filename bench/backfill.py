"""A million rows moved while users write: what the writers notice of it, beside the same writers without it (F4).

PostgreSQL and the example's own container in a namespace; the writers run in a pod beside the database, so that neither
a proxy nor HTTP is measured. Lock waits are those that the database itself knows of.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import yaml
from demo.stage import clear

from bench.measure import Measure
from cluster.context import Context
from cluster.parts.images import build_folder
from rainbow.adapters.kube import POD, Kind, Kube, connect

NAMESPACE = "bench-backfill"
ROWS = 1_000_000
GOAL_WAIT, GOAL_RATIO = 0.1, 3.0  # seconds; of the 99th percentiles
SECRET = "address-book-database"  # noqa: S105 - its name
PATIENCE = 1200
_BOOK = Path(__file__).parents[1] / "examples" / "address-book"
_STATEFUL_SET = Kind("apps/v1", "StatefulSet")


def backfill() -> list[Measure]:
    """The longest wait of a writer for a lock, and how much slower writers are meanwhile."""
    kube = connect()
    clear(kube, NAMESPACE)
    try:
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        context = Context.from_environment()
        _database(kube, build_folder(context, _BOOK / "database", "address-book/database", {}))
        app = build_folder(context, _BOOK, "address-book/app", {"ADDRESS_BOOK": "2.2"})
        return _measures(_run(kube, app))
    finally:
        clear(kube, NAMESPACE)


def _database(kube: Kube, image: str) -> None:
    login = {"PGHOST": "database", "PGUSER": "book", "PGPASSWORD": "for-the-bench", "PGDATABASE": "book"}
    meta = {"name": SECRET, "namespace": NAMESPACE}
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": login})
    for obj in yaml.safe_load_all((_BOOK / "database" / "database.yaml").read_text()):
        if obj["kind"] == _STATEFUL_SET.kind:
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = image
        kube.apply(obj | {"metadata": obj["metadata"] | {"namespace": NAMESPACE}})

    def ready() -> bool:
        found = kube.get(_STATEFUL_SET, NAMESPACE, "database") or {}
        return bool((found.get("status") or {}).get("readyReplicas"))

    _wait(ready)


def _run(kube: Kube, image: str) -> dict[str, Any]:
    """The writers' own report, the last line of their pod."""
    source = (Path(__file__).parent / "backfill_writers.py").read_text()
    container = {
        "name": "writers",
        "image": image,
        "command": ["python3", "-c", source, str(ROWS)],
        "envFrom": [{"secretRef": {"name": SECRET}}],
    }
    meta = {"name": "writers", "namespace": NAMESPACE}
    spec = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
    kube.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})

    def ended() -> bool:
        pod = kube.get(POD, NAMESPACE, "writers") or {}
        return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")

    _wait(ended)
    lines = kube.pod_log(NAMESPACE, "writers", "writers").strip().splitlines()
    report: dict[str, Any] = json.loads(lines[-1])
    return report


def _wait(holds: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"the bench in namespace {NAMESPACE} does not come to its end")
        time.sleep(0.5)


def _measures(report: dict[str, Any]) -> list[Measure]:
    quiet, busy = report["quiet"], report["busy"]
    assert report["moved"] == ROWS, report  # noqa: S101 - else something else was measured
    title = f"backfill of {ROWS:,} rows in {report['seconds']:.0f} s"
    ratio = busy["p99"] / quiet["p99"]
    return [
        Measure(
            name=f"{title}: longest wait of a writer for a lock",
            ours=f"{busy['wait'] * 1000:.0f} ms ({busy['writes']} writes, {busy['failed']} failed)",
            against=f"without it {quiet['wait'] * 1000:.0f} ms",
            goal=f"≤ {GOAL_WAIT * 1000:.0f} ms",
            met=busy["wait"] <= GOAL_WAIT and busy["failed"] == 0,
        ),
        Measure(
            name="… a write, 99th percentile",
            ours=f"{busy['p99'] * 1000:.1f} ms (longest {busy['longest'] * 1000:.0f} ms)",
            against=f"without it {quiet['p99'] * 1000:.1f} ms (longest {quiet['longest'] * 1000:.0f} ms)",
            ratio=ratio,
            goal=f"≤ {GOAL_RATIO:g} times",
            met=ratio <= GOAL_RATIO,
        ),
    ]
