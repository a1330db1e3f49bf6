"""`adopt` against an emulated API server: killed and raced anywhere, no pod ever loses its users."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from emulated import Emulated, Killed, StoppedClock, Store, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from three_releases import at, kill

from rainbow.adapters.adopting import describe_adopted, known, would_be
from rainbow.adapters.kube import CONFIG_MAP, DEPLOYMENT, INGRESS, POD, SERVICE, Kube
from rainbow.adapters.proxy import Answer, Proxy
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.decisions.plain import HASH
from rainbow.errors import BadInput, Refused, TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from steps import adopt, deploy, rollback, switch
from tests.decisions.running import BASE, NAMESPACE, ingress, live, pod

ROUTE = ingress("api")
MANIFESTS = "\n---\n".join(json.dumps(obj) for obj in (*BASE, ROUTE))
CONFIG = AppConfig.model_validate(
    {
        "app": "shop",
        "namespace": NAMESPACE,
        "manifests": {"kustomize": "deploy"},
        "images": {"shop": {}, "shop-tests": {}},
        "route": {"ingress": {"name": "shop", "url": "http://proxy"}, "timeout": "1s"},
        "drain": {"prometheus": {"url": "http://prometheus", "query": "$release"}},
    }
)


@dataclass
class Plain:
    """What runs, without any release but the record that the command line writes."""

    store: Store = field(default_factory=Store, repr=False)
    said: list[str] = field(default_factory=list)
    templates: dict[str, Any] = field(default_factory=dict, repr=False)

    def start(self, *, record: bool = True) -> None:
        """The base runs, two pods of each Deployment."""
        self.store, self.said = Store(), []
        kube = self.kube()
        for obj in (*BASE, ROUTE):
            made = live(obj)
            del made["metadata"]["uid"], made["metadata"]["resourceVersion"]
            kube.create(made)
            if obj["kind"] == "Deployment":
                self.templates[obj["metadata"]["name"]] = copy.deepcopy(obj["spec"]["template"])
                for number in (1, 2):
                    self.add_pod(obj, number)
        if record:
            kube.create(new_record(self.spec()))
        self.store.seen = self._watch

    def add_pod(self, of: dict[str, Any], number: int) -> None:
        """Its ReplicaSet makes one more."""
        made = copy.deepcopy(pod(of, number))
        del made["metadata"]["uid"], made["metadata"]["resourceVersion"]
        self.kube().create(made)

    def spec(self) -> ReleaseSpec:
        """As the command line finds it."""
        return describe_adopted(self.kube(), CONFIG, "v0", MANIFESTS, {})

    def kube(self, around: Callable[[str], None] = lambda _: None) -> Kube:
        """The API server."""
        return Emulated(None, store=self.store, around=around)

    def world(self, around: Callable[[str], None] = lambda _: None) -> World:
        """A world of its own for one run."""
        return World(self.kube(around), clock=StoppedClock(), say=self.said.append)

    def adopt(self, around: Callable[[str], None] = lambda _: None, **more: Any) -> None:
        """Run the step."""
        adopt.run(adopt.Params(namespace=NAMESPACE, app="shop", release="v0", **more), self.world(around))

    def record(self, name: str = "v0") -> Release:
        """A record as it is now."""
        return read_release(self.kube(), NAMESPACE, "shop", name)

    def v1(self, spec: ReleaseSpec | None = None) -> None:
        """A release beside it, tested."""
        kube = self.kube()
        kube.create(new_record(spec or ReleaseSpec(release="v1", app=CONFIG, manifests=MANIFESTS)))
        meta = {"name": "api-v1", "namespace": NAMESPACE, "labels": release_labels("shop", "v1")}
        kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
        note(kube, self.record("v1"), phase=Phase.READY)

    @property
    def backend(self) -> str:
        """The Service that the route leads to."""
        route = self.kube().get(INGRESS, NAMESPACE, "shop")
        assert route is not None
        name: str = route["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"]
        return name

    def _watch(self) -> None:
        """After every single write: the same pods behind the Service, the same templates, and `delete` keeps away."""
        objects = self.store.objects
        selector = objects["services", NAMESPACE, "api"]["spec"]["selector"]
        pods = [o for key, o in objects.items() if key[0] == "pods" and o["metadata"]["labels"]["part"] == "api"]
        assert all(selector.items() <= o["metadata"]["labels"].items() for o in pods), "a pod lost its users"
        for name, template in self.templates.items():
            assert objects["deployments", NAMESPACE, name]["spec"]["template"] == template, "pods would be restarted"
        marked = [o for key, o in objects.items() if o["metadata"].get("labels", {}).get("rainbow.dev/release") == "v0"]
        if self.backend == "api" and [o for o in marked if o["kind"] != "Release"]:
            assert objects["releases", NAMESPACE, "shop-v0"]["status"]["traffic"] in ("switching", "100%")

    def adopted(self) -> None:
        """What has to be true in the end."""
        status, labels = self.record().status, release_labels("shop", "v0")
        assert (status.phase, status.traffic) == (Phase.CURRENT, "100%")
        assert status.live_at is not None
        assert {ref.name for ref in status.objects} == {"api", "worker", "settings"}
        for kind in (DEPLOYMENT, SERVICE, CONFIG_MAP, POD):
            for obj in self.kube().list(kind, NAMESPACE):
                assert labels.items() <= obj["metadata"]["labels"].items(), obj["metadata"]["name"]
        service = self.kube().get(SERVICE, NAMESPACE, "api")
        assert service is not None
        assert service["spec"]["selector"] == {"part": "api", HASH: "5d4f"}


@pytest.fixture
def plain() -> Plain:
    """Not started: each example begins anew."""
    return Plain()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kills=st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["before", "after"])), max_size=3))
@pytest.mark.slow
def test_killed_anywhere_the_next_run_finishes(plain: Plain, kills: list[tuple[int, str]]) -> None:
    """A3, S13: at every moment all pods have their users, and what is labelled is kept."""
    plain.start()
    for write, when in kills:
        try:
            plain.adopt(at(write, when, kill))
        except Killed:
            continue
    plain.adopt(by="ann", reason="at last")
    plain.adopted()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(write=st.integers(1, 10), when=st.sampled_from(["before", "after"]))
def test_others_write_in_between(plain: Plain, write: int, when: str) -> None:
    """A pod more, a scaled Deployment: what was read is old, and is read again."""
    plain.start()

    def others() -> None:
        plain.add_pod(BASE[0], 3)
        for kind, name in ((DEPLOYMENT, "api"), (SERVICE, "api")):
            plain.kube().patch(kind, NAMESPACE, name, {"metadata": {"annotations": {"seen": "yes"}}})

    plain.adopt(at(write, when, others))
    plain.adopted()


def test_once_adopted_it_is_a_release_among_releases(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched away from, gone back to under its plain names, and never deployed."""
    clock = StoppedClock()
    monkeypatch.setattr(Proxy, "ask", lambda _self, host, _path: answer(plain.store, host, clock))
    plain.start()
    plain.adopt(by="ann")
    assert plain.record().status.message == "adopted by ann"
    plain.v1()
    switch.run(switch.Params(namespace=NAMESPACE, app="shop", release="v1"), plain.world())
    assert plain.backend == "api-v1"
    assert plain.record().status.phase is Phase.DRAINING
    plain.adopt()
    assert plain.said[-1] == "release v0 of shop is adopted, all of its pods are labelled"
    assert plain.record().status.phase is Phase.DRAINING
    rollback.run(rollback.Params(namespace=NAMESPACE, app="shop", by="ann"), plain.world())  # type: ignore[call-arg]
    assert plain.backend == "api"
    with pytest.raises(Refused, match="was adopted as it runs"):
        deploy.run(deploy.Params(namespace=NAMESPACE, app="shop", release="v0"), plain.world())
    assert plain.record().status.phase is Phase.CURRENT


