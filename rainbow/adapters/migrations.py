"""The container of an app's migrations as pods, and the lock that lets only one migration of an app run (F4).

A stage runs in one pod of the app, whichever release it is for: who finds that of another one does not touch it. The
state is asked in a pod of the release. Both belong to the record of the release, and not to its workloads: they are
neither counted as its pods nor deleted with them.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NoReturn

from rainbow.adapters.kube import POD, Kube, Object
from rainbow.adapters.lock import BY_HAND, CARRIED, LOCKING, Lock
from rainbow.adapters.pod_run import PodEnd, PodRun
from rainbow.adapters.readiness import STEP_LABEL
from rainbow.adapters.restricted_pod import restricted
from rainbow.adapters.world import World
from rainbow.decisions.rolling import ROLLED_TO
from rainbow.errors import PermanentError, TemporaryError
from rainbow.model.durations import format_duration
from rainbow.model.migrations import Migrations, Stage
from rainbow.model.names import APP_LABEL, RELEASE_LABEL
from rainbow.model.release import API_VERSION, KIND, Release

# For the roles of the steps that migrate.
MIGRATING: list[dict[str, Any]] = [
    # the pods of the migrations, their log, and why one does not start
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "create", "delete"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
    # one migration at a time
    *LOCKING,
]

GRACE = timedelta(seconds=30)
CONTAINER = "migrations"
ASKING = timedelta(minutes=2)  # for the state
# For whom a pod migrates. Not the label of a release's own objects: those go with it, and its pods are counted.
FOR_RELEASE = "rainbow.dev/migrates-for"
LAST_LINES = 20
TRY_AGAIN = 75  # exit code of a container that may do better at the next try, as of our own steps
_PROGRESS = re.compile(r"rainbow progress ([0-9]{1,15})/([0-9]{1,15})(?![0-9])")


class SchemaLock(Lock):
    """The lock of the schema of one app, beside that of its route: a backfill runs for long, and stops no switch."""

    @property
    def lease(self) -> str:
        """The name of the Lease. No app has a dot in its name, so it is not that of another app's lock."""
        return f"rainbow-{self.app}.schema"


@contextmanager
def schema_lock(world: World, release: Release) -> Iterator[Lock]:
    """Hold it meanwhile. Raises TemporaryError, naming the other, when somebody else has it for long."""
    run = world.run or f"by-hand-{secrets.token_hex(4)}"
    duration = CARRIED if world.run else BY_HAND
    lock = SchemaLock(world, release.namespace, release.app, f"{release.id}/{run}", duration)
    lock.take()
    try:
        yield lock
    finally:
        lock.give_back()  # a pod that goes on is known by its name


