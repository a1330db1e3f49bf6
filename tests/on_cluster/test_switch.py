"""`switch` on the cluster: real Ingresses, the real proxy, with the rights that its Role gives and no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mortal import Doom, as_user, was_killed
from stand_ins import APP, COUNT, Shop, users

from cluster.context import Context
from rainbow.adapters.kube import INGRESS, LEASE, Forbidden, Kind, Kube, connect
from rainbow.adapters.records import note_if_unchanged
from rainbow.adapters.routes import gateway, read_route, referenced_services
from rainbow.adapters.world import World
from rainbow.errors import Conflict, PermanentError, Refused, TemporaryError
from rainbow.model.names import release_labels
from rainbow.model.release import Phase
from steps import switch
from workflows.rbac import rules

pytestmark = pytest.mark.cluster

WORKFLOW = "a-workflow"  # the uid of the one that runs the step again: it still has the lock of the app
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role")
ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "RoleBinding")


@pytest.fixture
def shop(kube: Kube, namespace: str, context: Context, pod: str) -> Shop:
    """The app, in a namespace with a Role made of the step's RULES."""
    meta = {"name": "switch", "namespace": namespace}
    kube.create({"apiVersion": ROLE.api_version, "kind": ROLE.kind, "metadata": meta, "rules": rules("switch")})
    kube.create(
        {
            "apiVersion": ROLE_BINDING.api_version,
            "kind": ROLE_BINDING.kind,
            "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "switch"},
            "subjects": [{"kind": "ServiceAccount", "name": "switch", "namespace": namespace}],
        }
    )
    return Shop(kube, namespace, f"127.0.0.1:{context.ports.traefik}", pod)


def _user(namespace: str) -> str:
    return f"system:serviceaccount:{namespace}:switch"


def _limited(namespace: str) -> Kube:
    """The API server as the step's ServiceAccount sees it."""
    return as_user(connect(), _user(namespace))


@dataclass
class Run:
    """One run of the step: what it handed on and what it said."""

    outputs: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)


def _switch(
    shop: Shop,
    release: str,
    *,
    kube: Kube | None = None,
    folder: Path | None = None,
    workflow: str = "",
    **options: Any,
) -> Run:
    run = Run()
    world = World(kube=kube or _limited(shop.namespace), say=run.said.append, outputs=folder, run=workflow)
    switch.run(switch.Params(namespace=shop.namespace, app=APP, release=release, **options), world)
    if folder is not None:
        run.outputs = {name: (folder / name).read_text() for name in switch.OUTPUTS}
    return run


def test_switching_again_and_again_no_user_sees_a_failure(shop: Shop, tmp_path: Path) -> None:
    """S1, S7: five releases one after the other under load; every request is answered, in the order of the releases."""
    names = [f"v{n}" for n in range(1, 6)]
    shop.release("v1")
    first = _switch(shop, "v1", folder=tmp_path)
    assert first.outputs == {"previous": "", "switch-ms": ""}
    with users(shop) as load:
        for old, new in pairwise(names):
            shop.release(new)
            run = _switch(shop, new, folder=tmp_path)
            assert run.outputs["previous"] == old
            assert 0 <= int(run.outputs["switch-ms"]) < 2000
    assert load.failures == []
    assert len(load.answers) > 100
    assert load.order() == names
    for name in names[:-1]:
        status = shop.record(name).status
        assert (status.phase, status.traffic) == (Phase.DRAINING, "-")
        assert status.live_at is not None
        assert status.demoted_at is not None
        assert status.live_at < status.demoted_at
    current = shop.record("v5").status
    assert (current.phase, current.traffic, current.demoted_at) == (Phase.CURRENT, "100%", None)
    assert [ref.name for ref in current.objects] == ["shop-v5-preview"]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(shop: Shop) -> None:
    """B3."""
    before = shop.release("v1")
    run = _switch(shop, "v1", dry_run=True)
    assert run.said == ["switch of shop to v1 would create: there is no route yet: create it, pointing at v1"]
    assert shop.backend() is None
    assert shop.record("v1").resource_version == before.resource_version


def test_run_twice_it_is_the_same_once_more(shop: Shop, tmp_path: Path) -> None:
    """A3: somebody presses Retry although all went well."""
    for name in ("v1", "v2"):
        shop.release(name)
        _switch(shop, name)
    before, ingress = [shop.record(n).status for n in ("v1", "v2")], shop.kube.get(INGRESS, shop.namespace, APP)
    again = _switch(shop, "v2", folder=tmp_path)
    assert [shop.record(n).status for n in ("v1", "v2")] == before
    assert shop.kube.get(INGRESS, shop.namespace, APP) == ingress
    assert again.outputs == {"previous": "v1", "switch-ms": ""}


