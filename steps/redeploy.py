"""Take the record of a deleted release up again, so that it can be deployed, tested and switched to like a new one.

Only when nothing is left of its earlier life: whoever still deletes that would take it for its own, and work that it
was deleted with (`retention.overdue: delete`) would come to its new pods without anybody's knowing. What its record
says is enough; images that were built are in the registry under their digests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from rainbow.adapters.belongings import DELETABLE, find_belongings
from rainbow.adapters.bus import NatsUrl, left_on_bus
from rainbow.adapters.policies import read_policy, under
from rainbow.adapters.records import list_releases, note_if_unchanged, read_release
from rainbow.adapters.world import World
from rainbow.decisions.age import given_up
from rainbow.decisions.redeploy import Act, decide_redeploy, taken_up
from rainbow.decisions.schema import misfit
from rainbow.decisions.sealing import committed
from rainbow.errors import Refused, TemporaryError
from rainbow.model.release import Release
from steps.shape import Operation

OUTPUTS: Mapping[str, str] = {}
INPUTS = ("app", "release", "allow_rejected", "reason", "by")

RULES: list[dict[str, Any]] = [
    # What is taken up, and that it is.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # Whether it was deleted with the work it had left, as the app's policy may have it.
    {"apiGroups": ["rainbow.dev"], "resources": ["policies"], "verbs": ["get"]},
    # Whether anything of its earlier life is left.
    *({**rule, "verbs": ["list"]} for rule in DELETABLE),
]


class Params(Operation):
    """Parameters of `redeploy`."""

    allow_rejected: bool = Field(default=False, description="also a release that was rolled back from")
    nats_url: NatsUrl = None


def run(params: Params, world: World) -> None:
    """Take it up. Raises Refused when it is still there or cannot be had, TemporaryError while it is being deleted."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    found = find_belongings(world.kube, params.namespace, params.app, [release])
    left, hidden = len(found.of(release.id)), found.hidden.get(release.id)
    releases = list_releases(world.kube, params.namespace, params.app)
    decision = decide_redeploy(
        release,
        left=left,
        hidden=hidden,
        allow_rejected=params.allow_rejected,
        on_bus=_given_up_on_bus(params, world, release, releases),
        misfit=misfit(release, releases),
    )
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


def _given_up_on_bus(params: Params, world: World, release: Release, releases: Sequence[Release]) -> str | None:
    """The work that it was deleted with, which `collect-garbage` has yet to remove. Raises Unheard."""
    policy = read_policy(world.kube, release.namespace, release.app)
    if not committed(release.status) or not given_up(under(policy, release, ["retention"])):
        return None
    others = [r.id for r in releases if not committed(r.status)]
    left = left_on_bus(release.spec.app, release.id, others, params.nats_url)
    found = ", ".join(f"{name} with {what}" for name, what in left.items())
    return f"on the bus is left what it was deleted with: {found}" if found else None
