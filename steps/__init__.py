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
    from steps.shape import Step

# Name of the step (of its command, its template, its test) → what it does, in a line for `--help` and the Argo UI.
STEPS = {
    "lint": "Check the manifests: what would lose requests, or cannot live beside another release, goes no further.",
    "build": "Build the app's images that were not given, and push them to the registry.",
    "make-room": "Delete the idle release of a blue/green app, so that the next one has room.",
    "expand": "Add to the schema of the app's database what the release needs; take nothing away.",
    "roll": "Update in place what is rolled, pod by pod, and undo it by itself when it does not become ready.",
    "undo": "Roll back what was rolled for a release that failed after that, as by its tests.",
    "deploy": "Apply the release's own objects beside all others, and wait until they are ready.",
    "run-tests": "Run the app's integration tests against the release before it carries traffic.",
    "check-compatibility": "Run the tests of the current release against the new one: its clients are not let down.",
    "switch": "Point the route at the release, and wait until the proxy answers from it.",
    "adopt": "Make what runs as plain Deployments the first release, without restarting anything.",
    "bake": "Watch the release for some time after its switch; a breach switches back by itself.",
    "backfill": "Move the old rows of the app's database into the new structure, while users work.",
    "wait-for-drain": "Wait until the earlier releases have no work left and are old enough.",
    "delete": "Delete the releases that are drained and old enough, after looking again.",
    "contract": "Remove the old structure from the schema of the app's database, once nothing needs it.",
    "collect-garbage": "Delete all that is due, of every app of some namespaces in one pass.",
    "rollback": "Point the route back at an earlier release; only a person promotes the one it takes over from.",
    "redeploy": "Take the record of a deleted release up again, to be deployed, tested and switched to like a new one.",
    "probe": "Ask the app without pause for a while: not one of its users may notice what goes on meanwhile.",
    "hold": "Hold an app, so that nothing is switched, or a release, so that it is not deleted.",
    "resume": "End the hold of an app or of a release.",
}


def load(name: str) -> Step:
    """The module of a step. Raises BadInput for a name that is not in the table."""
    if name not in STEPS:
        raise BadInput(f"no step {name!r}; there are: {', '.join(STEPS)}")
    return cast("Step", import_module(f"steps.{name.replace('-', '_')}"))
