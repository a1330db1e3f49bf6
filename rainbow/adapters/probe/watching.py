"""What happens in a namespace while a probe runs, to be held against its failures.

One watch for each kind, in a thread of its own, since a poll would be both late and a load. A kind that the cluster
does not have, or that may not be watched, is left out: the probe counts, and this only explains.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from rainbow.adapters.kube import EVENT, HTTP_ROUTE, INGRESS, POD, RELEASE, SERVICE, Gone, Kind, Kube, Object
from rainbow.decisions.occurrences import gone, occurrence
from rainbow.decisions.probing import Occurrence
from rainbow.errors import PermanentError, TemporaryError

WATCHED = (POD, RELEASE, INGRESS, SERVICE, HTTP_ROUTE, EVENT)
# For a role that is to watch.
WATCHING = (
    # Which pods came, went or were not ready, and what the cluster says of it.
    {"apiGroups": [""], "resources": ["pods", "services", "events"], "verbs": ["list", "watch"]},
    # When the route led elsewhere, and which release became current.
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["list", "watch"]},
    {"apiGroups": ["gateway.networking.k8s.io"], "resources": ["httproutes"], "verbs": ["list", "watch"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["list", "watch"]},
)
TURN = 2  # seconds of one watch, and so until a stop is noticed
PAUSE = 1.0  # seconds after a failure


@dataclass
class Watching:
    """The watches of one namespace; `seen` grows while they run."""

    kube: Kube
    namespace: str
    seen: list[Occurrence] = field(default_factory=list)
    unseen: dict[str, str] = field(default_factory=dict)  # kind → why it is not watched
    _stop: threading.Event = field(default_factory=threading.Event)

    def follow(self, kind: Kind) -> None:
        """Watch a kind until told to stop."""
        begun, known, since = time.time(), dict[str, Object](), None
        while not self._stop.is_set():
            try:
                for change, obj in self.kube.watch(kind, self.namespace, TURN, since):
                    since = obj["metadata"]["resourceVersion"]
                    self._take(change, obj | {"kind": kind.kind}, known, begun)
            except Gone:
                since = None
            except TemporaryError:
                self._stop.wait(PAUSE)
            except PermanentError as error:
                self.unseen[kind.kind] = str(error)
                return

    def _take(self, change: str, obj: Object, known: dict[str, Object], begun: float) -> None:
        before, uid = known.get(obj["metadata"]["uid"]), obj["metadata"]["uid"]
        if change == "DELETED":
            known.pop(uid, None)
            what = gone(obj)
        else:
            known[uid] = obj
            what = None if before is None and _older(obj, begun) else occurrence(before, obj)
        if what is not None:
            self.seen.append(Occurrence(time.time(), what))

    def stop(self) -> None:
        """Ends within a turn."""
        self._stop.set()


@contextmanager
def watching(kube: Kube, namespace: str | None) -> Iterator[Watching]:
    """Watch a namespace; None watches nothing."""
    found = Watching(kube, namespace or "")
    kinds = WATCHED if namespace else ()
    threads = [threading.Thread(target=found.follow, args=(kind,), daemon=True) for kind in kinds]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        found.stop()
        for thread in threads:
            thread.join()


def _older(obj: Object, begun: float) -> bool:
    """Whether it was there before: what has been for long explains nothing. Times of objects have whole seconds."""
    meta = obj["metadata"]
    last = obj.get("lastTimestamp") or obj.get("eventTime") or meta.get("creationTimestamp")
    return last is not None and datetime.fromisoformat(last).timestamp() < begun - 1
