"""The whole life of an app's releases as a state machine: every step, in any order, killed, overtaken and deceived.

What runs is the code of the steps; only the API server, the proxy and Prometheus are emulated. A machine step is one
rule: a run of a step (perhaps with the run of another in the middle of it), or something that happens in the world.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rainbow.model.app import AppConfig
from rainbow.model.release import Phase
from steps import STEPS
from tests.deep.cluster import NAMESPACE
from tests.deep.metrics import PER_POD, QUERY, Fault
from tests.deep.oracle import ROUTES
from tests.deep.stage import BY_PEOPLE, Action, Disturbance, Stage

MOST = 9  # releases of one example
RECENT = st.sampled_from([-1, -1, -1, -2, -2, -3, -4, -6])  # which release, by its number from the newest
LAG = st.sampled_from([0, 0, 0, 0, 0, 1, 3])
_PIPELINE = ["make-room", "deploy", "run-tests", "switch", "switch", "wait-for-drain", "delete", "collect-garbage"]
ACTIONS = st.builds(
    Action,
    step=st.sampled_from([step for step in _PIPELINE if step in STEPS]),
    release=RECENT,
    insists=st.booleans(),
    by_hand=st.booleans(),
    lag=LAG,
) | st.builds(
    Action,
    step=st.sampled_from([step for step in sorted(BY_PEOPLE) if step in STEPS]),
    release=st.none() | RECENT,
    insists=st.booleans(),
    by_hand=st.booleans(),
    lag=LAG,
)
DISTURBANCES = st.none() | st.builds(
    Disturbance,
    at=st.integers(1, 40),
    kill=st.booleans(),
    after=st.booleans(),
    pause=st.sampled_from([0.0, 0.0, 10.0, 100.0, 2000.0]),
    rival=st.none() | ACTIONS,
    user=st.none() | st.integers(-3, 0),
)


ENTRIES = {"ingress": {"name": "shop"}, "service": {"name": "web", "ingress": "shop"}}


def config(route: str, **retention: Any) -> AppConfig:
    """rainbow.yaml with a route of that kind, and with times of seconds and minutes."""
    asking = {"url": "http://prometheus", "query": QUERY, "interval": "5s", "samples": 2, "maxAge": "30s"}
    return AppConfig.model_validate(
        {
            "app": "shop",
            "namespace": NAMESPACE,
            "manifests": {"kustomize": "deploy"},
            "readyTimeout": "2s",
            "strategy": retention.pop("strategy", "rainbow"),
            "route": {route: ENTRIES[route] | {"url": "http://proxy"}, "timeout": "1s"},
            "tests": {"image": "tests", "service": "web", "timeout": "10s"},
            "drain": {"prometheus": asking, "shrink": {"query": PER_POD, "workloads": ["web"], "minimum": 1}},
            "retention": {"minimumAge": "1m", "failedAge": "10m"} | retention,
        }
    )


class Lifecycle(RuleBasedStateMachine):
    """One app, from its first release on."""

    count: ClassVar[int] = 0  # machine steps of all examples so far
    log: ClassVar[Callable[[str], None]] = lambda _line: None

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(type(self).log)

    # --- what people and pipelines do -------------------------------------------------------------------------

    @initialize(
        route=st.sampled_from(["ingress", "service"]),
        keep=st.sampled_from([0, 0, 1, 2]),
        history=st.sampled_from([2, 50]),
        strategy=st.sampled_from(["rainbow", "rainbow", "rainbow", "blue-green"]),
        overdue=st.sampled_from([{}, {}, {"maximumDrainAge": "2h"}, {"maximumDrainAge": "2h", "overdue": "delete"}]),
    )
    def first(self, route: str, keep: int, history: int, strategy: str, overdue: dict[str, str]) -> None:
        """An app that has a release."""
        self.stage.oracle.route = ROUTES[route]
        self.stage.config = config(route, keep=keep, history=history, strategy=strategy, **overdue)
        self.stage.submit()
        self._promote(0)

    @precondition(lambda self: len(self.stage.releases) < MOST)
    @rule(disturbance=DISTURBANCES, at=st.integers(0, 3))
    def release(self, disturbance: Disturbance | None, at: int) -> None:
        """A new release, from deploy to switch as the workflow does it; one of the steps may be disturbed."""
        self._counted()
        self.stage.clock.sleep(1)
        self.stage.submit()
        self._promote(-1, disturbance, at)

    @precondition(lambda self: len(self.stage.releases) < MOST)
    @rule(task=st.booleans(), seconds=st.sampled_from([10, 120, 7300]), disturbance=DISTURBANCES, at=st.integers(0, 5))
    def release_and_clean_up(self, task: bool, seconds: int, disturbance: Disturbance | None, at: int) -> None:
        """A whole workflow, which a user has begun something before, and some time in the middle of it."""
        self._counted()
        if task:
            self.stage.task(None)
        self.stage.clock.sleep(1)
        self.stage.submit()
        self._promote(-1, disturbance, at)
        self.stage.clock.sleep(seconds)
        for number, step in enumerate(("wait-for-drain", "delete"), start=4):
            self.stage.run(Action(step, -1), disturbance if number == at else None)

    @rule(release=RECENT, disturbance=DISTURBANCES, at=st.integers(0, 3))
    def retry(self, release: int, disturbance: Disturbance | None, at: int) -> None:
        """The same once more, for any of them, however old."""
        self._counted()
        self._promote(release, disturbance, at)

    @precondition(lambda self: self.stage.oracle.deleted())
    @rule(insists=st.booleans(), disturbance=DISTURBANCES, at=st.integers(0, 4))
    def redeploy(self, insists: bool, disturbance: Disturbance | None, at: int) -> None:
        """The release that was cleaned up last is to come back."""
        self._counted()
        release = self.stage.releases.index(self.stage.oracle.deleted()[-1])
        if self.stage.run(Action("redeploy", release, insists=insists), disturbance if at == 4 else None):
            self._promote(release, disturbance, at)

    @rule(action=ACTIONS, disturbance=DISTURBANCES)
    def step(self, action: Action, disturbance: Disturbance | None) -> None:
        """Any step for any release, as a pipeline, a retry or a person may run it."""
        self._counted()
        self.stage.run(action, disturbance)

    @rule(release=RECENT, disturbance=DISTURBANCES)
    def a_person_switches(self, release: int, disturbance: Disturbance | None) -> None:
        """Back, or forward again."""
        self._counted()
        self.stage.run(Action("switch", release, insists=True, by_hand=True), disturbance)

    @rule(release=st.none() | RECENT, insists=st.booleans(), disturbance=DISTURBANCES)
    def a_person_rolls_back(self, release: int | None, insists: bool, disturbance: Disturbance | None) -> None:
        """To the one before, or to any."""
        self._counted()
        self.stage.run(Action("rollback", release, insists=insists, by_hand=True), disturbance)

    @rule(step=st.sampled_from(["hold", "resume"]), release=st.sampled_from([None, -1, -1, -2, -2, -2, -3]))
    def an_operator(self, step: str, release: int | None) -> None:
        """Holds the app or a release, or resumes it."""
        self._counted()
        self.stage.run(Action(step, release, by_hand=True))

    @rule(seconds=st.sampled_from([0, 60, 120]), disturbance=DISTURBANCES, at=st.integers(0, 2), lag=LAG)
    def clean_up(self, seconds: int, disturbance: Disturbance | None, at: int, lag: int) -> None:
        """The end of a release's workflow: wait, and delete."""
        self._counted()
        self.stage.clock.sleep(seconds)
        for number, step in enumerate(("wait-for-drain", "delete")):
            self.stage.run(Action(step, -1, lag=lag), disturbance if number == at else None)

    # --- what happens in the world ----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([1, 10, 60, 600, 3600]))
    def time_passes(self, seconds: int) -> None:
        """Nothing else does."""
        self._counted()
        self.stage.clock.sleep(seconds)

    @rule(release=st.none() | RECENT)
    def task_starts(self, release: int | None) -> None:
        """A user begins something long, by the users' route or by that of a single release."""
        self._counted()
        self.stage.task(None if release is None else self.stage.name(release))

    @precondition(lambda self: self.stage.store.tasks)
    @rule(which=st.integers(0, 3))
    def task_ends(self, which: int) -> None:
        """One of them is done."""
        self._counted()
        tasks = self.stage.store.tasks
        tasks.pop(sorted(tasks)[which % len(tasks)])

    @rule(fault=st.sampled_from(Fault))
    def prometheus_fails(self, fault: Fault) -> None:
        """In some way, or in none any more."""
        self._counted()
        self.stage.metrics.fault = fault

    @rule(requests=st.integers(1, 30))
    def the_proxy_is_late(self, requests: int) -> None:
        """It goes on by the routes as they are now."""
        self._counted()
        self.stage.traffic.fall_behind(requests)

    @rule(release=RECENT, broken=st.booleans(), failing=st.booleans())
    def a_release_is_bad(self, release: int, broken: bool, failing: bool) -> None:
        """Its pods made from now on never become ready, or its tests fail; or neither any more."""
        self._counted()
        name, store = self.stage.name(release), self.stage.store
        (store.broken.add if broken else store.broken.discard)(name)
        (store.failing.add if failing else store.failing.discard)(name)

    @rule(release=RECENT)
    def its_workflow_ends(self, release: int) -> None:
        """Well or not."""
        self._counted()
        self.stage.workflow(self.stage.name(release), "Failed")

    @rule()
    def the_lease_is_removed(self) -> None:
        """By an administrator with kubectl."""
        self._counted()
        self.stage.store.objects.pop(("leases", NAMESPACE, "rainbow-shop"), None)

    @rule(release=RECENT, there=st.booleans())
    def somebody_refers_to_it(self, release: int, there: bool) -> None:
        """An Ingress of an administrator's own leads to a release; or does no longer."""
        self._counted()
        self.stage.oracle.refer(self.stage.name(release), there=there)

    # --- what has to be true ----------------------------------------------------------------------------------

    @invariant()
    def users_are_served(self) -> None:
        """The route leads to one release whose pods are there, and no pod was ended under its tasks."""
        self.stage.oracle.check()

    def teardown(self) -> None:
        """Once nothing fails any more and all work is done, everything comes to its end."""
        try:
            self._converge()
        finally:
            self.stage.patches.undo()

    def _converge(self) -> None:
        stage = self.stage
        stage.metrics.fault, stage.traffic.late = Fault.NONE, 0
        stage.store.tasks.clear()
        for number, name in enumerate(stage.releases):
            stage.workflow(name, "Failed")
            stage.oracle.refer(name, there=False)
            stage.run(Action("resume", number))
        stage.run(Action("resume", None))
        if stage.oracle.route not in stage.store.objects:
            return
        for seconds in (60, 3 * 3600, 3 * 3600, 60):
            stage.clock.sleep(seconds)
            current = stage.oracle.current()
            assert current is not None
            for step in ("switch", "wait-for-drain", "delete"):
                stage.run(Action(step, stage.releases.index(current)))
        for name in stage.releases:
            self._settled(name)

    def _settled(self, name: str) -> None:
        stage = self.stage
        record = stage.oracle.find(name)
        if record is None:
            return
        status = record.status
        if name == stage.oracle.current():
            now = (status.phase, status.traffic, status.demoted_at)
            assert now == (Phase.CURRENT, "100%", None), f"{name}: {status}"
            return
        if name in stage.oracle.kept():
            # A switch to it that was broken off is ended by the next one; nobody else takes its mark away.
            assert stage.store.of("deployments", name), f"{name} was to be kept: {status}"
            return
        assert status.traffic != "switching", f"{name}: a mark is left: {status}"
        assert status.phase is Phase.DELETED, f"{name} is never deleted: {status}"
        assert status.deleted_at is not None
        left = [o["metadata"]["name"] for kind in ("deployments", "services") for o in stage.store.of(kind, name)]
        assert not left, f"{name}: left behind: {left}"

    # --- how ----------------------------------------------------------------------------------------------------

    def _counted(self) -> None:
        type(self).count += 1

    def _promote(self, release: int, disturbance: Disturbance | None = None, at: int = 0) -> None:
        steps = [step for step in ("make-room", "deploy", "run-tests", "switch") if step in STEPS]
        for number, step in enumerate(steps):
            if not self.stage.run(Action(step, release), disturbance if number == at else None):
                return
