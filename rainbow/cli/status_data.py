"""`rainbow status` for programs. The keys stand in docs/how-to/command-line.md, and do not change their meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rainbow.decisions.standing import AppStanding, Standing
from rainbow.model.release import format_time


def data(
    apps: Sequence[AppStanding], rows: Iterable[tuple[AppStanding, Standing]], trouble: Sequence[str]
) -> dict[str, Any]:
    """All apps, with those of their releases that are among the rows."""
    shown = list(rows)
    found = [_app(app, [one for other, one in shown if other is app]) for app in apps]
    return {"apps": found, "trouble": list(trouble)}


def _app(app: AppStanding, releases: Sequence[Standing]) -> dict[str, Any]:
    hold = app.hold.model_dump(mode="json", by_alias=True) if app.hold else None
    head = {"namespace": app.namespace, "app": app.app, "current": app.current, "hold": hold}
    return head | {"remarks": list(app.remarks), "releases": [_release(one) for one in releases]}


def _release(one: Standing) -> dict[str, Any]:
    return {
        "release": one.release,
        "phase": str(one.phase),
        "traffic": one.traffic,
        "tasks": one.tasks,
        "releasedAt": _time(one.since),
        "by": one.by,
        "liveAt": _time(one.live_at),
        "step": one.step or None,
        "stepSince": _time(one.step_since),
        "waitsFor": one.waits or None,
        "held": one.held or None,
        "images": dict(one.images),
        "workflow": one.workflow,
        "workflowUrl": one.workflow_url,
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else format_time(value)
