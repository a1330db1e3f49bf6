"""Where everything of the embedded cluster is: directories, addresses, ports, programs.

Read from the environment once, at the edge, and handed to everything else. What is kept from one start to the next
is below `home`; what can be made again (builds, packages, images) is below `cache`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

HOST_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
NODE_SUBNET = IPv4Network("10.201.0.0/24")
POD_SUBNET = IPv4Network("10.202.0.0/16")
SERVICE_SUBNET = IPv4Network("10.203.0.0/16")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@dataclass(frozen=True)
class Ports:
    """Ports on 127.0.0.1 of the host; none listens on any other of its addresses."""

    api: int = 16443
    registry: int = 15000
    nats: int = 14222
    prometheus: int = 19090
    traefik: int = 18080
    git: int = 19418
    etcd: int = 12379
    etcd_peer: int = 12380
    controller_manager: int = 10257
    scheduler: int = 10259
    kubelet_health: int = 10248
    proxy_health: int = 10256
    proxy_metrics: int = 10249


@dataclass(frozen=True)
class Context:
    """One embedded cluster."""

    home: Path
    cache: Path
    checkout: Path = field(default_factory=lambda: Path(__file__).resolve().parent.parent)
    ca_bundle: Path = HOST_CA_BUNDLE
    ports: Ports = field(default_factory=Ports)
    node_name: str = "rainbow"
    interface: str = "rainbow0"
    node_subnet: IPv4Network = NODE_SUBNET
    pod_subnet: IPv4Network = POD_SUBNET
    service_subnet: IPv4Network = SERVICE_SUBNET
    domain: str = "cluster.local"
    proxies: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Context:
        """Read RAINBOW_HOME, RAINBOW_CACHE, RAINBOW_CA_BUNDLE, RAINBOW_{NODE,POD,SERVICE}_SUBNET and the proxies."""
        values = os.environ if environment is None else environment
        user = Path(values.get("HOME", "/root"))
        state = Path(values.get("XDG_STATE_HOME") or user / ".local/state")
        cache = Path(values.get("XDG_CACHE_HOME") or user / ".cache")
        return cls(
            home=Path(values.get("RAINBOW_HOME") or state / "rainbow").absolute(),
            cache=Path(values.get("RAINBOW_CACHE") or cache / "rainbow").absolute(),
            ca_bundle=Path(values.get("RAINBOW_CA_BUNDLE") or HOST_CA_BUNDLE).absolute(),
            node_subnet=IPv4Network(values.get("RAINBOW_NODE_SUBNET") or NODE_SUBNET),
            pod_subnet=IPv4Network(values.get("RAINBOW_POD_SUBNET") or POD_SUBNET),
            service_subnet=IPv4Network(values.get("RAINBOW_SERVICE_SUBNET") or SERVICE_SUBNET),
            proxies={name: value for name in PROXIES if (value := values.get(name) or values.get(name.lower()))},
        )

    @property
    def state(self) -> Path:
        """Everything that the running cluster writes."""
        return self.home / "cluster"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for the host."""
        return self.state / "kubeconfig"

    @property
    def settings(self) -> Path:
        """The settings for `rainbow install` on this cluster."""
        return self.state / "settings.yaml"

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.state / "logs"

    @property
    def run(self) -> Path:
        """What is worth nothing once the machine has started anew: sockets, process ids, mounts."""
        return self.state / "run"

    @property
    def volumes(self) -> Path:
        """Directories of the pods that keep something: registry, NATS, Prometheus, git."""
        return self.state / "volumes"

    @property
    def binaries(self) -> Path:
        """The programs in use, linked to the build in the cache that they come from."""
        return self.state / "bin"

    @property
    def kubernetes(self) -> Path:
        """The program that holds every Kubernetes part; its first argument picks one."""
        return self.binaries / "kubernetes"

    @property
    def pause(self) -> Path:
        """The program that keeps a pod's namespaces open."""
        return self.binaries / "pause"

    @property
    def containerd_socket(self) -> Path:
        """The container runtime's own socket (`ctr --address <this> --namespace k8s.io …`)."""
        return self.run / "containerd.sock"

    @property
    def node_address(self) -> str:
        """The node's address, on an interface of its own: the host's network may change as it likes."""
        return str(self.node_subnet[1])

    @property
    def api_service_address(self) -> str:
        """The address of the service `kubernetes`."""
        return str(self.service_subnet[1])

    @property
    def dns_address(self) -> str:
        """The address of the cluster's DNS service."""
        return str(self.service_subnet[10])

    @property
    def server(self) -> str:
        """The API server, as the host reaches it."""
        return f"https://127.0.0.1:{self.ports.api}"
