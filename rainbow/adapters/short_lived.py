"""A kubeconfig with a token that ends by itself, for the ServiceAccount of a CI system (Kubernetes, "TokenRequest").

It names the cluster as the person's own kubeconfig does, and carries nothing else of that.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rainbow.adapters.kube import Kind, Kube, NotThere, Object
from rainbow.errors import BadInput

SERVICE_ACCOUNT = Kind("v1", "ServiceAccount")


@dataclass(frozen=True)
class Token:
    """A token, and until when it is good, by the API server, which may shorten what was asked for."""

    text: str
    until: str


def request_token(kube: Kube, namespace: str, account: str, lasting: timedelta) -> Token:
    """Raises BadInput when there is no such ServiceAccount."""
    path = kube.path(SERVICE_ACCOUNT, namespace, account) + "/token"
    spec = {"expirationSeconds": int(lasting.total_seconds())}
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    try:
        status = json.loads(kube.request("POST", path, body=request))["status"]
    except NotThere as error:
        raise BadInput(
            f"there is no ServiceAccount {account} in namespace {namespace}; "
            f"make it: rainbow install -n {namespace} --ci"
        ) from error
    return Token(status["token"], status["expirationTimestamp"])


def kubeconfig_with(kube: Kube, namespace: str, name: str, token: Token, server: str | None) -> Object:
    """As kubectl reads it. `server`: the address of the API server as CI sees it, instead of one's own.

    Cluster, user and context are all called `name`: where KUBECONFIG has several files, the first one of a name wins.
    """
    configuration: Any = kube.client.configuration
    cluster: Object = {"server": server or configuration.host}
    if not configuration.verify_ssl:
        cluster["insecure-skip-tls-verify"] = True
    elif configuration.ssl_ca_cert:
        authority = Path(configuration.ssl_ca_cert).read_bytes()
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    if configuration.tls_server_name:
        cluster["tls-server-name"] = configuration.tls_server_name
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token.text}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    }
