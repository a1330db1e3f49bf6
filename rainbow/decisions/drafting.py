"""What an app's manifests say about it, for its first rainbow.yaml: what is seen, what may be guessed, what is open.

Nothing is made up: a guess is a guess, to be confirmed by whoever is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from rainbow.decisions.draft_text import CONTAINERFILES
from rainbow.decisions.plain import image_name
from rainbow.decisions.rendering import POD_SPEC, pod_spec

Object = dict[str, Any]

KEYS = {"Ingress": "ingress", "HTTPRoute": "httpRoute"}  # kind of a route's object → its key in rainbow.yaml
# Labels by which people say which app something is part of (Kubernetes, "Recommended Labels"), and an older one.
_NAMES = ("app.kubernetes.io/part-of", "app.kubernetes.io/name", "app")
_TESTS = ("tests", "test", "integration", "e2e")
# Gauges of work that is there now, by their names; the words of counters, histograms and constants.
_WORK = re.compile(r"task|job|request|session|connection|work|queue|upload|download|stream|transfer|message", re.I)
_NOW = re.compile(
    r"active|running|in_?flight|current|pending|open|busy|unfinished|processing|ongoing|(tasks|jobs|sessions)$", re.I
)
_NOT_NOW = re.compile(r"_(total|bucket|count|sum|created|info|seconds|bytes|ratio|max|limit)$")
_OURS = re.compile(r"^(go|process|python|promhttp|scrape|up|kube|container|node|prometheus)(_|$)")


@dataclass(frozen=True)
class SeenRoute:
    """An object that may be the route. `services`: those that it leads to; `path`: one that it has."""

    kind: str
    name: str
    services: tuple[str, ...] = ()
    path: str = "/"

    @property
    def key(self) -> str:
        """As in rainbow.yaml."""
        return KEYS[self.kind]

    @property
    def text(self) -> str:
        """As on the command line: ingress/shop."""
        return f"{self.kind.lower()}/{self.name}"


def seen_routes(objects: Iterable[Object], behind: Mapping[str, Sequence[str]]) -> list[SeenRoute]:
    """Every object that could be the route. `behind`: Kind/name of it → the Services that it leads to."""
    return [
        SeenRoute(
            kind=obj["kind"],
            name=obj["metadata"]["name"],
            services=tuple(dict.fromkeys(behind.get(f"{obj['kind']}/{obj['metadata']['name']}", ()))),
            path=_path(obj),
        )
        for obj in objects
        if obj["kind"] in KEYS
    ]


def app_names(objects: Iterable[Object]) -> list[str]:
    """What the workloads call themselves by a label that all of them have; one name: it is seen."""
    workloads = [obj for obj in objects if obj["kind"] in POD_SPEC]
    labels = [obj["metadata"].get("labels") or {} for obj in workloads]
    for label in _NAMES:
        if labels and all(label in one for one in labels):
            return sorted({one[label] for one in labels})
    return []


def namespaces(objects: Iterable[Object]) -> list[str]:
    """The namespaces that objects are written with."""
    return sorted({obj["metadata"]["namespace"] for obj in objects if obj["metadata"].get("namespace")})


def images(objects: Iterable[Object]) -> list[str]:
    """The images of all containers, without tags, in order."""
    found = []
    for obj in objects:
        spec = pod_spec(obj) or {}
        for key in ("initContainers", "containers"):
            found += [image_name(one["image"]) for one in spec.get(key) or [] if one.get("image")]
    return list(dict.fromkeys(found))


def built(app: str, names: Sequence[str], files: Sequence[str]) -> dict[str, str]:
    """Image name → the Containerfile that it is built from, for those of which that is clear.

    `files`: paths of Containerfiles. api.Containerfile, Containerfile.api and api/Containerfile are for an image api;
    one that is called like none is for the app's own image.
    """
    own = [name for name in names if _last(name) == app] or [name for name in names if not _hosted(name)]
    found: dict[str, str] = {}
    for file in files:
        part = called(file)
        fitting = [name for name in names if _last(name) in (part, f"{app}-{part}")] if part else own
        if len(fitting) == 1 and part not in _TESTS:
            found.setdefault(fitting[0], file)
    return found


def tests_file(files: Iterable[str]) -> str | None:
    """The Containerfile of the integration tests."""
    return next((file for file in files if called(file) in _TESTS), None)


def called(file: str) -> str:
    """What a Containerfile is called by, beside "Containerfile"; empty for a plain one at the top."""
    path = PurePosixPath(file)
    for name in CONTAINERFILES:
        if path.name == name:
            return path.parent.name
        if path.name.endswith(f".{name}"):
            return path.name.removesuffix(f".{name}")
        if path.name.startswith(f"{name}."):
            return path.name.removeprefix(f"{name}.")
    return path.stem


def alone(objects: Sequence[Object]) -> list[str]:
    """Deployments with a volume that one node at a time may write: two releases of them cannot run side by side."""
    shared = {
        obj["metadata"]["name"]
        for obj in objects
        if obj["kind"] == "PersistentVolumeClaim"
        and "ReadWriteOnce" not in ((obj.get("spec") or {}).get("accessModes") or [])
    }
    return [
        obj["metadata"]["name"]
        for obj in objects
        if obj["kind"] == "Deployment" and any(claim not in shared for claim in _claims(obj))
    ]


def likely_metrics(names: Iterable[str]) -> list[str]:
    """Of the metrics that an app exports, those that may count the work it has now."""
    gauges = [name for name in names if not _NOT_NOW.search(name) and not _OURS.match(name)]
    return sorted(name for name in gauges if _WORK.search(name) and _NOW.search(name))


def query_of(text: str) -> str:
    """PromQL as it is; of a metric's name, the sum over the pods of one release."""
    if not re.fullmatch(r"[A-Za-z_:][A-Za-z0-9_:]*", text):
        return text
    return f'sum({text}{{namespace="$namespace",app="$app",release="$release"}})'


def _path(obj: Object) -> str:
    """A path of the route: the plain one, when it is there."""
    rules = (obj.get("spec") or {}).get("rules") or []
    found = [part.get("path") or "/" for rule in rules for part in (rule.get("http") or {}).get("paths") or []]
    for rule in rules:
        for match in rule.get("matches") or []:
            found.append((match.get("path") or {}).get("value") or "/")
    plain = [path for path in found if re.fullmatch(r"/[!-~]*", path) and not set("*()[]^$|\\") & set(path)]
    return min(plain, key=len, default="/")


def _claims(obj: Object) -> list[str]:
    volumes = (pod_spec(obj) or {}).get("volumes") or []
    return [one["persistentVolumeClaim"]["claimName"] for one in volumes if one.get("persistentVolumeClaim")]


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _hosted(name: str) -> bool:
    """Whether it is somebody's: an image of a registry, or one of those that everybody pulls."""
    return "/" in name or name in {"nginx", "redis", "postgres", "busybox", "memcached", "envoy", "httpd", "caddy"}
