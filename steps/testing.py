"""Tests as a pod of its own, run against one release before it carries traffic: its own, or another's (S6, C5).

The image runs with no rights at all, and reaches the release by the Service of that release. Its log is the step's log,
its exit code decides. Killed and run again, the step goes on with the pod that is running; a pod that has ended is
replaced by a new one. Two steps of one workflow may test the same release at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rainbow.adapters.kube import SERVICE, Object
from rainbow.adapters.lock import Lock, lock_of
from rainbow.adapters.pod_run import PodEnd, PodRun
from rainbow.adapters.readiness import STEP_LABEL
from rainbow.adapters.restricted_pod import restricted
from rainbow.adapters.rolling import read_rolled
from rainbow.adapters.routes.rights import ROLLED_READING
from rainbow.adapters.world import World
from rainbow.errors import BadInput, PermanentError, TemporaryError
from rainbow.model.app import Tests
from rainbow.model.durations import format_duration
from rainbow.model.names import release_labels
from rainbow.model.release import API_VERSION, KIND, Release

# For the roles of the steps that test.
TESTING: list[dict[str, Any]] = [
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
    # Whether an app that is rolled is at the release.
    ROLLED_READING,
]

CONTAINER = "tests"
LAST_LINES = 20
GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class Trial:
    """The tests that release `author` brought along, run against `release` by a step of this name."""

    step: str
    release: Release
    author: Release
    tests: Tests

    @property
    def pod(self) -> str:
        """The name of the pod in which they run: another one for each author."""
        by = "" if self.author.id == self.release.id else f"-of-{self.author.id}"
        return f"{self.release.app}-{self.release.id}-tests{by}"

    @property
    def image(self) -> str:
        """As it was built or given for its author."""
        return self.author.image(self.tests.image)

    @property
    def service(self) -> str:
        """The name of the Service of the release that they ask."""
        return self.release.named(self.tests.service)


@dataclass(frozen=True)
class Failure:
    """Why tests have not passed, with their last lines. `ran`: they did, so it is the release that failed."""

    why: str
    ran: bool


@contextmanager
def turn(world: World, release: Release) -> Iterator[Lock]:
    """The lock that `deploy` has taken, kept for `switch`; given back when that will not come, or not soon.

    A step that runs beside may have given it back, or do so: what is left to do here moves nothing that users see.
    """
    lock = lock_of(world, release)
    lock.resume()
    try:
        yield lock
    except PermanentError:
        lock.give_back()
        raise
    if release.spec.app.approval:
        lock.give_back()


def run_trial(world: World, trial: Trial, lock: Lock) -> PodEnd:
    """Run the tests, or go on with those that are running, to their end. Raises BadInput without a Service to ask."""
    release = trial.release
    pods = PodRun(world, release.namespace, trial.pod, CONTAINER, lock.renew)
    running = pods.running()
    if running is None:
        service = asked_service(world, trial)
        world.say(f"testing release {release.id} at {release_url(service)} with {trial.image}")
        running = pods.start(tests_pod(trial, service, world.pull_secrets))
    else:
        world.say(f"the tests of release {trial.author.id} are running already, in pod {trial.pod}")
    return pods.follow(running, prefix="tests | ", timeout=trial.tests.timeout)


def check_rolled(world: World, release: Release) -> None:
    """Raises PermanentError when what is rolled is at another release: the tests would be about that one, or a mixture.

    As after `undo`, when somebody presses Retry. What is rolled beside a release that lived may be at a later one.
    """
    rolls = release.rolled or (release.spec.app.rolls and release.status.live_at is None)
    at = read_rolled(world.kube, release.namespace, release.app) if rolls else None
    if rolls and (at is None or not at.settled or at.release != release.id):
        what = ", ".join(release.spec.app.rolled_workloads) or f"app {release.app}"
        raise PermanentError(
            f"{what} in namespace {release.namespace} is not at release {release.id}, but at "
            f"{at.release if at else 'none'}: it was undone, or others came first. Release anew"
        )


def judge(trial: Trial, end: PodEnd) -> Failure | None:
    """None for tests that passed. Raises TemporaryError for those that were ended from outside."""
    if end.exit_code == 0:
        return None
    pod = f"pod {trial.pod} in namespace {trial.release.namespace}"
    whose = f"the tests of release {trial.author.id}"
    if end.not_started:
        what = f"{whose} could not start: {end.not_started}"
    elif end.timed_out:
        what = f"{whose} were not done after {format_duration(trial.tests.timeout)}"
    elif end.exit_code is None:
        raise TemporaryError(f"{pod} was ended from outside ({end.reason or 'no reason given'}); run the tests again")
    else:
        why = f" ({end.reason})" if end.reason not in ("", "Error") else ""
        what = f"{whose} failed with exit code {end.exit_code}{why}"
    last = "".join(f"\n      | {line}" for line in end.last_lines[-LAST_LINES:])
    return Failure(f"{what} ({pod}).{last}", ran=not end.not_started)


def users_of(release: Release) -> str:
    """What users have of a release whose tests failed."""
    if release.rolled:
        return "It was rolled, so users have had it, and it is to be undone"
    beside = ", ".join(release.spec.app.rolled_workloads)
    return f"Users have {beside}, which was rolled, and is to be undone" if beside else "Users are untouched"


def asked_service(world: World, trial: Trial) -> Object:
    """The Service that the tests ask. Raises BadInput when the release has none of that name, or none with a port."""
    namespace, name = trial.release.namespace, trial.service
    service = world.kube.get(SERVICE, namespace, name)
    if service is None:
        raise BadInput(f"tests.service: there is no Service {name} in namespace {namespace}; was it deployed?")
    if not service["spec"].get("ports"):
        raise BadInput(f"tests.service: Service {namespace}/{name} has no port")
    return service


def release_url(service: Object) -> str:
    """Where the release answers, inside the cluster: at the port called http, or else the first."""
    meta, ports = service["metadata"], service["spec"]["ports"]
    port = next((p for p in ports if p.get("name") == "http"), ports[0])["port"]
    return f"http://{meta['name']}.{meta['namespace']}.svc:{port}"


def tests_pod(trial: Trial, service: Object, pull_secrets: Sequence[str]) -> Object:
    """The pod of the tests."""
    release, tests = trial.release, trial.tests
    variables = {"RELEASE_ID": release.id, trial.author.spec.app.release_env: release.id}
    given = variables | {"RELEASE_URL": release_url(service)} | tests.env
    container: Object = {
        "name": CONTAINER,
        "image": trial.image,
        "env": [{"name": name, "value": value} for name, value in given.items()],
    }
    if tests.command:
        container["command"] = list(tests.command)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": trial.pod,
            "namespace": release.namespace,
            "labels": release_labels(release.app, release.id) | {STEP_LABEL: trial.step},
            # One that failed stays to be looked at, and goes with the release (Kubernetes, "Garbage Collection").
            "ownerReferences": [_owner(release, service)],
        },
        "spec": restricted(container, timeout=tests.timeout, grace=GRACE, pull_secrets=pull_secrets),
    }


def _owner(release: Release, service: Object) -> Object:
    """What goes when the release goes: its own Service, or where that is shared with all others its record."""
    if release.rolled:
        return {"apiVersion": API_VERSION, "kind": KIND, "name": release.name, "uid": release.uid}
    meta = service["metadata"]
    return {"apiVersion": "v1", "kind": "Service", "name": meta["name"], "uid": meta["uid"]}
