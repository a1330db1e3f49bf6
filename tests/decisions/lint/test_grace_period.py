"""What the grace period has to cover."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, container, found, of, said, service

PATH = "spec.template.spec.terminationGracePeriodSeconds"
NO_HOOK = container(lifecycle=None)
LONG_HOOK = container(lifecycle={"preStop": {"sleep": {"seconds": 90}}})


@pytest.mark.parametrize(
    ("case", "grace", "made", "longest", "places"),
    [
        ("long enough", 35, container(), "30s", []),
        ("a second too short", 34, container(), "30s", [PATH]),
        ("the default", None, container(), "30s", [PATH]),
        ("the default, for quick requests", None, container(), "25s", []),
        ("a hook that is to come counts too", 30, NO_HOOK, "30s", [PATH]),
        ("long requests", 60, container(), "1h", [PATH]),
        ("killed in its hook, which is another finding", 60, LONG_HOOK, "30s", []),
    ],
)
def test_the_last_request_is_answered(case: str, grace: Any, made: Any, longest: str, places: list[str]) -> None:
    """The preStop delay and the longest request of this app."""
    made = of(made, terminationGracePeriodSeconds=grace)
    findings = found("grace-period", made, service(), lint={"longestRequest": longest})
    assert said(findings) == [(ERROR, "Deployment web", place) for place in places], case


def test_how_long_a_task_of_a_worker_takes_is_not_known() -> None:
    """Nobody sends it requests: there is nothing to compare with."""
    assert not found("grace-period", of(container(), terminationGracePeriodSeconds=1))


def test_it_is_given_what_it_needs() -> None:
    """The very number that the finding names."""
    (finding,) = found("grace-period", of(container(), terminationGracePeriodSeconds=10), service())
    assert finding.patch == {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 35}}}}
    assert "35" in finding.fix
