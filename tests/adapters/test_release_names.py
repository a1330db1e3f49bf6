"""The routes of a release take the annotations of the route of its base, but for those that others act upon."""

from __future__ import annotations

from rainbow.adapters.routes.release_names import metadata
from tests.decisions.make import release


def test_neither_argo_cd_nor_flux_takes_them_for_their_own() -> None:
    """The route of the base may have been exported from a cluster, or be tracked in git."""
    base = {
        "argocd.argoproj.io/tracking-id": "shop:networking.k8s.io/Ingress:shop/shop",
        "kustomize.toolkit.fluxcd.io/ssa": "IfNotPresent",
        "cert-manager.io/cluster-issuer": "public",
        "nginx.ingress.kubernetes.io/proxy-read-timeout": "60",
    }
    meta = metadata(release("v1"), "shop-v1-preview", base)
    assert meta["annotations"] == {"nginx.ingress.kubernetes.io/proxy-read-timeout": "60"}
    assert meta["labels"] == {"rainbow.dev/app": "spawn", "rainbow.dev/release": "v1"}