@dataclass(frozen=True)
class Migration:
    """One run of the container: a stage of a release, or None to ask for the state."""

    world: World
    release: Release
    migrations: Migrations
    stage: Stage | None
    meanwhile: Callable[[], None] = lambda: None

    @property
    def pod(self) -> str:
        """The name of its pod."""
        return f"{self.release.app}-{self.release.id}-schema" if self.stage is None else f"{self.release.app}-schema"

    @property
    def timeout(self) -> timedelta:
        """How long it may take."""
        part = None if self.stage is None else getattr(self.migrations, self.stage)
        return ASKING if part is None else part.timeout

    def running(self) -> Object | None:
        """Its pod, when that is at work already. Raises TemporaryError when it is at work on something else."""
        pod = self._pods.running()
        if pod is None or self._is_ours(pod):
            return pod
        labels = pod["metadata"].get("labels") or {}
        raise TemporaryError(
            f"pod {self.release.namespace}/{self.pod} is at work on {labels.get(STEP_LABEL)} of release "
            f"{labels.get(FOR_RELEASE)}; run the step again when that has ended"
        )

    def run(self, running: Object | None = None) -> PodEnd:
        """Follow its pod to the end, after starting one unless it is running."""
        pod = running or self._pods.start(self._object())
        return self._pods.follow(pod, prefix=f"{self.stage or 'state'} | ", timeout=self.timeout)

    def remove(self, end: PodEnd) -> None:
        """Its pod has ended well, and nobody needs to look at it."""
        self.world.kube.delete(POD, self.release.namespace, self.pod, uid=end.uid)

    def refuse(self, end: PodEnd) -> NoReturn:
        """What became of a pod that did not end well: TemporaryError when the next try may do better."""
        what = f"{self.stage or 'the state of the schema'} of release {self.release.id} of app {self.release.app}"
        pod = f"pod {self.pod} in namespace {self.release.namespace}"
        last = "".join(f"\n      | {line}" for line in end.last_lines[-LAST_LINES:])
        if end.not_started:
            raise PermanentError(f"{what} could not start ({pod}): {end.not_started}")
        if end.timed_out:
            raise PermanentError(f"{what} was not done after {format_duration(self.timeout)} ({pod}).{last}")
        if end.exit_code is None:
            raise TemporaryError(
                f"{pod} was ended from outside ({end.reason or 'no reason given'}); run the step again"
            )
        if end.exit_code == TRY_AGAIN:
            raise TemporaryError(f"{what} asks to be run again ({pod}).{last}")
        raise PermanentError(
            f"{what} failed with exit code {end.exit_code} ({pod}).{last}\nMend it and retry the step, or release anew."
        )

    @property
    def _pods(self) -> PodRun:
        heard = replace(self.world, say=self._hear)
        return PodRun(heard, self.release.namespace, self.pod, CONTAINER, self.meanwhile)

    def _hear(self, line: str) -> None:
        if found := _PROGRESS.search(line):
            self.world.progressed(int(found[1]), int(found[2]))
        self.world.say(line)

    def _is_ours(self, pod: Object) -> bool:
        labels = pod["metadata"].get("labels") or {}
        return (labels.get(FOR_RELEASE), labels.get(STEP_LABEL)) == (self.release.id, self._step)

    @property
    def _step(self) -> str:
        return self.stage or "schema-state"

    def _object(self) -> Object:
        """Its pod, with the ServiceAccount that the app wants for it."""
        wanted, release = self.migrations, self.release
        names = {"RELEASE_ID": release.id, release.spec.app.release_env: release.id} | wanted.env
        container: Object = {
            "name": CONTAINER,
            "image": release.image(wanted.image),
            "command": wanted.command(self.stage),
            "env": [{"name": name, "value": value} for name, value in names.items()],
            "envFrom": [{"secretRef": {"name": name}} for name in wanted.env_from],
        }
        spec = restricted(container, timeout=self.timeout, grace=GRACE, pull_secrets=self.world.pull_secrets)
        if wanted.service_account is not None:
            spec |= {"serviceAccountName": wanted.service_account, "automountServiceAccountToken": True}
        owner = {"apiVersion": API_VERSION, "kind": KIND, "name": release.name, "uid": release.uid}
        meta: Object = {
            "name": self.pod,
            "namespace": release.namespace,
            "labels": {APP_LABEL: release.app, FOR_RELEASE: release.id, STEP_LABEL: self._step},
            "ownerReferences": [owner],
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def pods_of_releases(kube: Kube, namespace: str, app: str) -> Counter[str]:
    """Release id → how many pods of it there are, ending ones too: they may read and write to their last moment.

    Also of those that are rolled: old pods end while the app is at the next release already.
    """
    pods = kube.list(POD, namespace, labels=f"{APP_LABEL}={app},!{STEP_LABEL}")
    ended = ("Succeeded", "Failed")
    alive = [pod["metadata"] for pod in pods if (pod.get("status") or {}).get("phase") not in ended]
    of = [(m["labels"].get(RELEASE_LABEL) or (m.get("annotations") or {}).get(ROLLED_TO)) for m in alive]
    return Counter(release for release in of if release is not None)
