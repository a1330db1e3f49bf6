"""When two probes are the same, and how patient the second one has to be."""

from typing import Any

import pytest

from tests.decisions.lint.make import WARNING, container, found, of, said, service

READY = {"httpGet": {"path": "/readyz", "port": "http"}}
PATH = "spec.template.spec.containers[0].livenessProbe"


@pytest.mark.parametrize(
    ("case", "alive", "ready", "places"),
    [
        ("two questions", {"httpGet": {"path": "/healthz", "port": "http"}}, READY, []),
        ("one question", READY, READY, [PATH]),
        ("one question, the port once by number", {"httpGet": {"path": "/readyz", "port": 8000}}, READY, [PATH]),
        ("no liveness probe", None, READY, []),
        ("no readiness probe", READY, None, []),
        ("far more patient", READY | {"failureThreshold": 15}, READY, []),
        ("a little more patient", READY | {"failureThreshold": 5}, READY, [PATH]),
        ("patient for a minute at least", READY | {"periodSeconds": 5}, READY | {"periodSeconds": 1}, [PATH]),
        ("other headers", {"httpGet": READY["httpGet"] | {"httpHeaders": []}}, READY, []),
        ("the same command", {"exec": {"command": ["ok"]}}, {"exec": {"command": ["ok"]}}, [PATH]),
    ],
)
def test_liveness_asks_another_question_or_waits(case: str, alive: Any, ready: Any, places: list[str]) -> None:
    """A warning: it harms when something else is away."""
    made = of(container(livenessProbe=alive, readinessProbe=ready))
    found_ = found("liveness-same-as-readiness", made, service())
    assert said(found_) == [(WARNING, "Deployment web", place) for place in places], case


def test_what_is_given_is_patience() -> None:
    """As many tries as it needs at its own period."""
    made = of(container(livenessProbe=READY | {"periodSeconds": 7}, readinessProbe=READY | {"periodSeconds": 4}))
    (finding,) = found("liveness-same-as-readiness", made)
    assert finding.patch is not None
    (changed,) = finding.patch["spec"]["template"]["spec"]["containers"]
    assert changed["livenessProbe"] == {"failureThreshold": 9}  # 63 s; five times 12 s would do
