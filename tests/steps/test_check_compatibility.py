"""`check-compatibility` beside `run-tests`: either may be first, overtaken or killed at any request (C5)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
from emulated import START, Emulated, Killed, StoppedClock, Store, answer, point_route

from rainbow.adapters.kube import POD, SERVICE, Object
from rainbow.adapters.lock import holding, read_lease
from rainbow.adapters.proxy import Proxy
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.errors import PermanentError, RainbowError, Refused
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Promise, Release, ReleaseSpec, new_record
from steps import load, switch
from tests.decisions.make import app

INGRESS = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "spawn"}}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
RULE = {"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}
ROUTE: dict[str, Any] = {"ingress": {"name": "spawn", "url": "http://proxy"}, "timeout": "1s", "releases": {}}


@dataclass
class App:
    """v1 is current and v2 is deployed; the pods of tests end at once, as `ends` says for each image."""

    store: Store = field(default_factory=Store)
    ends: dict[str, int] = field(default_factory=dict)  # image → exit code, else 0
    said: list[str] = field(default_factory=list)
    clock: StoppedClock = field(default_factory=StoppedClock)

    def __post_init__(self) -> None:
        self.kube = Emulated(None, attempts=1, store=self.store)
        self.store.seen = self._kubelet

    def release(self, name: str, phase: Phase, *, tests: bool = True, **config: Any) -> None:
        """A record and a Service; each release has an image of tests of its own."""
        brought = {"image": f"tests-of-{name}", "service": "web", "env": {"BY": name}} if tests else None
        described = app(**({"tests": brought, "route": ROUTE} | config))
        base = json.dumps(INGRESS | {"spec": {"rules": [RULE]}})
        self.kube.create(new_record(ReleaseSpec(release=name, app=described, manifests=base)))
        meta = {"name": f"web-{name}", "namespace": "spawn", "labels": release_labels("spawn", name)}
        self.kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"port": 80}]}})
        live = {"live_at": START, "traffic": "100%"} if phase is Phase.CURRENT else {}
        note(self.kube, self.record(name), phase=phase, deployed_at=START, **live)

    def record(self, name: str = "v2") -> Release:
        """The record as it is now."""
        return read_release(self.kube, "spawn", "spawn", name)

    def run(self, step: str, called: Callable[[str, str], None] = lambda *_: None, **params: Any) -> None:
        """Run a step for v2, as its workflow does."""
        module = load(step)
        world = World(
            Emulated(None, attempts=1, store=self.store, called=called), clock=self.clock, say=self.said.append, run="w"
        )
        module.run(module.Params(namespace="spawn", app="spawn", release="v2", **params), world)

    @property
    def holder(self) -> str | None:
        """Who has the lock."""
        lease = read_lease(self.kube, "spawn", "spawn")
        return lease.holder if lease else None

    def locked(self) -> None:
        """As `deploy` of the same workflow leaves it."""
        with holding(World(self.kube, clock=self.clock, run="w"), self.record(), carried=True):
            pass

    def pod(self, name: str) -> Object | None:
        """A pod of tests."""
        return self.kube.get(POD, "spawn", name)

    def _kubelet(self) -> None:
        for (plural, _, _), pod in list(self.store.objects.items()):
            if plural == "pods" and "status" not in pod:
                (container,) = pod["spec"]["containers"]
                code = self.ends.get(container["image"], 0)
                ended = {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
                statuses = [{"name": container["name"], "state": ended}]
                pod["status"] = {"phase": "Failed" if code else "Succeeded", "containerStatuses": statuses}


def deployed(*, current_tests: bool = True, **config: Any) -> App:
    """v1 is current, v2 is deployed, and its workflow has the lock."""
    made = App()
    made.release("v1", Phase.CURRENT, tests=current_tests)
    point_route(made.kube, "web-v1")
    made.release("v2", Phase.TESTING, **config)
    made.locked()
    return made


def test_the_tests_of_the_current_release_ask_the_new_one() -> None:
    """Their own image, command and variables, from their own record; the Service and the id of the new one."""
    shop = deployed()
    pods: list[Object] = []
    watch = shop.store.seen

    def seen() -> None:
        watch()
        pods.extend(o for (kind, _, _), o in shop.store.objects.items() if kind == "pods" and o not in pods)

    shop.store.seen = seen
    shop.run("check-compatibility")
    (container,) = pods[0]["spec"]["containers"]
    variables = {e["name"]: e["value"] for e in container["env"]}
    assert container["image"] == "tests-of-v1"
    assert variables == {"BY": "v1", "RELEASE_ID": "v2", "RELEASE_URL": "http://web-v2.spawn.svc:80"}
    assert pods[0]["metadata"]["labels"]["rainbow.dev/step"] == "check-compatibility"
    found = shop.record().status.compatibility
    assert found is not None
    assert (found.release, found.promise) == ("v1", Promise.KEPT)
    assert shop.pod("spawn-v2-tests-of-v1") is None
    assert shop.holder == "v2/w"


def test_a_broken_promise_is_named_and_users_stay_where_they_are() -> None:
    """Whose promise, what its tests said, and how to break it on purpose; the lock is free for the next one."""
    shop = deployed()
    shop.ends["tests-of-v1"] = 3
    with pytest.raises(PermanentError) as caught:
        shop.run("check-compatibility")
    for part in ("v2 breaks what release v1 promises", "failed with exit code 3", "`breaks` in rainbow.yaml"):
        assert part in str(caught.value)
    status = shop.record().status
    assert (status.phase, status.compatibility and status.compatibility.promise) == (Phase.FAILED, Promise.BROKEN)
    assert shop.holder is None
    assert shop.pod("spawn-v2-tests-of-v1") is not None


def test_a_service_that_is_gone_is_a_broken_promise() -> None:
    """What its tests ask is not there any more; nothing is started."""
    shop = deployed()
    shop.kube.delete(SERVICE, "spawn", "web-v2")
    with pytest.raises(PermanentError, match=r"breaks what release v1 promises .* no Service web-v2"):
        shop.run("check-compatibility")
    assert shop.pod("spawn-v2-tests-of-v1") is None


def test_a_release_that_breaks_on_purpose_says_why_in_log_record_and_event() -> None:
    """Nothing is run, and the clients of v1 keep its route."""
    shop = deployed(breaks="the field `name` is gone")
    shop.ends["tests-of-v1"] = 3
    shop.run("check-compatibility")
    found = shop.record().status.compatibility
    assert found is not None
    assert (found.promise, found.release) == (Promise.WAIVED, "v1")
    assert "the field `name` is gone" in found.reason
    assert any("the field `name` is gone" in line for line in shop.said)
    events = [o["reason"] for (kind, _, _), o in shop.store.objects.items() if kind == "events"]
    assert "BreaksPromise" in events
    assert shop.pod("spawn-v2-tests-of-v1") is None


def test_a_dry_run_says_it_and_changes_nothing() -> None:
    """The very decision."""
    shop = deployed()
    before = shop.store.version
    shop.run("check-compatibility", dry_run=True)
    assert any("would check: the tests of v1 are run against v2" in line for line in shop.said)
    assert any("tests-of-v1 against http://web-v2.spawn.svc:80" in line for line in shop.said)
    assert shop.store.version == before


def test_one_without_tests_before_it_passes_with_a_line() -> None:
    """Nobody was promised anything."""
    shop = deployed(current_tests=False)
    shop.run("check-compatibility")
    assert any("v1, which is current, has no tests" in line for line in shop.said)
    assert shop.record().status.phase is Phase.TESTING


def test_a_release_that_is_not_deployed_is_not_checked() -> None:
    """The message names the step to run first, and the record stays as it is."""
    shop = deployed()
    note(shop.kube, shop.record(), deployed_at=None)
    before = shop.record().status
    with pytest.raises(PermanentError, match="run the step deploy first"):
        shop.run("check-compatibility")
    assert shop.record().status == before


def test_a_check_of_another_release_does_not_let_it_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """While v2 waited for its approval, v0 became current: its tests count now, and are asked before the switch."""
    shop = deployed()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(shop.store, host, self.clock))
    shop.run("run-tests")
    with pytest.raises(Refused, match="v2 was not held against the tests of v1"):
        shop.run("switch")
    shop.run("check-compatibility")
    shop.release("v0", Phase.CURRENT)
    point = shop.store.objects["ingresses", "spawn", "spawn"]
    point["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = "web-v0"
    record = shop.store.objects["releases", "spawn", "spawn-v0"]["metadata"]
    record["creationTimestamp"] = shop.record("v1").created.isoformat()
    with pytest.raises(Refused, match="tests of v0, which is current, but that of v1"):
        shop.run("switch")
    shop.run("check-compatibility")
    shop.run("switch")
    assert shop.record().status.phase is Phase.CURRENT


# --- both at once -------------------------------------------------------------------------------------------

CALLS = range(1, 60)  # more than either step has


def _at(call: int, what: Callable[[], None]) -> tuple[list[str], Callable[[str, str], None]]:
    requests: list[str] = []

    def called(method: str, path: str) -> None:
        requests.append(f"{method} {path}")
        if len(requests) == call:
            what()

    return requests, called


STEPS = ("run-tests", "check-compatibility")


@pytest.mark.slow
@pytest.mark.parametrize(("own", "others"), list(product([0, 1], [0, 1])))
@pytest.mark.parametrize("first", STEPS)
def test_the_other_one_comes_at_any_request(first: str, own: int, others: int) -> None:
    """Ready only if both pass; the lock is kept for the switch only then, and nobody trips over the other."""
    second = STEPS[1 - STEPS.index(first)]
    for call in CALLS:
        shop = deployed()
        shop.ends |= {"tests-of-v2": own, "tests-of-v1": others}
        failed: list[str] = []

        def run(step: str, called: Callable[[str, str], None] = lambda *_: None) -> None:
            try:
                shop.run(step, called)  # noqa: B023 - used within the turn
            except PermanentError:
                failed.append(step)  # noqa: B023

        requests, called = _at(call, lambda: run(second))
        run(first, called)
        if len(requests) < call:
            run(second)
        assert set(failed) == {step for step, code in zip(STEPS, (own, others), strict=True) if code}, call
        assert shop.record().status.phase is (Phase.FAILED if failed else Phase.READY), call
        assert shop.holder == (None if failed else "v2/w"), call
        if len(requests) < call:
            break
    assert call > 8


@pytest.mark.slow
@pytest.mark.parametrize("others", [0, 1])
def test_killed_anywhere_a_second_run_comes_to_the_same_end(others: int) -> None:
    """As Argo does it, with the pod that is there or a new one."""
    for call in CALLS:
        shop = deployed()
        shop.ends["tests-of-v1"] = others
        shop.run("run-tests")

        def kill() -> None:
            raise Killed

        requests, called = _at(call, kill)
        with contextlib.suppress(Killed, PermanentError):
            shop.run("check-compatibility", called)
        with contextlib.suppress(RainbowError):
            shop.run("check-compatibility")
        status = shop.record().status
        assert status.phase is (Phase.FAILED if others else Phase.READY), call
        assert status.compatibility is not None
        assert status.compatibility.promise is (Promise.BROKEN if others else Promise.KEPT)
        if len(requests) < call:
            break
    assert call > 8


def test_retry_after_it_was_mended_makes_the_release_ready() -> None:
    """Its own tests had passed and are not run again: the check alone takes its failure back."""
    shop = deployed()
    shop.ends["tests-of-v1"] = 1
    shop.run("run-tests")
    with pytest.raises(PermanentError):
        shop.run("check-compatibility")
    assert shop.record().status.phase is Phase.FAILED
    with pytest.raises(Refused):
        switch.run(switch.Params(namespace="spawn", app="spawn", release="v2"), World(shop.kube, clock=shop.clock))
    shop.ends.clear()
    shop.run("check-compatibility")
    assert shop.record().status.phase is Phase.READY
