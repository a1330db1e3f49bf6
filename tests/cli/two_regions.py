"""Two emulated clusters, each with a small stand-in for Argo that takes every workflow a step further at each pause.

What the real one does is shown on the cluster; here anything may be killed, away or at work twice, a thousand times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from emulated import START, Emulated, Store
from rich.console import Console

from rainbow.adapters.kube import RELEASE, WORKFLOW, Kube, Object
from rainbow.adapters.records import list_releases, note, read_release
from rainbow.adapters.regions import Place
from rainbow.adapters.routes import read_route
from rainbow.adapters.world import Clock
from rainbow.cli.regions import Going, Journey
from rainbow.cli.regions_screen import RegionsScreen
from rainbow.decisions.regional import in_cluster
from rainbow.errors import TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.clusters import OnFailure
from rainbow.model.names import release_labels
from rainbow.model.release import Mark, Phase, ReleaseSpec
from tests.decisions.make import app as plain_app

ARGO = "argoproj.io/v1alpha1"
DIGEST = f"registry.example/shop@sha256:{'a' * 64}"
BAKE = {
    "duration": "1m",
    "traffic": "t{r='$release'}",
    "watch": [{"name": "e", "query": "e{r='$release'}", "limit": 1}],
}
WAY = ("build", "deploy", "switch", "bake", "delete")


class Ticking(Clock):
    """Time passes by waiting only, and whoever waits lets the clusters work."""

    def __init__(self, work: Callable[[], None]) -> None:
        self.work, self.passed = work, 0.0

    def now(self) -> datetime:
        """The same in every cluster."""
        return START.astimezone(UTC) + timedelta(hours=1, seconds=self.passed)

    def monotonic(self) -> float:
        """In seconds."""
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Meanwhile others work."""
        self.passed += seconds
        self.work()


@dataclass
class Client(Emulated):
    """One that can be away: `away` is asked before every request."""

    away: Callable[[], bool] = lambda: False

    def _once(self, method: str, path: str, query: Object, body: Any, content_type: str) -> str:
        if self.away():
            raise TemporaryError("connection refused")
        return super()._once(method, path, query, body, content_type)


@dataclass
class Cluster:
    """A region: what its API server keeps, and what becomes of workflows there. `fails`: release → the step."""

    store: Store
    clock: Clock
    app: AppConfig
    fails: dict[str, str] = field(default_factory=dict)
    out: bool = False
    unknown: bool = False  # a bake that fails does so without a breach

    def client(self) -> Client:
        """Somebody's connection to it."""
        return Client(None, attempts=1, store=self.store, away=lambda: self.out)

    @property
    def kube(self) -> Kube:
        """That of its own Argo, which is never away."""
        return Emulated(None, attempts=1, store=self.store)

    def install(self) -> None:
        """The templates."""
        for name in ("release", "rollback"):
            meta = {"name": name, "namespace": self.app.namespace}
            self.kube.create({"apiVersion": ARGO, "kind": "WorkflowTemplate", "metadata": meta, "spec": {}})

    def releases(self) -> dict[str, Phase]:
        """Release → phase."""
        return {r.id: r.status.phase for r in list_releases(self.kube, self.app.namespace, self.app.app)}

    @property
    def current(self) -> str | None:
        """By the route."""
        return read_route(self.kube, self.app).current

    def workflows(self) -> list[str]:
        """Their names."""
        return sorted(obj["metadata"]["name"] for obj in self.kube.list(WORKFLOW, self.app.namespace))

    def work(self) -> None:
        """Every workflow comes a step further."""
        for obj in self.kube.list(WORKFLOW, self.app.namespace):
            status = obj.get("status") or {"phase": "Running", "nodes": {}}
            if status["phase"] == "Running":
                given = {p["name"]: p["value"] for p in obj["spec"]["arguments"]["parameters"]}
                template = obj["spec"]["workflowTemplateRef"]["name"]
                self._step(obj, status, given) if template == "release" else self._back(obj, given)

    def retry(self, release: str) -> None:
        """The button: what failed is run again, and does better."""
        del self.fails[release]
        key = ("workflows", self.app.namespace, f"release-{self.app.app}-{release}")
        obj = self.store.objects[key]
        nodes = {name: node for name, node in obj["status"]["nodes"].items() if node["phase"] != "Failed"}
        self._status(obj, {"phase": "Running", "nodes": nodes})

    def _step(self, obj: Object, status: Object, given: dict[str, str]) -> None:
        release, done = given["release"], len(status["nodes"])
        step = WAY[done]
        failed = self.fails.get(release) == step
        nodes = {**status["nodes"], step: _node(step, "Failed" if failed else "Succeeded")}
        if step == "bake" and given["bake"] == "false":
            nodes[step] = _node(step, "Skipped")
        phase = "Failed" if failed else "Succeeded" if step == WAY[-1] else "Running"
        if failed:
            self._failed(release, step)
        else:
            self._worked(release, step, given)
        self._status(obj, {"phase": phase, "nodes": nodes})

    def _worked(self, release: str, step: str, given: dict[str, str]) -> None:
        record = read_release(self.kube, self.app.namespace, self.app.app, release)
        if step == "build" and given["build"] == "true":
            note(self.kube, record, images={"shop": DIGEST})
        elif step == "deploy":
            note(self.kube, record, phase=Phase.READY)
        elif step == "switch":
            self.point(release)
        elif step == "bake" and given["bake"] == "true":
            note(self.kube, record, baked_at=self.clock.now())

    def _failed(self, release: str, step: str) -> None:
        if step == "bake" and self.unknown:
            return
        if step == "bake":
            self._reject(release, "bake", "errors")
        else:
            record = read_release(self.kube, self.app.namespace, self.app.app, release)
            note(self.kube, record, phase=Phase.FAILED, failed_at=self.clock.now(), message=f"{step} failed")

    def _back(self, obj: Object, given: dict[str, str]) -> None:
        at, phase = given["from-release"], "Succeeded"
        if self.current == at and read_route(self.kube, self.app).previous is None:
            phase = "Failed"  # there is nothing to go back to
        elif self.current == at:
            self._reject(at, given["by"], given["reason"])
        self._status(obj, {"phase": phase, "nodes": {"rollback": _node("rollback", phase)}})

    def _reject(self, release: str, by: str, reason: str) -> None:
        before = read_route(self.kube, self.app).previous
        record = read_release(self.kube, self.app.namespace, self.app.app, release)
        note(self.kube, record, rejected=Mark(reason=reason, by=by, at=self.clock.now()))
        assert before is not None
        self.point(before)

    def point(self, release: str) -> None:
        """The route leads to this release, and the records say so."""
        namespace, app, now = self.app.namespace, self.app.app, self.clock.now()
        before = self.current
        name = f"web-{release}"
        meta: Object = {"name": name, "namespace": namespace, "labels": release_labels(app, release)}
        self.kube.apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
        backend = {"service": {"name": name, "port": {"number": 80}}}
        rule = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        marks = {"rainbow.dev/switched-at": now.isoformat(), "rainbow.dev/switched-from": before or ""}
        meta = {"name": app, "namespace": namespace, "annotations": marks}
        kind = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
        self.kube.apply(kind | {"metadata": meta, "spec": {"rules": [rule]}})
        for record in list_releases(self.kube, namespace, app):
            if record.id == release:
                note(self.kube, record, phase=Phase.CURRENT, traffic="100%", live_at=now)
            elif record.id == before:
                note(self.kube, record, phase=Phase.DRAINING, traffic="-", demoted_at=now)

    def _status(self, obj: Object, status: Object) -> None:
        key = ("workflows", obj["metadata"]["namespace"], obj["metadata"]["name"])
        self.store.put(key, obj | {"status": status})


