"""How what runs as plain Deployments becomes a release, and when it cannot (S13)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.adopt import AdoptFacts, decide_adopt
from rainbow.decisions.plain import HASH, image_name, running_images
from rainbow.model.names import release_labels
from rainbow.model.release import Phase
from rainbow.model.route import RouteState
from tests.decisions.make import NOW, app, release
from tests.decisions.running import BASE, budget, deployment, live, pod, service

Object = dict[str, Any]
OURS = release_labels("spawn", "v0")


def facts(base: tuple[Object, ...] = BASE, **changes: Any) -> AdoptFacts:
    """All of the base runs, two pods of each Deployment, and the route leads to it."""
    made = release("v0", phase=Phase.PENDING, live_at=None, demoted_at=None)
    pods = [pod(obj, n) for obj in base if obj["kind"] == "Deployment" for n in (1, 2)]
    plain = AdoptFacts(
        release=made.model_copy(update={"spec": made.spec.model_copy(update={"adopted": True})}),
        route=RouteState(exists=True, current=None, resource_version="1", services=frozenset({"api"})),
        carried=frozenset({"api"}),
        base=base,
        live={(o["kind"], o["metadata"]["name"]): live(o) for o in base},
        pods=pods,
    )
    return replace(plain, **changes)


def test_templates_are_fixed_then_pods_labelled_then_selectors_narrowed_to_them() -> None:
    """In an order in which nothing relies on what is not there yet; and no template is touched."""
    decision = decide_adopt(facts())
    assert not decision.refusals
    names = [f"{change.obj['kind']} {change.obj['metadata']['name']}" for change in decision.changes]
    assert names[:2] == ["Deployment api", "Deployment worker"]
    assert names[6:] == ["Service api", "PodDisruptionBudget api", "ConfigMap settings"]
    patches = {name: change.patch for name, change in zip(names, decision.changes, strict=True)}
    assert all(patch["metadata"] == {"labels": OURS} for patch in patches.values())
    assert patches["Deployment api"]["spec"] == {"paused": True}
    assert patches["Pod api-5d4f-1"].keys() == {"metadata"}
    assert patches["Service api"]["spec"] == {"selector": {HASH: "5d4f"}}
    narrowed = {"matchExpressions": [{"key": HASH, "operator": "In", "values": ["5d4f"]}]}
    assert patches["PodDisruptionBudget api"]["spec"] == {"selector": narrowed}


def _changed(key: tuple[str, str], change: Callable[[Object], object]) -> AdoptFacts:
    seen = facts()
    obj = copy.deepcopy(seen.live[key])
    change(obj)
    return replace(seen, live={**seen.live, key: obj})


API = ("Deployment", "api")
STRAY = pod(deployment("api"), 9) | {"metadata": {"name": "by-hand", "labels": {"part": "api"}}}
OF_V1 = copy.deepcopy(pod(deployment("api"), 7, "9c9c"))
OF_V1["metadata"]["labels"] |= release_labels("spawn", "v1")
OF_V1["metadata"]["ownerReferences"][0]["name"] = "api-v1-9c9c"
REFUSED = {
    "no route": (
        facts(route=RouteState(exists=False, current=None, resource_version=None, services=frozenset())),
        "nobody uses what runs",
    ),
    "the route leads to a release": (
        facts(route=RouteState(exists=True, current="v1", resource_version="1", services=frozenset({"api-v1"}))),
        "leads to release v1 already",
    ),
    "the route leads elsewhere": (
        facts(route=RouteState(exists=True, current=None, resource_version="1", services=frozenset({"other"}))),
        "leads to other, and the base has api",
    ),
    "something of the base does not run": (
        facts(live={k: o for k, o in facts().live.items() if k[0] != "ConfigMap"}),
        "ConfigMap settings is not there",
    ),
    "of another release": (
        _changed(API, lambda o: o["metadata"].update(labels=release_labels("spawn", "v7"))),
        "Deployment api belongs to release v7 of app spawn",
    ),
    "pods that only a Service knows": (facts(pods=[*facts().pods, STRAY]), "Service api is about pod by-hand as well"),
    "a Service over two Deployments": (
        facts((deployment("api", all="yes"), deployment("worker", all="yes"), service("api", all="yes"))),
        "selects pods of Deployments api and worker",
    ),
    "a Service whose Deployment has no pod": (facts(pods=[]), "Deployment api has no pod"),
    "a CronJob": (
        facts((*BASE, {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}, "spec": {}})),
        "CronJob nightly: only Deployments can be adopted",
    ),
    "deleted": (
        facts(release=facts().release.model_copy(update={"status": release(phase=Phase.DELETED).status})),
        "v0 is Deleted",
    ),
    "an ordinary release": (facts(release=release("v0")), "not by `rainbow adopt`"),
    "a Service as the route": (
        facts(
            release=facts().release.model_copy(
                update={
                    "spec": facts().release.spec.model_copy(
                        update={
                            "app": app(route={"service": {"name": "api", "ingress": "shop", "url": "http://proxy"}})
                        }
                    )
                }
            )
        ),
        "adopt the app with route.ingress",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    """Each with its reason, and nothing is changed."""
    seen, text = REFUSED[case]
    decision = decide_adopt(seen)
    assert text in "\n".join(decision.refusals)
    assert not decision.changes


ROLLING = {
    "not looked at yet": lambda o: o["metadata"].update(generation=2),
    "half of the pods are new": lambda o: o["status"].update(updatedReplicas=1),
}


@pytest.mark.parametrize("case", ROLLING)
def test_a_rollout_is_waited_for(case: str) -> None:
    """Which template is the release is not known before."""
    decision = decide_adopt(_changed(API, ROLLING[case]))
    assert "Deployment api is being rolled out" in decision.waiting[0]
    assert not decision.changes


def test_pods_of_two_templates_are_a_rollout_too_but_for_one_that_ends() -> None:
    """A worker of the rollout before may go on with its tasks for hours: it is the release's as well."""
    other = pod(deployment("api"), 3, "aaaa")
    rolling = decide_adopt(facts(pods=[*facts().pods, other]))
    assert rolling.waiting
    assert not rolling.refusals
    other["metadata"]["deletionTimestamp"] = "2026-05-04T12:00:00Z"
    decision = decide_adopt(facts(pods=[*facts().pods, other]))
    assert "label Pod api-aaaa-3 as it runs" in [change.what for change in decision.changes]


