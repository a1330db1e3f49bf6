"""Take the record of a deleted release up again, so that it can be deployed, tested and switched to like a new one.

Only when nothing is left of its earlier life: whoever still deletes that would take it for its own. What its record
says is enough; images that were built are in the registry under their digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from rainbow.adapters.belongings import DELETABLE, find_belongings
from rainbow.adapters.records import list_releases, note_if_unchanged, read_release
from rainbow.adapters.world import World
from rainbow.decisions.redeploy import Act, decide_redeploy, taken_up
from rainbow.decisions.schema import misfit
from rainbow.errors import Refused, TemporaryError
from steps.shape import Operation

OUTPUTS: Mapping[str, str] = {}
INPUTS = ("app", "release", "allow_rejected", "reason", "by")

RULES: list[dict[str, Any]] = [
    # What is taken up, and that it is.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # Whether anything of its earlier life is left.
    *({**rule, "verbs": ["list"]} for rule in DELETABLE),
]


class Params(Operation):
    """Parameters of `redeploy`."""

    allow_rejected: bool = Field(default=False, description="also a release that was rolled back from")


def run(params: Params, world: World) -> None:
    """Take it up. Raises Refused when it is still there or cannot be had, TemporaryError while it is being deleted."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    found = find_belongings(world.kube, params.namespace, params.app, [release])
    left, hidden = len(found.of(release.id)), found.hidden.get(release.id)
    wrong = misfit(release, list_releases(world.kube, params.namespace, params.app))
    decision = decide_redeploy(release, left=left, hidden=hidden, allow_rejected=params.allow_rejected, misfit=wrong)
    what = f"release {release.id} of app {release.app} in namespace {release.namespace}"
    if params.dry_run:
        world.say(f"redeploy of {what} would {decision.act}: {decision.reason}")
        return
    if decision.act is Act.REFUSE:
        raise Refused(f"{what} is not redeployed: {decision.reason}")
    if decision.act is Act.WAIT:
        raise TemporaryError(f"{what} is not redeployed yet: {decision.reason}")
    if decision.act is Act.TAKE_UP:
        note_if_unchanged(world.kube, release, **taken_up(world.clock.now(), world.run))
    by = f" (asked for by {params.by}{f': {params.reason}' if params.reason else ''})" if params.by else ""
    world.say(f"{what}: {decision.reason}{by}")
