"""`run-tests` on the cluster, with the rights of its Role: tests that pass, fail, hang, cannot start, are run again."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from shop import eventually
from tiny import APP, Tiny, python, run_tests_as_user

from rainbow.adapters.kube import POD, SERVICE, Kube
from rainbow.adapters.records import note
from rainbow.decisions import readiness
from rainbow.errors import BadInput, PermanentError, TemporaryError
from rainbow.model.release import Phase, Release
from steps import deploy, run_tests, testing

pytestmark = pytest.mark.cluster

ASK = "import os, urllib.request as u; print(u.urlopen(os.environ['RELEASE_URL']).status, os.environ['RELEASE_ID'])"


@pytest.fixture
def tiny(kube: Kube, namespace: str, monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """An app in a namespace of its own; its tests run as a user that the image does not have."""
    run_tests_as_user(monkeypatch)
    return Tiny(kube, namespace)


def deployed(tiny: Tiny, tests: dict[str, Any] | None) -> Release:
    """A release that is to be tested; only its Service is there unless the tests ask the release something."""
    tiny.submit(tests=tests)
    for obj in deploy.rendered_objects(tiny.record())[0]:
        tiny.kube.apply(obj)
    return note(tiny.kube, tiny.record(), phase=Phase.TESTING, deployed_at="2026-01-01T00:00:00Z")


def run(tiny: Tiny, **more: Any) -> None:
    """The step."""
    params = run_tests.Params(namespace=tiny.namespace, app=APP, release="v1", **more)
    run_tests.run(params, tiny.world("run-tests", run_tests.RULES))


def pod(tiny: Tiny) -> dict[str, Any] | None:
    """The pod of the tests."""
    return tiny.kube.get(POD, tiny.namespace, f"{APP}-v1-tests")


def test_tests_reach_the_release_by_its_own_service(tiny: Tiny) -> None:
    """Their log is in the step's log, the release is Ready, and their pod is gone (S6)."""
    tiny.submit(tests=python(ASK))
    deploy.run(deploy.Params(namespace=tiny.namespace, app=APP, release="v1"), tiny.world("deploy", deploy.RULES))
    run(tiny)
    assert "tests | 200 v1" in tiny.lines
    record = tiny.record()
    assert record.status.phase is Phase.READY
    assert record.status.tested_at is not None
    found = pod(tiny)
    assert found is None or found["metadata"].get("deletionTimestamp")


def test_failing_tests_fail_the_release_with_their_last_lines(tiny: Tiny) -> None:
    """The pod stays to be looked at, the record is Failed, and the release's own objects are untouched."""
    deployed(tiny, python("print('one'); print('two'); raise SystemExit(3)"))
    with pytest.raises(PermanentError, match="failed with exit code 3") as error:
        run(tiny)
    assert f"pod {APP}-v1-tests in namespace {tiny.namespace}" in str(error.value)
    assert "| one\n" in str(error.value)
    assert "tests | two" in tiny.lines
    assert tiny.record().status.phase is Phase.FAILED
    assert pod(tiny) is not None
    assert tiny.kube.get(SERVICE, tiny.namespace, "web-v1") is not None


def test_the_pod_of_failed_tests_goes_with_the_release(tiny: Tiny) -> None:
    """Nothing of a release stays behind when its objects are deleted."""
    deployed(tiny, python("raise SystemExit(1)"))
    with pytest.raises(PermanentError):
        run(tiny)
    tiny.kube.delete(SERVICE, tiny.namespace, "web-v1")
    eventually(lambda: pod(tiny) is None, "the pod of the tests is collected", 90)


def test_after_failed_tests_a_retry_runs_them_anew(tiny: Tiny) -> None:
    """Retry in the Argo UI asks anew: the pod that ended is replaced, and what it said is not counted."""
    deployed(tiny, python("raise SystemExit(1)"))
    with pytest.raises(PermanentError):
        run(tiny)
    first = pod(tiny)
    assert tiny.record().status.phase is Phase.FAILED
    with pytest.raises(PermanentError):
        run(tiny)
    second = pod(tiny)
    assert first is not None
    assert second is not None
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


