"""The clusters of an app, one by one: how a release stands in each, its submission there, and its way back.

Each is asked for itself, and nothing is kept between two looks. What goes wrong with one of them is its own trouble.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from zlib import crc32

from rainbow.adapters.kube import WORKFLOW, Kube
from rainbow.adapters.person import who_asks
from rainbow.adapters.policies import read_policy, under
from rainbow.adapters.records import list_records, list_releases
from rainbow.adapters.routes import read_route
from rainbow.adapters.submission import installed
from rainbow.adapters.workflows import newest_workflow, workflow_object
from rainbow.decisions.overrides import unfit
from rainbow.decisions.region import Region, RegionFacts, Standing, judge
from rainbow.decisions.regional import difference
from rainbow.decisions.workflow_view import RELEASE_STEPS, WorkflowView, view_workflow
from rainbow.errors import BadInput, Conflict, RainbowError
from rainbow.model.app import AppConfig
from rainbow.model.release import Release, ReleaseSpec

ROLLBACK = "rollback"  # the WorkflowTemplate, and its only step
LONGEST_NAME = 63  # of a Workflow: its name is the value of a label of its pods
LONGEST_REASON = 1000


@dataclass(frozen=True)
class Place:
    """A cluster that is connected, and the app as it is there. Its context is that of the kubeconfig."""

    name: str
    context: str
    kube: Kube
    app: AppConfig

    @property
    def where(self) -> tuple[str, ...]:
        """The flags by which every command finds it."""
        return ("--context", self.context, "-n", self.app.namespace)


@dataclass(frozen=True)
class Found:
    """One look at a cluster: how the release stands there, its record, and the workflow that releases it."""

    region: Region
    record: Release | None = None
    workflow: str | None = None
    view: WorkflowView | None = None


def ready(place: Place) -> None:
    """Raises BadInput, TemporaryError and the like when nothing could be released to it, with the cluster's name."""
    try:
        for template in ("release", ROLLBACK):
            installed(place.kube, place.app.namespace, template)
        wrong = unfit(read_policy(place.kube, place.app.namespace, place.app.app), place.app)
    except RainbowError as error:
        raise type(error)(f"cluster {place.name}: {error}") from error
    if wrong:
        raise BadInput(f"cluster {place.name}: rainbow.yaml and the policy of app {place.app.app} do not fit: {wrong}")


def look(place: Place, wanted: ReleaseSpec) -> Found:
    """How the release stands there. An answer that does not come, or cannot be understood, is UNKNOWN.

    The order of reading matters: see decisions/region.py.
    """
    kube, app = replace(place.kube, attempts=1), place.app  # the next look is the next attempt
    try:
        started = newest_workflow(kube, app.namespace, app.app, wanted.release)
        workflow = _view(kube, app.namespace, started, RELEASE_STEPS)
        releases = list_releases(kube, app.namespace, app.app)
        names = [return_name(r) for r in releases if r.id == wanted.release]
        back = next((_view(kube, app.namespace, name, (ROLLBACK,)) for name in names), None)
        route = read_route(kube, app, though_gone=True)
        policy = read_policy(kube, app.namespace, app.app)
        releases, unreadable = list_records(kube, app.namespace, app.app)
        if why := next((one.why for one in unreadable if one.release == wanted.release), None):
            return Found(Region(Standing.UNKNOWN, why))
        record = next((r for r in releases if r.id == wanted.release), None)
        target = under(policy, record, ["bake"]) if record is not None else None
        if workflow is None and record is not None and _begun_since(place, kube, wanted):
            return look(place, wanted)
    except RainbowError as error:
        return Found(Region(Standing.UNKNOWN, str(error)))
    other = difference(record.spec, wanted) if record is not None else ""
    facts = RegionFacts(target, route, releases, workflow, back, policy.spec.hold, other)
    return Found(_asking(place, wanted, judge(facts), workflow), record, started if workflow else None, workflow)


def _begun_since(place: Place, kube: Kube, wanted: ReleaseSpec) -> bool:
    """Whether somebody else has submitted it during this look: what was not there yet is not gone."""
    namespace, app = place.app.namespace, place.app.app
    return kube.get(WORKFLOW, namespace, newest_workflow(kube, namespace, app, wanted.release)) is not None


def _asking(place: Place, wanted: ReleaseSpec, region: Region, workflow: WorkflowView | None) -> Region:
    """With the command that answers, where it waits for a person."""
    if region.standing is not Standing.UNDER_WAY or workflow is None or not any(s.gate for s in workflow.steps):
        return region
    answer = shlex.join(["rainbow", "approve", *place.where, place.app.app, wanted.release])
    return replace(region, why=f"waiting for approval: {answer}")


def silent_for(found: Found, seconds: float) -> Found:
    """The same, with the time for which its standing has been unknown."""
    return replace(found, region=replace(found.region, silent=timedelta(seconds=seconds)))


def roll_back(place: Place, release: Release, reason: str) -> None:
    """Submit the rollback from the release to the one before; a second one of the same release is the same one."""
    kube, namespace, app = place.kube, place.app.namespace, place.app.app
    given = {"app": app, "from-release": release.id, "reason": reason[:LONGEST_REASON], "by": who_asks(kube)}
    instance = installed(kube, namespace, ROLLBACK)
    name = return_name(release)
    try:
        kube.create(workflow_object(ROLLBACK, namespace, app, release.id, given, name=name, instance=instance))
    except Conflict:
        return  # somebody else who follows the same release was quicker


def return_name(release: Release) -> str:
    """The workflow that rolls back from it after a failure in another cluster: one for each life of the release."""
    life = f"{release.uid}/{release.since.isoformat()}"
    return f"{ROLLBACK}-{release.app}-{release.id}"[: LONGEST_NAME - 9] + f"-{crc32(life.encode()):08x}"


def images_of(record: Release) -> Mapping[str, str] | None:
    """What to run for each image, once it is known: given by whoever released it, or built. None: not all of it yet."""
    known = {**record.spec.images, **record.status.images}
    return known if set(record.spec.app.images) <= set(known) else None


def _view(kube: Kube, namespace: str, name: str, steps: tuple[str, ...]) -> WorkflowView | None:
    found = kube.get(WORKFLOW, namespace, name)
    return None if found is None else view_workflow(found, steps)
