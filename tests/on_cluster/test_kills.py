"""The pod of each step of each workflow is killed as it begins its work, and Retry is pressed: all of it converges."""

from __future__ import annotations

import pytest
from argo_app import InArgo, made, unharmed
from plain import eventually
from stand_ins import users
from tiny import APP

from cluster.context import Context
from rainbow.adapters.kube import DEPLOYMENT, Kube
from rainbow.adapters.lock import read_lease
from rainbow.adapters.world import World
from rainbow.model.names import release_selector
from rainbow.model.release import Phase
from steps import hold, resume

pytestmark = pytest.mark.cluster


@pytest.fixture
def app(kube: Kube, namespace: str, context: Context) -> InArgo:
    """Tiny, with v1 current."""
    return made(kube, namespace, context)


def _deployed(app: InArgo, release: str) -> bool:
    return bool(app.kube.list(DEPLOYMENT, app.namespace, labels=release_selector(APP, release)))


def _no_marks(app: InArgo, *releases: str) -> None:
    """Nothing is left over: of a switch on the records, or of a holder on the Lease."""
    assert [r for r in releases if app.record(r).status.traffic == "switching"] == []
    lease = read_lease(app.kube, app.namespace, APP)
    assert lease is None or lease.holder is None


def test_every_step_of_a_release_is_killed_and_retry_is_pressed(app: InArgo, context: Context) -> None:
    """A3: somebody holds the app meanwhile, so the workflow fails; resumed, Retry, and a kill in each step left."""
    world = World(app.kube, say=app.lines.append)
    how = {"namespace": app.namespace, "app": APP}
    workflow = app.of("v2")
    with users(app, seconds=400, pause=0.05) as load:  # type: ignore[arg-type]
        app.release("v2")
        app.kill(workflow, "deploy")
        app.kill(workflow, "run-tests")
        hold.run(hold.Params(**how, reason="not now"), world)
        app.ended(workflow, "Failed")
        assert app.backend() == "web-v1"
        resume.run(resume.Params(**how), world)
        app.press_retry(context, workflow)
        app.kill(workflow, "switch")
        app.kill(workflow, "wait-for-drain")
        app.kill(workflow, "delete")
        app.ended(workflow, "Succeeded")
    unharmed(load)
    assert load.order() == ["v1", "v2"]
    again = {step: app.tries(workflow, step) for step in ("deploy", "run-tests", "switch", "wait-for-drain", "delete")}
    assert min(again.values()) >= 2, f"{again} {app.message(workflow)}"
    assert app.record("v2").status.phase is Phase.CURRENT
    eventually(lambda: not _deployed(app, "v1"), "v1 is gone")
    _no_marks(app, "v1", "v2")


def test_the_pods_of_operations_are_killed(app: InArgo) -> None:
    """Rolling back and collecting garbage: killed in the middle, they are done in the end, and users see nothing."""
    app.deployed("v2")
    app.switch("v2")
    with users(app, seconds=200, pause=0.05) as load:  # type: ignore[arg-type]
        workflow = app.operate("rollback", APP, "v1", "--reason", "errors at checkout")
        app.kill(workflow, "rollback")
        app.ended(workflow, "Succeeded")
        eventually(lambda: app.told("v2", "tasks") == {0.0}, "v2 is scraped")
        workflow = app.operate("collect-garbage")
        app.kill(workflow, "collect-garbage")
        app.ended(workflow, "Succeeded")
    unharmed(load)
    assert load.order() == ["v2", "v1"]
    assert app.record("v2").status.rejected is not None
    eventually(lambda: not _deployed(app, "v2"), "v2 is gone")
    assert _deployed(app, "v1")
    _no_marks(app, "v1", "v2")
