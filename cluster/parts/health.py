"""Tells which parts are not ready, and why, as Kubernetes and the host's own ports see it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

from cluster.context import Context
from cluster.parts import manifests
from rainbow.errors import TemporaryError

DEPLOYMENTS = {
    "coredns": "kube-system",
    "workflow-controller": "argo",
    "traefik": "platform",
    "nats": "platform",
    "prometheus": "platform",
    "registry": "platform",
    "git": "platform",
}
HOST_PORTS = ("registry", "nats", "prometheus", "traefik", "git")
PAUSE = 0.5


def problems(context: Context) -> list[str]:
    """Return one line for each part that is not ready."""
    try:
        found = json.loads(manifests.kubectl(context, "get", "deployments", "-A", "-o", "json", timeout=20))["items"]
    except TemporaryError as error:
        return [f"parts: the API server does not answer ({str(error).splitlines()[-1]})"]
    known = {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in found}
    lines = []
    for name, namespace in DEPLOYMENTS.items():
        reason = _unready(known.get((namespace, name)))
        if reason is None and name in HOST_PORTS:
            reason = _closed(getattr(context.ports, name))
        if reason is not None:
            lines.append(f"{name}: {reason}")
    return lines


def wait(context: Context, seconds: float, tell: Callable[[list[str]], None]) -> None:
    """Wait until every part is ready; tell what is still missing meanwhile."""
    end = time.monotonic() + seconds
    while left := problems(context):
        tell([line.partition(":")[0] for line in left])
        if time.monotonic() > end:
            raise TemporaryError(f"not ready after {seconds:.0f} s: {'; '.join(left)}\n{_pods(context)}")
        time.sleep(PAUSE)


def _unready(deployment: dict[str, Any] | None) -> str | None:
    if deployment is None:
        return "not there"
    status = deployment.get("status", {})
    wanted = deployment["spec"]["replicas"]
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return "just changed"
    for field in ("updatedReplicas", "availableReplicas"):
        if status.get(field, 0) < wanted:
            return f"{status.get(field, 0)} of {wanted} pods {field.removesuffix('Replicas')}"
    return None


def _closed(port: int) -> str | None:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return None
    except OSError as error:
        return f"127.0.0.1:{port} is not open ({error.strerror or error})"


def _pods(context: Context) -> str:
    return manifests.kubectl(context, "get", "pods", "-A", "-o", "wide")
