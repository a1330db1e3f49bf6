"""The pod in which a container of the user's runs once: as restricted as Kubernetes knows, with an end in any case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rainbow.adapters.kube import Object


def restricted(container: Object, *, timeout: timedelta, grace: timedelta, pull_secrets: Sequence[str] = ()) -> Object:
    """The `spec` of a pod of one container (Pod Security Standards, `restricted`), without a token.

    `timeout`: how long it may run; `grace`: between being told to end and being ended; `pull_secrets`: what its image
    is pulled with.
    """
    own = {
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    return {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": max(1, int(timeout.total_seconds())),
        "terminationGracePeriodSeconds": int(grace.total_seconds()),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container | own],
    } | ({"imagePullSecrets": [{"name": name} for name in pull_secrets]} if pull_secrets else {})
