"""What `rainbow init` looks at: folders with a kustomization or a chart, a live namespace, a proxy and a Prometheus."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from rainbow.adapters.kube import DEPLOYMENT, HTTP_ROUTE, INGRESS, SERVICE, Forbidden, Kind, Kube, NotThere, Object
from rainbow.adapters.manifest_places import BELOW, KUSTOMIZATIONS, kustomization_of
from rainbow.adapters.prometheus import Prometheus
from rainbow.adapters.routes.backends import backends
from rainbow.decisions.draft_text import CONTAINERFILES
from rainbow.decisions.drafting import SeenRoute, likely_metrics
from rainbow.errors import BadInput

DEPTH = 3  # folders below the one of rainbow.yaml
_SKIPPED = {"node_modules", "vendor"}
_LIVE = (
    DEPLOYMENT,
    SERVICE,
    *(Kind("apps/v1", kind) for kind in ("StatefulSet", "DaemonSet")),
    *(Kind("v1", kind) for kind in ("ConfigMap", "ServiceAccount")),
    Kind("batch/v1", "CronJob"),
    Kind("policy/v1", "PodDisruptionBudget"),
    Kind("autoscaling/v2", "HorizontalPodAutoscaler"),
    Kind("networking.k8s.io/v1", "NetworkPolicy"),
)
# Services of the proxies that people have, by the word in an IngressClass's or a GatewayClass's controller.
_PROXY_PORTS = ("web", "http", "http2", "http-80")


@dataclass(frozen=True)
class Folders:
    """Folders below one, relative to it, that may hold an app's manifests; and Containerfiles.

    `tops`: those of the bases that no other one stands on.
    """

    bases: tuple[str, ...]
    tops: tuple[str, ...]
    charts: tuple[str, ...]
    containerfiles: tuple[str, ...]


def look_around(folder: Path) -> Folders:
    """What is there. Nothing is looked for in a chart."""
    if not _open(folder):
        raise BadInput(f"the folder {folder.resolve()} cannot be read")
    bases, charts, files = [], [], []
    below: set[Path] = set()
    for at in [folder, *_below(folder, DEPTH)]:
        name = at.relative_to(folder).as_posix()
        if (at / "Chart.yaml").is_file():
            charts.append(name)
        elif any((at / kustomization).is_file() for kustomization in KUSTOMIZATIONS):
            bases.append(name)
            below |= _stands_on(at)
        files += [
            file.relative_to(folder).as_posix()
            for file in sorted(at.iterdir())
            if os.path.isfile(file) and (file.name.split(".")[0] in CONTAINERFILES or file.name.endswith(_SUFFIXES))
        ]
    tops = [name for name in bases if (folder / name).resolve() not in below]
    return Folders(tuple(bases), tuple(tops), tuple(charts), tuple(files))


_SUFFIXES = tuple(f".{name}" for name in CONTAINERFILES)


def chart_name(folder: Path) -> str | None:
    """What a chart beside rainbow.yaml calls itself."""
    try:
        data = yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return str(data["name"]) if isinstance(data, dict) and data.get("name") else None


def behind(objects: Sequence[Object]) -> dict[str, list[str]]:
    """Kind/name of each route among objects → the Services that it leads to."""
    routes = [obj for obj in objects if obj["kind"] in (INGRESS.kind, HTTP_ROUTE.kind)]
    return {f"{obj['kind']}/{obj['metadata']['name']}": [one.service for one in backends(obj)] for obj in routes}


def live_routes(kube: Kube, namespace: str) -> list[Object]:
    """The Ingresses and HTTPRoutes of a namespace that lead to plain Services. Raises BadInput when there is none."""
    found = [obj for kind in (INGRESS, HTTP_ROUTE) for obj in _listed(kube, kind, namespace)]
    if not found:
        raise BadInput(
            f"namespace {namespace} has neither an Ingress nor an HTTPRoute: nothing there leads users to an app that "
            "could be adopted"
        )
    return found


def live_objects(kube: Kube, namespace: str) -> list[Object]:
    """Everything of a namespace that may belong to an app."""
    return [obj for kind in _LIVE for obj in _listed(kube, kind, namespace)]


def claims(kube: Kube, namespace: str) -> list[Object]:
    """The PersistentVolumeClaims of a namespace: how many nodes may write them is said there alone."""
    return _listed(kube, Kind("v1", "PersistentVolumeClaim"), namespace)


def proxies(kube: Kube, route: SeenRoute, document: Object) -> list[str]:
    """URLs, as seen from pods, at which the proxy of a route may listen: Services called like its controller."""
    word = _controller(kube, route, document)
    found = []
    for service in _listed(kube, SERVICE, None) if word else []:
        meta, spec = service["metadata"], service.get("spec") or {}
        names = {meta["name"], *(meta.get("labels") or {}).values()}
        ports = [port for port in spec.get("ports") or [] if port["port"] == 80 or port.get("name") in _PROXY_PORTS]
        if ports and any(word in name for name in names) and "admission" not in meta["name"]:
            found.append(_url(meta, ports[0]["port"]))
    return found


def prometheuses(kube: Kube) -> list[str]:
    """URLs, as seen from pods, of what may be a Prometheus: Services called so with its port."""
    found = []
    for service in _listed(kube, SERVICE, None):
        meta, spec = service["metadata"], service.get("spec") or {}
        names = {meta["name"], (meta.get("labels") or {}).get("app.kubernetes.io/name")}
        headless = spec.get("clusterIP") == "None"
        for port in spec.get("ports") or []:
            if port["port"] in (9090, 80) and not headless and any("prometheus" in (name or "") for name in names):
                found.append(_url(meta, port["port"]))
                break
    return found


def task_metrics(prometheus: str, namespace: str) -> list[str]:
    """Names of metrics of pods of a namespace that may count active tasks. Raises Unanswered."""
    series = Prometheus(prometheus).vector(f'count by (__name__) ({{namespace="{namespace}",pod!=""}})')
    return likely_metrics(one.labels["__name__"] for one in series if "__name__" in one.labels)


def _controller(kube: Kube, route: SeenRoute, document: Object) -> str | None:
    """The word by which the controller of a route goes: traefik of traefik.io/ingress-controller."""
    spec = document.get("spec") or {}
    classes = _listed(kube, Kind("networking.k8s.io/v1", "IngressClass"), None)
    if route.kind == HTTP_ROUTE.kind:
        classes = _listed(kube, Kind("gateway.networking.k8s.io/v1", "GatewayClass"), None)
        controllers = {one["spec"]["controllerName"] for one in classes}
    else:
        wanted = spec.get("ingressClassName")
        controllers = {one["spec"]["controller"] for one in classes if wanted in (None, one["metadata"]["name"])}
    if len(controllers) != 1:
        return None
    maker, _, what = str(controllers.pop()).partition("/")
    # k8s.io/ingress-nginx is called after what follows; traefik.io/ingress-controller after its maker.
    return maker.split(".")[0] if what in ("ingress-controller", "gateway-controller") else what


def _open(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def _url(meta: Mapping[str, str], port: int) -> str:
    return f"http://{meta['name']}.{meta['namespace']}.svc.cluster.local:{port}"


def _listed(kube: Kube, kind: Kind, namespace: str | None) -> list[Object]:
    """Those that there are and that may be seen."""
    try:
        found = kube.list(kind, namespace)
    except (NotThere, Forbidden):
        return []
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **obj} for obj in found]


def _stands_on(folder: Path) -> set[Path]:
    """The folders that a kustomization names."""
    try:
        data = yaml.safe_load(kustomization_of(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return set()  # kustomize says what is wrong with it
    entries = [entry for key in BELOW for entry in (data.get(key) if isinstance(data, dict) else None) or []]
    return {(folder / entry).resolve() for entry in entries if isinstance(entry, str) and "://" not in entry}


def _below(folder: Path, depth: int) -> list[Path]:
    if not depth or (folder / "Chart.yaml").is_file():
        return []
    # A link is asked nothing more: it may lead to where nobody may look.
    folders = [at for at in sorted(folder.iterdir()) if not at.is_symlink() and at.is_dir()]
    inner = [at for at in folders if not at.name.startswith((".", "_")) and at.name not in _SKIPPED and _open(at)]
    return [each for at in inner for each in (at, *_below(at, depth - 1))]