def test_killed_it_goes_on_with_the_pod_that_is_running(tiny: Tiny) -> None:
    """SIGKILL while the tests run: a second run has the same pod, its whole log, and its result."""
    tests = python("import time; print('begun'); time.sleep(6); print('done')")
    deployed(tiny, tests)
    # As the step's own pod would have started it; then that step is gone.
    world = tiny.world("run-tests", run_tests.RULES)
    config = tiny.record().spec.app.tests
    assert config is not None
    service = tiny.kube.get(SERVICE, tiny.namespace, "web-v1")
    assert service is not None
    trial = testing.Trial("run-tests", tiny.record(), tiny.record(), config)
    started = world.kube.create(testing.tests_pod(trial, service, ()))
    command = [str(Path(sys.executable).parent / "rainbow"), "step", "run-tests", "--namespace", tiny.namespace]
    with subprocess.Popen([*command, "--app", APP, "--release", "v1"], stdout=subprocess.PIPE, text=True) as step:
        assert step.stdout is not None
        for line in step.stdout:
            if "tests | begun" in line:
                step.kill()
                break
    still = pod(tiny)
    assert still is not None
    assert still["metadata"]["uid"] == started["metadata"]["uid"]
    run(tiny)
    assert [line for line in tiny.lines if line.startswith("tests | ")] == ["tests | begun", "tests | done"]
    assert tiny.record().status.phase is Phase.READY


def test_tests_that_hang_are_ended(tiny: Tiny) -> None:
    """After the timeout of rainbow.yaml, by the kubelet itself; what they said is told."""
    deployed(tiny, python("import time; print('hanging'); time.sleep(600)", timeout="8s"))
    with pytest.raises(PermanentError, match="were not done after 8s") as error:
        run(tiny)
    assert "| hanging" in str(error.value)
    assert tiny.record().status.phase is Phase.FAILED


def test_an_image_of_tests_that_is_not_there_is_told(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests have not failed: they never ran."""
    monkeypatch.setattr(readiness, "PATIENCE", timedelta(seconds=8))
    missing = "registry.platform.svc.cluster.local:5000/nobody/tests:1"
    deployed(tiny, {"image": missing, "service": "web"})
    with pytest.raises(PermanentError, match=r"could not start: .*nobody/tests:1"):
        run(tiny)
    assert tiny.record().status.phase is Phase.FAILED


def test_a_pod_deleted_by_somebody_is_worth_another_try(tiny: Tiny) -> None:
    """A drained node says nothing about the release: exit 75, and Argo runs the step again."""
    deployed(tiny, python("import time; print('begun'); time.sleep(600)"))
    failures: list[BaseException] = []
    thread = threading.Thread(target=_caught(lambda: run(tiny), failures))
    thread.start()
    eventually(lambda: "tests | begun" in tiny.lines, "the tests run")
    tiny.kube.delete(POD, tiny.namespace, f"{APP}-v1-tests")
    thread.join(90)
    assert isinstance(failures[0], TemporaryError)
    assert tiny.record().status.phase is Phase.TESTING


def _caught(act: Callable[[], None], failures: list[BaseException]) -> Callable[[], None]:
    def call() -> None:
        try:
            act()
        except TemporaryError as error:
            failures.append(error)

    return call


def test_the_pod_has_no_rights_and_no_token(tiny: Tiny) -> None:
    """Tests are code that just came in."""
    code = "import os; print('user', os.getuid()); print('token', os.path.exists('/var/run/secrets/kubernetes.io'))"
    deployed(tiny, python(code))
    run(tiny)
    assert "tests | user 65532" in tiny.lines
    assert "tests | token False" in tiny.lines


def test_an_app_without_tests_is_ready_and_says_so(tiny: Tiny) -> None:
    """Nothing is started."""
    deployed(tiny, None)
    run(tiny)
    assert "has no tests" in tiny.said
    assert tiny.record().status.phase is Phase.READY
    assert pod(tiny) is None


def test_a_release_that_is_not_deployed_is_not_tested(tiny: Tiny) -> None:
    """The message names the step to run first, and the record stays as it is."""
    tiny.submit(tests=python(ASK))
    with pytest.raises(BadInput, match="run the step deploy first"):
        run(tiny)
    assert tiny.record().status.phase is Phase.PENDING