def _node(step: str, phase: str) -> Object:
    at = START.isoformat()
    return {
        "id": step,
        "displayName": step,
        "templateName": step,
        "type": "Skipped" if phase == "Skipped" else "Retry",
        "phase": phase,
        "startedAt": at,
        "message": "boom" if phase == "Failed" else "",
    }


class Regions:
    """Its clusters, by default `a` and then `b`, an app that bakes, and whoever releases it."""

    def __init__(
        self, *, bake: bool = True, waves: list[list[str]] | None = None, on_failure: str = "rollback"
    ) -> None:
        self.clock = Ticking(self.work)
        self.waves = waves or [["a"], ["b"]]
        names = [name for wave in self.waves for name in wave]
        each = {name: {"overrides": {"namespace": f"shop-{name}"}} for name in names}
        self.app = plain_app(
            app="shop",
            route={"ingress": {"name": "shop", "url": "http://proxy"}},
            images={"shop": {}},
            clusters={"waves": self.waves, "onFailure": on_failure, "each": each},
            **({"bake": BAKE} if bake else {}),
        )
        self.clusters: dict[str, Cluster] = {}
        for name in names:
            store = Store(clock=self.clock.now)
            self.clusters[name] = Cluster(store, self.clock, in_cluster(self.app, name))
            self.clusters[name].install()

    def work(self) -> None:
        """Everywhere."""
        for cluster in self.clusters.values():
            cluster.work()

    def later(self, seconds: float = 5) -> None:
        """Creation times have whole seconds."""
        self.clock.passed += seconds

    def places(self) -> list[Place]:
        """As somebody connects to them."""
        return [Place(name, name, cluster.client(), cluster.app) for name, cluster in self.clusters.items()]

    def going(self, release: str, *, build: bool = False, **changes: Any) -> Going:
        """What the command line would make of it. Without `build` the image is given."""
        specs = {}
        for name, cluster in self.clusters.items():
            given = {} if build else {"shop": DIGEST}
            config = cluster.app.model_copy(update=changes)
            specs[name] = ReleaseSpec(release=release, app=config, manifests="x", images=given)
        return Going(self.places(), self.waves, self._on_failure, specs, b"sources" if build else None)

    @property
    def _on_failure(self) -> OnFailure:
        assert self.app.clusters is not None
        return self.app.clusters.on_failure

    def journey(self, release: str, **more: Any) -> Journey:
        """One run of the command."""
        going = self.going(release, **more)
        return Journey(going, RegionsScreen(Console(quiet=True), release, self.waves), self.clock)

    def images(self, release: str) -> dict[str, str]:
        """What each cluster was given to run."""
        found = {}
        for name, cluster in self.clusters.items():
            record = read_release(cluster.kube, cluster.app.namespace, "shop", release)
            found[name] = record.image("shop")
        return found

    def created(self, release: str) -> dict[str, int]:
        """How many records of it there are."""
        return {
            name: len([o for o in c.kube.list(RELEASE, None) if o["spec"]["release"] == release])
            for name, c in self.clusters.items()
        }
