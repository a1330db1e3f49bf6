"""The whole picture of an app as plain data, as the page of `rainbow report` reads it.

Times are milliseconds since 1970, as JavaScript has them. Nothing in it was made up: what is not known is null, or not
there, and `unknown` says in words what could not be found out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rainbow.decisions.hold import held
from rainbow.decisions.lanes import alive, lanes, switches
from rainbow.decisions.rates import Grid, Row
from rainbow.model.release import Mark, Phase, Release

MOST_EVENTS = 1000
_SAME = timedelta(seconds=3)  # an event of the cluster is written that soon after the note that it tells of
# Field of the status → what happened then, called as the event of the cluster that tells it.
_NOTED = {
    "deployed_at": ("Deployed", "its objects are ready"),
    "tested_at": ("Ready", "it passed its tests"),
    "live_at": ("Current", "the route leads to it: it carries the users' traffic"),
    "baked_at": ("Baked", "it was current long enough without a breach"),
    "demoted_at": ("Draining", "it is current no more, and stays until its work is done"),
    "sealed_at": ("Sealed", "its own routes are closed: no new work can reach it"),
    "drained_at": ("Drained", "it has no work left"),
    "deleted_at": ("Deleted", "its objects are deleted; this record stays"),
    "redeployed_at": ("Redeployed", "it was taken up again after its deletion"),
}


@dataclass(frozen=True)
class Event:
    """What happened to a release, or to the app (`release` None). `warning`: somebody should look at it."""

    at: datetime
    release: str | None
    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True)
class Known:
    """All that was found out about an app. The rows are by release; `unknown` says what could not be found out."""

    namespace: str
    app: str
    releases: Sequence[Release]
    grid: Grid
    now: datetime
    current: str | None = None
    hold: Mark | None = None
    requests: Mapping[str, Row] = field(default_factory=dict)
    failures: Mapping[str, Row] = field(default_factory=dict)
    tasks: Mapping[str, Row] = field(default_factory=dict)
    events: Sequence[Event] = ()
    unknown: Sequence[str] = ()


def picture(known: Known) -> dict[str, Any]:
    """As JSON: what was there since the beginning of the grid."""
    begin = known.grid.start
    shown = [release for release in known.releases if alive(release, begin)]
    kept = {release.id for release in shown}
    events = [e for e in told(known) if e.at >= begin and (e.release is None or e.release in kept)]
    return {
        "app": known.app,
        "namespace": known.namespace,
        "made": _ms(known.now),
        "begin": _ms(begin),
        "end": _ms(known.now),
        "step": int(known.grid.step.total_seconds() * 1000),
        "hold": held(known.hold) if known.hold else None,
        "current": known.current,
        "releases": [_release(release, known.current) for release in reversed(shown)],
        "lanes": [
            {"release": s.release, "stage": s.stage, "begin": _ms(s.begin), "end": _ms(s.end), "lasts": s.lasts}
            for s in lanes(known.releases, known.now)
            if s.release in kept and s.end >= begin
        ],
        "switches": [
            {"release": s.release, "at": _ms(s.at)}
            for s in switches(known.releases)
            if s.release in kept and s.at >= begin
        ],
        **{name: _rows(rows, kept) for name, rows in _series(known)},
        "events": [
            {"at": _ms(e.at), "release": e.release, "reason": e.reason, "message": e.message, "warning": e.warning}
            for e in events[:MOST_EVENTS]
        ],
        "left_out": max(0, len(events) - MOST_EVENTS),
        "unknown": list(known.unknown),
    }


def told(known: Known) -> list[Event]:
    """What the cluster tells, which it forgets after an hour or so, and what the records still tell; newest first."""
    heard = list(known.events)
    for release in known.releases:
        heard += [event for event in _noted(release) if not any(_same(event, other) for other in known.events)]
    return sorted(heard, key=lambda event: (event.at, event.release or "", event.reason), reverse=True)


def _noted(release: Release) -> list[Event]:
    status = release.status
    found = [Event(release.since, release.id, "Released", f"by {release.by}" if release.by else "")]
    for name, (reason, message) in _NOTED.items():
        if (at := getattr(status, name)) is not None:
            found.append(Event(at, release.id, reason, message))
    if status.failed_at is not None:
        found.append(Event(status.failed_at, release.id, "Failed", status.message or "no reason recorded", True))
    for reason, mark in (("Held", status.hold), ("Rejected", status.rejected)):
        if mark is not None:
            found.append(Event(mark.at, release.id, reason, f"{mark.by}: {mark.reason}", True))
    return found


def _same(noted: Event, heard: Event) -> bool:
    same = (noted.release, noted.reason) == (heard.release, heard.reason)
    return same and abs(heard.at - noted.at) <= _SAME


def _release(release: Release, current: str | None) -> dict[str, Any]:
    status = release.status
    gone = status.phase is Phase.DELETED
    times = ("deployed_at", "tested_at", "live_at", "demoted_at", "drained_at", "deleted_at", "failed_at")
    marks = [held(status.hold)] if status.hold else []
    marks += [f"rolled back from by {status.rejected.by}: {status.rejected.reason}"] if status.rejected else []
    return {
        "id": release.id,
        "phase": status.phase,
        "current": release.id == current,
        "by": release.by,
        "released": _ms(release.since),
        **{name.removesuffix("_at"): _ms(getattr(status, name)) for name in times},
        "tasks": None if gone else status.tasks,
        "waits": None if gone else status.blocker or (status.message if status.phase is Phase.FAILED else None),
        "marks": "; ".join(marks) or None,
    }


def _series(known: Known) -> tuple[tuple[str, Mapping[str, Row]], ...]:
    return ("requests", known.requests), ("failures", known.failures), ("tasks", known.tasks)


def _rows(rows: Mapping[str, Row], kept: set[str]) -> dict[str, Any]:
    return {
        release: {"first": row.first, "values": [None if v is None else float(f"{v:.4g}") for v in row.values]}
        for release, row in sorted(rows.items())
        if release in kept
    }


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
