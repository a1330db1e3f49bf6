"""How each release of an app stands, for people: what it does, and what it waits for.

The route says which one is current; where the record says something else, that is told. What a release waits for is
said by whoever knows best: the workflow at work on it, else the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rainbow.decisions.age import TOO_YOUNG, too_young
from rainbow.decisions.hold import held
from rainbow.decisions.retention import ON_THE_WAY
from rainbow.decisions.sealing import committed
from rainbow.decisions.switch import ALL, NONE
from rainbow.decisions.workflow_view import StepState, StepView, WorkflowView
from rainbow.model.release import Mark, Phase, Release, format_time

UNREADABLE = "?"  # in place of a phase


@dataclass(frozen=True)
class Seen:
    """What was read about one app, with the policy in force. `at_work`: release id → the workflow at work on it.

    `current` is what the route says; `route_trouble` why it could not be read, and then the records are believed.
    """

    namespace: str
    app: str
    releases: Sequence[Release]
    current: str | None = None
    route_trouble: str | None = None
    hold: Mark | None = None
    at_work: Mapping[str, WorkflowView] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)  # release id → why its record cannot be read
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Standing:
    """One release. `step` is what its workflow is doing, since `step_since`; `waits` what it waits for."""

    release: str
    phase: str
    traffic: str = "-"
    tasks: str = "-"
    since: datetime | None = None
    by: str | None = None
    live_at: datetime | None = None
    step: str = ""
    step_since: datetime | None = None
    waits: str = ""
    held: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    workflow: str | None = None
    workflow_url: str | None = None

    @property
    def deleted(self) -> bool:
        """Whether only its record is left."""
        return self.phase == Phase.DELETED and self.traffic == "-" and not self.step


@dataclass(frozen=True)
class AppStanding:
    """One app; its releases newest last, and what concerns all of them."""

    namespace: str
    app: str
    current: str | None
    releases: tuple[Standing, ...]
    remarks: tuple[str, ...] = ()
    hold: Mark | None = None


def standing(seen: Seen, now: datetime) -> AppStanding:
    """Of an app, and of each of its releases."""
    releases = [_release(release, seen, now) for release in sorted(seen.releases, key=lambda r: (r.since, r.id))]
    unread = [Standing(id_, UNREADABLE, waits=why) for id_, why in seen.unreadable.items()]
    remarks = list(seen.remarks)
    if seen.hold is not None:
        remarks.append(f"nothing of {seen.app} is switched: it is {held(seen.hold)}")
    if seen.route_trouble is not None:
        remarks.append(f"where the route of {seen.app} leads is unknown, its records count: {seen.route_trouble}")
    return AppStanding(seen.namespace, seen.app, seen.current, (*releases, *unread), tuple(remarks), seen.hold)


def _release(release: Release, seen: Seen, now: datetime) -> Standing:
    status = release.status
    step, since, waits = _work(seen.at_work.get(release.id), seen, release.id)
    said = [_contradiction(release, seen), waits or _record(release, now, idle=release.id not in seen.at_work)]
    if status.rejected is not None and not committed(status):
        said.append(f"rolled back from by {status.rejected.by}: {status.rejected.reason}")
    return Standing(
        release=release.id,
        phase=status.phase,
        traffic=_traffic(release, seen),
        tasks=status.tasks or "-",
        since=release.since,
        by=release.by,
        live_at=status.live_at,
        step=step,
        step_since=since,
        waits="; ".join(text for text in said if text),
        held=f"held by {status.hold.by}: {status.hold.reason}" if status.hold is not None else "",
        images={**release.spec.images, **status.images},
        workflow=release.workflow,
        workflow_url=release.workflow_url,
    )


def _traffic(release: Release, seen: Seen) -> str:
    noted = release.status.traffic or NONE
    if seen.route_trouble is not None:
        return noted
    if release.id == seen.current:
        return ALL
    return "-" if noted == ALL else noted


def _contradiction(release: Release, seen: Seen) -> str:
    if seen.route_trouble is not None:
        return ""
    noted = release.status.phase is Phase.CURRENT
    if release.id == seen.current and not noted:
        return f"the route leads to it, though its record says {release.status.phase}"
    if noted and release.id != seen.current:
        return f"its record says Current, though the route leads to {seen.current or 'no release'}"
    return ""


def _work(view: WorkflowView | None, seen: Seen, release: str) -> tuple[str, datetime | None, str]:
    """The step that is under way, since when, and what it waits for."""
    if view is None or view.over:
        return "", None, ""
    if gate := next((s for s in view.steps if s.gate), None):
        return gate.name, gate.started, f"an answer: rainbow approve -n {seen.namespace} {seen.app} {release}"
    running = [s for s in view.steps if s.state is StepState.RUNNING]
    if running:
        return ", ".join(s.name for s in running), _earliest(running), "; ".join(s.message for s in running if s.again)
    waiting = next((s for s in view.steps if s.state is StepState.WAITING and s.message), None)
    if waiting is not None:
        return waiting.name, waiting.started, waiting.message
    begun = [s for s in view.steps if s.begun]
    # Between two steps Argo makes the next pod.
    return (f"after {begun[-1].name}", begun[-1].finished, "") if begun else ("", None, "Argo has not begun it yet")


def _earliest(steps: Sequence[StepView]) -> datetime | None:
    return min((s.started for s in steps if s.started is not None), default=None)


def _record(release: Release, now: datetime, *, idle: bool) -> str:
    status = release.status
    if status.phase is Phase.FAILED:
        return status.message or "no reason recorded"
    if status.phase is Phase.DELETED:
        return f"deleted {format_time(status.deleted_at)[:16]}Z" if status.deleted_at else "being deleted"
    if status.phase in ON_THE_WAY and idle and status.phase is not Phase.READY:
        return status.blocker or "no workflow is at work on it"
    if status.blocker == TOO_YOUNG:  # the record says it in words that last
        return too_young(release, now) or TOO_YOUNG
    return "" if status.phase is Phase.CURRENT else status.blocker or ""
