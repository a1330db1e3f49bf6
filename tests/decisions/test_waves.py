"""A release through several clusters: what is next, as named tables, and as a world in which anything may happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rainbow.decisions.region import Region, Return, Standing
from rainbow.decisions.waves import PATIENCE, Act, Waves, WavesDecision, decide_drained, decide_waves
from rainbow.decisions.workflow_view import Outcome, StepState, StepView, WorkflowView
from rainbow.model.clusters import OnFailure

S = Standing
WAVES = (("a",), ("b", "c"))
CURRENT = {"current": True}


def now(*regions: Standing | Region, on_failure: OnFailure = OnFailure.ROLLBACK, built: bool = True) -> Waves:
    """The clusters a, b and c, of which a is the first wave."""
    lived = (S.SETTLED, S.BAKING)
    found = [r if isinstance(r, Region) else Region(r, r.value, current=r in lived) for r in regions]
    return Waves("v7", WAVES, dict(zip("abc", found, strict=True)), on_failure, built)


def silent(seconds: float) -> Region:
    """A cluster that does not answer."""
    return Region(S.UNKNOWN, "connection refused", silent=timedelta(seconds=seconds))


def failed(**more: Any) -> Region:
    """A cluster in which it failed."""
    return Region(S.FAILED, "run-tests failed", **more)


TABLE: Mapping[str, tuple[Waves, Act, str]] = {
    "at first only the first wave": (now(S.ABSENT, S.ABSENT, S.ABSENT), Act.SUBMIT, "a"),
    "while it is under way nothing else": (now(S.UNDER_WAY, S.ABSENT, S.ABSENT), Act.WAIT, "a"),
    "its bake comes before the next wave": (now(S.BAKING, S.ABSENT, S.ABSENT), Act.WAIT, "a"),
    "then the whole next wave": (now(S.SETTLED, S.ABSENT, S.ABSENT), Act.SUBMIT, "bc"),
    "what is left of a wave that was broken off": (now(S.SETTLED, S.UNDER_WAY, S.ABSENT), Act.SUBMIT, "c"),
    "all of a wave": (now(S.SETTLED, S.SETTLED, S.BAKING), Act.WAIT, "c"),
    "the end": (now(S.SETTLED, S.SETTLED, S.SETTLED), Act.DONE, "abc"),
    "the first one builds": (now(S.ABSENT, S.ABSENT, S.ABSENT, built=False), Act.SUBMIT, "a"),
    # --- unknown -------------------------------------------------------------------------------------------------
    "nothing begins while any of them is silent": (now(S.ABSENT, S.ABSENT, silent(1)), Act.WAIT, "c"),
    "and nothing begins at all when it stays so": (now(S.ABSENT, S.ABSENT, silent(300)), Act.STOP, "c"),
    "a silent one is not settled": (now(silent(1), S.ABSENT, S.ABSENT), Act.WAIT, "a"),
    "nor is one of an earlier wave": (now(silent(1), S.SETTLED, S.SETTLED), Act.WAIT, "a"),
    "a wave with a silent one is not begun": (now(S.SETTLED, S.ABSENT, silent(1)), Act.WAIT, "c"),
    "a later wave may be silent for now": (now(S.BAKING, S.ABSENT, silent(299)), Act.WAIT, "a"),
    # --- failure -------------------------------------------------------------------------------------------------
    "a failure rolls back where it is current": (now(S.SETTLED, failed(), S.BAKING), Act.ROLL_BACK, "ac"),
    "also where it failed after it was current": (now(S.SETTLED, failed(**CURRENT), S.ABSENT), Act.ROLL_BACK, "ab"),
    "a rollback by hand in one is a failure too": (now(S.SETTLED, S.ROLLED_BACK, S.UNDER_WAY), Act.ROLL_BACK, "a"),
    "who is under way is waited for": (now(S.ROLLED_BACK, failed(), S.UNDER_WAY), Act.WAIT, "c"),
    "and so is a rollback": (
        now(Region(S.SETTLED, current=True, back=Return.UNDER_WAY), failed(), S.ABSENT),
        Act.WAIT,
        "a",
    ),
    "a rollback that failed is not repeated": (
        now(Region(S.SETTLED, current=True, back=Return.FAILED, why_back="held"), failed(), S.ABSENT),
        Act.STOP,
        "b",
    ),
    "in the end it has failed": (now(S.ROLLED_BACK, failed(), S.ABSENT), Act.STOP, "ab"),
    "a silent one is not rolled back blindly": (now(S.ROLLED_BACK, failed(), silent(1)), Act.WAIT, "c"),
    "nor waited for without end": (now(S.ROLLED_BACK, failed(), silent(300)), Act.STOP, "c"),
    "left alone when that is wanted": (
        now(S.SETTLED, failed(), S.UNDER_WAY, on_failure=OnFailure.LEAVE),
        Act.STOP,
        "b",
    ),
    # --- others --------------------------------------------------------------------------------------------------
    "a newer one takes over": (now(S.OVERTAKEN, S.ABSENT, S.ABSENT), Act.STOP, "a"),
    "its clusters are not rolled back under it": (now(S.OVERTAKEN, failed(), S.SETTLED), Act.STOP, "a"),
    "a newer one that is further on elsewhere": (
        now(
            Region(S.SETTLED, current=True, there=("v8",), newer=frozenset({"v8"})),
            Region(S.ABSENT, there=("v6", "v8")),
            S.ABSENT,
        ),
        Act.STOP,
        "b",
    ),
    "a newer one that only begins": (
        now(Region(S.SETTLED, current=True, there=("v8",), newer=frozenset({"v8"})), S.ABSENT, S.ABSENT),
        Act.SUBMIT,
        "bc",
    ),
    "another release of that id": (now(S.SETTLED, S.OTHER, S.ABSENT), Act.STOP, "b"),
    "a hold anywhere, before it begins": (now(S.ABSENT, S.ABSENT, Region(S.ABSENT, held="by ann")), Act.STOP, "c"),
    "a hold where it is due": (now(S.SETTLED, Region(S.ABSENT, held="by ann"), S.ABSENT), Act.STOP, "b"),
    "a hold elsewhere": (now(S.BAKING, Region(S.ABSENT, held="by ann"), S.ABSENT), Act.WAIT, "a"),
}


@pytest.mark.parametrize("name", TABLE)
def test_next(name: str) -> None:
    """The table, and no stop without a reason."""
    at, act, clusters = TABLE[name]
    decision = decide_waves(at)
    assert (decision.act, "".join(decision.clusters)) == (act, clusters)
    assert decision.reasons


def test_only_silence_is_a_stop_for_now() -> None:
    """Exit 75 means that the same command may do later; a failure stays one, whoever is silent besides."""
    assert decide_waves(now(S.ABSENT, S.ABSENT, silent(300))).temporary
    assert not decide_waves(now(S.ROLLED_BACK, failed(), silent(300))).temporary
    assert not decide_waves(now(S.OVERTAKEN, S.ABSENT, S.ABSENT)).temporary


def test_reasons_name_cluster_and_cause() -> None:
    """What people read when it has stopped."""
    stuck = Region(S.SETTLED, current=True, back=Return.FAILED, why_back="the app is held")
    assert decide_waves(now(stuck, failed(), S.ABSENT)).reasons == (
        "b: run-tests failed",
        "a: could not be rolled back: the app is held",
    )
    assert decide_waves(now(S.ABSENT, S.ABSENT, silent(301))).reasons == ("c: unknown for 5m1s: connection refused",)


RUNNING = WorkflowView([StepView("wait-for-drain", StepState.RUNNING)], Outcome.LIVE, "")
OVER = WorkflowView([], Outcome.FINISHED, "")
BROKEN = WorkflowView([StepView("delete", StepState.FAILED, message="boom")], Outcome.FAILED, "")
DRAINED: Mapping[str, tuple[Sequence[WorkflowView | None], Standing | Region, Act, str]] = {
    "all are over": ([OVER, OVER, OVER], S.SETTLED, Act.DONE, "abc"),
    "one is there no more": ([OVER, OVER, None], S.SETTLED, Act.DONE, "abc"),
    "one waits": ([OVER, RUNNING, BROKEN], S.SETTLED, Act.WAIT, "b"),
    "one has failed": ([OVER, BROKEN, OVER], S.SETTLED, Act.STOP, "b"),
    "of one nobody knows": ([OVER, OVER, None], silent(1), Act.WAIT, "c"),
    "nor for long": ([OVER, OVER, None], silent(300), Act.STOP, "c"),
    "a newer one took over, and its workflow waits": ([OVER, OVER, RUNNING], S.OVERTAKEN, Act.WAIT, "c"),
}


@pytest.mark.parametrize("name", DRAINED)
def test_drained(name: str) -> None:
    """Over is what is known to be over; exit 75 only for silence."""
    views, last, act, clusters = DRAINED[name]
    decision = decide_drained(now(S.SETTLED, S.SETTLED, last), dict(zip("abc", views, strict=True)))
    assert (decision.act, "".join(decision.clusters)) == (act, clusters)
    assert decision.reasons
    assert decision.temporary is (name == "nor for long")


# --- a world in which anything may happen -------------------------------------------------------------------------


@dataclass
class Fate:
    """What becomes of the release in one cluster, once it is submitted, and when the cluster does not answer."""

    way: Sequence[Standing]  # from the moment of its submission, a step each look
    back: Sequence[Return]  # from the moment of its rollback
    silent: Sequence[bool]  # look by look; after these it answers
    at: int = -1
    back_at: int = -1
    looks: int = 0
    gone_back: bool = False

    def seen(self) -> Region:
        """One look later."""
        self.looks += 1
        if self.at >= 0:
            self.at = min(self.at + 1, len(self.way) - 1)
        if self.back_at >= 0:
            self.back_at += 1
            self.gone_back = self.gone_back or (self.back_at >= len(self.back) and Return.FAILED not in self.back)
        if self.looks <= len(self.silent) and self.silent[self.looks - 1]:
            return Region(S.UNKNOWN)
        return self.truth()

    def truth(self) -> Region:
        """How it is, whether the cluster answers or not."""
        if self.at < 0:
            return Region(S.ABSENT)
        standing = self.way[self.at]
        if self.gone_back:
            return Region(S.ROLLED_BACK, "rolled back")
        current = standing in (S.BAKING, S.SETTLED) or (standing is S.FAILED and S.BAKING in self.way)
        back = Return.NONE if self.back_at < 0 else self.back[min(self.back_at, len(self.back) - 1)]
        return Region(standing, standing.value, current=current, back=back)


TICK = PATIENCE / 4  # from one look to the next
GOOD = (S.UNDER_WAY, S.BAKING, S.SETTLED)
WAYS = [
    GOOD,
    (S.UNDER_WAY, S.UNDER_WAY, S.UNDER_WAY, S.SETTLED),
    (S.UNDER_WAY, S.FAILED),
    (S.UNDER_WAY, S.BAKING, S.FAILED),
    (S.UNDER_WAY, S.BAKING, S.ROLLED_BACK),
    (S.UNDER_WAY, S.BAKING, S.OVERTAKEN),
    (*GOOD, S.SETTLED, S.OVERTAKEN),
    (*GOOD, S.SETTLED, S.ROLLED_BACK),
]
BACKS = [(Return.UNDER_WAY,), (Return.UNDER_WAY, Return.UNDER_WAY), (Return.UNDER_WAY, Return.FAILED)]
fates = st.builds(
    Fate,
    way=st.sampled_from(WAYS),
    back=st.sampled_from(BACKS),
    silent=st.lists(st.booleans(), max_size=8) | st.just([True] * 40) | st.just([False] * 3 + [True] * 40),
)
BAD = (S.FAILED, S.ROLLED_BACK, S.OVERTAKEN)


@dataclass
class World:
    """The clusters, and what was asked of them."""

    waves: Sequence[Sequence[str]]
    fates: Mapping[str, Fate]
    on_failure: OnFailure
    submitted: list[str] = field(default_factory=list)
    since: dict[str, int] = field(default_factory=dict)

    def look(self, tick: int) -> Waves:
        """As the command looks; how long each has been silent is what the command itself measures."""
        regions = {}
        for name, fate in self.fates.items():
            region = fate.seen()
            if region.standing is S.UNKNOWN:
                region = replace(region, silent=(tick - self.since.setdefault(name, tick)) * TICK)
            else:
                self.since.pop(name, None)
            regions[name] = region
        return Waves("v7", self.waves, regions, self.on_failure)

    def obey(self, seen: Waves, decision: WavesDecision) -> None:
        """Do it, and check that it was right to."""
        for name in decision.clusters:
            if decision.act is Act.SUBMIT:
                earlier = self.waves[: next(i for i, wave in enumerate(self.waves) if name in wave)]
                assert all(seen.regions[n].standing is S.SETTLED for wave in earlier for n in wave)
                assert not [n for n, region in seen.regions.items() if region.standing in BAD]
                assert seen.regions[name].standing is S.ABSENT
                self.fates[name].at = 0
                self.submitted.append(name)
            elif decision.act is Act.ROLL_BACK:
                assert self.on_failure is OnFailure.ROLLBACK
                assert name in self.submitted
                assert seen.regions[name].current
                assert [n for n, region in seen.regions.items() if region.standing in (S.FAILED, S.ROLLED_BACK)]
                assert self.fates[name].back_at < 0, "a rollback is asked for once"
                self.fates[name].back_at = 0


@settings(max_examples=600, deadline=None)
@given(st.lists(st.lists(fates, min_size=1, max_size=3), min_size=1, max_size=3), st.sampled_from(OnFailure))
def test_whatever_happens_it_ends_and_no_wave_begins_before_the_one_before_is_settled(
    drawn: list[list[Fate]], on_failure: OnFailure
) -> None:
    """No submission after a failure; rollbacks only of what this release reached and failed elsewhere; and an end."""
    named = [[(f"{w}{i}", fate) for i, fate in enumerate(wave)] for w, wave in enumerate(drawn)]
    waves = [[name for name, _ in wave] for wave in named]
    world = World(waves, {name: fate for wave in named for name, fate in wave}, on_failure)
    for tick in range(100):
        seen = world.look(tick)
        decision = decide_waves(seen)
        if decision.act in (Act.DONE, Act.STOP):
            break
        assert decision.clusters, "whoever waits waits for somebody"
        world.obey(seen, decision)
    assert decision.act in (Act.DONE, Act.STOP)
    if decision.act is Act.DONE:
        assert {region.standing for region in seen.regions.values()} == {S.SETTLED}
    elif on_failure is OnFailure.ROLLBACK and any(r.standing is S.FAILED for r in seen.regions.values()):
        overtaken = any(region.standing is S.OVERTAKEN for region in seen.regions.values())
        kept = [n for n, r in seen.regions.items() if r.current and r.back is not Return.FAILED]
        assert overtaken or not kept, "nothing stays current by forgetting it"
