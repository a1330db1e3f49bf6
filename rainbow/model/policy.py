"""What the operators of an app decided after its releases were made: the custom resource `Policy`, one for an app.

Its spec overrides, key by key, what travelled with each release in its record; its hold freezes switching.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Self

from pydantic import Field

from rainbow.model.app import AppConfig
from rainbow.model.part import Part
from rainbow.model.release import Mark

PLURAL = "policies"
KIND = "Policy"
OVERRIDES = ("retention", "bake", "drain")  # the sections of rainbow.yaml that a policy may have keys of


class PolicySpec(Part):
    """`retention`, `bake` and `drain` have the keys of rainbow.yaml; those given replace the ones of every release."""

    hold: Mark | None = Field(default=None, description="nothing is switched while it is there")
    retention: dict[str, Any] = Field(default_factory=dict)
    bake: dict[str, Any] = Field(default_factory=dict)
    drain: dict[str, Any] = Field(default_factory=dict)


class Policy(Part):
    """The policy as read; `resource_version` is None when there is none yet."""

    namespace: str
    app: str
    resource_version: str | None = None
    spec: PolicySpec = PolicySpec()

    @classmethod
    def from_object(cls, obj: dict[str, Any]) -> Self:
        """From the resource as the API server gives it. Raises pydantic.ValidationError for a malformed one."""
        meta = obj["metadata"]
        spec = PolicySpec.model_validate(obj.get("spec") or {}, extra="ignore")
        return cls(namespace=meta["namespace"], app=meta["name"], resource_version=meta["resourceVersion"], spec=spec)

    def in_force(self, config: AppConfig, sections: Collection[str] = OVERRIDES) -> AppConfig:
        """A release's own rainbow.yaml with this policy over it. Raises pydantic.ValidationError for a bad policy.

        `sections`: those that matter, when not all.
        """
        spec: dict[str, dict[str, Any]] = {key: getattr(self.spec, key) for key in OVERRIDES}
        changed = {key: changes for key, changes in spec.items() if changes and key in sections}
        if not changed:
            return config
        data = config.model_dump(mode="json", by_alias=True, exclude_none=True)
        for key, changes in changed.items():
            data[key] = _over(data.get(key, {}), changes)
        return AppConfig.model_validate(data, extra="ignore")


def _over(own: Any, changes: Any) -> Any:
    """Key by key, as deep as keys go."""
    if not isinstance(own, dict) or not isinstance(changes, dict):
        return changes
    return own | {key: _over(own.get(key), value) for key, value in changes.items()}
