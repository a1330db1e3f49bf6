"""`hold` and `resume` by the emulated API: killed between any two writes, run again, and with others writing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from emulated import Emulated, Killed, Store

from rainbow.adapters.kube import Object
from rainbow.adapters.policies import read_policy
from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.errors import BadInput, Refused
from rainbow.model.release import Mark, Phase, ReleaseSpec, new_record
from steps import hold, resume
from tests.decisions.make import app


def cluster(**status: Any) -> Emulated:
    """An app with one release."""
    kube = Emulated(None, store=Store())
    kube.create(new_record(ReleaseSpec(release="v1", app=app(), manifests="")))
    note(kube, read_release(kube, "spawn", "spawn", "v1"), **{"phase": Phase.DRAINED} | status)
    return kube


def params(release: str | None, **more: Any) -> dict[str, Any]:
    """What ann types."""
    return {"namespace": "spawn", "app": "spawn", "release": release, "reason": "a look", "by": "ann"} | more


def there(kube: Emulated, release: str | None) -> Mark | None:
    """The hold of the release or of the app."""
    if release is None:
        return read_policy(kube, "spawn", "spawn").spec.hold
    return read_release(kube, "spawn", "spawn", release).status.hold


def said(kube: Emulated, step: Any, **values: Any) -> str:
    """Run it; what it said."""
    lines: list[str] = []
    step.run(step.Params(**values), World(kube, say=lines.append))
    return "\n".join(lines)


@pytest.mark.parametrize("release", ["v1", None])
def test_a_hold_comes_and_goes(release: str | None) -> None:
    """With who and why; twice is once."""
    kube = cluster()
    for _ in range(2):
        assert "held by ann" in said(kube, hold, **params(release))
    mark = there(kube, release)
    assert mark is not None
    assert (mark.by, mark.reason) == ("ann", "a look")
    for text in ("no longer held by ann", "it is not held"):
        assert text in said(kube, resume, **params(release, by="bob"))
        assert there(kube, release) is None


@pytest.mark.parametrize("release", ["v1", None])
def test_somebody_else_is_told_who_holds_it(release: str | None) -> None:
    """And what to type."""
    kube = cluster()
    said(kube, hold, **params(release))
    with pytest.raises(Refused, match=r"is held by ann since .*: a look.* rainbow resume -n spawn spawn") as caught:
        said(kube, hold, **params(release, by="bob"))
    assert caught.value.exit_code == 1
    mark = there(kube, release)
    assert mark is not None
    assert mark.by == "ann"


@pytest.mark.parametrize("step", [hold, resume])
@pytest.mark.parametrize("release", ["v1", None])
def test_a_dry_run_changes_nothing(step: Any, release: str | None) -> None:
    """It says what would be done."""
    kube = cluster()
    version = kube.store.version
    assert "would be: " in said(kube, step, **params(release, dry_run=True))
    assert kube.store.version == version


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        (params("v9"), "no release v9 of app spawn"),
        (params(None, app="nobody"), "no release of an app nobody"),
        (params("v1", reason=""), "--reason"),
    ],
)
def test_what_is_not_there_cannot_be_held(values: dict[str, Any], wrong: str) -> None:
    """Exit 2, nothing changed."""
    kube = cluster()
    version = kube.store.version
    with pytest.raises(BadInput, match=wrong):
        said(kube, hold, **values)
    assert kube.store.version == version


def test_a_deleted_release_cannot_be_held() -> None:
    """There is nothing left to keep; redeploy brings it back."""
    with pytest.raises(BadInput, match="rainbow redeploy -n spawn spawn v1"):
        said(cluster(phase=Phase.DELETED), hold, **params("v1"))


@pytest.mark.parametrize("release", ["v1", None])
def test_killed_at_any_write_it_is_held_after_the_next_run(release: str | None) -> None:
    """By the same person, so the second run is none of somebody else."""
    for fatal in range(1, 20):
        kube = cluster()
        writes = iter(range(1, 1000))

        def die(_when: str, writes: Any = writes, fatal: int = fatal) -> None:
            if next(writes) == fatal:
                raise Killed

        kube.around = die
        try:
            said(kube, hold, **params(release))
        except Killed:
            again = Emulated(None, store=kube.store)
            said(again, hold, **params(release))
            assert there(again, release) is not None
        else:
            assert fatal > 2, "it wrote nothing"
            return
    pytest.fail("it never came to its end")


def test_a_hold_is_not_lost_between_two_writers() -> None:
    """Somebody notes something on the record at the very moment: it is read again, and both are there."""
    kube = cluster()
    other = Emulated(None, store=kube.store)
    done: list[Object] = []

    def interfere(when: str) -> None:
        if when == "before" and not done:
            done.append({})
            note(other, read_release(other, "spawn", "spawn", "v1"), tasks="3")

    kube.around = interfere
    said(kube, hold, **params("v1"))
    status = read_release(kube, "spawn", "spawn", "v1").status
    assert status.tasks == "3"
    assert status.hold is not None


@pytest.mark.parametrize("release", ["v1", None])
def test_a_late_retry_of_resume_leaves_a_newer_hold(release: str | None) -> None:
    """Ann's workflow has ended her hold, and its pod was lost; meanwhile bob holds for a reason of his own."""
    kube = cluster()
    said(kube, hold, **params(release))
    asked = datetime.now(UTC) - timedelta(seconds=30)
    said(kube, resume, **params(release))
    said(kube, hold, **params(release, by="bob", reason="incident"))
    late = World(kube, say=lambda _: None, run="w", asked_at=asked)
    with pytest.raises(Refused, match=r"is held by bob since .*: incident; its end was asked for before.*resume"):
        resume.run(resume.Params(**params(release)), late)
    mark = there(kube, release)
    assert mark is not None
    assert mark.by == "bob"
