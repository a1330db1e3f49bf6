"""`uninstall` against an emulated API server: what install brought goes, nothing of a release, killed or not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from emulated import Emulated, Killed, StoppedClock, Store
from shops import CURRENT, DRAINED, Shops
from three_releases import at, kill

from rainbow.adapters.kube import WORKFLOW, Object
from rainbow.adapters.uninstalling import carry_out, installed_objects, read_facts
from rainbow.decisions.uninstalling import Wish, plan_uninstall
from rainbow.errors import Refused, TemporaryError
from rainbow.model.release import Phase
from workflows.installation import installation, of_ci
from workflows.settings import Settings

SETTINGS = Settings(step_image="step", builder_image="builder", registry="registry")
OURS = {"workflowtemplates", "cronworkflows", "roles", "rolebindings", "serviceaccounts"}
WHOLE = {"customresourcedefinitions", "validatingadmissionpolicies", "validatingadmissionpolicybindings"}
TOLD = Wish(leave_releases=True, stop_workflows=True)


@cache
def brought(*namespaces: str) -> Store:
    """What install makes in these namespaces; nobody changes an object of it."""
    shops = Shops()
    for obj in [o for name in namespaces for o in (*installation(name, SETTINGS), *of_ci(name))]:
        shops.kube.apply(copy.deepcopy(obj))
    return shops.store


def installed(*namespaces: str) -> Shops:
    """Rainbow in these namespaces."""
    store = brought(*namespaces)
    return Shops(Emulated(None, attempts=1, store=Store(dict(store.objects), store.version)))


def serving(*namespaces: str) -> Shops:
    """With releases in the first namespace: one is current, the one before has drained, one was deleted long ago."""
    shops = installed("spawn", *namespaces)
    shops.release("v1", **DRAINED)
    shops.release("v2", **CURRENT)
    shops.release("v0", phase=Phase.DELETED)
    shops.point("v2")
    return shops


def at_work(shops: Shops, release: str = "v2", **spec: Any) -> None:
    """A workflow that waits for the drain of what was before this release."""
    labels = {"rainbow.dev/app": "spawn", "rainbow.dev/release": release}
    meta = {"name": f"release-spawn-{release}", "namespace": "spawn", "labels": labels}
    about = spec or {"workflowTemplateRef": {"name": "release"}}
    head = {"apiVersion": WORKFLOW.api_version, "kind": WORKFLOW.kind, "metadata": meta}
    shops.kube.create(head | {"spec": about, "status": {"phase": "Running"}})


def uninstall(shops: Shops, wish: Wish = TOLD, around: Callable[[str], None] = lambda _: None) -> None:
    """What the command does."""
    kube = Emulated(None, attempts=1, store=shops.store, around=around)
    facts = read_facts(kube, "spawn", wish)
    plan = plan_uninstall(facts, wish)
    if plan.refusals:
        raise Refused("; ".join(plan.refusals))
    carry_out(kube, facts, wish, StoppedClock(), shops.said.append)


def stops(store: Store) -> None:
    """As the workflow controller: what was told to stop has ended."""
    for (plural, _, _), obj in store.objects.items():
        if plural == "workflows" and obj["spec"].get("shutdown") == "Stop":
            obj["status"] = {"phase": "Failed"}


def others(store: Store) -> dict[Any, Object]:
    """Everything that is not Rainbow's own installation, without workflows."""
    return {
        key: copy.deepcopy(obj)
        for key, obj in store.objects.items()
        if key[0] != "workflows" and "rainbow.dev/installed-by" not in (obj["metadata"].get("labels") or {})
    }


def left(store: Store, plurals: set[str], namespace: str | None = None) -> list[Any]:
    """What of these kinds is there."""
    return [key for key in store.objects if key[0] in plurals and namespace in (None, key[1])]


def test_what_install_brought_goes_and_all_else_stays() -> None:
    """The releases, their objects, the route, the records; the definitions, and what is in other namespaces."""
    shops = serving("other")
    before, elsewhere = others(shops.store), left(shops.store, OURS, "other")
    uninstall(shops)
    assert left(shops.store, OURS, "spawn") == []
    assert left(shops.store, OURS, "other") == elsewhere
    assert len(left(shops.store, WHOLE)) == 6
    assert others(shops.store) == before
    uninstall(shops)
    assert others(shops.store) == before


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_write_the_next_run_ends_it(when: str) -> None:
    """And at no moment is anything of a release touched."""
    writes = 0
    counting = serving()
    at_work(counting)
    counting.store.seen = lambda: stops(counting.store)

    def count(now: str) -> None:
        nonlocal writes
        writes += now == "before"

    uninstall(counting, around=count)
    assert writes > 80
    for write in range(1, writes + 1):
        shops = serving()
        at_work(shops)
        before = others(shops.store)
        shops.store.seen = lambda shops=shops: stops(shops.store)  # type: ignore[misc]
        with pytest.raises(Killed):
            uninstall(shops, around=at(write, when, kill))
        assert others(shops.store) == before
        uninstall(shops)
        assert left(shops.store, OURS, "spawn") == []
        assert others(shops.store) == before


