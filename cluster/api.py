"""The few questions that starting and looking after the cluster asks its API server, over plain HTTPS.

The Kubernetes client would cost half a second and 40 MiB for them.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from cluster.context import Context
from rainbow.errors import TemporaryError

TIMEOUT = 5.0


class Unanswered(TemporaryError):
    """The API server did not answer, or said no."""


def get(context: Context, path: str) -> Any:
    """Return the JSON (or, for a health check, the text) at a path."""
    certificates = context.state / "certificates"
    try:
        trust = ssl.create_default_context(cafile=str(certificates / "ca.crt"))
        trust.load_cert_chain(certificates / "admin.crt", certificates / "admin.key")
        with urllib.request.urlopen(f"{context.server}{path}", timeout=TIMEOUT, context=trust) as answer:  # noqa: S310
            text = answer.read().decode()
    except (OSError, ssl.SSLError) as error:
        raise Unanswered(f"{path}: {error}") from error
    return json.loads(text) if text.startswith("{") else text


def healthy(context: Context) -> bool:
    """Tell whether the API server is ready."""
    try:
        return bool(get(context, "/readyz") == "ok")
    except Unanswered:
        return False


def node_ready(context: Context) -> str:
    """Return "" when kubelet lives and the node is Ready, else what is in the way."""
    try:
        # The node's own condition outlives kubelet by a while.
        with urllib.request.urlopen(f"http://127.0.0.1:{context.ports.kubelet_health}/healthz", timeout=TIMEOUT):
            pass
    except OSError as error:
        return f"kubelet: {error}"
    try:
        node = get(context, f"/api/v1/nodes/{context.node_name}")
    except Unanswered as error:
        return str(error)
    conditions = {condition["type"]: condition for condition in node["status"].get("conditions", [])}
    ready = conditions.get("Ready", {"status": "Unknown", "message": "nothing reported yet"})
    return "" if ready["status"] == "True" else str(ready["message"])


def pods(context: Context) -> list[dict[str, Any]]:
    """Return all pods."""
    found: list[dict[str, Any]] = get(context, "/api/v1/pods")["items"]
    return found
