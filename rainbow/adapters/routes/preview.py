"""The preview route of a release: a host of its own, through the same proxy that will carry its users.

`<release>.<app>.<namespace>.preview.internal` answers from the release before and after it is current, so that "ready"
can be asked of the proxy itself instead of the API server. It is one of the release's objects and is deleted with it.
"""

from __future__ import annotations

from rainbow.adapters.kube import INGRESS, Kube, Object
from rainbow.adapters.routes.backends import base_ingress, covers, with_backends_of
from rainbow.model.names import release_labels
from rainbow.model.release import ObjectRef, Release

# These controllers would ask for public names and certificates for a host that only Rainbow uses.
_NOT_COPIED = ("external-dns.", "cert-manager.io/", "acme.cert-manager.io/", "kubectl.kubernetes.io/")


def preview_name(app: str, release: str) -> str:
    """The name of the preview Ingress."""
    return f"{app}-{release}-preview"


def preview_host(release: Release) -> str:
    """The host that answers from this release only. One proxy serves many namespaces, hence the namespace in it."""
    return f"{release.id}.{release.app}.{release.namespace}.preview.internal"


def preview_ref(release: Release) -> ObjectRef:
    """Its line in the inventory of the release."""
    return ObjectRef(api_version=INGRESS.api_version, kind=INGRESS.kind, name=preview_name(release.app, release.id))


def preview_ingress(release: Release) -> Object:
    """The route of the base under the preview host, leading to the release. One host, whatever hosts the base has."""
    base = with_backends_of(base_ingress(release), release.id)
    spec = {key: base["spec"][key] for key in ("ingressClassName", "defaultBackend") if key in base["spec"]}
    paths: dict[tuple[str, str], Object] = {}
    for rule in base["spec"].get("rules") or []:
        for path in (rule.get("http") or {}).get("paths") or []:
            # Several hosts with the same path: the first one wins, as one host can lead to one Service only.
            paths.setdefault((path.get("path", "/"), path["pathType"]), path)
    default = spec.pop("defaultBackend", None)
    if default is not None:
        paths.setdefault(("/", "Prefix"), {"path": "/", "pathType": "Prefix", "backend": default})
    host = preview_host(release)
    spec["rules"] = [{"host": host, "http": {"paths": list(paths.values())}}]
    annotations = base["metadata"].get("annotations") or {}
    return {
        "apiVersion": INGRESS.api_version,
        "kind": INGRESS.kind,
        "metadata": {
            "name": preview_name(release.app, release.id),
            "namespace": release.namespace,
            "labels": release_labels(release.app, release.id),
            "annotations": {k: v for k, v in annotations.items() if not k.startswith(_NOT_COPIED)},
        },
        "spec": spec,
    }


def other_services(release: Release) -> dict[str, str]:
    """Each Service of the preview that the check path does not lead to → a path that leads there."""
    paths = preview_ingress(release)["spec"]["rules"][0]["http"]["paths"]
    checked = _leads_to(paths, release.spec.app.route.entry.check_path)
    found: dict[str, str] = {}
    for path in (p.get("path") or "/" for p in paths):
        # The path itself may belong to a rule that is more exact; what lies below it then need not.
        for asked in (path, path.rstrip("/") + "/rainbow"):
            service = _leads_to(paths, asked)
            if service is not None and service != checked:
                found.setdefault(service, asked)
    return found


def _leads_to(paths: list[Object], path: str) -> str | None:
    """The Service that a path leads to: the longest rule, an exact one first (Kubernetes, "Ingress")."""
    covering = [p for p in paths if covers(p, path)]
    best = max(covering, key=lambda p: (len(p.get("path") or "/"), p["pathType"] == "Exact"), default={})
    name: str | None = ((best.get("backend") or {}).get("service") or {}).get("name")
    return name


def ensure_preview(kube: Kube, release: Release) -> None:
    """Make it, or bring it back to what it should be."""
    kube.apply(preview_ingress(release))