def test_a_path_that_a_release_adds_goes_live_with_it_and_away_with_it(shop: Shop) -> None:
    """The API server gives the Ingress back as the base has it, so an Ingress nobody touched is recognised."""
    shop.release("v1")
    _switch(shop, "v1")
    shop.release("v2", paths=["/", "/new"])
    _switch(shop, "v2")
    assert _paths(shop) == {"/": "web-v2", "/new": "web-v2"}
    _switch(shop, "v1", allow_older=True)
    assert _paths(shop) == {"/": "web-v1"}


def test_a_path_that_a_person_added_stays(shop: Shop) -> None:
    """Its backend moves with the others, and the step says what it left alone."""
    shop.release("v1")
    _switch(shop, "v1")
    path = {
        "path": "/by-hand",
        "pathType": "Prefix",
        "backend": {"service": {"name": "web-v1", "port": {"number": 80}}},
    }
    added = [{"op": "add", "path": "/spec/rules/0/http/paths/-", "value": path}]
    shop.kube.patch(INGRESS, shop.namespace, APP, added)
    shop.release("v2", paths=["/", "/new"])
    run = _switch(shop, "v2")
    assert _paths(shop) == {"/": "web-v2", "/by-hand": "web-v2"}
    assert any("somebody changed it" in line for line in run.said)


def _paths(shop: Shop) -> dict[str, str]:
    ingress = shop.kube.get(INGRESS, shop.namespace, APP)
    assert ingress is not None
    paths = ingress["spec"]["rules"][0]["http"]["paths"]
    return {path["path"]: path["backend"]["service"]["name"] for path in paths}


# --- refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", [Phase.TESTING, Phase.FAILED, Phase.DELETED])
def test_what_did_not_pass_its_tests_is_refused_and_nothing_changes(shop: Shop, phase: Phase) -> None:
    """S6."""
    shop.release("v1")
    _switch(shop, "v1")
    before = shop.release("v2", phase=phase)
    with pytest.raises(Refused):
        _switch(shop, "v2")
    assert shop.backend() == "web-v1"
    assert shop.record("v2").resource_version == before.resource_version


def test_an_older_release_does_not_undo_a_newer_one(shop: Shop) -> None:
    """The slower of two; and a release that was current before, by a late Retry. A person may."""
    shop.release("v1")
    _switch(shop, "v1")
    shop.release("v2")
    _switch(shop, "v2")
    with pytest.raises(Refused, match=r"superseded|only a person"):
        _switch(shop, "v1")
    assert shop.backend() == "web-v2"
    assert shop.record("v1").status.traffic == "-"
    _switch(shop, "v1", allow_older=True)
    assert shop.backend() == "web-v1"
    assert (shop.record("v1").status.phase, shop.record("v1").status.demoted_at) == (Phase.CURRENT, None)
    assert shop.record("v2").status.phase == Phase.DRAINING


def test_a_route_to_services_of_no_release_is_left_alone(shop: Shop) -> None:
    """What runs as plain Deployments keeps its users."""
    shop.put_service("web", 8020, {})
    shop.put_ingress("web")
    shop.release("v1")
    with pytest.raises(Refused, match="web, which belong to no release"):
        _switch(shop, "v1")
    assert shop.backend() == "web"


def test_a_route_to_a_missing_service_is_unknown_and_not_nobody(shop: Shop) -> None:
    """Who is current cannot be known, so nobody is demoted by a guess."""
    shop.put_ingress("web-v9")
    shop.release("v1")
    with pytest.raises(PermanentError, match=r"no Service .*/web-v9"):
        _switch(shop, "v1")
    with pytest.raises(PermanentError, match="no Service"):
        read_route(shop.kube, shop.config)


def test_a_route_to_two_releases_is_an_error_that_names_both(shop: Shop) -> None:
    """Half a switch by hand."""
    for name in ("v1", "v2"):
        shop.release(name)
    ingress = shop.base_ingress("web-v1")
    paths = ingress["spec"]["rules"][0]["http"]["paths"]
    paths.append({**paths[0], "path": "/x", "backend": {"service": {"name": "web-v2", "port": {"number": 80}}}})
    ingress["metadata"]["namespace"] = shop.namespace
    shop.kube.create(ingress)
    with pytest.raises(PermanentError, match="several releases of shop: v1, v2"):
        read_route(shop.kube, shop.config)


