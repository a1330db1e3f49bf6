"""A pod that runs once, followed to its end: its log as it comes, its exit code, and why it did not start.

The log is asked for again and again rather than held open: an API server that restarts, or a step that is killed,
loses nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rainbow.adapters.kube import POD, Object
from rainbow.adapters.readiness import see_pod, with_details
from rainbow.adapters.world import World
from rainbow.decisions.readiness import Seen, State, explain, judge, track
from rainbow.errors import Conflict, PermanentError, TemporaryError

INTERVAL = 0.5  # seconds between two looks
GONE_TIMEOUT = 90  # seconds for an earlier pod of the same name to be gone
GRACE = timedelta(seconds=30)  # for the kubelet to end a pod at its own deadline
KEPT_LINES = 200
ENDED = ("Succeeded", "Failed")
# The kubelet's and containerd's words for a container whose end nobody saw; the exit codes with them are made up.
LOST = ("ContainerStatusUnknown", "Unknown")


@dataclass(frozen=True)
class PodEnd:
    """How it ended. `exit_code` is None when its container never ran or was cut off from outside; `reason` says how."""

    uid: str
    exit_code: int | None = None
    reason: str = ""
    not_started: str | None = None
    timed_out: bool = False
    last_lines: tuple[str, ...] = ()


@dataclass
class Log:
    """What has been printed of a log. Kubelets write times in nine decimals, so later ones compare as greater."""

    prefix: str
    last: str = ""
    at_last: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def since(self) -> str | None:
        """The second of the last line, with its zone: as exact as the API server takes it."""
        return self.last[:19] + self.last[29:] if self.last else None

    def new_lines(self, text: str) -> list[str]:
        """The lines that were not there at the last look. Several may have the very same time."""
        fresh, skipped = [], 0
        for stamp, _, line in (raw.partition(" ") for raw in text.splitlines()):
            if stamp < self.last:
                continue
            if stamp == self.last and skipped < self.at_last:
                skipped += 1
                continue
            self.at_last, self.last = (self.at_last + 1 if stamp == self.last else 1), stamp
            skipped = self.at_last
            fresh.append(line)
        self.lines = [*self.lines, *fresh][-KEPT_LINES:]
        return fresh


@dataclass(frozen=True)
class PodRun:
    """One pod by name, with the container that matters."""

    world: World
    namespace: str
    name: str
    container: str
    meanwhile: Callable[[], None] = lambda: None  # called at each look

    def running(self) -> Object | None:
        """The pod, when it is there and has not ended."""
        pod = self.world.kube.get(POD, self.namespace, self.name)
        if pod is None or _phase(pod) in ENDED or pod["metadata"].get("deletionTimestamp"):
            return None
        return pod

    def start(self, pod: Object) -> Object:
        """Create it, in place of one of that name that has ended. Raises TemporaryError when that one stays."""
        deadline = self.world.clock.monotonic() + GONE_TIMEOUT
        while (old := self.world.kube.get(POD, self.namespace, self.name)) is not None:
            if not old["metadata"].get("deletionTimestamp"):
                if _phase(old) not in ENDED:
                    raise TemporaryError(f"pod {self.namespace}/{self.name} was started by another run meanwhile")
                self.world.kube.delete(POD, self.namespace, self.name, uid=old["metadata"]["uid"])
            if self.world.clock.monotonic() > deadline:
                raise TemporaryError(f"pod {self.namespace}/{self.name} of an earlier run is still being deleted")
            self.world.clock.sleep(INTERVAL)
        try:
            return self.world.kube.create(pod)
        except Conflict as error:
            raise TemporaryError(
                f"pod {self.namespace}/{self.name} was made by another run at the same time"
            ) from error

    def follow(self, pod: Object, *, prefix: str, timeout: timedelta) -> PodEnd:
        """Print its log until it ends. A pod that cannot start, or takes too long, is deleted."""
        clock, uid, log = self.world.clock, pod["metadata"]["uid"], Log(prefix)
        deadline = clock.monotonic() + (timeout + GRACE).total_seconds()
        troubles: Mapping[str, datetime] = {}
        told = ""
        while True:
            try:
                now = self.world.kube.get(POD, self.namespace, self.name)
                if now is None or now["metadata"]["uid"] != uid:
                    return PodEnd(uid, reason="the pod was deleted meanwhile", last_lines=tuple(log.lines))
                self._print(now, log)
                if _phase(now) in ENDED:
                    return self._end(now, log)
                seen = Seen(pods=(see_pod(now),))
                troubles = track(troubles, seen, clock.now())
                late, started = clock.monotonic() > deadline, _has_started(now, self.container)
                hopeless = judge(seen, troubles, clock.now()).state is State.HOPELESS
                if hopeless or (late and not started):
                    why = explain(with_details(self.world.kube, self.namespace, seen.pods[0]))
                    return self._stop(PodEnd(uid, not_started=why))
                if late:
                    return self._stop(PodEnd(uid, timed_out=True, last_lines=tuple(log.lines)))
            except TemporaryError as error:
                # The pod goes on without an API server; so does the wait.
                if clock.monotonic() > deadline:
                    raise
                if str(error) != told:
                    self.world.say(f"waiting: {error}")
                told = str(error)
            self.meanwhile()
            clock.sleep(INTERVAL)

    def _stop(self, end: PodEnd) -> PodEnd:
        self.world.kube.delete(POD, self.namespace, self.name, uid=end.uid)
        return end

    def _end(self, pod: Object, log: Log) -> PodEnd:
        status = pod.get("status") or {}
        reason = ": ".join(part for part in (status.get("reason"), status.get("message")) if part)
        end = PodEnd(pod["metadata"]["uid"], reason=reason, last_lines=tuple(log.lines))
        if status.get("reason") == "DeadlineExceeded":
            return replace(end, timed_out=True)
        if status.get("reason") or pod["metadata"].get("deletionTimestamp"):
            # Evicted, or its node is gone: not its own doing.
            return replace(end, reason=reason or "the pod was deleted meanwhile")
        ended = _status(pod, self.container).get("state", {}).get("terminated") or {}
        if ended.get("reason") in LOST:
            return replace(end, reason=ended["reason"])
        return replace(end, exit_code=ended.get("exitCode"), reason=ended.get("reason") or "")

    def _print(self, pod: Object, log: Log) -> None:
        if not _has_started(pod, self.container):
            return
        try:
            text = self.world.kube.pod_log_since(self.namespace, self.name, self.container, log.since)
        except PermanentError:
            return  # not there yet, or not any more; the next look tells which
        except TemporaryError as error:
            if _phase(pod) not in ENDED:
                raise
            self.world.say(f"the end of the log of pod {self.namespace}/{self.name} cannot be had: {error}")
            return
        for line in log.new_lines(text):
            self.world.say(log.prefix + line)


def _phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase", "Pending"))


def _status(pod: Object, container: str) -> Object:
    statuses: list[Object] = (pod.get("status") or {}).get("containerStatuses") or []
    return next((status for status in statuses if status["name"] == container), {})


def _has_started(pod: Object, container: str) -> bool:
    return bool({"running", "terminated"} & set(_status(pod, container).get("state") or {}))
