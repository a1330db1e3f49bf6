"""`adopt` on the cluster for an app behind an HTTPRoute: plain Deployments under load become a release."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from plain import Plain
from routes_app import http_route
from stand_ins import users
from tiny import APP

from cluster.context import Context
from rainbow.adapters.adopting import describe_adopted
from rainbow.adapters.kube import HTTP_ROUTE, POD, Kube, Object
from rainbow.model.release import Phase, new_record
from steps import adopt, rollback

pytestmark = pytest.mark.cluster


@dataclass
class BehindGateway(Plain):
    """What runs without releases, and is reached by an HTTPRoute."""

    def described(self, **changes: Any) -> dict[str, Any]:
        """The route is the HTTPRoute."""
        route = {"httpRoute": {"name": "front", "url": self.url}, "timeout": "30s"}
        return super().described(route=route, **changes)

    def base(self, replicas: int = 1) -> list[Object]:
        """With the HTTPRoute in place of the Ingress."""
        return [*super().base(replicas)[:-1], http_route(self.host)]

    def backends(self) -> set[str]:
        """The Services that the route leads to."""
        route = self.kube.get(HTTP_ROUTE, self.namespace, "front")
        assert route is not None
        return {ref["name"] for rule in route["spec"]["rules"] for ref in rule["backendRefs"]}

    def running(self) -> dict[str, str]:
        """The pods of the plain Deployment: name → uid."""
        pods = self.kube.list(POD, self.namespace, labels="part=web")
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}


def test_what_runs_behind_an_http_route_is_adopted_and_no_user_notices(
    kube: Kube, namespace: str, context: Context
) -> None:
    """S13: what runs becomes v0 without a restart, v1 takes over, and a rollback leads to v0 again, under load."""
    plain = BehindGateway(kube, namespace, proxy=f"127.0.0.1:{context.ports.traefik}", prometheus="http://prometheus")
    plain.run_plainly(1)
    before = plain.running()
    with users(plain, pause=0.02) as load:  # type: ignore[arg-type]
        base = "\n---\n".join(json.dumps(obj) for obj in plain.base(1))
        kube.create(new_record(describe_adopted(kube, plain.config(**plain.described()), "v0", base, {})))
        adopting = adopt.Params(namespace=namespace, app=APP, release="v0")
        adopt.run(adopting, plain.world("adopt", adopt.RULES))
        assert (plain.running(), plain.backends()) == (before, {"web"})
        assert plain.record("v0").status.phase is Phase.CURRENT
        plain.deployed("v1")
        plain.switch("v1")
        assert plain.backends() == {"web-v1"}
        back = rollback.Params(namespace=namespace, app=APP, proxy_url=plain.url)  # type: ignore[call-arg]
        rollback.run(back, plain.world("rollback", rollback.RULES))
        assert plain.backends() == {"web"}
    assert load.broken == []
    assert {status for _, status, _ in load.answers} == {200}
    assert [name for name in load.order() if name != "?"] == ["v1"]
    assert {name: uid for name, uid in plain.running().items() if name in before} == before
