"""The policy of an app in the cluster: read, written, and put over what a release brought along."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from rainbow.adapters.events import tell
from rainbow.adapters.kube import POLICY, Kube, Object
from rainbow.decisions.happenings import marks
from rainbow.decisions.overrides import SECTIONS, misfit
from rainbow.errors import BadInput
from rainbow.model.names import APP_LABEL
from rainbow.model.policy import Policy
from rainbow.model.release import Mark, Release


def read_policy(kube: Kube, namespace: str, app: str) -> Policy:
    """The policy of an app; an empty one where nobody set any. Raises BadInput for one that cannot be read."""
    obj = kube.get(POLICY, namespace, app)
    if obj is None:
        return Policy(namespace=namespace, app=app)
    try:
        return Policy.from_object(obj)
    except (ValidationError, KeyError) as error:
        raise BadInput(f"Policy {namespace}/{app} is malformed: {error}; see: rainbow policy --help") from error


def write_policy(kube: Kube, policy: Policy, changes: dict[str, Any]) -> Object:
    """Write these keys of the spec (None removes one) if nobody else wrote meanwhile. Raises Conflict otherwise."""
    meta: dict[str, Any] = {"name": policy.app, "namespace": policy.namespace}
    if policy.resource_version is None:
        spec = {key: value for key, value in changes.items() if value is not None}
        meta["labels"] = {APP_LABEL: policy.app}
        obj = {"apiVersion": POLICY.api_version, "kind": POLICY.kind, "metadata": meta, "spec": spec}
        return kube.create(obj)
    patch = {"metadata": {"resourceVersion": policy.resource_version}, "spec": changes}
    return kube.patch(POLICY, policy.namespace, policy.app, patch)


def note_hold(kube: Kube, policy: Policy, hold: Mark | None, now: datetime) -> None:
    """Set or remove the hold of the app, on condition that nobody else wrote; and tell it."""
    written = write_policy(kube, policy, {"hold": hold and hold.model_dump(mode="json", by_alias=True)})
    tell(kube, POLICY, written["metadata"], marks("Held", "Resumed", policy.spec.hold, hold), now)


def under(policy: Policy, release: Release, sections: Collection[str] = tuple(SECTIONS)) -> Release:
    """The release with the policy of its app over its own rainbow.yaml; only ever read, never written back.

    `sections`: those that matter, when not all. Raises BadInput when the policy does not fit.
    """
    try:
        app = policy.in_force(release.spec.app, sections)
    except ValidationError as error:
        raise BadInput(
            f"Policy {policy.namespace}/{policy.app} does not fit release {release.id}: {misfit(error)}; change it: "
            f"rainbow policy set -n {policy.namespace} {policy.app} KEY=VALUE"
        ) from error
    return release.model_copy(update={"spec": release.spec.model_copy(update={"app": app})})