@pytest.mark.parametrize("named", [None, "unreleased"])
def test_pods_that_never_heard_of_a_release_are_known_by_what_they_always_say(
    plain: Plain, monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    """No header, or a word of their own: the preview host tells; what the proxy says of a strange host is no answer."""
    clock = StoppedClock()

    def ask(_self: Proxy, host: str, _path: str) -> Answer:
        found = answer(plain.store, host, clock)
        if found.release == "v0":
            return Answer(found.at, 200, named)
        return found if found.release else Answer(found.at, 404, None)

    monkeypatch.setattr(Proxy, "ask", ask)
    plain.start()
    plain.adopt()
    plain.v1()
    switch.run(switch.Params(namespace=NAMESPACE, app="shop", release="v1"), plain.world())
    rollback.run(rollback.Params(namespace=NAMESPACE, app="shop", by="ann"), plain.world())  # type: ignore[call-arg]
    assert plain.backend == "api"
    monkeypatch.setattr(Proxy, "ask", lambda *_: Answer(clock.monotonic(), 404, None))
    switched = switch.Params(namespace=NAMESPACE, app="shop", release="v0", allow_older=True)
    plain.kube().patch(INGRESS, NAMESPACE, "shop", {"spec": {"rules": _to("api-v1")}})
    with pytest.raises(TemporaryError, match="does not answer from release v0 on its preview host"):
        switch.run(switched, plain.world())


def test_behind_an_http_route_it_is_the_same(plain: Plain, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is current stands in the labels of the Services, whatever names these."""
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop"},
        "spec": {"hostnames": ["shop"], "rules": [{"backendRefs": [{"name": "api", "port": 80}]}]},
    }
    key = ("httproutes", NAMESPACE, "shop")

    def leads_to() -> str:
        name: str = plain.store.objects[key]["spec"]["rules"][0]["backendRefs"][0]["name"]
        return name

    def ask(self: Proxy, host: str, _path: str) -> Answer:
        preview = host.partition(".")[0] if host.endswith(".preview.internal") else None
        return Answer(self.clock.monotonic(), 200, preview or leads_to().removeprefix("api").removeprefix("-") or "v0")

    monkeypatch.setattr(Proxy, "ask", ask)
    described = {**CONFIG.model_dump(mode="json", by_alias=True, exclude_none=True)}
    described["route"] = {"httpRoute": {"name": "shop", "url": "http://proxy"}, "timeout": "1s"}
    config = AppConfig.model_validate(described)
    manifests = "\n---\n".join(json.dumps(obj) for obj in (*BASE, route))
    plain.start(record=False)
    del plain.store.objects["ingresses", NAMESPACE, "shop"]
    plain.store.seen = lambda: None
    kube = plain.kube()
    kube.create(route | {"metadata": {"name": "shop", "namespace": NAMESPACE}})
    kube.create(new_record(describe_adopted(kube, config, "v0", manifests, {})))
    plain.adopt()
    plain.adopted()
    plain.v1(ReleaseSpec(release="v1", app=config, manifests=manifests))
    switch.run(switch.Params(namespace=NAMESPACE, app="shop", release="v1"), plain.world())
    assert leads_to() == "api-v1"
    rollback.run(rollback.Params(namespace=NAMESPACE, app="shop", by="ann"), plain.world())  # type: ignore[call-arg]
    assert leads_to() == "api"


def _to(service: str) -> list[Any]:
    rules: list[Any] = ingress(service)["spec"]["rules"]
    return rules


def test_what_cannot_be_adopted_is_refused_and_untouched(plain: Plain) -> None:
    """With the reason, and the same in a dry run."""
    plain.start()
    plain.kube().patch(INGRESS, NAMESPACE, "shop", {"spec": {"rules": _to("elsewhere")}})
    meta = {"name": "elsewhere", "namespace": NAMESPACE}
    plain.kube().create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
    version = plain.store.version
    for more in ({}, {"dry_run": True}):
        with pytest.raises(
            Refused, match="app shop in namespace shops cannot be adopted as v0:\n  route shop leads to elsew"
        ):
            plain.adopt(**more)
    assert plain.store.version == version


def test_a_rollout_under_way_is_waited_for(plain: Plain) -> None:
    """Exit code 75: Argo tries again."""
    plain.start()
    plain.kube().patch(DEPLOYMENT, NAMESPACE, "api", {"status": {"updatedReplicas": 1}})
    with pytest.raises(TemporaryError, match="cannot be adopted yet: Deployment api is being rolled out"):
        plain.adopt()


def test_the_record_is_what_runs_and_is_taken_up_again(plain: Plain) -> None:
    """The images come from the live Deployments; another release of that id is not taken for it."""
    plain.start(record=False)
    image = {
        "spec": {"template": {"spec": {"containers": [{"name": "api", "image": "registry:5000/shop@sha256:abc"}]}}}
    }
    plain.kube().patch(DEPLOYMENT, NAMESPACE, "worker", {"metadata": {"annotations": {"a": "b"}}})
    plain.templates["api"]["spec"] = image["spec"]["template"]["spec"]
    plain.kube().patch(DEPLOYMENT, NAMESPACE, "api", image)
    spec = plain.spec()
    assert spec.images == {"shop": "registry:5000/shop@sha256:abc", "tool": "tool:1"}
    assert known(plain.kube(), spec) is None
    adopt.preview(plain.world(), would_be(spec, StoppedClock().now()))
    assert "adopt of shop as v0 would make 9 changes, restarting nothing:" in plain.said
    plain.kube().create(new_record(spec))
    found = known(plain.kube(), spec)
    assert found is not None
    assert found.spec.adopted
    plain.v1()
    with pytest.raises(BadInput, match="exists already in namespace shops, and was not adopted"):
        known(plain.kube(), spec.model_copy(update={"release": "v1"}))
