"""What completes manifests, through kustomize itself: it does what the findings say, for any mixture of them."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rainbow.adapters.kustomize import render
from rainbow.decisions.hardening import completion, hardened, merged
from rainbow.decisions.lint import check
from rainbow.decisions.rendering import Overlay, overlay
from rainbow.decisions.workloads import Base
from rainbow.model.names import RELEASE_LABEL
from tests.decisions.lint.make import autoscaler, base, budget, container, of, service, workload
from tests.decisions.lint.test_foreign_selector import EXPRESSIONS
from tests.decisions.lint.test_network_policy_peer import BUS, PROXY, policy

Object = dict[str, Any]

ASKED = {"httpGet": {"path": "/", "port": 8000}}
# Something wrong for every rule that can complete, alone and together.
WEB = {
    "right": container(),
    "no probe": container(readinessProbe=None),
    "no hook": container(lifecycle=None),
    "one question": container(livenessProbe=ASKED, readinessProbe=ASKED),
    "nothing": {"name": "web", "image": "shop:1", "ports": [{"name": "http", "containerPort": 8000}]},
    "a hook that waits for nothing": container(lifecycle={"preStop": {"exec": {"command": ["sleep", "0"]}}}),
    "a hook that is too long": container(lifecycle={"preStop": {"sleep": {"seconds": 100}}}),
}
SPEC = [
    {},
    {"strategy": {"type": "Recreate"}},
    {"strategy": {"rollingUpdate": {"maxUnavailable": "100%", "maxSurge": "1%"}}},
]
BUDGETS = [
    None,
    budget(),
    budget(maxUnavailable=0),
    budget(minAvailable="100%"),
    budget(maxUnavailable="100%"),
    budget(selector=EXPRESSIONS),
]
POLICIES = [None, policy(egress=[{"to": [BUS]}], ingress=[{"from": [PROXY]}]), policy(podSelector={})]


def completed(made: Base) -> list[Object]:
    """The objects with all that completes them, under their own names."""
    done = completion(check(made))
    patches = [{"patch": json.dumps(patch)} for patch in done.patches]
    return render(Overlay((*made.objects, *done.resources), {"patches": patches}, ()))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    web=st.sampled_from(sorted(WEB)),
    side=st.sampled_from([None, "first", "last"]),
    replicas=st.sampled_from([None, 1, 2, 3]),
    grace=st.sampled_from([None, 1, 60]),
    more=st.tuples(*(st.sampled_from(found) for found in (SPEC, BUDGETS, POLICIES, [None, autoscaler(minReplicas=2)]))),
    bad=st.sampled_from([{}, {"clusterIP": "10.96.0.77"}, {"publishNotReadyAddresses": True}]),
    namespace=st.sampled_from([None, "spawn"]),
)
def test_what_is_completed_is_found_no_more(
    web: str, side: str | None, replicas: Any, grace: Any, more: Any, bad: Any, namespace: str | None
) -> None:
    """Whatever can be mended is, at once, and nothing new is found; containers stay in their order."""
    spec, one, other, scaler = more
    containers = [WEB[web]]
    if side is not None:
        containers.insert(
            0 if side == "first" else 1, container("side", ports=None, readinessProbe=None, lifecycle=None)
        )
    made = of(*containers, **({} if grace is None else {"terminationGracePeriodSeconds": grace}))
    made["spec"] = merged(made["spec"], {"replicas": replicas} | spec)
    objects = [o for o in (made, service(**bad), one, other, scaler) if o is not None]
    if namespace is not None:
        objects = [o | {"metadata": o["metadata"] | {"namespace": namespace}} for o in objects]
    before = base(*objects)
    after = Base(before.app, completed(before))
    assert not [finding for finding in check(after) if finding.mendable]
    assert {(f.rule, f.object) for f in check(after)} <= {(f.rule, f.object) for f in check(before)}
    (again,) = [o for o in after.objects if o["kind"] == "Deployment"]
    assert isinstance((again["spec"].get("strategy") or {}).get("rollingUpdate", {}).get("maxUnavailable", 0), int)
    budgets = [o["spec"].get("maxUnavailable", 1) for o in after.objects if o["kind"] == "PodDisruptionBudget"]
    assert not any(allowed in ("0", "1") for allowed in budgets), "kustomize has made a text of it"
    assert [c["name"] for c in again["spec"]["template"]["spec"]["containers"]] == [c["name"] for c in containers]


def released(*objects: Object, **config: Any) -> list[Object]:
    """As release v1, hardened."""
    made = base(*objects, harden=True, **config)
    layer, _ = hardened(overlay(made.app, "v1", made.objects, {}), made)
    return render(layer)


def test_what_is_added_is_part_of_the_release() -> None:
    """The budget has the suffix and the labels of the release, and is about its pods alone."""
    (added,) = [obj for obj in released(workload(), service()) if obj["kind"] == "PodDisruptionBudget"]
    assert added["metadata"]["name"] == "web-v1"
    assert added["metadata"]["labels"][RELEASE_LABEL] == "v1"
    assert added["spec"]["selector"]["matchLabels"][RELEASE_LABEL] == "v1"


@pytest.mark.parametrize("obj", [budget(selector=EXPRESSIONS), budget(selector={}), policy(podSelector={})])
def test_a_selector_without_labels_gets_those_of_the_release_only_when_room_is_made(obj: Object) -> None:
    """What foreign-selector is about: kustomize leaves it as wide as it was."""
    key = "podSelector" if obj["kind"] == "NetworkPolicy" else "selector"
    plain = render(overlay(base().app, "v1", [obj], {}))
    assert "matchLabels" not in plain[0]["spec"][key]
    mended = [found for found in released(obj) if found["kind"] == obj["kind"]]
    assert mended[0]["spec"][key]["matchLabels"][RELEASE_LABEL] == "v1"


def test_a_peer_by_labels_gets_those_of_the_release_and_one_by_expressions_does_not() -> None:
    """What network-policy-peer is about: nobody outside of the release has them."""
    plain = render(overlay(base().app, "v1", [policy(egress=[{"to": [BUS]}])], {}))
    assert RELEASE_LABEL in plain[0]["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"]
    (mended,) = released(policy(egress=[{"to": [BUS]}]))
    assert "matchLabels" not in mended["spec"]["egress"][0]["to"][0]["podSelector"]


@pytest.mark.parametrize(
    ("case", "into", "change", "expected"),
    [
        ("keys of both", {"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ("the second one wins", {"a": 1}, {"a": 2}, {"a": 2}),
        ("into the depth", {"a": {"b": 1}}, {"a": {"c": 2}}, {"a": {"b": 1, "c": 2}}),
        (
            "items by name",
            [{"name": "x", "a": 1}],
            [{"name": "y"}, {"name": "x", "b": 2}],
            [{"name": "x", "a": 1, "b": 2}, {"name": "y"}],
        ),
        ("items without names", [{"a": 1}], [{"b": 2}], [{"b": 2}]),
        ("what is taken away", {"a": {"b": 1}}, {"a": None}, {"a": None}),
    ],
)
def test_two_patches_of_one_object_are_merged(case: str, into: Any, change: Any, expected: Any) -> None:
    """Several findings may be about it."""
    assert merged(into, change) == expected, case
