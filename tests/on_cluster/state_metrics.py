"""kube-state-metrics as people run it, with the rights that we print and no others, for one namespace."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from shop import eventually

from cluster.context import Context
from cluster.parts import kube_state_metrics
from rainbow.adapters.kube import Kind, Kube
from workflows.monitoring import assets

CLUSTER_ROLE = Kind("rbac.authorization.k8s.io/v1", "ClusterRole")
BINDING = Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding")
# What it may read anyway, of what our rules use.
ANYWAY = {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}


@dataclass(frozen=True)
class StateMetrics:
    """The process that runs: where it is scraped, and what it said."""

    address: str
    log: Path


@contextmanager
def state_metrics(context: Context, kube: Kube, namespace: str, folder: Path) -> Iterator[StateMetrics]:
    """Start it; it ends with the test, and so do its rights."""
    program = kube_state_metrics.build(context.cache, lambda done, all_: None) / "kube-state-metrics"
    user = f"system:serviceaccount:{namespace}:kube-state-metrics"
    (folder / "records.yaml").write_text(yaml.safe_dump(assets.state_metrics()))
    (folder / "kubeconfig").write_text(yaml.safe_dump(_as_user(context.kubeconfig, user)))
    main, telemetry = _free_port(), _free_port()
    arguments = [
        *("--kubeconfig", str(folder / "kubeconfig"), "--namespaces", namespace),
        *("--custom-resource-state-config-file", str(folder / "records.yaml"), "--resources", "endpointslices"),
        *("--metric-labels-allowlist", assets.SLICE_LABELS),
        *("--host", "127.0.0.1", "--port", str(main), "--telemetry-host", "127.0.0.1"),
        *("--telemetry-port", str(telemetry)),
    ]
    with _rights(kube, namespace, user), (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(program), *arguments], stdout=log, stderr=log)
        try:
            eventually(lambda: _listening(main), "kube-state-metrics listens")
            yield StateMetrics(f"127.0.0.1:{main}", folder / "log")
        finally:
            process.terminate()
            process.wait()


def _as_user(kubeconfig: Path, user: str) -> dict[str, Any]:
    """The same kubeconfig, but whoever uses it has the rights of this user."""
    config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
    for each in config["users"]:
        each["user"]["as"] = user
    return config


@contextmanager
def _rights(kube: Kube, namespace: str, user: str) -> Iterator[None]:
    name = f"{namespace}-kube-state-metrics"
    role = assets.state_metrics_role() | {"metadata": {"name": name}}
    kube.create(role | {"rules": [*role["rules"], ANYWAY]})
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    binding = {"apiVersion": BINDING.api_version, "kind": BINDING.kind, "metadata": {"name": name}}
    kube.create(binding | {"roleRef": ref, "subjects": [subject]})
    try:
        yield
    finally:
        kube.delete(BINDING, None, name)
        kube.delete(CLUSTER_ROLE, None, name)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
