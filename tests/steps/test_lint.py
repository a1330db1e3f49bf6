"""The step `lint` against an emulated API server: what it stops, what it says, and what a kill or a retry leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from emulated import START, Emulated, Killed, StoppedClock, Store

from rainbow.adapters.kube import Object
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.errors import BadInput, PermanentError, Refused
from rainbow.model.release import Phase, Release, ReleaseSpec, new_record
from steps import lint
from tests.decisions.lint.make import budget, container, of, service, workload
from tests.decisions.make import app

BAD = [of(container(readinessProbe=None)), service(), budget()]
GOOD = [workload(), service(), budget()]
PINNED = container(image="shop")


class Cluster:
    """Records, and the step."""

    def __init__(self) -> None:
        self.kube = Emulated(None, store=Store())
        self.lines: list[str] = []

    def submit(self, base: list[Object], *, given: dict[str, str] | None = None, **config: Any) -> None:
        """The record of v1."""
        manifests = "\n---\n".join(json.dumps(obj) for obj in base)
        spec = ReleaseSpec(release="v1", app=app(**config), manifests=manifests, images=given or {})
        self.kube.create(new_record(spec))

    def lint(self, **params: Any) -> None:
        """Run the step."""
        world = World(self.kube, clock=StoppedClock(), say=self.lines.append)
        given = {"namespace": "spawn", "app": "spawn", "release": "v1"} | params
        lint.run(lint.Params.model_validate(given), world)

    @property
    def record(self) -> Release:
        """As it is now."""
        return read_release(self.kube, "spawn", "spawn", "v1")

    @property
    def said(self) -> str:
        """All lines."""
        return "\n".join(self.lines)


@pytest.fixture
def cluster() -> Cluster:
    """An empty one."""
    return Cluster()


def test_manifests_in_which_nothing_is_wrong_go_on(cluster: Cluster) -> None:
    """The record is left as it is."""
    cluster.submit(GOOD)
    before = cluster.record
    cluster.lint()
    assert cluster.record == before
    assert "can be released; warnings: 0" in cluster.said


def test_errors_stop_the_release_and_name_each(cluster: Cluster) -> None:
    """Failed, with the findings as its message and what to do; nothing but the record is there."""
    cluster.submit(BAD)
    with pytest.raises(PermanentError, match=r"(?s)readiness-probe: container web has no.*Nothing was deployed.*--fix"):
        cluster.lint()
    status = cluster.record.status
    assert status.phase is Phase.FAILED
    assert "Deployment web: readiness-probe" in (status.message or "")
    assert {plural for plural, _, _ in cluster.kube.store.objects} <= {"releases", "events"}


def test_warnings_are_said_and_stop_nothing(cluster: Cluster) -> None:
    """They are for people."""
    cluster.submit([workload()])
    cluster.lint()
    assert "warning: Deployment web: disruption-budget" in cluster.said
    assert cluster.record.status.phase is Phase.PENDING


def test_what_is_hardened_or_accepted_stops_nothing(cluster: Cluster) -> None:
    """Both are said."""
    cluster.submit(BAD, harden=True)
    cluster.lint()
    assert "hardened: Deployment web: readiness-probe" in cluster.said
    other = Cluster()
    other.submit(BAD, lint={"ignore": [{"rule": "readiness-probe", "why": "it is quick"}]})
    other.lint()
    assert "accepted: Deployment web: readiness-probe: it is quick" in other.said


@pytest.mark.parametrize(("reference", "stops"), [("shop:latest", True), ("shop@sha256:" + "0" * 64, False)])
def test_images_are_looked_at_as_they_are_given(cluster: Cluster, reference: str, stops: bool) -> None:
    """What stands in the manifests is only a name."""
    cluster.submit([of(PINNED), service(), budget()], given={"shop": reference}, images={"shop": {}})
    if stops:
        with pytest.raises(PermanentError, match="mutable-tag"):
            cluster.lint()
    else:
        cluster.lint()


def test_the_route_of_the_app_is_not_looked_at(cluster: Cluster) -> None:
    """It belongs to no release."""
    route = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "spawn"}, "spec": {}}
    cluster.submit([*GOOD, route])
    cluster.lint()


def test_a_release_that_is_had_again_is_not_stopped_by_rules_that_came_later(cluster: Cluster) -> None:
    """It ran with these manifests; the way back stays open (S11)."""
    cluster.submit(BAD)
    note(cluster.kube, cluster.record, redeployed_at=START)
    cluster.lint()
    assert "error: Deployment web: readiness-probe" in cluster.said
    assert "had again with them" in cluster.said
    assert cluster.record.status.phase is Phase.PENDING


def test_a_dry_run_says_the_same_and_writes_nothing(cluster: Cluster) -> None:
    """The very findings that would stop it."""
    cluster.submit(BAD)
    before = cluster.record
    with pytest.raises(PermanentError, match="readiness-probe"):
        cluster.lint(dry_run=True)
    assert cluster.record == before


def test_tried_again_it_is_failed_again(cluster: Cluster) -> None:
    """The record never changes, so neither does the answer; nor when a kill came in between."""
    cluster.submit(BAD)
    for _ in range(2):
        with pytest.raises(PermanentError, match="readiness-probe"):
            cluster.lint()
    assert cluster.record.status.phase is Phase.FAILED

    def killed() -> None:
        raise Killed

    cluster.kube.store.seen = killed
    with pytest.raises(Killed):
        cluster.lint()
    cluster.kube.store.seen = lambda: None
    with pytest.raises(PermanentError, match="readiness-probe"):
        cluster.lint()
    assert cluster.record.status.phase is Phase.FAILED


def test_a_release_that_users_have_seen_keeps_its_phase(cluster: Cluster) -> None:
    """Run by hand later, with rules that came since, it says what it finds and harms nobody."""
    cluster.submit(BAD)
    note(cluster.kube, cluster.record, phase=Phase.CURRENT, traffic="100%")
    with pytest.raises(PermanentError, match="readiness-probe"):
        cluster.lint()
    assert cluster.record.status.phase is Phase.CURRENT


def test_there_is_nothing_to_check_in_a_release_that_is_deleted_or_unknown(cluster: Cluster) -> None:
    """Refused by name."""
    with pytest.raises(BadInput, match="no release v1"):
        cluster.lint()
    cluster.submit(GOOD)
    note(cluster.kube, cluster.record, phase=Phase.DELETED)
    with pytest.raises(Refused, match="has been deleted"):
        cluster.lint()
