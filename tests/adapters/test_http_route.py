"""HTTPRoutes as plain data: every place that names a Service moves at once, and nothing else does."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from api_semantics import json_patch
from hypothesis import given
from hypothesis import strategies as st

from rainbow.adapters.kube import Object
from rainbow.adapters.routes.backends import backends, with_backends_of
from rainbow.adapters.routes.http_route import defaulted, rules
from rainbow.adapters.routes.patches import moves
from rainbow.adapters.routes.rules import hosts, leads_to, other_services
from rainbow.model.route import RouteState

_names = st.sampled_from(["api", "web", "docs-api", "a"])
_mirror = st.builds(
    lambda name: {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": name, "port": 80}}}, _names
)
_ref = st.fixed_dictionaries(
    {"name": _names, "port": st.just(80)},
    optional={"weight": st.integers(0, 9), "kind": st.just("Service"), "filters": st.lists(_mirror, max_size=1)},
)
_rule = st.fixed_dictionaries(
    {"backendRefs": st.lists(_ref, max_size=2)},
    optional={
        "filters": st.lists(_mirror, max_size=1),
        "matches": st.lists(st.sampled_from(["/", "/api"]).map(lambda p: {"path": {"value": p}}), max_size=2),
    },
)


def _route(route_rules: list[Object], hostnames: list[str] | None = None) -> Object:
    spec = {"rules": route_rules} | ({"hostnames": hostnames} if hostnames else {})
    meta = {"name": "front", "namespace": "shops", "resourceVersion": "7"}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": meta, "spec": spec}


@given(route_rules=st.lists(_rule, max_size=3), new=st.sampled_from(["v2", "v11", "api"]))
def test_a_move_changes_every_backend_and_nothing_else(route_rules: list[Object], new: str) -> None:
    """Whole rules, mirrors and weights included, in one patch; each place is tested before it is replaced."""
    base = _route(route_rules)
    live = with_backends_of(base, "v1")
    named = frozenset(backend.service for backend in backends(live))
    state = RouteState(True, "v1", "7", named)
    operations = moves(live, state, new=new, bases={backend.service for backend in backends(base)})
    assert json_patch(live, operations) == with_backends_of(base, new)
    pairs = list(zip(operations[::2], operations[1::2], strict=True))
    assert all((a["op"], b["op"], a["path"]) == ("test", "replace", b["path"]) for a, b in pairs)
    assert len(pairs) == len(list(backends(base)))


@given(route_rules=st.lists(_rule, max_size=3))
def test_what_the_api_server_fills_in_changes_nothing_else(route_rules: list[Object]) -> None:
    """Filled in once or twice it is the same, and the base itself is not touched."""
    base = _route(route_rules)
    before = copy.deepcopy(base)
    once = defaulted(base)
    assert defaulted(once) == once
    assert base == before
    assert list(backends(once)) == list(backends(base))
    assert rules(once) == rules(base)


def _to(*names: str, **rule: Any) -> Object:
    return {"backendRefs": [{"name": name, "port": 80} for name in names]} | rule


def _at(path: str, kind: str = "PathPrefix", **more: Any) -> Object:
    return {"path": {"type": kind, "value": path}} | more


def test_only_what_host_and_path_alone_decide_can_be_asked_for() -> None:
    """A request of ours has no header; a pattern names no path; a weight of zero answers nobody."""
    idle = {"backendRefs": [{"name": "idle", "weight": 0}], "matches": [_at("/idle")]}
    found = rules(
        _route(
            [
                _to("web"),
                _to("docs", matches=[_at("/docs"), _at("/help", "Exact")]),
                _to("beta", matches=[_at("/", headers=[{"name": "X", "value": "y"}])]),
                _to("any", matches=[_at("/v[0-9]+", "RegularExpression")]),
                idle,
            ],
            ["a.example", "*.b.example"],
        )
    )
    assert {(rule.host, rule.path, rule.exact, rule.service) for rule in found if rule.host == "a.example"} == {
        ("a.example", "/", False, "web"),
        ("a.example", "/docs", False, "docs"),
        ("a.example", "/help", True, "docs"),
        ("a.example", "/idle", False, None),
    }
    assert hosts(found, "/x") == ("a.example", "rainbow.b.example")
    own = [rule for rule in found if rule.host == "a.example"]
    assert [leads_to(own, path) for path in ("/x", "/docs/x", "/help", "/help/x", "/idle")] == [
        "web",
        "docs",
        "docs",
        "web",
        None,
    ]
    assert other_services(own, "/") == {"docs": "/docs"}


@pytest.mark.parametrize("empty", [[], [{}]])
def test_a_route_without_rules_leads_nowhere(empty: list[Object]) -> None:
    """It may be a redirect only; nothing could be switched."""
    assert list(backends(_route(empty))) == []
