"""Check the manifests of the release before anything is built or deployed.

It reads what was submitted, by whatever way, and stops what would lose requests or cannot live beside another release
(errors); all else that is found is said. What `harden: true` completes is no finding. A release that is had again was
checked when it was new, or ran before there were checks: going back is not stopped by a rule that came later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.records import read_release
from rainbow.adapters.world import World
from rainbow.decisions.lint import Report, lint
from rainbow.decisions.rendering import kept
from rainbow.decisions.workloads import Base
from rainbow.errors import PermanentError, Refused
from rainbow.model.release import Phase, Release
from steps.failure import marked_as_failed, take_up
from steps.shape import StepParams

OUTPUTS: Mapping[str, str] = {}

RULES: list[dict[str, Any]] = [
    # The record: the manifests as they were submitted; and that it is Failed.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
]


class Params(StepParams):
    """Parameters of `lint`."""


def run(params: Params, world: World) -> None:
    """Check. Raises PermanentError with all errors; the release is Failed then."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    if release.status.phase == Phase.DELETED:
        raise Refused(f"release {release.id} of app {release.app} has been deleted; there is nothing to check")
    if params.dry_run:
        _judge(world, release, lint(base_of(release)))
        return
    release = take_up(world, release, Phase.PENDING)
    with marked_as_failed(world, release):
        _judge(world, release, lint(base_of(release)))


def base_of(release: Release) -> Base:
    """What is checked: the base as it is in the record, without what no release gets."""
    app = release.spec.app
    return Base(app, kept(app, load_objects(release.spec.manifests)), release.spec.images | release.status.images)


def _judge(world: World, release: Release, report: Report) -> None:
    for finding in report.findings:
        world.say(f"{finding.severity}: {finding.object}: {finding.rule}: {finding.why}; {finding.fix}")
    for finding in report.mended:
        world.say(f"hardened: {finding.object}: {finding.rule}: {finding.why}")
    for finding, why in report.accepted:
        world.say(f"accepted: {finding.object}: {finding.rule}: {why}")
    if not report.errors:
        world.say(f"the manifests of release {release.id} can be released; warnings: {len(report.findings)}")
    elif release.status.redeployed_at is not None:
        world.say(f"errors: {len(report.errors)}; release {release.id} is had again with them, as it was")
    else:
        errors = "".join(f"\n  {e.object}: {e.rule}: {e.why}" for e in report.errors)
        fix = "" if release.spec.app.manifests.helm else "--fix or "  # a chart takes no patches
        raise PermanentError(
            f"the manifests of release {release.id} of app {release.app} in namespace {release.namespace} are not fit "
            f"to be released:{errors}\nNothing was deployed. See them in your files with: rainbow lint; have them "
            f"completed by {fix}`harden: true`; or say in rainbow.yaml why it is right so: lint.ignore"
        )
