"""Which update strategies take the last ready pod away."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, WARNING, autoscaler, found, said, service, workload


def rolling(unavailable: Any, replicas: int | None = 1) -> Any:
    """A Deployment with this setting."""
    return workload(replicas=replicas, strategy={"rollingUpdate": {"maxUnavailable": unavailable}})


UNAVAILABLE = "spec.strategy.rollingUpdate.maxUnavailable"
RECREATE = workload(strategy={"type": "Recreate"})


@pytest.mark.parametrize(
    ("case", "objects", "places"),
    [
        ("the defaults", [workload(replicas=1)], []),
        ("none may be missing", [rolling(0)], []),
        ("the only one may", [rolling(1)], [UNAVAILABLE]),
        ("replicas left out are one", [rolling(1, None)], [UNAVAILABLE]),
        ("a part of one, rounded down", [rolling("99%")], []),
        ("all of it", [rolling("100%")], [UNAVAILABLE]),
        ("one of two", [rolling(1, 2)], []),
        ("two of two", [rolling(2, 2)], [UNAVAILABLE]),
        ("an autoscaler that goes down to one", [rolling(1, 2), autoscaler()], [UNAVAILABLE]),
        ("an autoscaler that does not", [rolling(1, None), autoscaler(minReplicas=2)], []),
        ("all end first", [RECREATE], ["spec.strategy.type"]),
        ("no pod at all", [rolling(1, 0)], []),
    ],
)
def test_new_pods_come_first(case: str, objects: Any, places: list[str]) -> None:
    """An error when users are asked to wait, a warning for a worker; both are completed in the same way."""
    served = found("unavailable-with-one-replica", *objects, service())
    assert said(served) == [(ERROR, "Deployment web", place) for place in places], case
    worker = found("unavailable-with-one-replica", *objects)
    assert said(worker) == [(WARNING, "Deployment web", place) for place in places], case
    assert all(one.patch and one.patch["spec"]["strategy"]["type"] == "RollingUpdate" for one in served)


@pytest.mark.parametrize(
    ("mode", "replicas", "wrong"),
    [("surge", 1, False), ("both", 1, False), ("unavailable", 2, False), ("unavailable", 1, True)],
)
def test_what_is_rolled_goes_by_the_mode_in_rainbow_yaml(mode: str, replicas: int, wrong: bool) -> None:
    """That is put over what the manifest says, so the finding is about that."""
    made = workload(replicas=replicas, strategy={"type": "Recreate"})
    config = {"strategy": "rolling", "rolling": {"mode": mode}}
    expected = [(ERROR, "rainbow.yaml", "rolling.mode")] if wrong else []
    assert said(found("unavailable-with-one-replica", made, service(), **config)) == expected
