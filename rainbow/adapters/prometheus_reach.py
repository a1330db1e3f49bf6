"""Whether a Prometheus answers that pods would ask, asked from wherever a person sits.

A name within the cluster means nothing there. So the API server is asked to pass the question on to that Service
(Kubernetes, "Access Services Running on Clusters"), as far as one's rights allow.
"""

from __future__ import annotations

import json
from urllib.parse import quote, urlsplit

from rainbow.adapters.kube import Forbidden, Kube, NotThere
from rainbow.adapters.prometheus import Prometheus, Unanswered
from rainbow.errors import PermanentError, TemporaryError

_QUESTION = "/api/v1/query?query=vector(1)"


def reach(kube: Kube, url: str) -> tuple[str, bool]:
    """Why it did not answer, empty when it did; and whether that is so for pods as well."""
    parts = urlsplit(url)
    words = (parts.hostname or "").split(".")
    if len(words) >= 2 and (len(words) == 2 or words[2] == "svc"):
        scheme = "https:" if parts.scheme == "https" else ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return _through_the_api(kube, words[0], words[1], f"{scheme}{words[0]}:{port}", parts.path.rstrip("/"))
    try:
        Prometheus(url).vector("vector(1)")
    except Unanswered as error:
        return f"asked from here, not from a pod: {error}", False
    return "", False


def _through_the_api(kube: Kube, name: str, namespace: str, service: str, prefix: str) -> tuple[str, bool]:
    path = f"/api/v1/namespaces/{quote(namespace)}/services/{quote(service, safe=':')}/proxy{prefix}{_QUESTION}"
    try:
        answer = json.loads(kube.request("GET", path))
        return ("", False) if answer.get("status") == "success" else ("it answers, but not as Prometheus does", True)
    except Forbidden:
        return "it is within the cluster, and you may not ask through the API server (services/proxy)", False
    except NotThere as error:
        return f"there is no Service {name} in namespace {namespace}, or it is no Prometheus: {error}", True
    except (TemporaryError, PermanentError, ValueError, AttributeError) as error:
        return f"asked through the API server: {error}", True
