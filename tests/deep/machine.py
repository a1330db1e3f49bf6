"""The whole life of an app's releases as a state machine: every step, in any order, killed, overtaken and deceived.

What runs is the code of the steps; only the API server, the proxy, Prometheus and the bus are emulated. A machine step
is one rule: runs of steps (perhaps with the run of another in the middle of one), or something that happens in the
world (tests/deep/surroundings.py).
"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.deep.bases import App
from tests.deep.bus import BusFault
from tests.deep.choices import ACTIONS, ANSWERS, APPS, DISTURBANCES, LAG, RECENT, TROUBLE
from tests.deep.metrics import Fault
from tests.deep.stage import Action, Disturbance
from tests.deep.surroundings import Surroundings

MOST = 9  # releases of one example
_PROMOTION = ["make-room", "deploy", "run-tests", "check-compatibility", "switch"]


class Lifecycle(Surroundings):
    """One app, from its first release on: what people and pipelines do."""

    @initialize(app=APPS)
    def first(self, app: App) -> None:
        """An app that has a release."""
        self.stage.begin(app)
        self.stage.submit(adopted=app.adopted)
        self.stage.oracle.answers["rel0"] = "yes"
        if app.adopted:
            assert self.stage.run(Action("adopt", 0)), "what runs as it was applied can be adopted"
            self.stage.oracle.moved(None, "rel0")
        else:
            self._promote(0)

    @precondition(lambda self: len(self.stage.releases) < MOST)
    @rule(disturbance=DISTURBANCES, at=st.integers(0, 5), answer=ANSWERS, harm=st.sampled_from([False, False, True]))
    def release(
        self, disturbance: Disturbance | None, at: int, answer: str | None = "yes", *, harm: bool = False
    ) -> None:
        """A new release, from deploy to switch as the workflow does it; one of the steps may be disturbed."""
        self._counted()
        self._anew(answer, harm=harm)
        self._promote(-1, disturbance, at)

    @precondition(lambda self: len(self.stage.releases) < MOST)
    @rule(task=st.booleans(), seconds=st.sampled_from([10, 120, 7300]), disturbance=DISTURBANCES, at=st.integers(0, 7))
    def release_and_clean_up(self, task: bool, seconds: int, disturbance: Disturbance | None, at: int) -> None:
        """A whole workflow, which a user has begun something before, and some time in the middle of it."""
        self._counted()
        if task:
            self.stage.task(None)
        self._anew("yes")
        self._promote(-1, disturbance, at)
        self.stage.clock.sleep(seconds)
        for number, step in enumerate(("wait-for-drain", "delete"), start=6):
            self.stage.run(Action(step, -1), disturbance if number == at else None)

    @precondition(lambda self: len(self.stage.releases) < MOST)
    @rule(tasks=st.integers(0, 2), seconds=st.sampled_from([10, 120, 120, 7300]), trouble=TROUBLE)
    def release_and_clean_up_in_the_dark(self, tasks: int, seconds: int, trouble: Fault | BusFault) -> None:
        """The same while what tells of the work of the one before is wrong in some way."""
        self._counted()
        for _ in range(tasks):
            self.stage.task(None)
        self._anew("yes")
        self._promote(-1)
        self.stage.clock.sleep(seconds)
        self._in_trouble(trouble)
        for step in ("wait-for-drain", "delete", "collect-garbage"):
            self.stage.run(Action(step, -1))
        self._in_trouble(Fault.NONE)
        self._in_trouble(BusFault.NONE)

    @precondition(lambda self: self.stage.app.bake and len(self.stage.releases) < MOST)
    @rule(harm=st.booleans(), users=st.booleans(), trouble=TROUBLE, disturbance=DISTURBANCES)
    def release_and_bake(
        self, harm: bool, users: bool, trouble: Fault | BusFault, disturbance: Disturbance | None
    ) -> None:
        """A release that does harm, perhaps, and is watched meanwhile by somebody who may not know."""
        self._counted()
        self._anew("yes", harm=harm)
        self.stage.metrics.users = users
        self._in_trouble(trouble)
        self._promote(-1, disturbance, 5)
        self._in_trouble(Fault.NONE)
        self.stage.metrics.users = True

    @rule(release=RECENT, disturbance=DISTURBANCES, at=st.integers(0, 5))
    def retry(self, release: int, disturbance: Disturbance | None, at: int) -> None:
        """The same once more, for any of them, however old."""
        self._counted()
        self._promote(release, disturbance, at)

    @precondition(lambda self: self.stage.oracle.deleted())
    @rule(insists=st.booleans(), disturbance=DISTURBANCES, at=st.integers(0, 6))
    def redeploy(self, insists: bool, disturbance: Disturbance | None, at: int) -> None:
        """The release that was cleaned up last is to come back."""
        self._counted()
        release = self.stage.releases.index(self.stage.oracle.deleted()[-1])
        if self.stage.run(Action("redeploy", release, insists=insists), disturbance if at == 6 else None):
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

    def _anew(self, answer: str | None, *, harm: bool = False) -> None:
        self.stage.clock.sleep(1)
        self.stage.submit()
        name = self.stage.releases[-1]
        if answer is not None:
            self.stage.oracle.answers[name] = answer
        if harm:
            self.stage.metrics.harmful.add(name)

    def _promote(self, release: int, disturbance: Disturbance | None = None, at: int = 0) -> None:
        for number, step in enumerate([*_PROMOTION, *["bake"] * self.stage.app.bake]):
            if not self.stage.run(Action(step, release), disturbance if number == at else None):
                return
