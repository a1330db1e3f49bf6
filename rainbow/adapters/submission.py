"""Submitting a release: its record, its packed sources, its workflow, in an order that can be cut anywhere.

Everything is checked before anything is created. When a later object cannot be created, or somebody presses Ctrl-C, the
record is taken back, and with it, by their owner reference, the sources. A record that was left all the same, by a
kill or by an answer that never came, is gone on from when the same release is submitted again.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256

from rainbow.adapters.argo_ui import named_on_record
from rainbow.adapters.kube import CONFIG_MAP, RELEASE, WORKFLOW, Forbidden, Kind, Kube, NotThere, Object, identity
from rainbow.adapters.person import who_asks
from rainbow.adapters.policies import read_policy
from rainbow.adapters.records import list_releases
from rainbow.adapters.sources import cut
from rainbow.adapters.workflows import INSTANCE_LABEL, workflow_name, workflow_object
from rainbow.decisions.overrides import unfit
from rainbow.decisions.sealing import committed
from rainbow.errors import BadInput, Conflict, PermanentError, RainbowError, TemporaryError
from rainbow.model.names import record_name
from rainbow.model.policy import Policy
from rainbow.model.release import ArchiveSource, ReleaseSpec, Source, new_record
from rainbow.model.staying import Strategy

TEMPLATE = "release"
_TEMPLATE_KIND = Kind("argoproj.io/v1alpha1", "WorkflowTemplate")


def submit(kube: Kube, spec: ReleaseSpec, archive: bytes | None) -> None:
    """Create the record and the workflow. Raises BadInput, with nothing changed, when the release exists already."""
    app, namespace = spec.app.app, spec.app.namespace
    instance = installed(kube, namespace, TEMPLATE)
    policy = read_policy(kube, namespace, app)
    if wrong := unfit(policy, spec.app):
        raise BadInput(
            f"rainbow.yaml and the policy of app {app} in namespace {namespace} do not fit: {wrong}; change the file, "
            f"or the policy: rainbow policy set -n {namespace} {app} KEY=VALUE"
        )
    chunks: list[Object] = []
    if archive is not None:
        chunks = cut(archive, app, spec.release, namespace)
        names = [chunk["metadata"]["name"] for chunk in chunks]
        source = Source(archive=ArchiveSource(config_maps=names, sha256=sha256(archive).hexdigest()))
        spec = spec.model_copy(update={"source": source})
    _not_running(kube, spec)
    record = _record(kube, spec)
    try:
        _create_sources(kube, chunks, record)
        promised = tests_promised(kube, spec)
        arguments = arguments_of(spec, policy, build=spec.source is not None, promised=promised)
        _create_workflow(kube, spec, arguments, instance)
    except BaseException:  # Ctrl-C among them
        with suppress(RainbowError):  # what stays is gone on from next time
            _take_back(kube, spec, record)
        raise


def _not_running(kube: Kube, spec: ReleaseSpec) -> None:
    app, namespace, name = spec.app.app, spec.app.namespace, workflow_name(spec.app.app, spec.release)
    if kube.get(WORKFLOW, namespace, name) is None:
        return
    if kube.get(RELEASE, namespace, record_name(app, spec.release)) is None:
        raise BadInput(
            f"workflow {name} exists already in namespace {namespace}, without a record of release {spec.release} of "
            f"app {app}: choose another id, or remove it: kubectl delete workflow -n {namespace} {name}"
        )
    raise _taken(spec, f"its workflow is {name}; follow it: {_follow(spec)}; or ")


def _record(kube: Kube, spec: ReleaseSpec) -> Object:
    """The new record; or the one that a submit of this very release left when it was cut."""
    wanted = new_record(spec, who_asks(kube))
    app, namespace = spec.app.app, spec.app.namespace
    named = named_on_record(kube, namespace, TEMPLATE, workflow_name(app, spec.release))
    wanted["metadata"]["annotations"] = {**(wanted["metadata"].get("annotations") or {}), **named}
    try:
        return kube.create(wanted)
    except Conflict as error:
        there = kube.get(*identity(wanted))
        if there is None:
            raise TemporaryError(f"release {spec.release} of app {spec.app.app} is being removed; try again") from error
        # With a status it has been worked on: its workflow has ended and was cleared away.
        if there.get("status") or there["spec"] != wanted["spec"]:
            raise _taken(spec) from error
        return there


def _create_sources(kube: Kube, chunks: Sequence[Object], record: Object) -> None:
    for chunk in chunks:
        try:
            kube.create(_owned(chunk, record))
        except Conflict as error:
            there = kube.get(*identity(chunk)) or {"metadata": {}}
            owners = there["metadata"].get("ownerReferences") or []
            # An immutable chunk of this record is from before the cut; another one goes with the record it belongs to.
            if record["metadata"]["uid"] not in [owner["uid"] for owner in owners]:
                name = chunk["metadata"]["name"]
                raise TemporaryError(f"ConfigMap {name} of an earlier release is being removed; try again") from error


def tests_promised(kube: Kube, spec: ReleaseSpec) -> bool:
    """Whether there is another release of the app with tests, which this one may have to pass as well (C5)."""
    others = list_releases(kube, spec.app.namespace, spec.app.app)
    return any(r.spec.app.tests is not None and not committed(r.status) for r in others if r.id != spec.release)


def arguments_of(spec: ReleaseSpec, policy: Policy, *, build: bool, promised: bool) -> dict[str, str]:
    """What the WorkflowTemplate `release` is told: which of its tasks this release needs under the policy of its app.

    `promised`: there are tests of other releases. Raises pydantic.ValidationError for a policy that does not fit.
    """
    app = policy.in_force(spec.app)
    wanted = {
        "build": build,
        "make-room": app.strategy is Strategy.BLUE_GREEN,
        "roll": app.rolls,
        "deploy": app.strategy is not Strategy.ROLLING,
        "check-compatibility": promised,
        "approval": app.approval,
        "bake": app.bake is not None,
        "expand": app.migrations is not None,
        "backfill": app.migrations is not None and app.migrations.backfill is not None,
        "contract": app.migrations is not None and app.migrations.contract is not None,
    }
    return {"app": spec.app.app, "release": spec.release} | {
        name: "true" if needed else "false" for name, needed in wanted.items()
    }


def _create_workflow(kube: Kube, spec: ReleaseSpec, arguments: dict[str, str], instance: dict[str, str]) -> None:
    app, namespace = spec.app.app, spec.app.namespace
    workflow = workflow_object(TEMPLATE, namespace, app, spec.release, arguments, instance=instance)
    try:
        kube.create(workflow)
    except Conflict as error:
        raise _taken(spec, f"somebody else submitted it meanwhile; follow it: {_follow(spec)}; or ") from error
    except TemporaryError:
        # The answer never came; what was asked for may have been done.
        if kube.get(*identity(workflow)) is None:
            raise


def _take_back(kube: Kube, spec: ReleaseSpec, record: Object) -> None:
    """Remove the record, unless a workflow works with it: ours, whose answer was cut, or somebody else's."""
    app, namespace, meta = spec.app.app, spec.app.namespace, record["metadata"]
    if kube.get(WORKFLOW, namespace, workflow_name(app, spec.release)) is None:
        kube.delete(RELEASE, namespace, meta["name"], uid=meta["uid"])


