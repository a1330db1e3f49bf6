"""The steps: what each pod does, one file a step, one image for all of them.

A step is a module with a frozen `Params`, `run(params, world)` and a table `OUTPUTS` of the output parameters that
it hands on. It observes, decides by one pure function, and applies the decision; `--dry-run` prints that decision.
A new step is one file and one line here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from rainbow.errors import BadInput

if TYPE_CHECKING:
    from steps.contract import Step

# Name of the step (of its command, its template, its test) → what it does, in a line for `--help` and the Argo UI.
STEPS = {
    "build": "Build the app's images that were not given, and push them to the registry.",
    "deploy": "Apply the release's own objects beside all others, and wait until they are ready.",
    "run-tests": "Run the app's integration tests against the release before it carries traffic.",
    "switch": "Point the route at the release, and wait until the proxy answers from it.",
    "wait-for-drain": "Wait until the earlier releases have no work left and are old enough.",
    "delete": "Delete the releases that are drained and old enough, after looking again.",
}


def load(name: str) -> Step:
    """The module of a step. Raises BadInput for a name that is not in the table."""
    if name not in STEPS:
        raise BadInput(f"no step {name!r}; there are: {', '.join(STEPS)}")
    return cast("Step", import_module(f"steps.{name.replace('-', '_')}"))
