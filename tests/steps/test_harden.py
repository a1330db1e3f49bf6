"""`harden: true` in the step `deploy`: what is completed is part of the release, and is said before it is done."""

import json

from emulated import Emulated, StoppedClock, Store

from rainbow.adapters.world import World
from rainbow.model.release import ReleaseSpec, new_record
from steps import deploy
from tests.decisions.lint.make import container, of, service
from tests.decisions.make import app

BASE = "\n---\n".join(json.dumps(obj) for obj in [of(container(readinessProbe=None)), service()])


def planned(**config: object) -> str:
    """What a dry run says."""
    kube, lines = Emulated(None, store=Store()), list[str]()
    kube.create(new_record(ReleaseSpec(release="v1", app=app(**config), manifests=BASE)))
    world = World(kube, clock=StoppedClock(), say=lines.append)
    deploy.run(deploy.Params(namespace="spawn", app="spawn", release="v1", dry_run=True), world)
    return "\n".join(lines)


def test_what_is_completed_is_part_of_the_release() -> None:
    """The budget that is added has the release's name like all else, and each rule that was met is said."""
    said = planned(harden=True)
    assert "hardened Deployment web: readiness-probe" in said
    assert "hardened Deployment web: disruption-budget" in said
    assert "deploy would apply 3 objects" in said
    assert "PodDisruptionBudget web-v1 (new)" in said


def test_nothing_is_completed_unasked() -> None:
    """Two objects, as they are in the base."""
    said = planned()
    assert "hardened" not in said
    assert "deploy would apply 2 objects" in said


def test_what_the_owner_accepts_is_left_as_it_is() -> None:
    """By `lint.ignore`, with the reason there."""
    said = planned(harden=True, lint={"ignore": [{"rule": "disruption-budget", "why": "a test"}]})
    assert "readiness-probe" in said
    assert "deploy would apply 2 objects" in said
