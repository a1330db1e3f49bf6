"""What consumers on the bus say of a release's work, and whose consumers they are (B10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.bus import Consumer, Naming, bus_work, matches
from tests.decisions.make import NOW

IDLE = Consumer("workers-v1", pending=0, unacknowledged=0, delivered=7, created=NOW)
BUSY = replace(IDLE, name="mail-v1", pending=2, unacknowledged=1, delivered=3)
NAMING = Naming("$app-workers-$release", "shop-ns", "shop")


def test_the_work_is_the_sum_over_all_consumers() -> None:
    """What waits and what is not acknowledged, of each."""
    work = bus_work((IDLE, BUSY), "tasks", "*-v1")
    assert (work.pending, work.unacknowledged, work.delivered, work.tasks) == (2, 1, 10, 3)
    assert str(work) == "2 pending and 1 unacknowledged on the bus"
    assert bus_work((IDLE,), "tasks", "*-v1").tasks == 0


UNKNOWN = {
    "no consumer matches": ((), "stream tasks has no consumer *-v1"),
    "a consumer acknowledges nothing": ((IDLE, replace(BUSY, acknowledges=False)), "mail-v1 acknowledges nothing"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_when(case: str) -> None:
    """Nothing found is not nothing to do (B1)."""
    found, why = UNKNOWN[case]
    work = bus_work(found, "tasks", "*-v1")
    assert work.problem is not None
    assert why in work.problem


def test_what_a_consumer_has_left_is_told() -> None:
    """For the message that says why it is kept."""
    assert IDLE.left is None
    assert BUSY.left == "2 pending, 1 unacknowledged"


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("workers-v1", "workers-v1", True),
        ("workers-v1", "workers-v10", False),
        ("workers-v1-*", "workers-v1-mail", True),
        ("*", "anything", True),
        ("w.rkers", "workers", False),
        ("*-v1", "workers-v1\n", False),
    ],
)
def test_only_the_star_has_a_meaning(pattern: str, name: str, fits: bool) -> None:
    """A pattern is no regular expression."""
    assert matches(pattern, name) is fits


def test_what_may_be_another_releases_is_not_its_own() -> None:
    """The pattern of v1 matches a consumer of v1-rc, too; removing it would take that release's work away."""
    naming = Naming("workers-$release*", "ns", "shop")
    names = ["workers-v1", "workers-v1-rc", "workers-v10", "workers-v2"]
    assert naming.own(names, "v1", ["v1", "v1-rc", "v10", "v2"]) == ["workers-v1"]
    assert naming.own(names, "v1", []) == ["workers-v1", "workers-v1-rc", "workers-v10"]


def test_consumers_of_no_release_that_is_there_are_left_behind() -> None:
    """Only such as are named like those of this app; whatever else is on the stream is somebody else's."""
    names = ["shop-workers-v1", "shop-workers-v2", "other-workers-v1", "shop-workers-", "audit"]
    assert NAMING.left_behind(names, ["v2"]) == {"v1": ["shop-workers-v1"]}


def test_without_the_release_in_their_names_nothing_is_left_behind() -> None:
    """Nobody can tell whose they are."""
    assert Naming("*", "ns", "shop").left_behind(["a", "b"], []) == {}


releases = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
templates = st.sampled_from(
    ["w-$release", "w-$release-*", "*$release*", "$namespace-$app-$release", "$release.$release"]
)


@given(templates, st.lists(releases, unique=True, max_size=4), releases, st.text("ab-", max_size=3))
def test_a_consumer_of_a_release_that_is_there_is_never_left_behind(
    template: str, there: list[str], gone: str, text: str
) -> None:
    """However names and release ids overlap; and no release takes what fits the pattern of another."""
    naming = Naming(template, "ns", "shop")
    names = {naming.of(release).replace("*", text): release for release in [*there, gone]}
    orphans = {name for found in naming.left_behind(names, there).values() for name in found}
    for name, release in names.items():
        if release in there:
            assert name not in orphans
    for name in naming.own(names, gone, there):
        assert not any(matches(naming.of(release), name) for release in there if release != gone)
