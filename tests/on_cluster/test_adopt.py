"""`adopt` on the cluster: plain Deployments under load become a release, with the rights of its Role and no more."""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from plain import Plain, eventually
from spawn_app import RAINBOW
from stand_ins import Load, users
from tiny import APP

from cluster.context import Context
from rainbow.adapters.kube import DEPLOYMENT, POD, SERVICE, Kube
from rainbow.errors import TemporaryError
from rainbow.model.release import Phase
from steps import adopt, delete, rollback

pytestmark = pytest.mark.cluster


@pytest.fixture
def plain(kube: Kube, namespace: str, context: Context) -> Plain:
    """The app as it runs without any release."""
    ports = context.ports
    made = Plain(kube, namespace, proxy=f"127.0.0.1:{ports.traefik}", prometheus=f"http://127.0.0.1:{ports.prometheus}")
    made.run_plainly()
    return made


def _file(plain: Plain, folder: Path) -> Path:
    """rainbow.yaml and the base beside it, as its owner has them."""
    base = folder / "deploy"
    base.mkdir()
    (base / "kustomization.yaml").write_text(json.dumps({"resources": ["base.yaml"]}))
    (base / "base.yaml").write_text("\n---\n".join(json.dumps(obj) for obj in plain.base(2)))
    described = {"app": APP, "namespace": plain.namespace, "manifests": {"kustomize": "deploy"}, **plain.described()}
    path = folder / "rainbow.yaml"
    path.write_text(yaml.safe_dump(described))
    return path


def _adopt(path: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [RAINBOW, "adopt", "-f", str(path), "--now", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def _step(plain: Plain, **more: Any) -> None:
    params = adopt.Params(namespace=plain.namespace, app=APP, release="v0", **more)
    adopt.run(params, plain.world("adopt", adopt.RULES))


def _started(plain: Plain) -> dict[str, tuple[str, int | None]]:
    """Each pod of the app: its uid and how often it was restarted."""
    pods = plain.kube.list(POD, plain.namespace, labels="part=web,!rainbow.dev/step")
    restarts = {p["metadata"]["name"]: p["status"].get("containerStatuses", [{}])[0].get("restartCount") for p in pods}
    return {p["metadata"]["name"]: (p["metadata"]["uid"], restarts[p["metadata"]["name"]]) for p in pods}


@pytest.mark.long
def test_what_runs_becomes_a_release_among_releases_and_no_user_notices(plain: Plain, tmp_path: Path) -> None:
    """S13: adopted, replaced by v1, gone back to, replaced again, drained and deleted, all under load."""
    path, before = _file(plain, tmp_path), _started(plain)
    with users(plain) as load:  # type: ignore[arg-type]
        dry = _adopt(path, "--dry-run")
        assert dry.returncode == 0, dry.stderr
        assert "label Service web; from now on it leads to these very pods" in dry.stdout
        assert plain.kube.list(SERVICE, plain.namespace, labels="rainbow.dev/release") == []
        done = _adopt(path, "--by", "ann")
        assert done.returncode == 0, done.stderr
        assert _started(plain) == before, "pods were restarted"
        status = plain.record("v0").status
        assert (status.phase, status.traffic) == (Phase.CURRENT, "100%")
        eventually(lambda: plain.told("v0", "tasks") == {0.0}, "its pods are scraped as v0's")

        plain.deployed("v1")
        assert {pod["metadata"]["name"] for pod in _endpoints(plain, "web")} == set(before), "v1 got users untested"
        plain.switch("v1")
        assert plain.backend() == "web-v1"
        back = rollback.Params(namespace=plain.namespace, app=APP, proxy_url=plain.url)  # type: ignore[call-arg]
        rollback.run(back, plain.world("rollback", rollback.RULES))
        assert plain.backend() == "web"
        assert plain.record("v0").status.phase is Phase.CURRENT
        plain.switch("v1", allow_older=True)
        assert plain.record("v0").status.phase is Phase.DRAINING

        plain.say("v0", tasks=1)
        assert "v0: keep: 2 active tasks" in _delete(plain)
        plain.say("v0", tasks=0)
        # Its ReplicaSet makes a new pod, which has no label of the release: nothing sees what it does.
        gone = plain.pods("v0")[0]["metadata"]["name"]
        plain.kube.delete(POD, plain.namespace, gone)
        eventually(lambda: gone not in _started(plain) and plain.ready(2), "a new pod is ready")
        assert "web has 2 pods, and 1 of them with the labels of the release" in _delete(plain)
        _step(plain)
        assert len(plain.pods("v0")) == 2
        plain.say("v0", tasks=0)
        eventually(lambda: "v0: deleted" in _delete(plain), "v0 is deleted")
        assert plain.record("v0").status.phase is Phase.DELETED
        for kind in (DEPLOYMENT, SERVICE):
            assert plain.kube.get(kind, plain.namespace, "web") is None
    _nobody_noticed(load)
    eventually(lambda: not plain.pods("v0"), "the pods of v0 are gone")
    assert plain.answers() == 200


def _endpoints(plain: Plain, service: str) -> list[dict[str, Any]]:
    selector = (plain.kube.get(SERVICE, plain.namespace, service) or {})["spec"]["selector"]
    labels = ",".join(f"{key}={value}" for key, value in selector.items())
    return plain.kube.list(POD, plain.namespace, labels=labels)


def _delete(plain: Plain) -> str:
    """One run, and what it said."""
    plain.lines.clear()
    params = delete.Params(namespace=plain.namespace, app=APP, release="v1", prometheus_url=plain.prometheus)
    with suppress(TemporaryError):  # what is kept may go next time
        delete.run(params, plain.world("delete", delete.RULES))
    return plain.said


def _nobody_noticed(load: Load) -> None:
    assert load.broken == []
    assert {status for _, status, _ in load.answers} == {200}
    assert {release for _, _, release in load.answers} == {None, "v1"}
    assert len(load.answers) > 100
