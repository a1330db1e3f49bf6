"""The policy of an app in the cluster: read, and put over what a release brought along."""

from __future__ import annotations

from pydantic import ValidationError

from rainbow.adapters.kube import POLICY, Kube
from rainbow.errors import PermanentError
from rainbow.model.policy import Policy
from rainbow.model.release import Release


def read_policy(kube: Kube, namespace: str, app: str) -> Policy:
    """The policy of an app; an empty one where nobody set any. Raises PermanentError for one that cannot be read."""
    obj = kube.get(POLICY, namespace, app)
    if obj is None:
        return Policy(namespace=namespace, app=app)
    try:
        return Policy.from_object(obj)
    except (ValidationError, KeyError) as error:
        raise PermanentError(f"Policy {namespace}/{app} is malformed: {error}; see: rainbow policy --help") from error


def under(policy: Policy, release: Release) -> Release:
    """The release with the policy of its app over its own rainbow.yaml; only ever read, never written back."""
    try:
        app = policy.in_force(release.spec.app)
    except ValidationError as error:
        raise PermanentError(
            f"Policy {policy.namespace}/{policy.app} does not fit release {release.id}: {error}"
        ) from error
    return release.model_copy(update={"spec": release.spec.model_copy(update={"app": app})})
