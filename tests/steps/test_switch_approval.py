"""`switch` of an app that asks for approval: whatever is not a yes is a no, wherever it comes from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from emulated import Emulated, Store

from rainbow.adapters.records import note, read_release
from rainbow.adapters.world import World
from rainbow.decisions.redeploy import taken_up
from rainbow.errors import RainbowError, Refused
from rainbow.model.release import Phase, ReleaseSpec, new_record
from steps import switch
from tests.decisions.make import app


def cluster() -> Emulated:
    """A tested release of an app that asks for approval."""
    kube = Emulated(None, store=Store())
    kube.create(new_record(ReleaseSpec(release="v1", app=app(approval=True), manifests="")))
    note(kube, read_release(kube, "spawn", "spawn", "v1"), phase=Phase.READY)
    return kube


def run(kube: Emulated, **more: Any) -> None:
    """The step."""
    switch.run(switch.Params(namespace="spawn", app="spawn", release="v1", **more), World(kube, say=lambda _: None))


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("answer", ["no", "Yes", "true", "{{tasks.approval.outputs.parameters.approved}}"])
def test_what_is_not_a_yes_is_a_no(answer: str, dry_run: bool) -> None:
    """The release ends as failed, with the reason, and the route is not touched (B5)."""
    kube = cluster()
    with pytest.raises(Refused, match="it was not approved, or nobody answered in time"):
        run(kube, approved=answer, dry_run=dry_run)
    assert read_release(kube, "spawn", "spawn", "v1").status.phase is (Phase.READY if dry_run else Phase.FAILED)
    assert not any(plural == "ingresses" for plural, _, _ in kube.store.objects)


def test_without_any_answer_it_goes_on_waiting() -> None:
    """A workflow that was submitted without its gate, or a person who knows nothing of it: nothing is decided."""
    kube = cluster()
    with pytest.raises(Refused, match="waits for approval: rainbow approve -n spawn spawn v1"):
        run(kube)
    assert read_release(kube, "spawn", "spawn", "v1").status.phase is Phase.READY


@pytest.mark.parametrize("word", [{"approved": "yes"}, {"allow_older": True}])
def test_a_yes_or_a_persons_own_word_leads_on(word: dict[str, Any]) -> None:
    """To all the other rules: here to the one that a release of no objects has no route."""
    with pytest.raises(RainbowError, match="have no Ingress spawn"):
        run(cluster(), **word)


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_an_answer_given_in_an_earlier_life_of_the_release_says_nothing(answer: str) -> None:
    """Retry on the workflow from before its deletion: it waits at the gate of the workflow that redeployed it."""
    kube, now = cluster(), datetime.now(UTC)
    record = read_release(kube, "spawn", "spawn", "v1")
    note(kube, record, **(taken_up(now, "second life") | {"phase": Phase.READY}))
    params = switch.Params(namespace="spawn", app="spawn", release="v1", approved=answer)
    old = World(kube, say=lambda _: None, run="first life", asked_at=now - timedelta(days=2))
    with pytest.raises(Refused, match=r"redeployed since .* rainbow approve -n spawn spawn v1"):
        switch.run(params, old)
    assert read_release(kube, "spawn", "spawn", "v1").status.phase is Phase.READY
    # That workflow was submitted before it took the release up; its own answer counts.
    its_own = World(kube, say=lambda _: None, run="second life", asked_at=now - timedelta(minutes=1))
    leads_on = "have no Ingress spawn" if answer == "yes" else "it was not approved"
    with pytest.raises(RainbowError, match=leads_on):
        switch.run(params, its_own)
