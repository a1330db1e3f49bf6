"""A small app whose releases say as many tasks as the test wants: real pods, scraped by the cluster's Prometheus."""

from __future__ import annotations

import copy
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rainbow.adapters.kube import DEPLOYMENT, INGRESS, POD, Kind, Kube, Object
from rainbow.adapters.prometheus import Prometheus, fill_in
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.errors import RainbowError, TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.names import object_name, release_labels, release_selector
from rainbow.model.release import ObjectRef, Phase, Release, ReleaseSpec, new_record

APP = "shop"
IMAGE = "registry.platform.svc.cluster.local:5000/rainbow/base:bookworm"
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount")
QUERY = 'sum(tasks{namespace="$namespace",app="$app",release="$release"})'

# Answers /metrics with what was last written to /set/<text>.
SERVER = """
import http.server, os, signal, urllib.parse
class Handler(http.server.BaseHTTPRequestHandler):
    text = "tasks " + os.environ["TASKS"]
    def do_GET(self):
        if self.path.startswith("/set/"):
            Handler.text = urllib.parse.unquote(self.path[5:])
        self.send_response(200)
        self.end_headers()
        self.wfile.write((Handler.text + "\\n").encode())
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""


@dataclass
class Shop:
    """The app in one namespace, and what the steps said."""

    kube: Kube
    namespace: str
    prometheus: str
    lines: list[str] = field(default_factory=list)

    @property
    def world(self) -> World:
        """The real world; lines are kept."""
        return World(kube=self.kube, say=self.lines.append)

    @property
    def said(self) -> str:
        """All that was said."""
        return "\n".join(self.lines)

    def limited(self, rules: list[dict[str, Any]], name: str = "step") -> Kube:
        """The API server as a ServiceAccount sees it that has these rights in the namespace, and no others."""
        from kubernetes.client import ApiClient

        api, meta = "rbac.authorization.k8s.io", {"name": name, "namespace": self.namespace}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        ref = {"apiGroup": api, "kind": "Role", "name": name}
        self.kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        self.kube.create({"apiVersion": f"{api}/v1", "kind": "Role", "metadata": meta, "rules": rules})
        binding = {"apiVersion": f"{api}/v1", "kind": "RoleBinding", "metadata": meta}
        self.kube.create({**binding, "roleRef": ref, "subjects": [subject]})
        path = self.kube.path(SERVICE_ACCOUNT, self.namespace, name) + "/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = json.loads(self.kube.request("POST", path, body=request))["status"]["token"]
        configuration = copy.copy(self.kube.client.configuration)
        configuration.cert_file = configuration.key_file = None
        configuration.api_key = {"authorization": f"Bearer {token}"}
        configuration.api_key_prefix = {}
        return Kube(ApiClient(configuration))

    def config(self, **drain: Any) -> AppConfig:
        """rainbow.yaml, quick enough for a test."""
        asking = {"url": self.prometheus, "query": QUERY, "interval": "1s", "samples": 2, "maxAge": "10s"}
        minimum_age = drain.pop("minimumAge", "0s")
        return AppConfig.model_validate(
            {
                "app": APP,
                "namespace": self.namespace,
                "manifests": {"kustomize": "deploy"},
                "route": {"ingress": {"name": APP, "url": "http://127.0.0.1:1"}},
                "drain": {"prometheus": asking | drain},
                "retention": {"minimumAge": minimum_age, "failedAge": "1h"},
            }
        )

    def release(
        self,
        name: str,
        *,
        tasks: str | None = "0",
        scraped: bool = True,
        app: AppConfig | None = None,
        manifests: str = "",
        **status: Any,
    ) -> Release:
        """A release that was live a minute ago, with everything that belongs to one; not waited for.

        `tasks` None: it has no pod, as nobody asks it anything.
        """
        spec = ReleaseSpec(release=name, app=app or self.config(), manifests=manifests)
        self.kube.create(new_record(spec))
        objects = _objects(self.namespace, name, tasks, scraped)
        for obj in objects:
            self.kube.apply(obj)
        ago = datetime.now(UTC) - timedelta(minutes=1)
        plain = {"phase": Phase.DRAINING, "live_at": ago - timedelta(hours=1), "demoted_at": ago, "traffic": "-"}
        refs = [ObjectRef(api_version=o["apiVersion"], kind=o["kind"], name=o["metadata"]["name"]) for o in objects]
        record = read_release(self.kube, self.namespace, APP, name)
        return note(self.kube, record, **{"objects": refs} | plain | status)

    def current(self, name: str) -> Release:
        """A release that the route points at."""
        status: dict[str, Any] = {"phase": Phase.CURRENT, "demoted_at": None, "traffic": "100%"}
        record = self.release(name, tasks=None, live_at=datetime.now(UTC), **status)
        self.point_at(name)
        return record

    def point_at(self, name: str) -> None:
        """The route leads to this release."""
        self.kube.apply(ingress(self.namespace, APP, object_name("web", name)))

    def record(self, name: str) -> Release:
        """The record as it is now."""
        return read_release(self.kube, self.namespace, APP, name)

    def set_tasks(self, name: str, text: str) -> None:
        """What the release's pod exposes from now on."""
        (pod,) = self.pods(name)
        url = f"http://{pod['status']['podIP']}:8000/set/{text.replace(' ', '%20')}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.status == 200

    def say_tasks(self, name: str, tasks: float) -> None:
        """The release has so many tasks, and Prometheus knows."""
        self.set_tasks(name, f"tasks {tasks}")
        self.counted(name, tasks)

    def pods(self, name: str) -> list[Object]:
        """The pods of a release."""
        return self.kube.list(POD, self.namespace, labels=release_selector(APP, name))

    def scraped(self, *names: str) -> None:
        """Wait until Prometheus has scraped the pod of each."""
        for name in names:
            eventually(lambda name=name: self._is_scraped(name), f"the pod of {name} is scraped")  # type: ignore[misc]

    def counted(self, name: str, tasks: float) -> None:
        """Wait until the drain query gives this number; NaN too."""
        query = fill_in(QUERY, self.namespace, APP, name)

        def given() -> bool:
            return [str(series.value) for series in Prometheus(self.prometheus).vector(query)] == [str(float(tasks))]

        eventually(given, f"{tasks} tasks of {name} are counted")

    def running(self, *names: str) -> None:
        """Wait until each has a pod that answers."""
        for name in names:
            eventually(lambda name=name: self._answers(name), f"the pod of {name} answers")  # type: ignore[misc]

    def _is_scraped(self, name: str) -> bool:
        pods = [pod["metadata"]["name"] for pod in self.pods(name)]
        found = Prometheus(self.prometheus).scrapes(self.namespace, pods)
        return len(pods) == 1 and [scrape.up for scrape in found] == [True]

    def _answers(self, name: str) -> bool:
        pods = self.pods(name)
        if len(pods) != 1 or not pods[0]["status"].get("podIP"):
            return False
        try:
            with urllib.request.urlopen(f"http://{pods[0]['status']['podIP']}:8000/", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def left_of(self, name: str) -> list[str]:
        """Kind and name of every object of the release that is still there, but for its pods and its record."""
        return [
            f"{obj['kind']} {obj['metadata']['name']}"
            for obj in _objects(self.namespace, name, "0", True)
            if self.kube.get(kind_of(obj), self.namespace, obj["metadata"]["name"]) is not None
        ]


def eventually(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until something holds; what cannot be asked right now does not hold yet."""
    until = time.monotonic() + seconds
    while True:
        with suppress(TemporaryError):
            if holds():
                return
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def kind_of(obj: Object) -> Kind:
    """Its kind, to ask for it."""
    return Kind(obj["apiVersion"], obj["kind"])


def ingress(namespace: str, name: str, service: str, labels: dict[str, str] | None = None) -> Object:
    """An Ingress that leads to a Service."""
    backend = {"service": {"name": service, "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": INGRESS.api_version,
        "kind": INGRESS.kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {"rules": [{"host": f"{name}.{namespace}.example", "http": {"paths": paths}}]},
    }


def _objects(namespace: str, name: str, tasks: str | None, scraped: bool) -> list[Object]:
    labels = release_labels(APP, name)

    def meta(base: str) -> Object:
        return {"name": object_name(base, name), "namespace": namespace, "labels": labels}

    scraping = {"prometheus.io/scrape": "true", "prometheus.io/port": "8000"} if scraped else {}
    container = {
        "name": "worker",
        "image": IMAGE,
        "command": ["python3", "-c", SERVER],
        "env": [{"name": "TASKS", "value": tasks or "0"}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
    }
    template = {
        "metadata": {"labels": labels, "annotations": scraping},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 5},
    }
    preview = ingress(namespace, f"{APP}-{name}-preview", object_name("web", name), labels)
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("settings"), "data": {"a": "b"}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta("web"),
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8000}]},
        },
        {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": DEPLOYMENT.kind,
            "metadata": meta("worker"),
            "spec": {"replicas": 0 if tasks is None else 1, "selector": {"matchLabels": labels}, "template": template},
        },
        preview,
    ]


def at_once(run: Callable[[], object]) -> list[RainbowError]:
    """Run it three times at once; what those that failed say."""
    problems: list[RainbowError] = []

    def one() -> None:
        try:
            run()
        except RainbowError as error:
            problems.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems
