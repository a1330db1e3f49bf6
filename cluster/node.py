"""The node: the container runtime, kubelet and the service proxy, with their configuration files.

Settings are for many short pods on a small machine: images are pulled side by side and without a rate limit, clients
may ask the API server often, changed services take effect within a tenth of a second.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from cluster.context import Context
from cluster.control_plane import FRUGAL
from cluster.credentials import Credentials
from cluster.files import write, write_yaml
from cluster.processes import Program

REGISTRY = "registry.platform.svc.cluster.local:5000"
CNI_PROGRAMS = Path("/usr/lib/cni")
CGROUP = "rainbow"
RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))

CONTAINERD = """\
version = 2
root = "{state}/containerd"
state = "/run/containerd"
# A root without CAP_SYS_RESOURCE (a container, some virtual machines) may not lower a score.
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = "{socket}"

[debug]
  level = "warn"

[plugins."io.containerd.internal.v1.opt"]
  path = "{state}/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  max_concurrent_downloads = 8
  stream_server_address = "127.0.0.1"

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{cni_programs}"
    conf_dir = "{state}/config/cni"
    max_conf_num = 1

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{state}/config/registries"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""

REGISTRY_HOSTS = """\
# The cluster's own registry speaks plain HTTP, and the node reaches it on the host's port.
server = "http://127.0.0.1:{port}"

[host."http://127.0.0.1:{port}"]
  capabilities = ["pull", "resolve"]
"""


def containerd(context: Context, pause_image: str) -> Program:
    """The container runtime, with nothing shared with another one on this machine."""
    config = context.state / "config"
    text = CONTAINERD.format(
        state=context.state, socket=context.containerd_socket, pause=pause_image, cni_programs=CNI_PROGRAMS
    )
    file = write(config / "containerd.toml", text)
    hosts = write(config / "registries" / REGISTRY / "hosts.toml", REGISTRY_HOSTS.format(port=context.ports.registry))
    network = write(config / "cni/10-rainbow.conflist", json.dumps(_cni(context), indent=2))
    program = shutil.which("containerd") or "containerd"
    return Program("containerd", (program, "--config", str(file)), (file, hosts, network), _outward(context))


def _outward(context: Context) -> dict[str, str]:
    """Return how images are fetched from outside: through the person's proxy, trusting whom they trust."""
    environment = {"SSL_CERT_FILE": str(context.ca_bundle), **context.proxies}
    if context.proxies:
        own = ["127.0.0.1", "localhost", str(context.node_subnet), str(context.service_subnet), f".{context.domain}"]
        environment["NO_PROXY"] = ",".join([*filter(None, [context.proxies.get("NO_PROXY")]), *own])
    return environment


def _cni(context: Context) -> dict[str, object]:
    # No ipMasq: one rule of our own does it for all pods (network.py) instead of a chain for each.
    point_to_point = {
        "type": "ptp",
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": str(context.pod_subnet)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(context.run / "addresses"),
        },
    }
    host_ports = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    return {"cniVersion": "0.4.0", "name": "rainbow", "plugins": [point_to_point, host_ports]}


def kubelet(context: Context, keys: Credentials) -> Program:
    """The node's agent."""
    pair = keys.pairs["kubelet"]
    file = write_yaml(context.state / "config/kubelet.yaml", _kubelet(context, keys))
    arguments = (
        str(context.kubernetes.resolve()),
        "kubelet",
        f"--config={file}",
        f"--kubeconfig={keys.kubeconfigs['kubelet']}",
        f"--hostname-override={context.node_name}",
        f"--node-ip={context.node_address}",
        "--root-dir=/var/lib/kubelet",
    )
    return Program("kubelet", arguments, (file, pair.certificate, keys.kubeconfigs["kubelet"]), FRUGAL)


def _kubelet(context: Context, keys: Credentials) -> dict[str, object]:
    pair = keys.pairs["kubelet"]
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": context.node_address,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": context.ports.kubelet_health,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(keys.authority.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pair.certificate),
        "tlsPrivateKeyFile": str(pair.key),
        "containerRuntimeEndpoint": f"unix://{context.containerd_socket}",
        "clusterDNS": [context.dns_address],
        "clusterDomain": context.domain,
        "resolvConf": str(next((path for path in RESOLVERS if path.exists()), RESOLVERS[-1])),
        "podLogsDir": str(context.logs / "pods"),
        "volumePluginDir": str(context.state / "kubelet-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{CGROUP}",
        "failCgroupV1": False,
        "failSwapOn": False,
        # iptables belong to the host; the only rules the cluster needs are its own nftables.
        "makeIPTablesUtilChains": False,
        "oomScoreAdj": 0,
        "maxPods": 500,
        "serializeImagePulls": False,
        "maxParallelImagePulls": 8,
        "registryPullQPS": 0,
        "kubeAPIQPS": 200,
        "kubeAPIBurst": 400,
        "eventRecordQPS": 100,
        "eventBurst": 200,
        "syncFrequency": "10s",
        "nodeStatusUpdateFrequency": "5s",
        "nodeStatusReportFrequency": "1m",
        # Images come from our own cache: freeing disk by removing them would only break pods.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "containerLogMaxSize": "20Mi",
        "containerLogMaxFiles": 2,
        "enableServer": True,
        "logging": {"verbosity": 1},
    }


def kube_proxy(context: Context, keys: Credentials) -> Program:
    """The service proxy, in nftables; it leaves the host's connection tracking settings alone."""
    kubeconfig = keys.kubeconfigs["kube-proxy"]
    document = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(kubeconfig), "qps": 100, "burst": 200},
        "hostnameOverride": context.node_name,
        "clusterCIDR": str(context.pod_subnet),
        "nodePortAddresses": [f"{context.node_address}/32"],
        "bindAddress": context.node_address,
        "healthzBindAddress": f"127.0.0.1:{context.ports.proxy_health}",
        "metricsBindAddress": f"127.0.0.1:{context.ports.proxy_metrics}",
        "oomScoreAdj": 0,
        "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
    file = write_yaml(context.state / "config/kube-proxy.yaml", document)
    arguments = (str(context.kubernetes.resolve()), "kube-proxy", f"--config={file}")
    return Program("kube-proxy", arguments, (file, kubeconfig), FRUGAL)
