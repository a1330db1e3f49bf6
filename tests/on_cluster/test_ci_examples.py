"""The example for GitHub Actions, run as its runner would, with the kubeconfig of CI: plan, release, and a failure."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from argo_app import InArgo, made
from spawn_app import RAINBOW
from tiny import APP

from cluster.context import Context
from rainbow.adapters.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.long]

EXAMPLES = Path(__file__).parents[2] / "examples" / "ci"


class Runner:
    """A folder with the app, the scripts beside it, and what the runner of a CI system gives."""

    def __init__(self, app: InArgo, folder: Path) -> None:
        self.app, self.folder = app, folder
        shutil.copytree(EXAMPLES, folder / "ci")
        (folder / "deploy").mkdir()
        (folder / "deploy/kustomization.yaml").write_text(json.dumps({"resources": ["base.yaml"]}))
        (folder / "deploy/base.yaml").write_text("\n---\n".join(json.dumps(obj) for obj in app.base()))
        self.describe()
        printed = [RAINBOW, "ci-kubeconfig", "--namespace", app.namespace, "--for", "1h"]
        self.kubeconfig = subprocess.run(printed, check=True, capture_output=True, text=True, timeout=60).stdout
        self.workflow = yaml.safe_load((folder / "ci/github/release.yml").read_text())

    def describe(self, **changes: Any) -> None:
        """rainbow.yaml."""
        head = {"app": APP, "namespace": self.app.namespace, "manifests": {"kustomize": "deploy"}}
        plain = head | self.app.config(**self.app.described()).model_dump(mode="json", include={"lint"})
        text = yaml.safe_dump(plain | self.app.described() | changes, sort_keys=False)
        (self.folder / "rainbow.yaml").write_text(text)

    def run(self, job: str, release: str) -> subprocess.CompletedProcess[str]:
        """The step of the job that is called like it; each value of `env` as the CI system would fill it in."""
        (step,) = (s for s in self.workflow["jobs"][job]["steps"] if s.get("name", "").lower() == job)
        filled = {"KUBECONFIG_CI": self.kubeconfig, "RELEASE": release}
        given = {name: filled[name] for name in step["env"]} | {"RUNNER_TEMP": str(self.folder)}
        # A runner has no kubeconfig of its own, and finds the command on its path.
        given |= {"PATH": f"{Path(RAINBOW).parent}:{os.environ['PATH']}", "HOME": str(self.folder)}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        return subprocess.run(
            command, cwd=self.folder, env=given, capture_output=True, text=True, check=False, timeout=400
        )


def test_plan_release_and_a_failure_that_users_do_not_see(
    kube: Kube, namespace: str, context: Context, tmp_path: Path
) -> None:
    """A2: the exit code is the release's, its result a file; failing tests fail the job and change nothing."""
    app = made(kube, namespace, context)
    app.say("v1", tasks=1)
    again = [RAINBOW, "install", "--namespace", namespace, "--ci"]
    subprocess.run(again, check=True, stdout=sys.stderr, timeout=120)
    runner = Runner(app, tmp_path)
    planned = runner.run("plan", "r1")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    comment = (tmp_path / "plan.md").read_text()
    assert f"### A release of {APP}" in comment
    assert "v1" in comment.partition(f"### The releases of {APP} now")[2]
    released = runner.run("release", "r1")
    assert released.returncode == 0, released.stdout + released.stderr
    result = json.loads((tmp_path / "release.json").read_text())
    assert (result["release"], result["outcome"]) == ("r1", "live")
    assert app.backend() == "web-r1"
    # A job that was cut is started again with the same id: it follows what is there.
    again = runner.run("release", "r1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert json.loads((tmp_path / "release.json").read_text())["release"] == "r1"
    image = yaml.safe_load(Path(os.environ["RAINBOW_SETTINGS"]).read_text())["step_image"]
    runner.describe(tests={"image": image, "command": ["/bin/false"], "service": "web"})
    failed = runner.run("release", "r2")
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert json.loads((tmp_path / "release.json").read_text())["outcome"] == "failed"
    assert app.backend() == "web-r1"
