"""Hold an app, so that nothing of it is switched; or a release, so that it is not deleted.

The hold of an app is in its Policy, that of a release on its record. Held already by the same person is no error; by
another one it is refused, with their name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import Field

from rainbow.adapters.person import who_asks
from rainbow.adapters.policies import note_hold, read_policy
from rainbow.adapters.records import list_records, note_if_unchanged, read_release
from rainbow.adapters.world import World
from rainbow.decisions.hold import Act, HoldDecision, decide_hold
from rainbow.errors import BadInput, Conflict, Refused, TemporaryError
from rainbow.model.names import ReleaseId
from rainbow.model.release import Mark, Phase, Release
from steps.shape import Operation

INPUTS = ("app", "release", "reason", "by")
OUTPUTS: Mapping[str, str] = {}

RULES: list[dict[str, Any]] = [
    # Whether there is such an app or release, and who holds it.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    # The mark on the release, or on the app, which may have no policy yet.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["policies"], "verbs": ["get", "create", "patch"]},
]

ATTEMPTS = 5  # times that the record may change between reading and writing it


class Params(Operation):
    """Parameters of `hold`, and of `resume`."""

    release: ReleaseId | None = Field(  # type: ignore[assignment]
        default=None, description="id of the release that is not to be deleted; left out, the whole app is held"
    )


def run(params: Params, world: World) -> None:
    """Hold. Raises BadInput without a reason or for a deleted release, Refused when somebody else holds it."""
    if not params.reason:
        raise BadInput("--reason: a hold needs one; whoever meets it later has to know why")
    wanted = Mark(reason=params.reason, by=params.by or who_asks(world.kube), at=world.clock.now())
    mark(params, world, lambda there: (decide_hold(there, wanted), wanted))


def mark(params: Params, world: World, decide: Callable[[Mark | None], tuple[HoldDecision, Mark | None]]) -> None:
    """Set or remove the mark as decided from the one that is there; again when somebody else wrote meanwhile."""
    for _ in range(ATTEMPTS):
        what, there, write = _read(params, world)
        decision, wanted = decide(there)
        if params.dry_run:
            world.say(f"{what} would be: {decision.act}: {decision.reason}")
            return
        if decision.act is Act.REFUSE:
            raise Refused(f"{what} in namespace {params.namespace} is {decision.reason}: {_resume(params)}")
        try:
            if decision.act is not Act.NOTHING:
                write(wanted)
        except Conflict:
            continue
        world.say(f"{what}: {decision.reason}")
        return
    raise TemporaryError(f"{params.app} in namespace {params.namespace} is being written by others all the time")


def _read(params: Params, world: World) -> tuple[str, Mark | None, Callable[[Mark | None], object]]:
    """What it is about, its hold, and what writes another one if nobody else wrote meanwhile."""
    kube = world.kube
    if params.release is None:
        _refuse_unknown(params, world)
        policy = read_policy(kube, params.namespace, params.app)
        return f"app {params.app}", policy.spec.hold, lambda hold: note_hold(kube, policy, hold, world.clock.now())
    release = read_release(kube, params.namespace, params.app, params.release)
    _refuse_deleted(release)
    what = f"release {release.id} of app {release.app}"
    return what, release.status.hold, lambda hold: note_if_unchanged(kube, release, hold=hold)


def _refuse_unknown(params: Params, world: World) -> None:
    if not any(list_records(world.kube, params.namespace, params.app)):
        raise BadInput(f"no release of an app {params.app} in namespace {params.namespace}; is the name right?")


def _refuse_deleted(release: Release) -> None:
    if release.status.phase is Phase.DELETED:
        raise BadInput(
            f"release {release.id} of app {release.app} in namespace {release.namespace} is deleted: there is nothing "
            f"to hold. To have it again: rainbow redeploy -n {release.namespace} {release.app} {release.id}"
        )


def _resume(params: Params) -> str:
    which = f" {params.release}" if params.release else ""
    return f"rainbow resume -n {params.namespace} {params.app}{which}"
