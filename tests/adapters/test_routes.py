"""Ingresses as routes: what is read from them, and the patch that moves them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from emulated import StoppedClock
from hypothesis import given
from hypothesis import strategies as st

from rainbow.adapters.kube import Object
from rainbow.adapters.proxy import Answer, Proxy
from rainbow.adapters.routes import ingress
from rainbow.adapters.routes.asking import ask_preview
from rainbow.adapters.routes.backends import Base, backends, base_of, owned_by_app, with_backends_of
from rainbow.adapters.routes.patches import follow, moves, same_rules
from rainbow.adapters.routes.release_ingress import release_ingress
from rainbow.adapters.routes.release_routes import asked_beside
from rainbow.adapters.routes.rules import Rule, hosts
from rainbow.adapters.routes.traces import FENCING_TOKEN, ORDERED_AT, SWITCHED_AT, Trace, leave, trace_of
from rainbow.errors import BadInput, Refused, TemporaryError
from rainbow.model.release import Release, ReleaseSpec
from rainbow.model.route import RouteState
from tests.decisions.make import NOW, release


def _backend(service: str) -> Object:
    return {"service": {"name": service, "port": {"number": 80}}}


def _ingress(*rules: tuple[str, dict[str, str]], default: str | None = None) -> Object:
    spec: Object = {"ingressClassName": "traefik"}
    if default:
        spec["defaultBackend"] = _backend(default)
    for host, paths in rules:
        listed = [{"path": p, "pathType": "Prefix", "backend": _backend(s)} for p, s in paths.items()]
        spec.setdefault("rules", []).append(
            {"host": host, "http": {"paths": listed}} if host else {"http": {"paths": listed}}
        )
    meta = {"name": "spawn", "namespace": "spawn", "resourceVersion": "7"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}


def _state(ingress: Object, current: str, plain: set[str] | None = None) -> RouteState:
    return RouteState(True, current, "7", frozenset(b.service for b in backends(ingress)), frozenset(plain or ()))


def _apply(obj: Object, operations: list[Object]) -> Object:
    """A JSON patch as the API server applies it, for the operations that are used."""
    patched = copy.deepcopy(obj)
    for operation in operations:
        *way, last = [p.replace("~1", "/") for p in operation["path"].split("/")[1:]]
        at: Any = patched
        for key in way:
            at = at[int(key)] if isinstance(at, list) else at[key]
        if operation["op"] == "remove":
            del at[last]
        elif operation["op"] == "test":
            assert at[last] == operation["value"]
        else:
            assert operation["op"] == "add" or last in at
            at[last] = operation["value"]
    return patched


def _released(ingress: Object, name: str = "v1") -> Release:
    found = release(name)
    return found.model_copy(
        update={"spec": ReleaseSpec(release=name, app=found.spec.app, manifests=json.dumps(ingress))}
    )


_bases = st.sampled_from(["api", "web", "docs-api", "a"])
_any_ingress = st.builds(
    lambda rules, default: _ingress(*rules.items(), default=default),
    st.dictionaries(
        st.sampled_from(["", "a.example", "*.b.example"]),
        st.dictionaries(st.sampled_from(["/", "/api", "/v1/x"]), _bases, max_size=3),
        max_size=3,
    ),
    st.none() | _bases,
)


@given(base=_any_ingress, old=st.sampled_from(["v1", "api", "2024-a"]), new=st.sampled_from(["v2", "v11"]))
def test_a_move_changes_every_backend_and_nothing_else(base: Object, old: str, new: str) -> None:
    """Several hosts, paths and Services, and the default backend, go in one patch."""
    live = with_backends_of(base, old)
    names = {b.service for b in backends(base)}
    moved = _apply(live, moves(live, _state(live, old), new=new, bases=names))
    assert moved == with_backends_of(base, new)


@given(base=_any_ingress)
def test_every_backend_is_tested_before_it_is_replaced(base: Object) -> None:
    """A backend that somebody else changed in between makes the whole patch fail."""
    live = with_backends_of(base, "v1")
    operations = moves(live, _state(live, "v1"), new="v2", bases={b.service for b in backends(base)})
    pairs = list(zip(operations[::2], operations[1::2], strict=True))
    assert all((a["op"], b["op"], a["path"]) == ("test", "replace", b["path"]) for a, b in pairs)
    assert len(pairs) == len(list(backends(base)))


@given(before=_any_ingress, after=_any_ingress)
def test_hosts_and_paths_follow_the_base_of_the_release(before: Object, after: Object) -> None:
    """A release that adds, moves or drops a path has it live with its switch, and a switch back undoes it."""
    old, new = Base(before, "v1"), Base(after, "v2")
    live = with_backends_of(before, "v1")
    there = _apply(live, follow(live, old, new))
    if same_rules(old, new):
        assert there == live
    else:
        assert there == with_backends_of(after, "v2")
        assert _apply(there, follow(there, new, old)) == live


def test_what_a_person_changed_on_the_ingress_is_not_undone() -> None:
    """Another host on the live Ingress: nothing but backends is touched."""
    old, new = (
        Base(_ingress(("a", {"/": "api"})), "v1"),
        Base(_ingress(("a", {"/": "api", "/x": "api"})), "v2"),
    )
    live = _ingress(("a", {"/": "api-v1"}), ("by-hand", {"/": "api-v1"}))
    assert follow(live, old, new) == []
    assert follow(live, None, new) == []


def test_backends_of_others_stay() -> None:
    """An Ingress may also lead to a Service that belongs to no release."""
    live = _ingress(("a.example", {"/": "api-v1", "/docs": "docs"}))
    moved = _apply(live, moves(live, _state(live, "v1", {"docs"}), new="v2", bases={"api"}))
    assert [b.service for b in backends(moved)] == ["api-v2", "docs"]


def test_a_backend_without_counterpart_is_refused_and_named() -> None:
    """Left behind, the route would lead to two releases, and the old one could never be deleted."""
    live = _ingress(("a.example", {"/": "api-v1", "/admin": "admin-v1"}))
    with pytest.raises(Refused, match="backend admin-v1"):
        moves(live, _state(live, "v1"), new="v2", bases={"api"})


def test_the_first_ingress_belongs_to_the_app_and_not_to_a_release() -> None:
    """It outlives every release, so deleting a release by label may not find it."""
    target = _released(_ingress(("a.example", {"/": "api"})))
    made = owned_by_app(base_of(target).led(), target, Trace(NOW))
    assert made["metadata"]["labels"] == {"rainbow.dev/app": "spawn"}
    assert [b.service for b in backends(made)] == ["api-v1"]
    assert trace_of(made) == Trace(NOW)


@pytest.mark.parametrize("annotations", [None, {}, {"a/b": "c"}])
def test_the_patch_itself_says_when_and_from_where(annotations: dict[str, str] | None) -> None:
    """A kill right after the patch loses neither the time nor the release before."""
    live = _ingress(("a.example", {"/": "api-v1"}))
    if annotations is not None:
        live["metadata"]["annotations"] = annotations
    moved = _apply(live, leave(live, Trace(NOW, "v1", 7)))
    assert trace_of(moved) == Trace(NOW, "v1", 7)
    assert trace_of(_apply(moved, leave(moved, Trace(NOW, "v2")))) == Trace(NOW, "v2", 7)
    ordered = _apply(moved, leave(moved, Trace(NOW, "v2", 8, ordered_at=NOW)))
    assert trace_of(_apply(ordered, leave(ordered, Trace(NOW, "v3", 9)))) == Trace(NOW, "v3", 9, NOW), "it stays"
    assert (annotations or {}).items() <= moved["metadata"]["annotations"].items()


def test_a_time_that_somebody_else_wrote_is_not_a_time() -> None:
    """A note that cannot be read is no note."""
    live = _ingress()
    live["metadata"]["annotations"] = {SWITCHED_AT: "yesterday", FENCING_TOKEN: "mine", ORDERED_AT: "2026-05-04"}
    assert trace_of(live) == Trace()


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        ([("a.example", {"/": "api"})], "/x", ("a.example",)),
        ([("a.example", {"/api": "api"}), ("b.example", {"/": "web"})], "/api/health", ("a.example", "b.example")),
        ([("a.example", {"/api": "api"}), ("b.example", {"/web": "web"})], "/api", ("a.example",)),
        ([("a.example", {"/api": "api"})], "/apiary", ("a.example",)),  # nothing covers it: all are asked
        ([("*.example", {"/": "api"})], "/", ("rainbow.example",)),
        ([("", {"/": "api"})], "/", ("",)),
        ([], "/", ("",)),
    ],
)
def test_the_hosts_that_serve_the_check_path_are_asked(rules: Any, path: str, expected: tuple[str, ...]) -> None:
    """Any other host would answer 404 for ever."""
    assert hosts(ingress.rules(_ingress(*rules)), path) == expected


def test_the_base_must_have_the_ingress() -> None:
    """A record that was written by hand may lack it."""
    with pytest.raises(BadInput, match="have no Ingress spawn"):
        base_of(release("v1"))


def test_the_preview_is_the_route_under_a_host_of_its_own() -> None:
    """It leads to the release only, carries its labels, and asks nobody for certificates or public names."""
    base = _ingress(("a.example", {"/": "web", "/api": "api"}), ("b.example", {"/": "web"}), default="web")
    base["spec"]["tls"] = [{"hosts": ["a.example"], "secretName": "s"}]
    base["metadata"]["annotations"] = {"cert-manager.io/issuer": "x", "traefik.ingress.kubernetes.io/x": "y"}
    made = release_ingress(_released(base, "v2"))
    assert made["metadata"]["name"] == "spawn-v2-preview"
    assert made["metadata"]["labels"] == {"rainbow.dev/app": "spawn", "rainbow.dev/release": "v2"}
    assert made["metadata"]["annotations"] == {"traefik.ingress.kubernetes.io/x": "y"}
    assert hosts(ingress.rules(made), "/api") == ("v2.spawn.spawn.preview.internal",)
    assert [b.service for b in backends(made)] == ["web-v2", "api-v2"]
    assert set(made["spec"]) == {"ingressClassName", "rules"}


def _exact(path: str, service: str) -> Object:
    return {"path": path, "pathType": "Exact", "backend": _backend(service)}


def test_every_service_beside_the_checked_one_has_a_path_to_be_asked() -> None:
    """An exact rule takes its path away from the prefix around it; what lies below still leads there."""
    base = _ingress(("a.example", {"/": "web", "/admin": "admin", "/admin/x": "admin"}), default="web")
    base["spec"]["rules"][0]["http"]["paths"] += [_exact("/login", "login"), _exact("/admin", "front")]
    assert asked_beside(_released(base, "v2")) == {
        "admin-v2": "/admin/rainbow",
        "login-v2": "/login",
        "front-v2": "/admin",
    }
    assert asked_beside(_released(_ingress(("a.example", {"/": "web"})), "v2")) == {}


def test_an_exact_root_serves_only_the_root() -> None:
    """The rule for "/" is the one whose path is not shortened."""
    assert Rule("", "/", exact=True, service="web").covers("/")
    assert not Rule("", "/", exact=True, service="web").covers("/x")
    assert not Rule("", "/x/", exact=True, service="web").covers("/x")


def test_a_dead_service_beside_the_checked_one_keeps_the_route_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users of /admin would get nothing but 503 after the switch, though the check path answers well."""
    statuses = {"/": 200, "/admin": 503}
    monkeypatch.setattr(
        Proxy,
        "ask",
        lambda self, _host, path: Answer(self.clock.monotonic(), statuses[path], "v2" if path == "/" else None),
    )
    target, clock = _released(_ingress(("a.example", {"/": "web", "/admin": "admin"})), "v2"), StoppedClock()
    with pytest.raises(TemporaryError, match=r"no pod behind Service admin-v2: asked for /admin .* not moved"):
        ask_preview(clock, target)
    statuses["/admin"] = 404
    assert ask_preview(clock, target).settled


def test_a_preview_of_a_default_backend_only_leads_there() -> None:
    """An Ingress without rules answers for everything; its preview only for the preview host."""
    made = release_ingress(_released(_ingress(default="web"), "v2"))
    assert hosts(ingress.rules(made), "/") == ("v2.spawn.spawn.preview.internal",)
    assert [b.service for b in backends(made)] == ["web-v2"]
