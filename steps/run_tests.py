"""Run the app's integration tests against the release before it carries traffic.

The tests' image runs as a pod of its own with no rights at all, and reaches the release by its own Service. Its log is
this step's log, its exit code decides. Killed and run again, the step goes on with the pod that is running; a pod that
has ended is replaced by a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from rainbow.adapters.kube import POD, SERVICE, Object
from rainbow.adapters.lock import Lock, lock_of
from rainbow.adapters.pod_run import PodEnd, PodRun
from rainbow.adapters.readiness import STEP_LABEL
from rainbow.adapters.records import note_if_unchanged, read_release
from rainbow.adapters.world import World
from rainbow.errors import BadInput, Conflict, PermanentError, Refused, TemporaryError
from rainbow.model.app import Tests
from rainbow.model.durations import format_duration
from rainbow.model.names import release_labels
from rainbow.model.release import Phase, Release
from steps.contract import StepParams
from steps.failure import has_lived, marked_as_failed, take_up

OUTPUTS: Mapping[str, str] = {}

RULES: list[dict[str, Any]] = [
    # The record: which tests, and whether they passed.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # The pod of the tests, its log, and why it does not start.
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "create", "delete"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
    # The lock of the app, which `deploy` has taken for this workflow.
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "patch"]},
    # The port of the Service that the tests get as RELEASE_URL.
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
]

CONTAINER = "tests"
LAST_LINES = 20
STEP = "run-tests"


class Params(StepParams):
    """Parameters of `run-tests`."""


def run(params: Params, world: World) -> None:
    """Test. Raises PermanentError, with the last lines of their log, when the tests fail or cannot be run."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    _refuse_deleted(release)
    tests = release.spec.app.tests
    if tests is None:
        world.say(f"app {release.app} has no tests (`tests` in rainbow.yaml): nothing is asked of release {release.id}")
        if not params.dry_run:
            with _turn(world, release):
                _note_passed(world, release)
        return
    if release.status.deployed_at is None:
        raise BadInput(f"release {release.id} of app {release.app} is not deployed; run the step deploy first")
    if params.dry_run:
        url = release_url(_service(world, release, tests))
        world.say(f"run-tests would run {release.image(tests.image)} against {url}")
        return
    release = take_up(world, release, Phase.TESTING)
    with marked_as_failed(world, release), _turn(world, release) as lock:
        end = _run(world, release, tests, lock)
        _judge(release, tests, end)
        _note_passed(world, release)
    world.kube.delete(POD, release.namespace, pod_name(release), uid=end.uid)


def pod_name(release: Release) -> str:
    """The name of the pod in which the release's tests run."""
    return f"{release.app}-{release.id}-tests"


def tests_pod(release: Release, tests: Tests, service: Object) -> Object:
    """The pod of the tests: no token, no privileges (Pod Security Standards, `restricted`), an end in any case."""
    given = {"RELEASE_ID": release.id, release.spec.app.release_env: release.id, "RELEASE_URL": release_url(service)}
    container: Object = {
        "name": CONTAINER,
        "image": release.image(tests.image),
        "env": [{"name": name, "value": value} for name, value in (given | tests.env).items()],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
    }
    if tests.command:
        container["command"] = list(tests.command)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": pod_name(release),
            "namespace": release.namespace,
            "labels": release_labels(release.app, release.id) | {STEP_LABEL: STEP},
            # One that failed stays to be looked at, and goes with the release (Kubernetes, "Garbage Collection").
            "ownerReferences": [
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "name": service["metadata"]["name"],
                    "uid": service["metadata"]["uid"],
                }
            ],
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": max(1, int(tests.timeout.total_seconds())),
            "terminationGracePeriodSeconds": 10,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        },
    }


@contextmanager
def _turn(world: World, release: Release) -> Iterator[Lock]:
    """The lock that `deploy` has taken, kept for `switch`; given back when that will not come, or not soon."""
    lock = lock_of(world, release)
    lock.resume()
    try:
        yield lock
    except PermanentError:
        lock.give_back()
        raise
    if release.spec.app.approval:
        lock.give_back()


def _run(world: World, release: Release, tests: Tests, lock: Lock) -> PodEnd:
    pods = PodRun(world, release.namespace, pod_name(release), CONTAINER, lock.renew)
    running = pods.running()
    if running is None:
        service = _service(world, release, tests)
        world.say(f"testing release {release.id} at {release_url(service)} with {release.image(tests.image)}")
        running = pods.start(tests_pod(release, tests, service))
    else:
        world.say(f"the tests of release {release.id} are running already, in pod {pod_name(release)}")
    return pods.follow(running, prefix="tests | ", timeout=tests.timeout)


def _judge(release: Release, tests: Tests, end: PodEnd) -> None:
    if end.exit_code == 0:
        return
    pod = f"pod {pod_name(release)} in namespace {release.namespace}"
    if end.not_started:
        what = f"the tests of release {release.id} could not start: {end.not_started}"
    elif end.timed_out:
        what = f"the tests of release {release.id} were not done after {format_duration(tests.timeout)}"
    elif end.exit_code is None:
        raise TemporaryError(f"{pod} was ended from outside ({end.reason or 'no reason given'}); run the tests again")
    else:
        why = f" ({end.reason})" if end.reason not in ("", "Error") else ""
        what = f"the tests of release {release.id} failed with exit code {end.exit_code}{why}"
    last = "".join(f"\n      | {line}" for line in end.last_lines[-LAST_LINES:])
    raise PermanentError(f"{what} ({pod}).{last}\nUsers are untouched. Mend it and release anew, or retry this step.")


def _service(world: World, release: Release, tests: Tests) -> Object:
    name = release.named(tests.service)
    service = world.kube.get(SERVICE, release.namespace, name)
    if service is None:
        raise BadInput(f"tests.service: there is no Service {name} in namespace {release.namespace}; was it deployed?")
    if not service["spec"].get("ports"):
        raise BadInput(f"tests.service: Service {release.namespace}/{name} has no port")
    return service


def release_url(service: Object) -> str:
    """Where the release answers, inside the cluster: at the port called http, or else the first."""
    meta, ports = service["metadata"], service["spec"]["ports"]
    port = next((p for p in ports if p.get("name") == "http"), ports[0])["port"]
    return f"http://{meta['name']}.{meta['namespace']}.svc:{port}"


def _refuse_deleted(release: Release) -> None:
    if release.status.phase == Phase.DELETED:
        raise Refused(f"release {release.id} of app {release.app} has been deleted; there is nothing to test")


def _note_passed(world: World, release: Release) -> None:
    attempts = Retrying(stop=stop_after_attempt(5), retry=retry_if_exception_type(Conflict), reraise=True)
    attempts(_note_unless_deleted, world, release)
    world.say(f"release {release.id} has passed" if release.spec.app.tests else f"release {release.id} is Ready")


def _note_unless_deleted(world: World, release: Release) -> None:
    latest = read_release(world.kube, release.namespace, release.app, release.id)
    _refuse_deleted(latest)
    passed: dict[str, Any] = {} if has_lived(latest) else {"phase": Phase.READY, "failed_at": None, "message": None}
    note_if_unchanged(world.kube, latest, tested_at=world.clock.now(), **passed)  # a deletion may begin just now