def _taken(spec: ReleaseSpec, more: str = "") -> BadInput:
    return BadInput(
        f"release {spec.release} of app {spec.app.app} exists already in namespace {spec.app.namespace}; a release is "
        f"immutable: {more}choose another id, or leave --release out"
    )


def _follow(spec: ReleaseSpec) -> str:
    return shlex.join(["rainbow", "follow", "--namespace", spec.app.namespace, spec.app.app, spec.release])


def installed(kube: Kube, namespace: str, template: str) -> dict[str, str]:
    """The label that a workflow of it needs for the controller that is to run it; none for most controllers.

    Raises BadInput, saying what to do, when the namespace lacks this WorkflowTemplate or the cluster Argo.
    """
    try:
        there = kube.get(_TEMPLATE_KIND, namespace, template)
        kube.path(RELEASE, namespace)
        kube.path(WORKFLOW, namespace)
    except NotThere as error:
        raise BadInput(f"{error}. Is Argo Workflows installed in this cluster?") from error
    except Forbidden:
        raise  # whatever is installed there
    except PermanentError as error:
        raise BadInput(f"{error}: run `rainbow install --namespace {namespace}` first") from error
    if there is None:
        raise BadInput(
            f"namespace {namespace} has no WorkflowTemplate {template}: "
            f"run `rainbow install --namespace {namespace}` first"
        )
    labels: dict[str, str] = there["metadata"].get("labels") or {}
    return {INSTANCE_LABEL: labels[INSTANCE_LABEL]} if INSTANCE_LABEL in labels else {}


def _owned(obj: Object, record: Object) -> Object:
    owner = {
        "apiVersion": record["apiVersion"],
        "kind": record["kind"],
        "name": record["metadata"]["name"],
        "uid": record["metadata"]["uid"],
    }
    assert obj["kind"] == CONFIG_MAP.kind  # noqa: S101 - only packed sources are owned by a record
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": [owner]}}