def test_a_release_that_the_proxy_does_not_reach_never_becomes_current(shop: Shop) -> None:
    """Its Service leads to where nobody listens: users stay, the mark goes, and the message says what was seen."""
    shop.release("v1")
    _switch(shop, "v1")
    replace(shop, timeout="2s").release("v2", service=False)
    shop.service("v2", port=7999)
    host = f"v2.shop.{shop.namespace}.preview.internal"
    with pytest.raises(TemporaryError, match=f"{host} within 2 s, so the route was not moved. Last: status 502"):
        _switch(shop, "v2")
    assert shop.backend() == "web-v1"
    assert (shop.record("v2").status.phase, shop.record("v2").status.traffic) == (Phase.READY, "-")
    assert shop.record("v1").status.phase == Phase.CURRENT


def test_a_dead_service_beside_the_checked_one_keeps_the_route_where_it_is(shop: Shop) -> None:
    """The check path answers, /admin would not: the real proxy is asked for both before anything moves."""

    def release(name: str, port: int) -> None:
        base = shop.base_ingress()
        path = {
            "path": "/admin",
            "pathType": "Prefix",
            "backend": {"service": {"name": "admin", "port": {"number": 80}}},
        }
        base["spec"]["rules"][0]["http"]["paths"].append(path)
        shop.put_service(f"admin-{name}", port, release_labels(APP, name))
        replace(shop, timeout="3s").release(name, base=base)

    release("v1", 8001)
    _switch(shop, "v1")
    release("v2", 7999)
    with pytest.raises(TemporaryError, match="no pod behind Service admin-v2: asked for /admin"):
        _switch(shop, "v2")
    assert _paths(shop) == {"/": "web-v1", "/admin": "admin-v1"}


# --- races and kills ----------------------------------------------------------------------------------------


@dataclass
class Meddling(Kube):
    """Does something just before the first request that `when` picks."""

    when: Callable[[str, str], bool] = lambda _method, _path: False
    what: Callable[[], None] = lambda: None
    done: bool = False

    def _once(self, method: str, path: str, *rest: Any) -> str:
        if not self.done and self.when(method, path):
            self.done = True
            self.what()
        return super()._once(method, path, *rest)


def _meddling(shop: Shop, when: Callable[[str, str], bool], what: Callable[[], None]) -> Meddling:
    return Meddling(_limited(shop.namespace).client, when=when, what=what)


def _let_the_lock_run_out(shop: Shop) -> None:
    """As it does by itself, after minutes."""
    shop.kube.patch(LEASE, shop.namespace, f"rainbow-{APP}", {"spec": {"leaseDurationSeconds": 1}})
    time.sleep(1)


def _the_patch(method: str, path: str) -> bool:
    return method == "PATCH" and path.endswith(f"/ingresses/{APP}")


@pytest.fixture
def two(shop: Shop) -> Shop:
    """The app with v1 current and v2 ready."""
    shop.release("v1")
    _switch(shop, "v1")
    shop.release("v2")
    return shop


def test_a_change_between_reading_and_patching_is_not_overwritten(two: Shop) -> None:
    """Somebody edits the Ingress at the worst moment: the step looks again and keeps the edit."""
    edit = {"metadata": {"annotations": {"somebody": "was-here"}}}
    kube = _meddling(two, _the_patch, lambda: void(two.kube.patch(INGRESS, two.namespace, APP, edit)))
    run = _switch(two, "v2", kube=kube)
    assert kube.done
    assert any("looking again" in line for line in run.said)
    assert two.backend() == "web-v2"
    ingress = two.kube.get(INGRESS, two.namespace, APP)
    assert ingress is not None
    assert ingress["metadata"]["annotations"]["somebody"] == "was-here"


def test_a_newer_release_that_switches_in_between_wins(two: Shop) -> None:
    """Two releases switch at once; the slower, older one is refused, and Failed: `delete` takes it some day."""
    two.release("v3")

    def newer() -> None:
        _let_the_lock_run_out(two)
        _switch(two, "v3")

    kube = _meddling(two, _the_patch, newer)
    with pytest.raises(Refused, match="superseded: v3 is current and newer"):
        _switch(two, "v2", kube=kube)
    assert two.backend() == "web-v3"
    assert (two.record("v2").status.phase, two.record("v2").status.traffic) == (Phase.FAILED, "-")
    assert "superseded" in (two.record("v2").status.message or "")
    assert two.record("v1").status.phase == Phase.DRAINING
    assert two.record("v3").status.phase == Phase.CURRENT


def test_a_release_that_delete_has_marked_is_refused(two: Shop) -> None:
    """Both write their mark on one record, so the API server puts them in order: delete came first."""

    def mark_of_delete() -> None:
        note_if_unchanged(two.kube, two.record("v2"), phase=Phase.DELETED)

    kube = _meddling(two, lambda m, p: m == "PATCH" and p.endswith("/shop-v2/status"), mark_of_delete)
    with pytest.raises(Refused, match="v2 is deleted"):
        _switch(two, "v2", kube=kube)
    assert two.backend() == "web-v1"


