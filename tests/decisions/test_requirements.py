"""What Rainbow needs of a cluster, as a table: what is fine, what is missing, and what cannot be known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.requirements import CHECKS, Result, examine
from rainbow.decisions.suitability import (
    ADMISSION,
    ARGO,
    ARGO_KINDS,
    GATEWAY,
    IN_CLUSTER,
    IN_NAMESPACE,
    OURS,
    State,
    Verdict,
    parse_version,
)
from rainbow.decisions.surroundings import Asked, Controller, Surroundings

CONTROLLER = Controller("argo", "c", "v3.7.18")
GOOD = Surroundings(
    version="v1.31.2",
    served={
        ARGO: frozenset(ARGO_KINDS),
        OURS: frozenset({"Release", "Policy"}),
        ADMISSION: frozenset({"ValidatingAdmissionPolicy"}),
    },
    controllers=(CONTROLLER,),
    ingress_classes=("nginx",),
    gateway_classes=(),
    exists=True,
    labels={},
    secrets={"pull": True},
    prometheus="",
    allowed=dict.fromkeys((*IN_NAMESPACE, *IN_CLUSTER), True),
    refused=(),
)
ASKED = Asked("shop", secrets={"pull": "image_pull_secrets"}, route="ingress", prometheus="http://p.m.svc:9090")


def found(seen: Surroundings, asked: Asked = ASKED) -> dict[str, Verdict]:
    """Name of the check → what came of it."""
    return {result.check.name: result.verdict for result in examine(seen, asked)}


def test_a_good_cluster_is_fine_in_everything() -> None:
    """And every check of the table is made."""
    verdicts = found(GOOD)
    assert set(verdicts) == {check.name for check in CHECKS}
    assert {name: v for name, v in verdicts.items() if v.state is not State.FINE} == {}


OTHER = replace(CONTROLLER, watches="other")


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("kubernetes", {"version": "v1.28.9"}, "v1.28.9"),
        ("argo", {"served": {ARGO: frozenset({"Workflow"})}}, "no WorkflowTemplate, CronWorkflow"),
        ("argo-version", {"controllers": (replace(CONTROLLER, version="v3.5.13"),)}, "v3.5.13"),
        ("argo-version", {"controllers": (replace(CONTROLLER, version="v5.0.0"),)}, "v5.0.0"),
        ("argo-controller", {"controllers": (OTHER,)}, "argo/c watches other"),
        ("argo-controller", {"controllers": (replace(CONTROLLER, ready=False),)}, "argo/c is not ready"),
        ("argo-instance", {"controllers": (replace(CONTROLLER, instance_id="a"),)}, "instanceID a"),
        ("records", {"served": {}, "allowed": dict.fromkeys(IN_CLUSTER, False)}, "you may not write"),
        ("guards", {"served": {}}, "has no ValidatingAdmissionPolicy"),
        ("rights", {"allowed": {**GOOD.allowed, IN_NAMESPACE[1]: False}}, "may not write roles"),
        ("rights", {"refused": ("Role rainbow-switch: attempting to grant",)}, "Role rainbow-switch"),
        ("proxy", {"ingress_classes": ()}, "no IngressClass"),
        ("prometheus", {"prometheus": "no Service", "prometheus_missing": True}, "no Service"),
        ("builds", {"labels": {"pod-security.kubernetes.io/enforce": "baseline"}}, "enforces baseline"),
        ("secrets", {"secrets": {"pull": False}}, "no Secret pull (image_pull_secrets)"),
    ],
)
def test_what_is_missing_is_named(name: str, change: dict[str, Any], said: str) -> None:
    """With what was found instead."""
    verdict = found(replace(GOOD, **change))[name]
    assert (verdict.state, said in verdict.found) == (State.MISSING, True), verdict


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("kubernetes", {"version": None}),
        ("kubernetes", {"version": "master"}),
        ("argo-version", {"controllers": (replace(CONTROLLER, version="a8d602a8ecb6"),)}),
        ("argo-version", {"controllers": None}),
        ("argo-controller", {"controllers": None}),
        ("argo-controller", {"controllers": ()}),
        ("argo-instance", {"controllers": (replace(CONTROLLER, instance_id=""),)}),
        ("records", {"served": {}, "allowed": {}}),
        ("rights", {"allowed": {}}),
        ("rights", {"refused": None}),
        ("proxy", {"ingress_classes": None}),
        ("prometheus", {"prometheus": "timed out"}),
        ("builds", {"labels": None}),
        ("secrets", {"secrets": {}}),
    ],
)
def test_what_cannot_be_known_is_unknown(name: str, change: dict[str, Any]) -> None:
    """Neither fine nor missing."""
    assert found(replace(GOOD, **change))[name].state is State.UNKNOWN


def test_an_http_route_needs_the_gateway_api() -> None:
    """An Ingress class does not help it, nor the other way round."""
    by_gateway = replace(ASKED, route="httpRoute")
    assert found(GOOD, by_gateway)["proxy"].state is State.MISSING
    served = {**GOOD.served, GATEWAY: frozenset({"HTTPRoute"})}
    seen = replace(GOOD, served=served, gateway_classes=("traefik",), ingress_classes=())
    assert found(seen, by_gateway)["proxy"].state is State.FINE
    assert found(seen)["proxy"].state is State.MISSING
    assert found(seen, replace(ASKED, route=None))["proxy"].state is State.FINE


def test_a_controller_of_the_instance_that_is_meant_is_fine() -> None:
    """And one that watches this namespace alone."""
    seen = replace(GOOD, controllers=(replace(CONTROLLER, instance_id="blue", watches="shop"),))
    verdicts = found(seen, replace(ASKED, instance_id="blue"))
    assert {verdicts[name].state for name in ("argo-controller", "argo-instance")} == {State.FINE}


def test_definitions_that_are_not_there_yet_are_no_trouble_for_who_may_bring_them() -> None:
    """That is the first installation."""
    assert found(replace(GOOD, served={**GOOD.served, OURS: frozenset()}))["records"].state is State.FINE


def test_what_does_not_matter_is_not_asked() -> None:
    """No Secret is named, nothing is built."""
    names = found(GOOD, replace(ASKED, secrets={}, builds=False))
    assert "secrets" not in names
    assert "builds" not in names


@pytest.mark.parametrize(
    ("text", "version"),
    [("v3.7.18", (3, 7)), ("4.0.0-rc1", (4, 0)), ("1.31+", (1, 31)), ("latest", None), ("", None), (None, None)],
)
def test_versions_are_read_as_far_as_they_can_be(text: str | None, version: tuple[int, int] | None) -> None:
    """A tag may be anything."""
    assert parse_version(text) == version


@given(
    st.builds(
        Surroundings,
        version=st.none() | st.text(max_size=8),
        controllers=st.none() | st.just(()) | st.tuples(st.builds(Controller, st.just("n"), st.just("c"))),
        ingress_classes=st.none() | st.just(()),
        gateway_classes=st.none() | st.just(()),
        exists=st.none() | st.booleans(),
        labels=st.none(),
        prometheus=st.none() | st.just("away"),
        refused=st.none(),
    )
)
def test_nothing_that_was_not_seen_is_fine(seen: Surroundings) -> None:
    """Unknown is not fine, whatever else is so."""
    fine = [r for r in examine(seen, ASKED) if r.verdict.state is State.FINE]
    assert {r.check.name for r in fine} <= {"kubernetes", "argo-controller", "argo-instance"}
    assert all(isinstance(r, Result) and r.verdict.found for r in fine)
