"""What is said when a release through several clusters has come to its end: where it is, what failed, what is next."""

from __future__ import annotations

import shlex

from rich.console import Console

from rainbow.adapters.regions import Found, Place
from rainbow.cli.output import Form, emit
from rainbow.cli.regions import End, Going
from rainbow.cli.watching import Watched, explain
from rainbow.decisions.region import Standing
from rainbow.decisions.waves import Act
from rainbow.decisions.workflow_view import RELEASE_STEPS, Outcome

_OUTCOMES = {Act.DONE: "live", Act.WAIT: "submitted", Act.STOP: "stopped"}


def conclude(going: Going, end: End, come_back: str, console: Console, output: Form) -> int:
    """Say it, to people or programs. Returns the exit code."""
    decision, failed = end.decision, end.decision.act is Act.STOP
    if failed:
        for place in going.places:
            _explain(place, end.found[place.name], console)
    lines = _lines(going, end, come_back)
    if output.for_programs:
        emit(output, _result(going, end, lines))
    for line in lines:
        console.print(line, style=None if failed else "green", markup=False, highlight=False, soft_wrap=True)
    return (75 if decision.temporary else 1) if failed else 0


def _explain(place: Place, found: Found, console: Console) -> None:
    """What failed in it, with the last lines that it printed."""
    view = found.view
    if found.region.standing is not Standing.FAILED or view is None or view.outcome is not Outcome.FAILED:
        return
    console.print(f"In cluster {place.name}:", style="red", markup=False)
    release = found.record.id if found.record else ""
    back = shlex.join(["rainbow", "follow", *place.where, place.app.app, release])
    explain(place.kube, Watched(place.app.namespace, found.workflow or "", RELEASE_STEPS, back), view, console)


def _lines(going: Going, end: End, come_back: str) -> list[str]:
    name = f"{going.places[0].app.app} {going.release}"
    current = [cluster for cluster, found in end.found.items() if found.region.current]
    users = (
        f"{going.release} is current in {', '.join(current)}." if current else f"{going.release} is current nowhere."
    )
    if end.decision.act is Act.DONE and end.drained:
        return [f"{name}: the workflow is done in {', '.join(end.found)}. {users}"]
    if end.decision.act is Act.DONE:
        return [f"{name} is live in {', '.join(end.found)}. Older releases stay until their work is done."]
    if end.decision.act is Act.WAIT:
        return [f"submitted: {'; '.join(end.decision.reasons)}. {users} To go on with what is next: {come_back}"]
    under_way = [c for c, found in end.found.items() if found.region.standing in (Standing.UNDER_WAY, Standing.BAKING)]
    more = [f"Still under way, and going on by itself: {', '.join(under_way)}."] if under_way else []
    return [
        f"{name} was stopped. {'; '.join(end.decision.reasons)}",
        " ".join([users, *more]),
        f"When the cause is gone, retry the workflow that failed and go on: {come_back}; or make a new release.",
    ]


def _result(going: Going, end: End, lines: list[str]) -> dict[str, object]:
    wave_of = {name: number for number, wave in enumerate(going.waves, 1) for name in wave}
    return {
        "app": going.places[0].app.app,
        "release": going.release,
        "outcome": _OUTCOMES[end.decision.act],
        "reasons": list(end.decision.reasons),
        "message": " ".join(lines),
        "clusters": [_cluster(place, end.found[place.name], wave_of[place.name]) for place in going.places],
    }


def _cluster(place: Place, found: Found, wave: int) -> dict[str, object]:
    region, record = found.region, found.record
    status = record.status.model_dump(mode="json", by_alias=True, exclude_none=True) if record is not None else None
    return {
        "cluster": place.name,
        "wave": wave,
        "context": place.context,
        "namespace": place.app.namespace,
        "state": region.standing.value,
        "why": region.why,
        "current": region.current,
        "rollback": region.back.value,
        "workflow": found.workflow,
        "status": status,
    }
