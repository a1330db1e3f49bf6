"""Who is at work: the name under which the API server knows whoever asks it."""

from __future__ import annotations

import json

from rainbow.adapters.kube import Kube
from rainbow.errors import RainbowError

# Open to everybody who is known (Kubernetes, "SelfSubjectReview").
_PATH = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
UNKNOWN = "unknown"
LONGEST = 200


def who_asks(kube: Kube) -> str:
    """The user name; `unknown` when the API server does not say, as the record is only a note."""
    try:
        answer = json.loads(kube.request("POST", _PATH, body=_REVIEW))
    except RainbowError:
        return UNKNOWN
    name: str = answer.get("status", {}).get("userInfo", {}).get("username") or UNKNOWN
    return name[:LONGEST]
