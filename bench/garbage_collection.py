"""One garbage collection over many releases of many workloads: seconds, memory, and list calls against few (P4).

The workloads have no pods: what is measured is the collection, not the apps. All releases but the current one are old
enough, so Prometheus is asked about each; most are at work, some are due and go. The time holds the waiting for samples
in a row (two, a second apart), before and after those are sealed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from demo.stage import clear

from bench.measure import Measure
from bench.waiting_step import RAINBOW
from cluster.context import Context
from rainbow.adapters.kube import DEPLOYMENT, INGRESS, SERVICE, Kube, Object, connect
from rainbow.adapters.records import list_releases, note
from rainbow.model.app import AppConfig
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, ReleaseSpec, new_record
from workflows.installation import of_the_cluster

NAMESPACE = "bench-garbage"
APP = "shop"
FEW, MANY, WORKLOADS, DUE = 7, 50, 10, 5
_LOOKS = 6  # list calls of two more looks at the work: how many it takes is a matter of time, not of releases
GOAL_SECONDS, GOAL_MIB = 5.0, 100
# From a series that Prometheus has in any case, as nothing of the releases exports anything: no task, or some.
_IDLE, _BUSY = 'sum(up{release!="$release"}) * 0', 'count(up{release!="$release"})'


def garbage_collection() -> list[Measure]:
    """With few releases first, then with many; as many are due."""
    kube = connect()
    clear(kube, NAMESPACE)
    try:
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for obj in of_the_cluster():
            kube.apply(obj)
        _stage(kube, range(FEW))
        few = _collect()
        _stage(kube, range(FEW, MANY + DUE))
        many = _collect()
        assert few["deleted"] == many["deleted"] == DUE, many  # noqa: S101 - else something else was measured
        return _measures(few, many)
    finally:
        clear(kube, NAMESPACE)


def _measures(few: dict[str, Any], many: dict[str, Any]) -> list[Measure]:
    title = f"garbage of {MANY} releases of {WORKLOADS} workloads, {DUE} due"
    return [
        Measure(
            name=f"{title}: seconds",
            ours=f"{many['seconds']:.1f} s",
            against=f"of {FEW} releases, {DUE} due: {few['seconds']:.1f} s",
            ratio=many["seconds"] / few["seconds"],
            goal=f"≤ {GOAL_SECONDS:g} s",
            met=many["seconds"] <= GOAL_SECONDS,
        ),
        Measure(
            name="… list calls",
            ours=f"{many['lists']}",
            against=f"of {FEW} releases: {few['lists']}",
            ratio=many["lists"] / few["lists"],
            goal="constant",
            met=many["lists"] <= few["lists"] + _LOOKS,
        ),
        Measure(
            name="… peak memory",
            ours=f"{many['mib']:.0f} MiB",
            against=f"of {FEW} releases: {few['mib']:.0f} MiB",
            ratio=many["mib"] / few["mib"],
            goal=f"≤ {GOAL_MIB} MiB",
            met=many["mib"] <= GOAL_MIB,
        ),
    ]


def _collect() -> dict[str, Any]:
    """Run the step as its pod would, in a process of its own."""
    prometheus = f"http://127.0.0.1:{Context.from_environment().ports.prometheus}"
    command = [RAINBOW, "step", "collect-garbage", "--namespace", NAMESPACE, "--prometheus-url", prometheus]
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True)
    said = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - begun
    found = re.search(r"releases deleted: (\d+); list calls: (\d+)", said)
    assert found is not None, said  # noqa: S101 - there is nothing to measure
    return {"seconds": seconds, "mib": used.ru_maxrss / 1024, "deleted": int(found[1]), "lists": int(found[2])}


def _stage(kube: Kube, numbers: range) -> None:
    """Releases in a row; the first one of all is current, and the last ones are due."""
    ago = datetime.now(UTC) - timedelta(hours=2)
    for number in numbers:
        release = f"v{number}"
        query = _BUSY if number < numbers.stop - DUE else _IDLE
        kube.create(new_record(ReleaseSpec(release=release, app=_config(query), manifests=_BASE)))
        for obj in _objects(release):
            kube.create(obj)
    for record in list_releases(kube, NAMESPACE, APP):
        if record.id == "v0" and record.status.live_at is None:
            note(kube, record, phase=Phase.CURRENT, live_at=ago, traffic="100%")
            kube.create(_ingress("web-v0"))
        elif record.status.live_at is None:
            times = {"live_at": ago, "demoted_at": ago, "drained_at": ago}
            note(kube, record, phase=Phase.DRAINED, traffic="-", **times)


def _config(query: str) -> AppConfig:
    asked = {"url": "http://prometheus", "query": query, "interval": "1s", "samples": 2, "maxAge": "30s"}
    return AppConfig.model_validate(
        {
            "app": APP,
            "namespace": NAMESPACE,
            "manifests": {"kustomize": "deploy"},
            "route": {"ingress": {"name": APP, "url": "http://proxy"}},
            "drain": {"prometheus": asked},
            "retention": {"minimumAge": "1s"},
        }
    )


def _ingress(service: str) -> Object:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rule = {"host": "shop.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": APP, "namespace": NAMESPACE}
    head = {"apiVersion": INGRESS.api_version, "kind": INGRESS.kind}
    return head | {"metadata": meta, "spec": {"rules": [rule]}}


_BASE = json.dumps(_ingress("web"))


def _objects(release: str) -> list[Object]:
    labels = release_labels(APP, release)

    def obj(kind: Any, name: str, **more: Any) -> Object:
        meta = {"name": f"{name}-{release}", "namespace": NAMESPACE, "labels": labels}
        return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, **more}

    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "none"}]}}
    idle = {"replicas": 0, "selector": {"matchLabels": labels}, "template": pod}
    workloads = [obj(DEPLOYMENT, f"work-{n}", spec=idle) for n in range(WORKLOADS)]
    return [*workloads, obj(SERVICE, "web", spec={"selector": labels, "ports": [{"port": 80}]})]