def test_pods_of_later_releases_are_what_selectors_are_narrowed_for() -> None:
    """They carry the labels of the base as well, and are neither strays nor labelled."""
    decision = decide_adopt(facts(pods=[*facts().pods, OF_V1]))
    assert not decision.refusals
    assert not any(change.obj["metadata"]["name"] == OF_V1["metadata"]["name"] for change in decision.changes)


def _applied(seen: AdoptFacts, count: int) -> AdoptFacts:
    """The world after so many of the changes."""
    objects, pods = dict(seen.live), {p["metadata"]["name"]: p for p in seen.pods}
    for change in decide_adopt(seen).changes[:count]:
        patched = _merged(change.obj, change.patch)
        if patched["kind"] == "Pod":
            pods[patched["metadata"]["name"]] = patched
        else:
            objects[patched["kind"], patched["metadata"]["name"]] = patched
    return replace(seen, live=objects, pods=list(pods.values()))


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(new, dict):
        return new
    return {**(old or {}), **{key: _merged((old or {}).get(key), value) for key, value in new.items()}}


@given(count=st.integers(min_value=0, max_value=9))
def test_cut_off_anywhere_the_rest_is_done_and_then_nothing(count: int) -> None:
    """What was done is not done again, and the route's Services say who is current before the rest does."""
    whole = decide_adopt(facts()).changes
    rest = decide_adopt(_applied(facts(), count))
    assert [c.what for c in rest.changes] == [c.what for c in whole[count:]]
    done = decide_adopt(_applied(facts(), len(whole)))
    assert (done.changes, done.refusals, done.waiting) == ((), (), ())


def test_once_adopted_only_new_pods_are_labelled_whatever_became_of_the_rest() -> None:
    """Users are on v1 by now, and a pod was made again since."""
    adopted = _applied(facts(), 99)
    lived = adopted.release.model_copy(update={"status": release(live_at=NOW).status})
    v1 = RouteState(exists=True, current="v1", resource_version="2", services=frozenset({"api-v1"}))
    seen = replace(adopted, release=lived, route=v1, pods=[*adopted.pods, pod(deployment("api"), 5), OF_V1])
    assert [change.what for change in decide_adopt(seen).changes] == ["label Pod api-5d4f-5 as it runs"]


def test_an_autoscaler_is_told_of() -> None:
    """It counts pods by the Deployment's selector, which cannot be changed."""
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "api"},
        "spec": {},
    }
    (remark,) = decide_adopt(facts((*BASE, scaler))).remarks
    assert "AmbiguousSelector" in remark


def test_a_budget_over_all_deployments_is_narrowed_to_all_of_them() -> None:
    """Two budgets for a pod of a later release would keep its node from being drained."""
    base = (
        deployment("api", app="a"),
        deployment("worker", app="a"),
        service("api", part="api"),
        budget("all", app="a"),
    )
    pods = [pod(base[0], 1, "aaaa"), pod(base[1], 1, "bbbb")]
    (change,) = [c for c in decide_adopt(facts(base, pods=pods)).changes if c.obj["kind"] == "PodDisruptionBudget"]
    assert change.patch["spec"]["selector"]["matchExpressions"][0]["values"] == ["aaaa", "bbbb"]


def test_the_images_are_those_that_run() -> None:
    """By name in the base; the tag that the base has may be an older one. Two that differ are told."""
    seen = facts()
    there = {**seen.live, API: live(deployment("api", image="registry:5000/shop@sha256:abc"))}
    images, differing = running_images(BASE, there)
    assert images == {"shop": "registry:5000/shop@sha256:abc", "tool": "tool:1"}
    assert differing == []
    twice = (*BASE, deployment("more", image="shop:1"))
    _, differing = running_images(twice, {**there, ("Deployment", "more"): live(deployment("more", image="shop:2"))})
    assert differing == ["image shop runs as registry:5000/shop@sha256:abc and, in Deployment more, as shop:2"]


@pytest.mark.parametrize(
    ("reference", "name"), [("shop", "shop"), ("shop:1", "shop"), ("r:5000/a/shop:1@sha256:b", "r:5000/a/shop")]
)
def test_the_name_of_an_image(reference: str, name: str) -> None:
    """A colon before the last slash is a port."""
    assert image_name(reference) == name
