"""A copy of what the API server has of some kinds, read once, or kept up by a watch on each.

Whoever looks at it need not ask again and again, and still sees what was there when the API server goes away: then it
says since when nothing is new. A kind that may not be read is left out, and named.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from rainbow.adapters.kube import WORKFLOW, Gone, Kind, Kube, Object
from rainbow.adapters.world import Clock
from rainbow.errors import PermanentError, TemporaryError

TURN = 30  # seconds of one watch; then everything is listed anew
PAUSE = 1.0  # seconds after a failure
# Of workflows, those that have not ended: of a busy app there are thousands of the others.
_LABELS = {WORKFLOW: "workflows.argoproj.io/completed!=true"}


@dataclass
class Mirror:
    """The kinds in a namespace (None: in all of them). `left_out`: kind → why it is not there.

    `changed` is set whenever something is new.
    """

    kube: Kube
    namespace: str | None
    kinds: Sequence[Kind]
    clock: Clock = field(default_factory=Clock)
    left_out: dict[Kind, PermanentError] = field(default_factory=dict)
    changed: threading.Event = field(default_factory=threading.Event)
    _objects: dict[Kind, dict[str, Object]] = field(default_factory=dict)
    _away: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @property
    def away(self) -> tuple[datetime, str] | None:
        """Since when the API server has not answered, and why: for any of the kinds, as each is asked for itself."""
        return min(list(self._away.values()), default=None)

    def of(self, kind: Kind) -> list[Object]:
        """All objects of a kind, as they were told last."""
        return list(self._objects.get(kind, {}).values())

    def read(self) -> None:
        """List everything. Raises TemporaryError when the API server does not answer."""
        for kind in self.kinds:
            self._list(kind)

    @contextmanager
    def kept_up(self) -> Iterator[None]:
        """Watch every kind in a thread of its own, which does not outlive the process."""
        for kind in self.kinds:
            if kind not in self.left_out:
                threading.Thread(target=self._follow, args=(kind,), daemon=True).start()
        try:
            yield
        finally:
            self._stop.set()

    def _list(self, kind: Kind) -> None:
        try:
            found = self.kube.list(kind, self.namespace, labels=_LABELS.get(kind))
        except PermanentError as error:
            self.left_out[kind] = error
            return
        self._objects[kind] = {obj["metadata"]["uid"]: obj for obj in found}
        self.answers(kind.kind)
        self.changed.set()

    def _follow(self, kind: Kind) -> None:
        since: str | None = None
        while not self._stop.is_set():
            try:
                if since is None:
                    self._list(kind)
                since = self._watch(kind, since)
            except Gone:
                since = None
            except TemporaryError as error:
                since = None
                self.went_away(kind.kind, str(error))
                self._stop.wait(PAUSE)
            except PermanentError as error:
                self.left_out[kind] = error
                self.changed.set()
                return

    def _watch(self, kind: Kind, since: str | None) -> str | None:
        """One turn; the version to go on from, None when there was nothing to learn it from."""
        for change, obj in self.kube.watch(kind, self.namespace, TURN, since, labels=_LABELS.get(kind)):
            self.answers(kind.kind)
            since, uid = obj["metadata"]["resourceVersion"], obj["metadata"]["uid"]
            known = dict(self._objects.get(kind, {}))
            if change == "DELETED":
                known.pop(uid, None)
            else:
                known[uid] = obj
            self._objects[kind] = known  # whoever reads meanwhile has the one before
            self.changed.set()
        self.answers(kind.kind)
        return since

    def went_away(self, about: str, why: str) -> None:
        """What this is about is from before, until it `answers` again."""
        if about not in self._away:
            self._away[about] = (self.clock.now(), why)
            self.changed.set()

    def answers(self, about: str) -> None:
        """It was read just now."""
        if self._away.pop(about, None) is not None:
            self.changed.set()
