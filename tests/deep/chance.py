"""Examples of the state machine by plain chance: each by itself, none a variation of the one before.

Hypothesis varies what it has tried, which suits single functions; here it made most examples alike, and bugs that need
a few things at once were found late or never. So its choices are given to it (a provider, as it calls that). Examples
that failed are made small by leaving out steps, which takes seconds where its own way takes minutes.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.stateful import run_state_machine_as_test

from tests.deep import machine
from tests.deep.machine import Lifecycle

STEPS = 50  # machine steps of one example, at most


class Chance(HypothesisProvider):
    """Its choices as they come: the same for the same seed, and any number as likely as any other.

    Hypothesis would prefer numbers that stand in the source of whatever modules happen to be loaded, so that one seed
    gave other examples beside other tests.
    """

    def draw_integer(
        self,
        min_value: int | None = None,
        max_value: int | None = None,
        *,
        weights: dict[int, float] | None = None,
        shrink_towards: int = 0,
    ) -> int:
        """One of them all; here every choice has bounds."""
        assert self._random is not None
        assert min_value is not None
        assert max_value is not None
        assert weights is None
        return self._random.randint(min_value, max_value)


AVAILABLE_PROVIDERS["chance"] = f"{__name__}.Chance"


class Broken(AssertionError):
    """A rule of the design was broken. The message has the smallest example that is known."""


def run(number: int, examples: int) -> None:
    """That many examples by one seed. Raises Broken."""
    if (error := broken_by(number, examples)) is not None:
        told = [line for note in getattr(error, "__notes__", []) for line in note.splitlines()]
        steps = [line for line in told if line.startswith("state.") and "users_are_served" not in line][:-1]
        raise Broken(_report(error, smallest(steps, error))) from error


def broken_by(number: int, examples: int) -> Exception | None:
    """How the first of them fails that does; None when none does."""
    budget = settings(
        backend="chance",
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    try:
        run_state_machine_as_test(seed(number)(Lifecycle), settings=budget)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told with its example
        return error
    return None


def smallest(steps: Sequence[str], error: Exception) -> list[str]:
    """The same without all that is not needed to fail in the same way."""
    left, size = list(steps), max(1, len(steps) // 2)
    while True:
        for start in range(len(left) - size, 0, -size):
            fewer = left[:start] + left[start + size :]
            if _alike(replay(fewer), error):
                left = fewer
        if size == 1:
            return left
        size //= 2


def replay(steps: Sequence[str]) -> Exception | None:
    """How these steps fail; None when they do not."""
    state = Lifecycle()
    try:
        for step in steps:
            eval(step, vars(machine) | {"state": state})  # noqa: S307 - our own words
            state.users_are_served()
        state.teardown()
    except Exception as error:  # noqa: BLE001 - what it is, is what is asked
        return error
    finally:
        state.stage.patches.undo()
    return None


def _alike(one: Exception | None, other: Exception) -> bool:
    """By its kind and its last line of code."""
    return type(one) is type(other) and one is not None and _place(one) == _place(other)


def _place(error: Exception) -> tuple[str, int] | None:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return (at.tb_frame.f_code.co_filename, at.tb_lineno) if at is not None else None


def _report(error: Exception, steps: Sequence[str]) -> str:
    again = replay(steps)
    return "\n".join([f"{type(error).__name__}: {error if again is None else again}", *steps, "state.teardown()"])
