"""What happens in the world while releases live: users, faults, administrators; and what has to be true throughout."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.deep.bus import BusFault
from tests.deep.choices import RECENT, TROUBLE
from tests.deep.cluster import NAMESPACE
from tests.deep.ending import end
from tests.deep.metrics import Fault
from tests.deep.stage import Stage


class Surroundings(RuleBasedStateMachine):
    """An app that nobody releases."""

    count: ClassVar[int] = 0  # machine steps of all examples so far
    log: ClassVar[Callable[[str], None]] = lambda _line: None

    def __init__(self) -> None:
        super().__init__()
        self.stage = Stage(type(self).log)

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

    @precondition(lambda self: self.stage.app.bus)
    @rule(release=RECENT)
    def message_moves(self, release: int) -> None:
        """A worker of the release takes one, or is done with one."""
        self._counted()
        self.stage.bus.move(self.stage.name(release))

    @precondition(lambda self: self.stage.app.approval)
    @rule(release=RECENT, answer=st.sampled_from(["yes", "no"]))
    def somebody_answers(self, release: int, answer: str) -> None:
        """At the gate of a release."""
        self._counted()
        self.stage.oracle.answers[self.stage.name(release)] = answer

    @rule(trouble=TROUBLE)
    def nobody_can_tell(self, trouble: Fault | BusFault) -> None:
        """Prometheus or the bus fails in some way, or in none any more."""
        self._counted()
        self._in_trouble(trouble)

    @rule(release=RECENT, harm=st.booleans(), users=st.booleans())
    def users_come_and_go(self, release: int, harm: bool, users: bool) -> None:
        """And a release does them harm, or no more."""
        self._counted()
        metrics = self.stage.metrics
        (metrics.harmful.add if harm else metrics.harmful.discard)(self.stage.name(release))
        metrics.users = users

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
        self.stage.store.objects.discard(("leases", NAMESPACE, "rainbow-shop"))

    @rule(release=RECENT, there=st.booleans())
    def somebody_refers_to_it(self, release: int, there: bool) -> None:
        """An Ingress of an administrator's own leads to a release; or does no longer."""
        self._counted()
        self.stage.oracle.refer(self.stage.name(release), there=there)

    @invariant()
    def users_are_served(self) -> None:
        """The route leads to one release whose pods are there, and no pod was ended under its tasks."""
        self.stage.oracle.check()

    def teardown(self) -> None:
        """Once nothing fails any more and all work is done, everything comes to its end."""
        try:
            self.stage.store.objects.check()
            end(self.stage)
        finally:
            self.stage.patches.undo()

    def _counted(self) -> None:
        type(self).count += 1

    def _in_trouble(self, trouble: Fault | BusFault) -> None:
        if isinstance(trouble, BusFault):
            self.stage.bus.fault = trouble
        else:
            self.stage.metrics.fault = trouble
