"""What an operator writes as `retention.minimumAge=2h`, checked and put into the policy of an app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from rainbow.errors import BadInput
from rainbow.model.app import AppConfig
from rainbow.model.baking import Bake
from rainbow.model.part import Part
from rainbow.model.policy import Policy, PolicySpec
from rainbow.model.release import Phase, Release
from rainbow.model.staying import Retention

SECTIONS: Mapping[str, type[Part]] = {"retention": Retention, "bake": Bake}


def overridden(policy: Policy, assignments: Iterable[tuple[str, Any]]) -> Policy:
    """The policy with these keys (`retention.keep`) set; None takes one away again. Raises BadInput for others."""
    spec: dict[str, dict[str, Any]] = {
        "retention": dict(policy.spec.retention),
        "bake": dict(policy.spec.bake),
    }
    for key, value in assignments:
        section, dot, name = key.partition(".")
        if not dot or name not in names(section):
            raise BadInput(f"{key} is no key of a policy; there are: {', '.join(_keys())}")
        if value is None:
            spec[section].pop(name, None)
        else:
            spec[section][name] = value
    return policy.model_copy(update={"spec": PolicySpec(hold=policy.spec.hold, **spec)})


def refuse_unfit(policy: Policy, releases: Iterable[Release]) -> None:
    """Raises BadInput, naming the release and what is wrong, when the policy cannot be in force for each of them."""
    for release in releases:
        if release.status.phase is not Phase.DELETED and (wrong := unfit(policy, release.spec.app)):
            raise BadInput(f"this policy does not fit release {release.id} of app {release.app}: {wrong}")


def unfit(policy: Policy, app: AppConfig) -> str | None:
    """Why the policy cannot be in force over this rainbow.yaml."""
    try:
        policy.in_force(app)
    except ValidationError as error:
        return misfit(error)
    return None


def misfit(error: ValidationError) -> str:
    """What is wrong, in a line."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {_said(e)}" for e in error.errors(include_url=False))


def names(section: str) -> list[str]:
    """The keys of a section as in rainbow.yaml; none for one that no policy has."""
    model = SECTIONS.get(section)
    return [] if model is None else [str(field.alias) for field in model.model_fields.values()]


def _keys() -> list[str]:
    return [f"{section}.{name}" for section in SECTIONS for name in names(section)]


def _said(error: Any) -> str:
    said: str = error["msg"]
    return said.removeprefix("Value error, ")
