"""Read what was installed, and take it away again; killed at any line, the next run goes on.

The schedule goes first, so that nothing is begun any more, and then everything is read and judged once again: a
workflow, a release or a record may have come meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from rainbow.adapters.kube import POLICY, RELEASE, WORKFLOW, Forbidden, Kind, Kube, NotThere, Object, identity
from rainbow.adapters.workflows import COMPLETED, has_ended
from rainbow.adapters.world import Clock
from rainbow.decisions.rendering import describe
from rainbow.decisions.uninstalling import MOVING, Facts, Plan, Recorded, Running, Wish, plan_uninstall
from rainbow.errors import Conflict, PermanentError, Refused, TemporaryError
from rainbow.model.names import APP_LABEL, INSTALLED_BY, RELEASE_LABEL
from rainbow.model.release import Phase

SCHEDULE = Kind("argoproj.io/v1alpha1", "CronWorkflow")
TEMPLATE = Kind("argoproj.io/v1alpha1", "WorkflowTemplate")
_RBAC = "rbac.authorization.k8s.io/v1"
_ADMISSION = "admissionregistration.k8s.io/v1"
OF_THE_NAMESPACE = (
    SCHEDULE,
    TEMPLATE,
    Kind(_RBAC, "RoleBinding"),
    Kind(_RBAC, "Role"),
    Kind("v1", "ServiceAccount"),
    Kind("v1", "ConfigMap"),
)
OF_THE_CLUSTER = (
    Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    Kind(_ADMISSION, "ValidatingAdmissionPolicyBinding"),
    Kind(_ADMISSION, "ValidatingAdmissionPolicy"),
)
PATIENCE = 120.0  # seconds for stopped workflows to end
INTERVAL = 1.0


def read_facts(kube: Kube, namespace: str, wish: Wish) -> Facts:
    """What is there. Definitions that are gone already are no error."""
    objects = installed_objects(kube, namespace)
    records = _list(kube, RELEASE, namespace)
    kept = [describe(obj) for kind in (RELEASE, POLICY) for obj in _list(kube, kind, namespace)] if wish.crds else []
    return Facts(
        namespace=namespace,
        objects=[*objects, *([o for kind in OF_THE_CLUSTER for o in _marked(kube, kind, None)] if wish.crds else [])],
        releases=[_recorded(obj) for obj in records],
        running=_running(kube, namespace, objects),
        elsewhere=_elsewhere(kube, namespace) if wish.crds else (),
        kept_here=kept,
        collects=[other for obj in objects for other in _collected(obj) if other != namespace],
    )


def installed_objects(kube: Kube, namespace: str) -> list[Object]:
    """Everything in the namespace that `install` has brought, by its mark."""
    return [obj for kind in OF_THE_NAMESPACE for obj in _marked(kube, kind, namespace)]


def carry_out(kube: Kube, facts: Facts, wish: Wish, clock: Clock, say: Callable[[str], None]) -> None:
    """Take it away. Raises Refused when something has come into the way meanwhile, TemporaryError to try again."""
    for obj in plan_uninstall(facts, wish).remove:
        if obj["kind"] == SCHEDULE.kind:
            _remove(kube, obj, say)
    plan = _plan_again(kube, facts.namespace, wish)
    _stop(kube, facts.namespace, plan.stop, clock, say)
    for obj in plan.remove:
        if obj["kind"] == "CustomResourceDefinition":
            _plan_again(kube, facts.namespace, wish)  # with it go all records that may have come
        _remove(kube, obj, say)


def _plan_again(kube: Kube, namespace: str, wish: Wish) -> Plan:
    plan = plan_uninstall(read_facts(kube, namespace, wish), wish)
    if plan.refusals:
        raise Refused(f"not uninstalled from namespace {namespace}: {'; '.join(plan.refusals)}")
    return plan


def _remove(kube: Kube, obj: Object, say: Callable[[str], None]) -> None:
    kind, namespace, name = identity(obj)
    try:
        if kube.delete(kind, namespace, name, uid=obj["metadata"]["uid"]):
            say(f"removed {describe(obj)}")
    except Conflict as error:
        raise TemporaryError(f"{describe(obj)} was made anew meanwhile, is somebody installing? {error}") from error


def _stop(kube: Kube, namespace: str, names: tuple[str, ...], clock: Clock, say: Callable[[str], None]) -> None:
    """Stop workflows as `argo stop` does, and wait for their end: their pods need what is removed next."""
    for name in names:
        with suppress(NotThere):
            kube.patch(WORKFLOW, namespace, name, {"spec": {"shutdown": "Stop"}})
            say(f"stopped Workflow {name}")
    until, left = clock.monotonic() + PATIENCE, list(names)
    while left := [name for name in left if not _over(kube, namespace, name)]:
        if clock.monotonic() > until:
            raise TemporaryError(
                f"workflows in namespace {namespace} have not ended yet: {', '.join(left)}; is the workflow controller "
                "running? Nothing else was removed; run it again"
            )
        clock.sleep(INTERVAL)


def _over(kube: Kube, namespace: str, name: str) -> bool:
    found = kube.get(WORKFLOW, namespace, name)
    return found is None or has_ended(found)


def _marked(kube: Kube, kind: Kind, namespace: str | None) -> list[Object]:
    return _list(kube, kind, namespace, labels=INSTALLED_BY)


def _list(kube: Kube, kind: Kind, namespace: str | None, *, labels: str | None = None) -> list[Object]:
    try:
        kube.path(kind, namespace)
    except Forbidden:
        raise
    except PermanentError:
        return []  # the cluster does not have the kind (any more), so none of it
    return kube.list(kind, namespace, labels=labels)


def _recorded(obj: Object) -> Recorded:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    app = str((spec.get("app") or {}).get("app") or (obj["metadata"].get("labels") or {}).get(APP_LABEL) or "?")
    try:
        phase = Phase(status.get("phase") or Phase.PENDING)
    except ValueError:
        phase = Phase.PENDING  # of another version: it stays, as what is being made does
    return Recorded(app, str(spec.get("release") or obj["metadata"]["name"]), phase)


def _running(kube: Kube, namespace: str, objects: list[Object]) -> list[Running]:
    """Workflows that are not over and use what was installed, by whatever way they were started."""
    templates, accounts = (
        {obj["metadata"]["name"] for obj in objects if obj["kind"] == kind}
        for kind in ("WorkflowTemplate", "ServiceAccount")
    )
    found = []
    for workflow in _list(kube, WORKFLOW, namespace, labels=f"{COMPLETED}!=true"):
        stored = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec")
        if not has_ended(workflow) and _uses([workflow.get("spec"), stored], templates, accounts):
            labels = workflow["metadata"].get("labels") or {}
            about = labels.get(APP_LABEL, ""), labels.get(RELEASE_LABEL, "")
            moves = _uses(workflow.get("spec"), templates & MOVING, set())
            found.append(Running(workflow["metadata"]["name"], *about, moves=moves))
    return found


def _uses(part: Any, templates: set[str], accounts: set[str]) -> bool:
    if isinstance(part, list):
        return any(_uses(each, templates, accounts) for each in part)
    if not isinstance(part, dict):
        return False
    for key in ("workflowTemplateRef", "templateRef"):
        reference = part.get(key)
        if isinstance(reference, dict) and reference.get("name") in templates and not reference.get("clusterScope"):
            return True
    return part.get("serviceAccountName") in accounts or _uses(list(part.values()), templates, accounts)


def _collected(obj: Object) -> Iterator[str]:
    if obj["kind"] != SCHEDULE.kind:
        return
    given = ((obj.get("spec") or {}).get("workflowSpec") or {}).get("arguments") or {}
    for parameter in given.get("parameters") or []:
        if parameter["name"] == "namespaces":
            yield from str(parameter.get("value") or "").split(",")


def _elsewhere(kube: Kube, namespace: str) -> list[str]:
    """What of other namespaces would lose its definition, or what it works with."""
    found = [obj for kind in (RELEASE, POLICY) for obj in _list(kube, kind, None)]
    found += _marked(kube, TEMPLATE, None)
    others = [obj for obj in found if obj["metadata"].get("namespace") != namespace]
    return [f"{describe(obj)} in namespace {obj['metadata']['namespace']}" for obj in others]
