"""The names under which one release is reached, whichever is current (B6, K2): host, path and header, filled in."""

from __future__ import annotations

from rainbow.decisions.tracking import TRACKING
from rainbow.model.names import release_labels
from rainbow.model.release import Release

# These controllers would ask for public names and certificates for a host that only Rainbow uses.
_NOT_COPIED = ("external-dns.", "cert-manager.io/", "acme.cert-manager.io/", "kubectl.kubernetes.io/", *TRACKING)


def preview_name(app: str, release: str) -> str:
    """The name of the object that leads the preview host to the release."""
    return f"{app}-{release}-preview"


def preview_host(release: Release) -> str:
    """The host that answers from this release only. One proxy serves many namespaces, hence the namespace in it."""
    return _filled(release.spec.app.route.releases.host, release)


def path_prefix(release: Release) -> str | None:
    """The prefix, without a slash at its end, under which the route's own hosts lead to this release."""
    template = release.spec.app.route.releases.path
    return None if template is None else _filled(template, release).rstrip("/")


def metadata(release: Release, name: str, base: dict[str, str] | None) -> dict[str, object]:
    """Metadata of a route of the release: its labels, and the annotations of the route of the base."""
    return {
        "name": name,
        "namespace": release.namespace,
        "labels": release_labels(release.app, release.id),
        "annotations": {k: v for k, v in (base or {}).items() if not k.startswith(_NOT_COPIED)},
    }


def _filled(template: str, release: Release) -> str:
    values = {"$release": release.id, "$namespace": release.namespace, "$app": release.app}
    for name, value in values.items():
        template = template.replace(name, value)
    return template
