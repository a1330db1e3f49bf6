"""End the hold of an app or of a release. Without one there is nothing to do, and that is no error."""

from __future__ import annotations

from rainbow.adapters.world import World
from rainbow.decisions.hold import decide_resume
from steps import hold

INPUTS = hold.INPUTS
OUTPUTS = hold.OUTPUTS
RULES = hold.RULES


class Params(hold.Params):
    """Parameters of `resume`."""


def run(params: Params, world: World) -> None:
    """Resume. Raises Refused for a hold that was set after this had been asked for."""
    hold.mark(params, world, lambda there: (decide_resume(there, world.asked_at), None))
