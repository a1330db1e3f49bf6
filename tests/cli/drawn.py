"""A report of an app that nobody has: a few releases with everything that a page may have to show."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from rainbow.decisions.rates import Grid, Row
from rainbow.decisions.report import Event, Known, picture
from rainbow.model.release import Mark, Phase
from tests.decisions.make import HOUR, NOW, release

MINUTE = timedelta(minutes=1)
HOSTILE = "</script><script>document.title='owned'</script>\"'><img src=x onerror=alert(1)>&amp;${x}"


def drawn(**changes: Any) -> dict[str, Any]:
    """Six hours of five releases: one deleted, one drained, one draining, one that failed, and the current one."""
    start = NOW - 6 * HOUR
    releases = [
        _release("v1", start, live=5, demoted=100, phase=Phase.DELETED, drained=130, deleted=180),
        _release("v2", start + 95 * MINUTE, live=100, demoted=200, phase=Phase.DRAINED, drained=260),
        _release("v3", start + 190 * MINUTE, live=200, demoted=290, phase=Phase.DRAINING, tasks="3"),
        release("v4", created=start + 240 * MINUTE, phase=Phase.FAILED, live_at=None, demoted_at=None).model_copy(
            update={"by": "dora"}
        ),
        _release("v5", start + 270 * MINUTE, live=290, demoted=None, phase=Phase.CURRENT),
    ]
    failed = releases[3].status.model_copy(
        update={
            "failed_at": start + 250 * MINUTE,
            "message": "2 of 14 tests failed",
            "deployed_at": start + 245 * MINUTE,
        }
    )
    releases[3] = releases[3].model_copy(update={"status": failed})
    grid = Grid.over(start, NOW)
    known: dict[str, Any] = {
        "releases": releases,
        "grid": grid,
        "now": NOW,
        "current": "v5",
        "requests": {
            "v1": _wave(grid, 5, 105, 40),
            "v2": _wave(grid, 99, 205, 55),
            "v3": _wave(grid, 199, 295, 60),
            "v5": _wave(grid, 289, 360, 70),
        },
        "failures": {
            "v1": _flat(grid, 5, 105),
            "v2": _flat(grid, 99, 205),
            "v3": _flat(grid, 199, 295, once=0.5),
            "v5": _flat(grid, 289, 360),
        },
        "tasks": {
            "v1": _wave(grid, 5, 130, 8),
            "v2": _wave(grid, 100, 260, 12, gap=(140, 170)),
            "v3": _wave(grid, 200, 360, 6),
            "v5": _wave(grid, 290, 360, 9),
        },
        "events": [Event(start + 246 * MINUTE, "v4", "Testing", "its objects are ready, its tests are run")],
        "unknown": ["failures of v4: Prometheus has no number in this time"],
    }
    return picture(Known("spawn", "spawn", **(known | changes)))


def hostile() -> dict[str, Any]:
    """The same with markup and quotes in everything that people or the cluster write."""
    data = drawn()
    mark = f"held by {HOSTILE}"
    for one in data["releases"]:
        one |= {"id": one["id"] + HOSTILE, "by": HOSTILE, "waits": HOSTILE, "marks": mark, "tasks": HOSTILE}
    for one in (*data["lanes"], *data["switches"], *data["events"]):
        one["release"] += HOSTILE
    for one in data["events"]:
        one |= {"reason": HOSTILE, "message": HOSTILE}
    for name in ("requests", "failures", "tasks"):
        data[name] = {key + HOSTILE: row for key, row in data[name].items()}
    named = {"app": HOSTILE, "namespace": HOSTILE, "hold": mark, "current": HOSTILE, "unknown": [HOSTILE]}
    return data | named


def many(count: int = 200, days: int = 7) -> dict[str, Any]:
    """So many releases in so many days, each a day at work."""
    start, length = NOW - days * 24 * HOUR, days * 24 * 60
    grid, releases = Grid.over(start, NOW), []
    turns = [5 + number * (length - 10) // count for number in range(count)]
    rows: dict[str, dict[str, Row]] = {"requests": {}, "failures": {}, "tasks": {}}
    for number, (live, demoted) in enumerate(zip(turns, [*turns[1:], None], strict=True)):
        name, gone = f"v{number}", live + 1500
        last = demoted is None
        phase = Phase.CURRENT if last else Phase.DELETED if gone < length else Phase.DRAINING
        ended = gone if phase is Phase.DELETED else None
        releases.append(
            _release(
                name,
                start + (live - 4) * MINUTE,
                live=live,
                demoted=demoted,
                phase=phase,
                deleted=ended,
                drained=ended and ended - 60,
                start=start,
            )
        )
        rows["requests"][name] = _wave(grid, live, demoted or length, 50)
        rows["failures"][name] = _flat(grid, live, demoted or length)
        rows["tasks"][name] = _wave(grid, live, min(gone, length), 20)
    return picture(Known("spawn", "spawn", releases, grid, NOW, current=releases[-1].id, **rows))


def held() -> Mark:
    """What an operator wrote."""
    return Mark(reason="a customer's demo", by="dora", at=NOW - HOUR)


def _release(
    name: str,
    created: datetime,
    *,
    live: int,
    demoted: int | None,
    phase: Phase,
    drained: int | None = None,
    deleted: int | None = None,
    tasks: str | None = None,
    start: datetime = NOW - 6 * HOUR,
) -> Any:
    def at(minutes: int | None) -> datetime | None:
        return None if minutes is None else start + minutes * MINUTE

    found = release(
        name,
        created=created,
        phase=phase,
        deployed_at=created + 1 * MINUTE,
        tested_at=created + 3 * MINUTE,
        live_at=at(live),
        demoted_at=at(demoted),
        drained_at=at(drained),
        deleted_at=at(deleted),
        tasks=tasks,
    )
    return found.model_copy(update={"by": "dora"})


def _wave(grid: Grid, begin: int, end: int, most: float, gap: tuple[int, int] | None = None) -> Row:
    """A smooth number from the minute `begin` to `end`; nothing is known within the gap."""
    first, last = (min(grid.count - 1, grid.index(grid.start + minute * MINUTE)) for minute in (begin, end))
    unknown = range(0) if gap is None else range(*(grid.index(grid.start + minute * MINUTE) for minute in gap))
    values = [
        None if index in unknown else most * (0.6 + 0.4 * math.sin(index / 9)) * min(1, (last - index) / 10)
        for index in range(first, last + 1)
    ]
    return Row(first, tuple(values))


def _flat(grid: Grid, begin: int, end: int, once: float = 0.0) -> Row:
    first, last = (min(grid.count - 1, grid.index(grid.start + minute * MINUTE)) for minute in (begin, end))
    values = [0.0] * (last - first + 1)
    values[len(values) // 2] = once
    return Row(first, tuple(values))
