"""The step `lint` in the workflow of a release: what it stops, and that what is completed is what the cluster takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from argo_app import InArgo, bare, unharmed
from plain import eventually
from stand_ins import users
from tiny import APP

from cluster.context import Context
from rainbow.adapters.kube import DEPLOYMENT, POD, Kind, Kube, Object
from rainbow.adapters.kustomize import render
from rainbow.decisions.hardening import hardened
from rainbow.decisions.rendering import overlay
from rainbow.errors import TemporaryError
from rainbow.model.names import object_name, release_selector
from rainbow.model.release import Phase
from tests.adapters.test_hardening import BUDGETS, POLICIES, SPEC, WEB
from tests.decisions.lint.make import autoscaler, base, of, service

pytestmark = pytest.mark.cluster

BUDGET = Kind("policy/v1", "PodDisruptionBudget")


class Bare(InArgo):
    """The app without any probe or budget, submitted past the command line."""

    def base(self, replicas: int = 2) -> list[Object]:
        """Its base."""
        objects = [obj for obj in super().base(replicas) if obj["kind"] != BUDGET.kind]
        for obj in objects:
            if obj["kind"] == DEPLOYMENT.kind:
                del obj["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]
        return objects


@pytest.mark.long
def test_a_release_goes_no_further_until_its_manifests_are_completed(
    kube: Kube, namespace: str, context: Context
) -> None:
    """Failed with its findings and nothing deployed; hardened it goes live with all that it lacked (C1-C4)."""
    made = bare(kube, namespace, context)
    app = Bare(kube, namespace, proxy=made.proxy, prometheus=made.prometheus, file={"lint": {"longestRequest": "2s"}})
    app.release("v1")
    app.file |= {"harden": True}
    app.release("v2")
    app.ended(app.of("v1"), "Failed", seconds=90)
    status = app.record("v1").status
    assert status.phase is Phase.FAILED
    for rule in ("readiness-probe", "pre-stop", "grace-period", "disruption-budget"):
        assert f"Deployment web: {rule}" in (status.message or "")
    assert kube.get(DEPLOYMENT, namespace, object_name("web", "v1")) is None
    assert app.tries(app.of("v1"), "lint") == 1
    app.live("v2")
    live = kube.get(DEPLOYMENT, namespace, object_name("web", "v2"))
    assert live is not None
    pod = live["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 7
    assert pod["containers"][0]["readinessProbe"]["tcpSocket"] == {"port": 8000}
    assert pod["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    budget = kube.get(BUDGET, namespace, object_name("web", "v2"))
    assert budget is not None
    assert budget["spec"]["selector"]["matchLabels"].items() >= {"rainbow.dev/release": "v2", "part": "web"}.items()
    assert BUDGET.kind in [ref.kind for ref in app.record("v2").status.objects]
    _survives_a_drained_node(app, "v2")


def _survives_a_drained_node(app: Bare, release: str) -> None:
    """What completed it is what keeps users from noticing: one pod may go, the other one not before there are two."""

    def pods() -> list[str]:
        """Those that are not on their way out."""
        found = app.kube.list(POD, app.namespace, labels=release_selector(APP, release))
        return [pod["metadata"]["name"] for pod in found if not pod["metadata"].get("deletionTimestamp")]

    def evicted(pod: str) -> bool:
        meta = {"name": pod, "namespace": app.namespace}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
        app.kube.request("POST", app.kube.path(POD, app.namespace, pod) + "/eviction", body=body, attempts=1)
        return True

    first, second = pods()
    with users(app, seconds=120, pause=0.02) as load:
        eventually(lambda: evicted(first), "one of two pods may go", 30)
        with pytest.raises(TemporaryError, match="disruption budget"):
            evicted(second)
        eventually(lambda: evicted(second), "the second one may go when there are two again", 90)
        eventually(lambda: app.ready(2, object_name("web", release)), "both are replaced", 60)
    unharmed(load)
    assert not {first, second} & set(pods())


def web(how: str, spec: Object, **pod: Any) -> Object:
    """A Deployment with something to complete in its container and in its own settings."""
    made = of(WEB[how], **pod)
    return made | {"spec": made["spec"] | spec}


LOCAL = {"internalTrafficPolicy": "Local"}
# Something to complete for each rule that can, alone and together.
CASES = [
    [web("nothing", SPEC[1]), service(clusterIP="10.96.250.250"), BUDGETS[-1], POLICIES[1]],
    [web("one question", SPEC[2]), service(publishNotReadyAddresses=True, **LOCAL), BUDGETS[3], POLICIES[2]],
    [web("a hook that is too long", SPEC[0]), service(), BUDGETS[2], autoscaler(minReplicas=2)],
    [web("no hook", SPEC[2], terminationGracePeriodSeconds=10), service(), BUDGETS[4]],
    [web("no probe", SPEC[0]), service()],
]


def test_the_api_server_takes_what_is_completed(kube: Kube, namespace: str) -> None:
    """Each patch of each rule gives objects that it would create; nothing is."""
    mended: set[str] = set()
    for objects in CASES:
        made = base(*filter(None, objects), harden=True, namespace=namespace)
        layer, findings = hardened(overlay(made.app, "v1", made.objects, {}), made)
        mended |= {finding.rule for finding in findings}
        for obj in render(layer):
            path = kube.path(Kind(obj["apiVersion"], obj["kind"]), namespace)
            query = {"dryRun": "All", "fieldValidation": "Strict"}
            answer: Any = json.loads(kube.request("POST", path, query=query, body=obj))
            assert answer["metadata"]["name"] == obj["metadata"]["name"]
    assert mended == MENDABLE


# A rule that learns to complete something is to be tried here.
MENDABLE = {
    *("readiness-probe", "liveness-same-as-readiness", "pre-stop", "grace-period", "unavailable-with-one-replica"),
    *("disruption-budget", "foreign-selector", "network-policy-peer", "unready-addresses", "autoscaler-and-replicas"),
    *("cannot-live-twice", "local-traffic"),
}
