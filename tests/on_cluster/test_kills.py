"""The pod of each step of each workflow is killed as it begins its work, and Retry is pressed: all of it converges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from argo_app import InArgo, bare, made, unharmed
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

pytestmark = [pytest.mark.cluster, pytest.mark.long]


CONTAINERFILE = "ARG BASE\nFROM ${BASE}\nCOPY stamp /stamp\nUSER 65532:65532\n"
OF = '{namespace="$namespace",app="$app",release="$release"}'
BLUE_GREEN: dict[str, Any] = {
    "strategy": "blue-green",
    # Kept for long, were it not in the way of the one after the next.
    "retention": {"minimumAge": "10h"},
    "bake": {
        "duration": "10s",
        "interval": "1s",
        "breaches": 1,
        "traffic": f"sum(requests{OF})",
        "watch": [{"name": "errors", "query": f"sum(errors{OF})", "limit": 0}],
    },
}


def _deployed(app: InArgo, release: str) -> bool:
    return bool(app.kube.list(DEPLOYMENT, app.namespace, labels=release_selector(APP, release)))


def _no_marks(app: InArgo, *releases: str) -> None:
    """Nothing is left over: of a switch on the records, or of a holder on the Lease."""
    assert [r for r in releases if app.record(r).status.traffic == "switching"] == []
    lease = read_lease(app.kube, app.namespace, APP)
    assert lease is None or lease.holder is None


def test_every_step_of_a_release_is_killed_and_retry_is_pressed(kube: Kube, namespace: str, context: Context) -> None:
    """A3: somebody holds the app meanwhile, so the workflow fails; resumed, Retry, and a kill in each step left."""
    app = made(kube, namespace, context)
    world = World(app.kube, say=app.lines.append)
    how = {"namespace": app.namespace, "app": APP}
    workflow = app.of("v2")
    app.say("v1", tasks=1)
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
        app.delete_pod(workflow, "wait-for-drain")
        app.say("v1", tasks=0)
        app.kill(workflow, "delete")
        app.ended(workflow, "Succeeded")
    unharmed(load)
    assert load.order() == ["v1", "v2"]
    again = {step: app.tries(workflow, step) for step in ("deploy", "run-tests", "switch", "wait-for-drain", "delete")}
    assert min(again.values()) >= 2, f"{again} {app.message(workflow)}"
    assert again["wait-for-drain"] >= 3, f"{again} {app.message(workflow)}"
    assert app.record("v2").status.phase is Phase.CURRENT
    eventually(lambda: not _deployed(app, "v1"), "v1 is gone")
    _no_marks(app, "v1", "v2")


def test_blue_green_through_argo_with_build_and_bake_and_their_pods_killed(
    kube: Kube, namespace: str, context: Context, tmp_path: Path
) -> None:
    """F1, A3: v3 finds no room while v1 works, and changes nothing; Retry when v1 is idle, and v3 goes live."""
    app = made(kube, namespace, context, **BLUE_GREEN)
    (tmp_path / "Containerfile").write_text(CONTAINERFILE)
    (tmp_path / "stamp").write_text(namespace)  # no earlier run of this test has built it
    app.say("v1", tasks=1)
    second, third = app.of("v2"), app.of("v3")
    with users(app, seconds=400, pause=0.05) as load:  # type: ignore[arg-type]
        app.release("v2")
        app.release("v3", sources=tmp_path)
        app.kill_each({second: "bake", third: "build"})
        app.ended(third, "Failed")
        refused = app.record("v3").status
        assert (refused.phase, refused.deployed_at) == (Phase.FAILED, None)
        assert "blue/green has room for two releases" in (refused.message or "")
        assert (_deployed(app, "v1"), _deployed(app, "v2"), _deployed(app, "v3")) == (True, True, False)
        eventually(lambda: app.record("v2").status.baked_at is not None, "v2 has baked")
        app.say("v1", tasks=0)
        app.press_retry(context, third)
        app.kill(third, "make-room")
        app.live("v3")
    unharmed(load)
    assert load.order() == ["v1", "v2", "v3"]
    assert (_deployed(app, "v1"), _deployed(app, "v2"), _deployed(app, "v3")) == (False, True, True)
    image = app.record("v3").status.images["web"]
    assert [pod["spec"]["containers"][0]["image"] for pod in app.pods("v3")] == [image]
    again = {"bake": app.tries(second, "bake"), "build": app.tries(third, "build")}
    again["make-room"] = app.tries(third, "make-room")
    assert min(again.values()) >= 2, f"{again} {app.message(third)}"
    _no_marks(app, "v1", "v2", "v3")


def test_the_pods_of_operations_are_killed(kube: Kube, namespace: str, context: Context, tmp_path: Path) -> None:
    """Each operation, from adoption on: killed, it is done in the end, and users see nothing; see too test_redeploy."""
    app = bare(kube, namespace, context, calls_itself="v1")
    app.run_plainly(replicas=1)
    with users(app, seconds=400, pause=0.05) as load:  # type: ignore[arg-type]
        adopting = app.adopt("v1", tmp_path)
        holding = app.operate("hold", APP, "v1", "--reason", "a look")
        app.kill_each({adopting: "adopt", holding: "hold"})
        app.ended(adopting, "Succeeded")
        app.ended(holding, "Succeeded")
        v1 = app.record("v1").status
        assert (v1.phase, v1.hold is not None) == (Phase.CURRENT, True)
        app.deployed("v2")
        app.switch("v2")
        back = app.operate("rollback", APP, "v1", "--reason", "errors at checkout")
        resuming = app.operate("resume", APP, "v1")
        app.kill_each({back: "rollback", resuming: "resume"})
        app.ended(back, "Succeeded")
        app.ended(resuming, "Succeeded")
        assert app.record("v2").status.rejected is not None
        assert app.record("v1").status.hold is None
        eventually(lambda: app.told("v2", "tasks") == {0.0}, "v2 is scraped")
        collecting = app.operate("collect-garbage")
        app.kill(collecting, "collect-garbage")
        app.ended(collecting, "Succeeded")
        eventually(lambda: not _deployed(app, "v2"), "v2 is gone")
        assert _deployed(app, "v1")
    unharmed(load)
    assert load.order() == ["v1", "v2"]
    assert app.backend() == "web"
    steps = {adopting: "adopt", holding: "hold", back: "rollback", resuming: "resume", collecting: "collect-garbage"}
    again = {step: app.tries(name, step) for name, step in steps.items()}
    assert min(again.values()) >= 2, again
    _no_marks(app, "v1", "v2")
