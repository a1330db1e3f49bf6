"""Who is who in the cluster: a certificate for each part, and a kubeconfig for each that asks the API server."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from cluster.certificates import Authority, Pair, Subject
from cluster.context import Context
from cluster.files import write


@dataclass(frozen=True)
class Credentials:
    """Certificates and kubeconfigs of every part."""

    authority: Authority
    pairs: dict[str, Pair]
    service_accounts: Pair
    kubeconfigs: dict[str, Path]


def subjects(context: Context) -> list[Subject]:
    """Return whom certificates are issued to."""
    service = "kubernetes.default.svc"
    names = ("localhost", "kubernetes", "kubernetes.default", service, f"{service}.{context.domain}")
    addresses = ("127.0.0.1", context.node_address, context.api_service_address)
    return [
        Subject("api-server", "kube-apiserver", hosts=(*names, *addresses)),
        Subject("api-server-client", "kube-apiserver", groups=("system:masters",)),
        Subject("front-proxy", "front-proxy"),
        Subject("etcd", "etcd", hosts=("localhost", "127.0.0.1")),
        Subject("admin", "rainbow:admin", groups=("system:masters",)),
        Subject("kube-controller-manager", "system:kube-controller-manager"),
        Subject("kube-scheduler", "system:kube-scheduler"),
        Subject("kube-proxy", "system:kube-proxy"),
        Subject(
            "kubelet",
            f"system:node:{context.node_name}",
            groups=("system:nodes",),
            hosts=(context.node_name, context.node_address),
        ),
    ]


def credentials(context: Context, now: datetime) -> Credentials:
    """Make what is missing of the certificates and kubeconfigs, and return all."""
    authority = Authority(context.state / "certificates")
    authority.ensure(now)
    pairs = {subject.file: authority.issue(subject, now) for subject in subjects(context)}
    users = ("kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
    own = f"https://{context.node_address}:{context.ports.api}"
    config = context.state / "config"
    kubeconfigs = {user: _kubeconfig(config / f"{user}.kubeconfig", own, authority, pairs[user]) for user in users}
    kubeconfigs["admin"] = _kubeconfig(context.kubeconfig, context.server, authority, pairs["admin"])
    return Credentials(authority, pairs, authority.signing_key("service-accounts"), kubeconfigs)


def _kubeconfig(path: Path, server: str, authority: Authority, pair: Pair) -> Path:
    def inline(file: Path) -> str:
        return b64encode(file.read_bytes()).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "rainbow",
                "cluster": {"server": server, "certificate-authority-data": inline(authority.certificate)},
            }
        ],
        "users": [
            {
                "name": "rainbow",
                "user": {
                    "client-certificate-data": inline(pair.certificate),
                    "client-key-data": inline(pair.key),
                },
            }
        ],
        "contexts": [{"name": "rainbow", "context": {"cluster": "rainbow", "user": "rainbow"}}],
        "current-context": "rainbow",
    }
    return write(path, yaml.safe_dump(document, sort_keys=False), mode=0o600)
