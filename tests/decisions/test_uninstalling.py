"""What goes when Rainbow is taken out of a namespace, and what stops that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.uninstalling import Facts, Plan, Recorded, Running, Wish, plan_uninstall
from rainbow.model.release import Phase


def obj(kind: str, name: str = "x", **labels: str) -> dict[str, Any]:
    """An object with these labels."""
    return {"kind": kind, "metadata": {"name": name, "labels": labels}}


BROUGHT = (obj("ConfigMap"), obj("ServiceAccount"), obj("Role"), obj("RoleBinding"), obj("WorkflowTemplate"))
EMPTY = Facts("shop", (*BROUGHT, obj("CronWorkflow")))
LIVE = Recorded("web", "v2", Phase.CURRENT)
DRAINING = Recorded("web", "v1", Phase.DRAINING)
MADE = Recorded("web", "v3", Phase.TESTING)
GONE = Recorded("web", "v0", Phase.DELETED)
LEAVE, STOP, CRDS = Wish(leave_releases=True), Wish(leave_releases=True, stop_workflows=True), Wish(crds=True)


def planned(wish: Wish | None = None, **facts: Any) -> Plan:
    """The plan for a namespace that differs so from an empty one."""
    return plan_uninstall(replace(EMPTY, **facts), wish or Wish())


@pytest.mark.parametrize(
    ("case", "wish", "facts", "said"),
    [
        ("a live release", Wish(), {"releases": [LIVE]}, "web v2 (Current)"),
        ("a draining one", Wish(), {"releases": [DRAINING, GONE]}, "web v1 (Draining)"),
        ("a workflow that waits", LEAVE, {"running": [Running("w", "web", "v1")]}, "at work: w"),
        ("one of an operation", LEAVE, {"running": [Running("hold-1")]}, "at work: hold-1"),
        ("a release that is made", STOP, {"releases": [MADE], "running": [Running("w", "web", "v3")]}, "move a route"),
        (
            "a rollback",
            STOP,
            {"running": [Running("r", "web", "v1", moves=True)]},
            "switched by r, and may move a route",
        ),
        ("a record that stays", CRDS, {"kept_here": ["Release web-v0"]}, "still has Release web-v0"),
        ("records elsewhere", CRDS, {"elsewhere": ["Release a in namespace b"]}, "in use elsewhere: Release a"),
    ],
)
def test_it_is_refused_until_told_what_becomes_of_it(case: str, wish: Wish, facts: dict[str, Any], said: str) -> None:
    """Nothing is removed then."""
    plan = planned(wish, **facts)
    assert said in "; ".join(plan.refusals)
    assert (plan.remove, plan.stop) == ((), ())


def test_what_starts_work_goes_before_what_work_needs() -> None:
    """So that nothing is begun that could not end."""
    kinds = [each["kind"] for each in planned().remove]
    assert kinds == ["CronWorkflow", "WorkflowTemplate", "RoleBinding", "Role", "ServiceAccount", "ConfigMap"]


def test_told_so_releases_stay_and_workflows_are_stopped() -> None:
    """The plan names both."""
    plan = planned(STOP, releases=[LIVE, GONE], running=[Running("w", "web", "v2")])
    assert plan.refusals == ()
    assert plan.stop == ("w",)
    assert len(plan.remove) == len(EMPTY.objects)
    assert any("stays as it is" in line and "web v2 (Current)" in line for line in plan.remarks)
    assert any("1 records" in line for line in plan.remarks)


def test_whose_garbage_is_collected_no_more_is_said() -> None:
    """The schedule of one namespace may have served others."""
    assert any("any more in cafe" in line for line in planned(collects=["cafe"]).remarks)


def test_done_before_there_is_nothing_to_do() -> None:
    """It can be run again."""
    assert planned(objects=()).remove == ()


LABELS = st.dictionaries(
    st.sampled_from(["rainbow.dev/app", "rainbow.dev/release", "rainbow.dev/installed-by"]), st.just("x")
)
KINDS = ["CronWorkflow", "Role", "Deployment", "Service", "Ingress", "ConfigMap", "Release", "Policy", "Secret"]


@given(
    found=st.lists(st.builds(lambda kind, labels: obj(kind, **labels), st.sampled_from(KINDS), LABELS)),
    wish=st.builds(Wish, st.booleans(), st.booleans(), st.booleans()),
    releases=st.lists(st.sampled_from([LIVE, DRAINING, MADE, GONE])),
    running=st.lists(st.sampled_from([Running("w", "web", "v3"), Running("u", "web", "v1")])),
)
def test_nothing_of_an_app_is_ever_removed(
    found: list[dict[str, Any]], wish: Wish, releases: list[Recorded], running: list[Running]
) -> None:
    """Whatever bears the mark by mistake, whatever is wished: no workload, route, record, or object of a release."""
    plan = plan_uninstall(Facts("shop", found, releases, running), wish)
    for each in plan.remove:
        assert each["kind"] in ("CronWorkflow", "Role", "ConfigMap")
        assert not {"rainbow.dev/app", "rainbow.dev/release"} & set(each["metadata"]["labels"])
    if any(release.stays for release in releases) and not wish.leave_releases:
        assert plan.refusals
    if any(r.name == "w" for r in running) and MADE in releases:
        assert plan.refusals
