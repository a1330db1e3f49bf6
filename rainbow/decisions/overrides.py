"""What an operator writes as `retention.minimumAge=2h`, checked and put into the policy of an app."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from rainbow.errors import BadInput
from rainbow.model.app import AppConfig
from rainbow.model.baking import Bake
from rainbow.model.part import Part
from rainbow.model.policy import Policy, PolicySpec
from rainbow.model.release import Phase, Release
from rainbow.model.staying import Retention
from rainbow.model.work import Drain

SECTIONS: Mapping[str, type[Part]] = {"retention": Retention, "bake": Bake, "drain": Drain}


def overridden(policy: Policy, assignments: Iterable[tuple[str, Any]]) -> Policy:
    """The policy with these keys (`retention.keep`) set; None takes one away again. Raises BadInput for others."""
    spec: dict[str, Any] = {section: getattr(policy.spec, section) for section in SECTIONS}
    for key, value in assignments:
        if key not in (known := keys()):
            raise BadInput(f"{key} is no key of a policy; there are: {', '.join(known)}")
        spec = _put(spec, key.split("."), value)
    found = {section: spec.get(section, {}) for section in SECTIONS}
    return policy.model_copy(update={"spec": PolicySpec(hold=policy.spec.hold, **found)})


def merge_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What makes the one into the other (RFC 7386): a key that is there no more is None in it."""
    changed: dict[str, Any] = dict.fromkeys(key for key in before if key not in after)
    for key, value in after.items():
        if (was := before.get(key)) != value:
            changed[key] = merge_patch(was, value) if isinstance(was, dict) and isinstance(value, dict) else value
    return changed


def flat(values: Mapping[str, Any], head: str = "") -> Iterator[tuple[str, Any]]:
    """Each key as an operator writes it, and its value."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from flat(value, f"{head}{name}.")
        else:
            yield f"{head}{name}", value


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


def keys() -> list[str]:
    """All that a policy may have, as in rainbow.yaml."""
    return [key for section, model in SECTIONS.items() for key in _keys(model, section)]


def _keys(model: type[Part], head: str) -> Iterator[str]:
    for field in model.model_fields.values():
        below = _part(field.annotation)
        key = f"{head}.{field.alias}"
        yield from [key] if below is None else _keys(below, key)


def _part(annotation: Any) -> type[Part] | None:
    """The part of rainbow.yaml that a key leads to, which may be left out there."""
    kinds = get_args(annotation) if get_origin(annotation) is UnionType else (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Part)), None)


def _put(values: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """The values with this one at the path. None takes it away, and what is empty then."""
    name, *below = path
    there = values.get(name)
    put = _put(there if isinstance(there, dict) else {}, below, value) if below else value
    if put is None or (below and not put):
        return {key: each for key, each in values.items() if key != name}
    return {**values, name: put}


def _said(error: Any) -> str:
    said: str = error["msg"]
    return said.removeprefix("Value error, ")
