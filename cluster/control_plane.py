"""The control plane: etcd, the API server, the controllers and the scheduler, as processes of this machine.

Set for one small machine that is thrown away: etcd does not wait for the disk (a power cut may cost the cluster, and
`rainbow cluster up` after `down --purge` makes a new one), and with a single copy of each part nobody elects a leader.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cluster.context import Context
from cluster.credentials import Credentials
from cluster.files import write_yaml
from cluster.processes import Program

SERVICE_ACCOUNTS = "https://kubernetes.default.svc.{domain}"
HEALTH_PATHS = ("/livez", "/readyz", "/healthz")
# Go's collector runs at 60 % growth instead of 100: about a quarter less memory for a little more CPU.
FRUGAL = {"GOGC": "60"}


def etcd(context: Context, keys: Credentials) -> Program:
    """The store, of the API server alone: it asks for a certificate."""
    client = f"https://127.0.0.1:{context.ports.etcd}"
    peer = f"https://127.0.0.1:{context.ports.etcd_peer}"
    pair, authority = keys.pairs["etcd"], keys.authority.certificate
    flags = {
        "name": context.node_name,
        "data-dir": context.state / "etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"{context.node_name}={peer}",
        "cert-file": pair.certificate,
        "key-file": pair.key,
        "trusted-ca-file": authority,
        "client-cert-auth": "true",
        "peer-cert-file": pair.certificate,
        "peer-key-file": pair.key,
        "peer-trusted-ca-file": authority,
        "peer-client-cert-auth": "true",
        "unsafe-no-fsync": "true",
        "snapshot-count": "5000",
        "log-level": "warn",
    }
    return _program(context, "etcd", flags, (pair.certificate,))


def api_server(context: Context, keys: Credentials) -> Program:
    """The API server, on the node's own address; nobody is anonymous except a health check."""
    serving, client, store = keys.pairs["api-server"], keys.pairs["api-server-client"], keys.pairs["etcd"]
    authentication = write_yaml(
        context.state / "config/authentication.yaml",
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": True, "conditions": [{"path": path} for path in HEALTH_PATHS]},
        },
    )
    flags = {
        "bind-address": context.node_address,
        "secure-port": context.ports.api,
        "advertise-address": context.node_address,
        "service-cluster-ip-range": context.service_subnet,
        "etcd-servers": f"https://127.0.0.1:{context.ports.etcd}",
        "etcd-cafile": keys.authority.certificate,
        "etcd-certfile": store.certificate,
        "etcd-keyfile": store.key,
        "tls-cert-file": serving.certificate,
        "tls-private-key-file": serving.key,
        "client-ca-file": keys.authority.certificate,
        "kubelet-certificate-authority": keys.authority.certificate,
        "kubelet-client-certificate": client.certificate,
        "kubelet-client-key": client.key,
        "requestheader-client-ca-file": keys.authority.certificate,
        "requestheader-allowed-names": "front-proxy",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": keys.pairs["front-proxy"].certificate,
        "proxy-client-key-file": keys.pairs["front-proxy"].key,
        # The node's name is in nobody's DNS.
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-issuer": SERVICE_ACCOUNTS.format(domain=context.domain),
        "service-account-key-file": keys.service_accounts.certificate,
        "service-account-signing-key-file": keys.service_accounts.key,
        "authorization-mode": "Node,RBAC",
        "authentication-config": authentication,
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "event-ttl": "1h",
        "profiling": "false",
    }
    files = (serving.certificate, client.certificate, authentication)
    return _program(context, "kube-apiserver", flags, files)


def controller_manager(context: Context, keys: Credentials) -> Program:
    """The controllers of Kubernetes itself."""
    kubeconfig = keys.kubeconfigs["kube-controller-manager"]
    flags = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "secure-port": context.ports.controller_manager,
        "cert-dir": context.state / "config/kube-controller-manager",
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "root-ca-file": keys.authority.certificate,
        "service-account-private-key-file": keys.service_accounts.key,
        "kube-api-qps": "200",
        "kube-api-burst": "400",
        "profiling": "false",
    }
    return _program(context, "kube-controller-manager", flags, (kubeconfig,))


def scheduler(context: Context, keys: Credentials) -> Program:
    """The scheduler; a pod that did not fit is looked at again soon."""
    kubeconfig = keys.kubeconfigs["kube-scheduler"]
    configuration = write_yaml(
        context.state / "config/kube-scheduler.yaml",
        {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "clientConnection": {"kubeconfig": str(kubeconfig), "qps": 200, "burst": 400},
            "leaderElection": {"leaderElect": False},
            "podInitialBackoffSeconds": 1,
            "podMaxBackoffSeconds": 5,
        },
    )
    flags = {
        "config": configuration,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "secure-port": context.ports.scheduler,
        "cert-dir": context.state / "config/kube-scheduler",
    }
    return _program(context, "kube-scheduler", flags, (kubeconfig, configuration))


def _program(context: Context, name: str, flags: dict[str, object], files: Iterable[Path]) -> Program:
    arguments = [f"--{flag}={value}" for flag, value in flags.items()]
    # The build's own path, so that another build means another fingerprint and so a restart.
    return Program(name, (str(context.kubernetes.resolve()), name, *arguments), tuple(files), FRUGAL)