def test_it_is_refused_while_releases_are_there() -> None:
    """Unless told so, and then nothing is changed."""
    shops = serving()
    before = copy.deepcopy(shops.store.objects)
    with pytest.raises(Refused, match=r"spawn v1 \(Drained\), spawn v2 \(Current\).*--leave-releases"):
        uninstall(shops, Wish())
    assert shops.store.objects == before


def test_it_is_refused_while_a_workflow_is_at_work_in_whatever_way_it_was_started() -> None:
    """By a template of ours, by reference to one of our steps, or as one of our ServiceAccounts."""
    for spec in (
        {"workflowTemplateRef": {"name": "release"}},
        {"templates": [{"dag": {"tasks": [{"templateRef": {"name": "release", "template": "run-tests"}}]}}]},
        {"serviceAccountName": "rainbow-switch"},
    ):
        shops = serving()
        at_work(shops, **spec)
        with pytest.raises(Refused, match=r"release-spawn-v2.*--stop-workflows"):
            uninstall(shops, Wish(leave_releases=True))
    foreign = serving()
    at_work(foreign, workflowTemplateRef={"name": "theirs"})
    uninstall(foreign, Wish(leave_releases=True))


def test_a_release_on_its_way_is_never_stopped() -> None:
    """It may be moving the route this very moment."""
    shops = serving()
    shops.release("v3", phase=Phase.TESTING)
    at_work(shops, "v3")
    with pytest.raises(Refused, match="may move a route at any moment"):
        uninstall(shops)


@pytest.mark.parametrize(
    "spec",
    [
        {"workflowTemplateRef": {"name": "rollback"}},
        {"templates": [{"dag": {"tasks": [{"templateRef": {"name": "switch", "template": "switch"}}]}}]},
    ],
)
def test_a_switch_that_somebody_asked_for_is_never_stopped(spec: dict[str, Any]) -> None:
    """A rollback to a release that was live long ago moves the route as much as a new release does."""
    shops = serving()
    at_work(shops, "v1", **spec)
    before = others(shops.store)
    with pytest.raises(Refused, match="may move a route at any moment"):
        uninstall(shops)
    assert others(shops.store) == before
    assert shops.kube.get(WORKFLOW, "spawn", "release-spawn-v1")["spec"] == spec  # type: ignore[index]


def test_a_release_that_is_submitted_meanwhile_stops_it() -> None:
    """After the schedule is gone everything is judged anew."""
    shops = serving()

    def submit() -> None:
        shops.release("v3", phase=Phase.PENDING)
        at_work(shops, "v3")

    with pytest.raises(Refused, match="may move a route"):
        uninstall(shops, around=at(1, "after", submit))
    assert left(shops.store, OURS - {"cronworkflows"}, "spawn")
    assert shops.works("v3")


def test_workflows_that_do_not_end_leave_what_they_need() -> None:
    """A controller that is away stops nothing; it can be run again."""
    shops = serving()
    at_work(shops)
    with pytest.raises(TemporaryError, match="is the workflow controller running"):
        uninstall(shops)
    assert left(shops.store, {"serviceaccounts"}, "spawn")


def test_the_definitions_go_when_nothing_needs_them_any_more() -> None:
    """Not before: every record goes with them, as history too."""
    shops = serving("other")
    with pytest.raises(Refused, match="still has Release spawn-v"):
        uninstall(shops, Wish(leave_releases=True, crds=True))
    empty = installed("spawn", "other")
    with pytest.raises(Refused, match=r"in use elsewhere: WorkflowTemplate .* in namespace other"):
        uninstall(empty, Wish(crds=True))
    alone = installed("spawn")
    uninstall(alone, Wish(crds=True))
    assert alone.store.objects == {}


def test_a_record_that_comes_at_the_last_moment_keeps_the_definitions() -> None:
    """They are judged about once more immediately before."""
    shops = installed("spawn")
    there = len(installed_objects(shops.kube, "spawn"))
    with pytest.raises(Refused, match="releases are there"):
        uninstall(shops, Wish(crds=True), at(there, "after", lambda: _submitted(shops)))
    assert len(left(shops.store, {"customresourcedefinitions"})) == 2


def _submitted(shops: Shops) -> None:
    shops.release("v1", phase=Phase.PENDING)
