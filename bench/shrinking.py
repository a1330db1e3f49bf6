"""Replica-hours of a draining release that shrinks, against keeping all its pods until it is drained (P6).

A real run on the cluster with the time shortened: a second stands for two minutes. At its demotion the release has ten
pods and ten tasks, each given to a pod by chance. What is left of each task is drawn as of tasks that last from five
seconds to six hours, evenly over the orders of magnitude, met at a random moment of theirs: so long ones are met more
often. The steps and Prometheus do not know that time is short: what they take to notice counts 120 times as much here.

Of two thousand such draws the mean of the best possible ratio, each pod gone at the very end of its last task, is 0.31,
and nine of ten are below 0.41; the one drawn here has 0.31.
"""

from __future__ import annotations

import math
import random
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from demo.stage import clear

from bench.measure import Measure
from cluster.context import Context
from cluster.parts.images import references
from rainbow.adapters.kube import DEPLOYMENT, POD, Kube, Object, connect
from rainbow.adapters.prometheus import Prometheus
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.model.app import AppConfig
from rainbow.model.names import object_name, release_labels, release_selector
from rainbow.model.release import Phase, ReleaseSpec, new_record
from steps.wait_for_drain import Params, run

NAMESPACE = "bench-shrink"
APP = "plant"
PODS = TASKS = 10
SHORTEST, LONGEST = 5 / 120, 6 * 3600 / 120  # seconds of this run
GOAL = 0.4
SEED = 6
# Tells how many of the tasks that it was given last longer than until now.
_SERVER = """
import http.server, os, signal, time
class Handler(http.server.BaseHTTPRequestHandler):
    ends = []
    def do_GET(self):
        if self.path.startswith("/take/"):
            Handler.ends.append(time.monotonic() + float(self.path[6:]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"bench_tasks %d\\n" % sum(end > time.monotonic() for end in Handler.ends))
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@dataclass
class _Seen:
    """What was seen of the pods while the release drained. Times are this process's monotonic seconds."""

    busy_until: dict[str, float] = field(default_factory=dict)
    pod_seconds: float = 0
    cut_off: set[str] = field(default_factory=set)


def shrinking() -> list[Measure]:
    """One run."""
    context, kube = Context.from_environment(), connect()
    clear(kube, NAMESPACE)
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    try:
        prometheus = f"http://127.0.0.1:{context.ports.prometheus}"
        _release(kube, prometheus, references(context).base)
        return [_measure(kube, prometheus)]
    finally:
        clear(kube, NAMESPACE)


def _measure(kube: Kube, prometheus: str) -> Measure:
    seen = _Seen()
    chance = random.Random(SEED)  # noqa: S311 - the same tasks each time
    addresses = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in _ready(kube, prometheus)}
    begun = time.monotonic()
    for _ in range(TASKS):
        pod, left = chance.choice(sorted(addresses)), _left(chance)
        with urllib.request.urlopen(f"http://{addresses[pod]}:8000/take/{left}", timeout=5):
            seen.busy_until[pod] = max(seen.busy_until.get(pod, 0), time.monotonic() + left)
    note(kube, read_release(kube, NAMESPACE, APP, "v1"), demoted_at=datetime.now(UTC), phase=Phase.DRAINING)
    params = Params.model_validate({"namespace": NAMESPACE, "app": APP, "release": "v2", "max_wait": "10m"})
    waiting = threading.Thread(target=run, args=(params, World(kube, say=lambda _line: None)), daemon=True)
    waiting.start()
    last = begun
    while waiting.is_alive():
        time.sleep(0.5)
        last = _count(kube, seen, last)
    took = time.monotonic() - begun
    ratio = seen.pod_seconds / (PODS * took)
    return Measure(
        name="draining release: pod-hours while it shrinks, none cut off",
        ours=f"{seen.pod_seconds / 30:.1f} h, {len(seen.cut_off)} busy pods touched",
        against=f"{PODS} pods kept {took / 30:.1f} h: {PODS * took / 30:.1f} h",
        ratio=ratio,
        goal=f"≤ {GOAL}",
        met=ratio <= GOAL and not seen.cut_off,
    )


