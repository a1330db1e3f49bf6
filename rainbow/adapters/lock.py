"""The lock of an app: the Lease `rainbow-<app>`, held from deploy to switch, never across approval, bake or drain (S3).

One run holds it across its pods and its retries: the uid of the workflow is part of the holder's name. A step that is
run by hand gives it back when it ends. `leaseTransitions` is the fencing token; see rainbow/decisions/lock.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rainbow.adapters.kube import LEASE, Kube, NotThere, Object
from rainbow.adapters.world import World
from rainbow.decisions.lock import Act, LeaseSeen, LockDecision, decide_lock
from rainbow.errors import Conflict, PermanentError, RainbowError, TemporaryError
from rainbow.model.names import APP_LABEL
from rainbow.model.release import Release, format_time

# For the roles of the steps that take it: whose turn it is, and the token that orders their writes.
LOCKING: list[dict[str, Any]] = [
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "patch"]}
]

# How long it is held without a word, besides the time that the proxy may take to answer.
CARRIED = timedelta(minutes=10)  # from pod to pod: a node may have to pull an image in between
BY_HAND = timedelta(seconds=20)
WAIT = 150.0  # seconds for another run's end; one by hand that was killed is outwaited
POLL = 1.0
RENEW = 5.0  # seconds between two renewals
ATTEMPTS = 5  # times that somebody may write between reading and writing it


class LostLock(TemporaryError):
    """Somebody else has it now; run again, the step looks at what they did and decides anew."""


@dataclass
class Lock:
    """The lock of one app in the hands of one run; `token` is None while it is not held."""

    world: World
    namespace: str
    app: str
    holder: str
    duration: timedelta
    token: int | None = None
    renewed: float = 0.0

    @property
    def lease(self) -> str:
        """The name of the Lease."""
        return f"rainbow-{self.app}"

    def take(self, *, on_route: int = 0, force: bool = False) -> None:
        """Take it, waiting for a while when another run has it. Raises TemporaryError that names the other."""
        clock, waiting = self.world.clock, ""
        deadline = clock.monotonic() + WAIT
        while True:
            found = self._read()
            decision = decide_lock(_seen(found), self.holder, clock.now(), on_route=on_route, force=force)
            if decision.act is not Act.WAIT:
                try:
                    self._write(found, decision)
                    return
                except (Conflict, NotThere) as error:
                    decision = LockDecision(Act.WAIT, 0, f"others write it ({error})")
            if clock.monotonic() >= deadline:
                raise TemporaryError(
                    f"another run is at work on app {self.app} in namespace {self.namespace}: {decision.reason} "
                    f"(Lease {self.lease}). Run the step again when that has ended; a rollback need not wait"
                )
            if decision.reason != waiting:
                self.world.say(f"waiting for the lock of app {self.app}: {decision.reason}")
            waiting = decision.reason
            clock.sleep(POLL)

    def resume(self) -> None:
        """Go on with what an earlier step of the same workflow has taken, if it still has it; waits for nobody."""
        for _ in range(ATTEMPTS):
            try:
                found = self._read()
                lease = _seen(found)
                if lease is not None and lease.holder == self.holder:
                    self._write(found, LockDecision(Act.RENEW, lease.token, ""))
                return
            except Conflict:
                continue  # another step of the same workflow, which runs beside this one
            except (TemporaryError, NotThere):
                return  # `switch` takes it in any case

    def renew(self) -> None:
        """Now and then, while the step waits for something else. One that is lost stays lost, and `check` tells."""
        if self.token is None or self.world.clock.monotonic() < self.renewed + RENEW:
            return
        self.renewed = self.world.clock.monotonic()
        try:
            found = self._read()
            if self._lost(found) is None:
                self._write(found, LockDecision(Act.RENEW, self.token, ""))
        except (TemporaryError, NotThere):
            return  # an API server that is away for a moment takes nothing from anybody

    def check(self, on_route: int | None) -> int:
        """The token to write with. Raises LostLock when another run has taken the lock, or has written already."""
        found = self._read()
        why = self._lost(found) or self._ran_out(found)
        if self.token is None or why is not None:
            raise LostLock(f"the lock of app {self.app} is lost, so nothing was written: {why}")
        if on_route is not None and on_route > self.token:
            raise LostLock(
                f"the route of app {self.app} was written with token {on_route}, after this run had begun with "
                f"{self.token}, so nothing was written"
            )
        return self.token

    def give_back(self) -> None:
        """Let the next one have it, if it is this run's. Whatever goes wrong is only said: it runs out by itself."""
        self.token = None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                found = self._read()
                lease = _seen(found)
                if found is not None and lease is not None and lease.holder == self.holder:
                    patch = {"metadata": _version(found), "spec": {"holderIdentity": None}}
                    self.world.kube.patch(LEASE, self.namespace, self.lease, patch)
                return
            except RainbowError as error:
                if isinstance(error, Conflict) and attempt < ATTEMPTS:
                    continue  # a step of the same workflow that runs beside this one has renewed it just now
                self.world.say(f"the lock of app {self.app} could not be given back and runs out by itself: {error}")
                return

    def is_anothers(self, release: str) -> bool:
        """Whether another run has it for this release: the mark of a switch on its record is that run's."""
        found = self._read()
        lease = _seen(found)
        if lease is None or lease.holder in (None, self.holder) or self._ran_out(found):
            return False
        return str(lease.holder).startswith(f"{release}/")

    def _ran_out(self, found: Object | None) -> str | None:
        """Somebody may have taken away what this run had announced, as nobody was at work any more."""
        lease = _seen(found)
        if lease is None or (lease.until is not None and self.world.clock.now() < lease.until):
            return None
        return f"it has run out ({format_time(lease.until)})" if lease.until else "nobody holds it"

    def _read(self) -> Object | None:
        return self.world.kube.get(LEASE, self.namespace, self.lease)

    def _lost(self, found: Object | None) -> str | None:
        lease = _seen(found)
        if lease is None:
            return f"somebody removed the Lease {self.namespace}/{self.lease}"
        if lease.holder != self.holder or lease.token != self.token:
            return f"{lease.holder or 'nobody'} holds it since, with token {lease.token}"
        return None

    def _write(self, found: Object | None, decision: LockDecision) -> None:
        clock = self.world.clock
        now = _micro(clock.now())
        spec: Object = {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": int(self.duration.total_seconds()),
            "leaseTransitions": decision.token,
            "renewTime": now,
        }
        if decision.act is not Act.RENEW:
            spec["acquireTime"] = now
        if found is None:
            head = {"apiVersion": LEASE.api_version, "kind": LEASE.kind}
            meta = {"name": self.lease, "namespace": self.namespace, "labels": {APP_LABEL: self.app}}
            self.world.kube.create(head | {"metadata": meta, "spec": spec})
        else:
            patch = {"metadata": _version(found), "spec": spec}
            self.world.kube.patch(LEASE, self.namespace, self.lease, patch)
        self.token, self.renewed = decision.token, clock.monotonic()