def test_delete_comes_too_late_once_the_mark_is_written(two: Shop) -> None:
    """Switch came first: the precondition of delete's mark fails, and it reads `switching`."""
    seen: list[str | None] = []
    read_before = two.record("v2")

    def delete_tries() -> None:
        with pytest.raises(Conflict):
            note_if_unchanged(two.kube, read_before, phase=Phase.DELETED)
        seen.append(two.record("v2").status.traffic)

    _switch(two, "v2", kube=_meddling(two, _the_patch, delete_tries))
    assert seen == ["switching"]
    assert two.record("v2").status.phase == Phase.CURRENT


def _killed(shop: Shop, release: str, fatal: int, *, after: bool = False) -> bool:
    params = {"namespace": shop.namespace, "app": APP, "release": release}
    return was_killed(Doom("switch", params, _user(shop.namespace), fatal, after, WORKFLOW))


def test_killed_before_any_write_a_second_run_finishes_and_no_user_notices(shop: Shop) -> None:
    """A3: the outcome is that of a run that nobody killed, and who was current before is never forgotten."""
    shop.release("v1")
    _switch(shop, "v1")
    with users(shop, seconds=120) as load:
        for n in range(2, COUNT + 1):
            old, new = f"v{n - 1}", f"v{n}"
            shop.release(new)
            dead = _killed(shop, new, n - 1)
            if dead:
                marked = shop.record(new).status
                assert shop.backend() in (f"web-{old}", f"web-{new}")
                assert shop.backend() == f"web-{old}" or marked.traffic in ("switching", "100%"), "delete keeps away"
                _switch(shop, new, workflow=WORKFLOW)
            _assert_switched(shop, old, new)
            if not dead:
                break
    assert not dead, "every write of the step was tried"
    assert n > 7, "lock, mark, preview, patch, the notes on both records, and the lock again"
    assert load.failures == []


def _assert_switched(shop: Shop, old: str, new: str) -> None:
    assert shop.backend() == f"web-{new}"
    before, now = shop.record(old).status, shop.record(new).status
    assert (before.phase, before.traffic) == (Phase.DRAINING, "-")
    assert before.live_at is not None
    assert before.demoted_at is not None
    assert (now.phase, now.traffic, now.demoted_at) == (Phase.CURRENT, "100%", None)
    assert now.live_at is not None


def test_killed_before_its_notes_and_overtaken_a_release_still_counts_as_live(two: Shop) -> None:
    """v2 is current by the route only; when v3 takes over, v2's record says draining, with its times."""
    patch_of_the_route = 4  # after lock, mark and preview
    assert _killed(two, "v2", patch_of_the_route, after=True)
    assert two.backend() == "web-v2"
    assert two.record("v2").status.phase == Phase.READY
    two.release("v3")
    _let_the_lock_run_out(two)
    _switch(two, "v3")
    for name in ("v1", "v2"):
        status = two.record(name).status
        assert status.phase == Phase.DRAINING
        assert status.demoted_at is not None
        assert status.live_at is not None


# --- references ---------------------------------------------------------------------------------------------


def test_references_name_every_other_route_and_not_a_release_own_preview(two: Shop) -> None:
    """A forgotten Ingress that still names a Service keeps it from being deleted."""
    _switch(two, "v2")
    two.put_ingress("web-v1", name="forgotten")
    assert referenced_services(two.kube, two.namespace) == {"web-v2": [APP], "web-v1": ["forgotten"]}
    # A preview that somebody points at another release is a reference to that one.
    two.kube.patch(
        INGRESS,
        two.namespace,
        "shop-v2-preview",
        [{"op": "replace", "path": "/spec/rules/0/http/paths/0/backend/service/name", "value": "web-v1"}],
    )
    assert referenced_services(two.kube, two.namespace)["web-v1"] == ["forgotten", "shop-v2-preview"]


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"])
def test_a_route_of_the_gateway_api_is_a_reference(shop: Shop, kind: str) -> None:
    """Whichever kinds the cluster has: a Service behind one of them is kept, at a weight of zero too."""
    spec = {"rules": [{"backendRefs": [{"name": "web-v1", "port": 80, "weight": 0}]}]}
    if kind == "TLSRoute":
        spec |= {"hostnames": ["a.example"]}
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "spec": spec}
    shop.kube.create(route | {"metadata": {"name": "other", "namespace": shop.namespace}})
    assert referenced_services(shop.kube, shop.namespace) == {"web-v1": [f"{kind} other"]}
    with pytest.raises(Forbidden, match="cannot list resource"):
        gateway.references(_limited(shop.namespace), shop.namespace)


def void(_: object) -> None:
    """Throw an answer away."""