def _count(kube: Kube, seen: _Seen, last: float) -> float:
    """Add what the pods that are there, ending ones too, have cost since the last time; note who was cut off."""
    pods = kube.list(POD, NAMESPACE, labels=release_selector(APP, "v1"))
    now = time.monotonic()
    seen.pod_seconds += len(pods) * (now - last)
    staying = {pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]}
    seen.cut_off |= {pod for pod, until in seen.busy_until.items() if until > now and pod not in staying}
    return now


def _left(chance: random.Random) -> float:
    """What is left of a task: of its length, more likely the longer it is, any part."""
    while True:
        length = math.exp(chance.uniform(math.log(SHORTEST), math.log(LONGEST)))
        if chance.uniform(0, LONGEST) < length:
            return length * chance.random()


def _ready(kube: Kube, prometheus: str) -> list[Object]:
    """The pods, once each of them is scraped."""
    deadline = time.monotonic() + 300
    while True:
        pods = kube.list(POD, NAMESPACE, labels=release_selector(APP, "v1"))
        scrapes = Prometheus(prometheus).scrapes(NAMESPACE, [pod["metadata"]["name"] for pod in pods])
        if [scrape.up for scrape in scrapes] == [True] * PODS:
            return pods
        if time.monotonic() > deadline:
            raise RuntimeError(f"of {PODS} pods only {len(scrapes)} are scraped: the cluster is too slow to measure")
        time.sleep(1)


def _release(kube: Kube, prometheus: str, image: str) -> None:
    """v1 with its pods, and v2, which the route points at."""
    of_release = '{namespace="$namespace",app="$app",release="$release"}'
    asking = {"url": prometheus, "query": f"sum(bench_tasks{of_release})", "interval": "1s", "samples": 3}
    shrink = {"query": f"sum by (pod) (bench_tasks{of_release})", "workloads": ["worker"], "minimum": 1}
    app = AppConfig.model_validate(
        {
            "app": APP,
            "namespace": NAMESPACE,
            "manifests": {"kustomize": "deploy"},
            "route": {"ingress": {"name": APP, "url": "http://127.0.0.1:1"}},
            "drain": {"prometheus": asking, "shrink": shrink},
            "retention": {"minimumAge": "0s"},
        }
    )
    for name, live in (("v1", datetime.now(UTC) - timedelta(hours=1)), ("v2", datetime.now(UTC))):
        kube.create(new_record(ReleaseSpec(release=name, app=app, manifests="")))
        note(kube, read_release(kube, NAMESPACE, APP, name), phase=Phase.CURRENT, live_at=live)
        ports = [{"port": 80, "targetPort": 8000}]
        kube.create(_object("v1", "Service", object_name("web", name), name, {"ports": ports}))
    labels = release_labels(APP, "v1")
    meta = {"labels": labels, "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8000"}}
    container = {"name": "worker", "image": image, "command": ["python3", "-c", _SERVER]}
    pod = {"metadata": meta, "spec": {"containers": [container], "terminationGracePeriodSeconds": 5}}
    spec = {"replicas": PODS, "selector": {"matchLabels": labels}, "template": pod}
    kube.create(_object(DEPLOYMENT.api_version, DEPLOYMENT.kind, object_name("worker", "v1"), "v1", spec))
    backend = {"service": {"name": object_name("web", "v2"), "port": {"number": 80}}}
    rule = {
        "host": f"{NAMESPACE}.example",
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    route = _object("networking.k8s.io/v1", "Ingress", APP, "v2", {"rules": [rule]})
    kube.create(route | {"metadata": {"name": APP, "namespace": NAMESPACE}})


def _object(version: str, kind: str, name: str, release: str, spec: dict[str, Any]) -> Object:
    meta = {"name": name, "namespace": NAMESPACE, "labels": release_labels(APP, release)}
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}
