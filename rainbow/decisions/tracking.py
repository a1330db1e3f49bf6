"""The marks by which Argo CD and Flux know what they manage, kept away from the objects of releases.

A release is in nobody's repository: whoever takes one of its objects for something of his own prunes it, users and all.
A mark comes into a base where it was exported from a cluster, or is the app's own label that Argo CD looks at as well.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

# Argo CD, "Resource Tracking" and "Sync Options"; Flux, "Kustomization", garbage collection.
TRACKING = ("argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/")
# Part of many apps' own selectors and monitors, so it stays; Argo CD with tracking by label takes it for its own.
INSTANCE = "app.kubernetes.io/instance"
LEFT_ALONE = {
    "argocd.argoproj.io/compare-options": "IgnoreExtraneous",
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
}


def untracked(obj: Object) -> Object:
    """The object without marks of tracking; and where the label has to stay, with the word that it is not to be pruned.

    Only its own metadata: neither tool looks at the template of its pods.
    """
    meta = dict(obj["metadata"])
    for key in ("labels", "annotations"):
        if meta.get(key):
            meta[key] = {name: value for name, value in meta[key].items() if not name.startswith(TRACKING)}
    if INSTANCE in (meta.get("labels") or {}):
        meta["annotations"] = {**(meta.get("annotations") or {}), **LEFT_ALONE}
    return obj | {"metadata": meta}