def lock_of(world: World, release: Release) -> Lock:
    """The lock of the app, for this run of this release. By hand each run is one of its own."""
    run = world.run or f"by-hand-{secrets.token_hex(4)}"
    duration = (CARRIED if world.run else BY_HAND) + release.spec.app.route.timeout
    return Lock(world, release.namespace, release.app, f"{release.id}/{run}", duration)


@contextmanager
def holding(
    world: World, release: Release, *, on_route: int = 0, force: bool = False, carried: bool = False
) -> Iterator[Lock]:
    """Hold the lock meanwhile. `carried`: the next step of the same workflow goes on with it.

    A workflow keeps it also over what may go better at the next try, so that its retries need not queue again.
    """
    lock = lock_of(world, release)
    lock.take(on_route=on_route, force=force)
    keep = bool(world.run)
    try:
        yield lock
        keep = keep and carried
    except PermanentError:
        keep = False
        raise
    finally:
        if not keep:
            lock.give_back()


def _seen(found: Object | None) -> LeaseSeen | None:
    """A Lease that somebody else has filled in by halves is one that has run out."""
    if found is None:
        return None
    spec = found.get("spec") or {}
    renewed = spec.get("renewTime")
    return LeaseSeen(
        holder=spec.get("holderIdentity") or None,
        token=spec.get("leaseTransitions") or 0,
        renewed=datetime.fromisoformat(renewed) if renewed else None,
        duration=timedelta(seconds=spec.get("leaseDurationSeconds") or 0),
    )


def read_lease(kube: Kube, namespace: str, app: str) -> LeaseSeen | None:
    """Who holds the lock of an app."""
    return _seen(kube.get(LEASE, namespace, f"rainbow-{app}"))


def _version(found: Object) -> Object:
    return {"resourceVersion": found["metadata"]["resourceVersion"]}


def _micro(value: datetime) -> str:
    """As the API server wants the times of a Lease (metav1.MicroTime): always six digits."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
