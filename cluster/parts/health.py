"""Tells which parts are not ready, and why, as Kubernetes and the host's own ports see it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cluster.context import Context
from cluster.parts import manifests
from cluster.parts.command import run
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
            reason = _closed("127.0.0.1", getattr(context.ports, name))
        if reason is not None:
            lines.append(f"{name}: {reason}")
    return lines + services(context)


def services(context: Context) -> list[str]:
    """Return one line for each service address that every pod needs and that leads nowhere.

    Pods that were connected before stay ready without them, so readiness alone does not tell.
    """
    needed = ((str(context.service_subnet[1]), 443), (context.dns_address, 53))
    return [f"services: {reason}" for address, port in needed if (reason := _closed(address, port)) is not None]


@dataclass(frozen=True)
class Patience:
    """Seconds until the processes below the pods are looked after, and until it is given up."""

    mend: float = 60.0
    total: float = 240.0


def wait(context: Context, patience: Patience, tell: Callable[[list[str]], None], mend: Callable[[], None]) -> None:
    """Wait until every part is ready; tell what is still missing meanwhile, and mend once what may hinder it."""
    begun, mended = time.monotonic(), False
    while left := problems(context):
        tell([line.partition(":")[0] for line in left])
        waited = time.monotonic() - begun
        if waited > patience.total:
            raise TemporaryError(f"not ready after {waited:.0f} s: {'; '.join(left)}\n{_evidence(context)}")
        if waited > patience.mend and not mended:
            mended = True
            mend()
            _replace(context, [line.partition(":")[0] for line in left])
        time.sleep(PAUSE)


def _replace(context: Context, parts: list[str]) -> None:
    """Make the pods of some parts anew: those that failed often are only started again after minutes."""
    for part in parts:
        if part in DEPLOYMENTS:
            where = ("-n", DEPLOYMENTS[part])
            manifests.kubectl(context, "rollout", "restart", *where, f"deployment/{part}", timeout=20)


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


def _closed(address: str, port: int) -> str | None:
    try:
        with socket.create_connection((address, port), timeout=2):
            return None
    except OSError as error:
        return f"{address}:{port} is not open ({error.strerror or error})"


def _evidence(context: Context) -> str:
    """What there is to see of pods that are not ready: all pods, and the last words of each unready part."""
    texts = [_asked(context, "get", "pods", "-A", "-o", "wide")]
    for part, namespace in DEPLOYMENTS.items():
        if any(line.startswith(f"{part}:") for line in problems(context)):
            for before in ("--previous=true", "--previous=false"):
                lines = ("logs", "-n", namespace, f"deployment/{part}", "--all-containers", "--tail=15", before)
                texts.append(f"--- {part} ({before})\n{_asked(context, *lines)}")
    texts.append("--- service addresses")
    texts.append(_tried(lambda: run("nft", "list", "map", "ip", "kube-proxy", "service-ips", timeout=20)))
    return "\n".join(texts)


def _asked(context: Context, *arguments: str) -> str:
    return _tried(lambda: manifests.kubectl(context, *arguments, timeout=20))


def _tried(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except TemporaryError as error:
        return str(error)
