"""While a release drains: Argo's controller is restarted, and an administrator deletes what should have stayed."""

from __future__ import annotations

import pytest
from argo_app import InArgo, made, unharmed
from plain import eventually
from stand_ins import users
from tiny import APP

from cluster.context import Context
from rainbow.adapters.kube import DEPLOYMENT, LEASE, POD, SERVICE, Kube
from rainbow.model.names import release_selector
from rainbow.model.release import Phase

pytestmark = pytest.mark.cluster


@pytest.fixture
def app(kube: Kube, namespace: str, context: Context) -> InArgo:
    """Tiny, with v1 current."""
    return made(kube, namespace, context)


@pytest.mark.long
def test_a_workflow_that_waits_outlives_the_controller_and_an_administrator(app: InArgo) -> None:
    """v1 works while v2 is current: the controller's pod, the Lease and its Service go, and it ends well."""
    workflow = app.of("v2")
    app.say("v1", tasks=1)
    with users(app, seconds=300, pause=0.05) as load:  # type: ignore[arg-type]
        app.release("v2")
        eventually(lambda: app.record("v1").status.blocker == "1 active task", "v1 is waited for", 150)
        for pod in app.kube.list(POD, "argo", labels="app.kubernetes.io/name=workflow-controller"):
            app.kube.delete(POD, "argo", pod["metadata"]["name"])
        app.kube.delete(LEASE, app.namespace, f"rainbow-{APP}")
        app.kube.delete(SERVICE, app.namespace, "web-v1")
        app.say("v1", tasks=2)
        eventually(lambda: app.record("v1").status.tasks == "2", "v1 is still looked at")
        assert app.kube.list(DEPLOYMENT, app.namespace, labels=release_selector(APP, "v1"))
        app.say("v1", tasks=0)
        app.ended(workflow, "Succeeded")
    unharmed(load)
    assert load.order() == ["v1", "v2"]
    assert not app.kube.list(DEPLOYMENT, app.namespace, labels=release_selector(APP, "v1"))
    assert app.record("v1").status.phase is Phase.DELETED


def test_two_releases_at_once(app: InArgo) -> None:
    """The newer one is quicker; the older one ends as superseded, cleanly, and its workflow says so."""
    app.deployed("v2")
    app.deployed("v3")
    newer = app.operate("switch", APP, "v3")
    older = app.operate("switch", APP, "v2")
    app.ended(newer, "Succeeded")
    eventually(lambda: app.phase(older) in ("Failed", "Succeeded"), "the end of the older one", 120)
    assert app.backend() == "web-v3"
    assert app.record("v3").status.phase is Phase.CURRENT
    if app.phase(older) == "Failed":  # else it was quicker after all, and was then replaced
        assert app.record("v2").status.phase is Phase.FAILED
        assert "superseded" in (app.record("v2").status.message or "")
