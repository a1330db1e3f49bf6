"""What may never happen, checked at each write by somebody who sees everything: the truth, not the records.

A step believes records and samples; the oracle knows on which pods users' tasks are, when the route really moved, and
for how long Prometheus has been lying.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from emulated import Key

from rainbow.adapters.kube import Object
from rainbow.model.release import Release, format_time
from tests.deep.bus import BusFault
from tests.deep.cluster import is_ready, labels, owner
from tests.deep.metrics import Fault
from tests.deep.proxy import ROUTES as LEADING
from tests.deep.truth import Truth

TOKEN = "rainbow.dev/fencing-token"
MAX_AGE = timedelta(seconds=30)
DISHONEST = {Fault.DOWN, Fault.MISSING, Fault.NAN, Fault.SEVERAL, Fault.NEGATIVE}  # faults that any query has


@dataclass
class Run:
    """One run of a step. `by_person`: it may bring back what was replaced or rejected. Faults are those it began in.

    `late`: objects so new that its first lists, which lag, may not have shown them.
    """

    step: str
    by_person: bool
    fault: Fault
    bus_fault: BusFault
    begun: dict[str, bool]  # release → whether its deletion was already begun
    late: frozenset[Key] = frozenset()


@dataclass
class Oracle(Truth):
    """`acting` are the runs that go on, the innermost last. `answers`: what was said at a release's approval."""

    acting: list[Run] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    token: int = 0
    given_up: set[str] = field(default_factory=set)  # deleted with their work, as rainbow.yaml has it
    denied: set[str] = field(default_factory=set)  # deployed again when the bus said that nothing of that was left

    def check(self) -> None:
        """Between two machine steps: users are served, and no pod was ended under its tasks."""
        lost = [pod for pod, release in self.store.lost if release not in self.given_up]
        assert not lost, f"ended while at work: {lost}"
        if self.route in self.store.objects:
            current = self.current()
            assert current is not None
            assert self.store.of("pods", current), f"{current} is current and has no pod"
            self.harmed(current)

    def guard(self, key: Key, old: Object | None, new: Object | None) -> None:
        """Before a write."""
        if not self.acting:
            return
        if new is None and old is not None:
            self._removed(key, old)
        elif key == self.route and new is not None:
            self._moved(old, new)
        elif key[0] == "releases" and old is not None and new is not None:
            self._noted(Release.from_object(old), new)

    # --- what the route leads to ------------------------------------------------------------------------------

    def _moved(self, old: Object | None, new: Object) -> None:
        before, target = self.current(old) if old else None, self.current(new)
        token = int((new["metadata"].get("annotations") or {}).get(TOKEN, 0))
        assert token >= self.token, f"token {token} after {self.token}"
        self.token = token
        if target == before:
            return
        assert target is not None, "the route leads to no release"
        record, run = self.record(target), self.acting[-1]
        status = record.status
        assert status.phase != "Deleted", f"{target} is deleted"
        assert status.traffic in ("switching", "100%"), f"{target}: nothing keeps delete away"
        assert status.tested_at is not None or record.as_adopted, f"{target} was never tested"
        ready = [p for p in self.store.of("pods", target) if is_ready(p)]
        assert ready, f"no pod of {target} is ready"
        if run.step == "bake":
            assert before in self.breached, f"{before} is switched back, and has done no harm"
            assert target == self.previous, f"switched back to {target}, and {self.previous} was before"
        elif not run.by_person:
            self._nothing_undone(record, before)
            approved = not record.spec.app.approval or self.answers.get(target) == "yes"
            assert approved, f"{target} was not approved"
        self.moved(before, target)

    def _nothing_undone(self, target: Release, before: str | None) -> None:
        assert target.status.rejected is None, f"{target.id} was rejected and is promoted by nobody"
        assert not self.demoted.get(target.id), f"{target.id} was replaced and comes back by nobody's word"
        if before is not None and (record := self.find(before)) is not None:
            assert target.since >= record.since, f"{target.id} is older than {before}"

    def _noted(self, before: Release, new: Object) -> None:
        """Unknown is not a pass, and neither is a breach. What is taken up again counts as new (S11)."""
        after = new.get("status") or {}
        again, known = after.get("redeployedAt"), before.status.redeployed_at
        if again and (known is None or again != format_time(known)):
            self.demoted.pop(before.id, None)
            if self.bus.fault is BusFault.EMPTY and before.id in self.given_up:
                self.denied.add(before.id)
        if after.get("bakedAt") is None or before.status.baked_at is not None or before.id != self.current():
            return
        fault = self.metrics.fault
        assert fault not in DISHONEST or fault is not self.acting[-1].fault, f"{before.id} passed, unknown: {fault}"
        harmful = self.metrics.users and before.id in self.metrics.harmful
        assert not harmful, f"{before.id} passed, and does harm"

    # --- what is deleted --------------------------------------------------------------------------------------

    def _removed(self, key: Key, obj: Object) -> None:
        release, run = owner(obj), self.acting[-1]
        if release is None or "rainbow.dev/step" in labels(obj):
            return
        what = f"{run.step} deletes {key[0]}/{key[2]}: "
        assert release != self.current(), what + "it is current"
        # Its own routes are closed by one look, and opened again by the next; nothing else goes before that one.
        unseen = run.late if key[0] in LEADING else frozenset()
        assert not (by := self.referring(release, unseen)), what + f"referred to by {by}"
        if key[0] in LEADING:
            return
        if key[0] == "releases":
            self._forgotten(release, what)
            return
        record, begun = self.record(release), run.begun.get(release, False)
        assert record.status.hold is None or begun, what + "it is held"
        making_room = run.step == "make-room"
        age = self.age(release)
        young = age is not None and age < record.spec.app.retention.minimum_age and not making_room
        assert not young, what + f"it is not current since {age} only"
        assert begun or making_room or release not in self.kept(release), what + "it is kept"
        assert begun or release != self.kept_while_baking(release), what + "a breach would switch back to it"
        if self.overdue(record):
            self.given_up.add(release)
            return
        assert not self.store.busy_release(release), what + f"tasks {self.store.busy_release(release)}"
        assert not self.bus.left(release) or release in self.denied, what + f"messages {self.bus.left(release)}"
        if release in self.demoted and not begun:
            self._known(what)

    def _known(self, what: str) -> None:
        run, fault, bus_fault = self.acting[-1], self.metrics.fault, self.bus.fault
        if fault is Fault.STALE:
            at = max((t for t, _, _ in self.metrics.samples.values()), default=0.0)
            assert self.clock.now().timestamp() - at <= MAX_AGE.total_seconds(), what + "by old samples"
        elif fault is not Fault.NONE and fault is run.fault:
            raise AssertionError(what + f"though its work is unknown: {fault}")
        if bus_fault is not BusFault.NONE and bus_fault is run.bus_fault and self.config().drain.jetstream:
            raise AssertionError(what + f"though its work is unknown: the bus is {bus_fault}")

    def removed_from_bus(self, release: str) -> None:
        """Before its consumer goes, or its messages."""
        assert not self.store.of("deployments", release), f"{release} is there, and its consumer goes"
        lost = self.bus.left(release) and release not in self.given_up
        assert not lost, f"messages of {release} are lost: {self.bus.left(release)}"

    def _forgotten(self, release: str, what: str) -> None:
        left = [key for key, obj in self.store.objects.items() if owner(obj) == release and key[0] != "releases"]
        mattering = ("deployments", "services", *LEADING)
        assert not [key for key in left if key[0] in mattering], what + f"left: {left}"
