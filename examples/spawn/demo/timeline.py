"""What the demo saw, in order: the lines of the timeline, the lanes of the releases, and the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from load import Results
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rainbow.model.release import Release, format_time

WIDTH = 48  # fits a terminal of 80 columns
_COLOURS = ("red", "yellow", "green", "blue", "magenta")


@dataclass
class Timeline:
    """Collects what happens; prints each line at once."""

    console: Console
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    events: list[dict[str, Any]] = field(default_factory=list)

    def say(self, text: str, **facts: Any) -> None:
        """Something happened."""
        now = datetime.now(UTC)
        self.events.append({"at": format_time(now), "what": text} | facts)
        self.console.print(f"[dim]{(now - self.began).total_seconds():6.1f}s[/]  {text}", soft_wrap=True)


def switch_ms(results: Results, release: Release, before: str | None) -> float | None:
    """From the patch of the route to the last answer of the release before, as the load saw it; None for the first."""
    moments = results.switch_moments.get(before or "")
    if before is None or moments is None or release.status.live_at is None:
        return None
    return round((moments.last - release.status.live_at.timestamp()) * 1000, 1)


def report(results: Results, releases: list[Release], most_live: int, timeline: Timeline) -> dict[str, Any]:
    """The whole as plain data. `harmless` is false when a user would have noticed something."""
    before: str | None = None
    lanes = []
    for release in releases:
        status = release.status
        times = {"created": release.created, "deployed": status.deployed_at, "tested": status.tested_at}
        times |= {"live": status.live_at, "demoted": status.demoted_at}
        times |= {"drained": status.drained_at, "deleted": status.deleted_at}
        lanes.append(
            {"release": release.id, "phase": status.phase.value}
            | {name: format_time(at) if at else None for name, at in times.items()}
            | {"switch_ms": switch_ms(results, release, before)}
            | {"tasks": sum(task.accepted_release == release.id for task in results.tasks)}
        )
        before = release.id
    summary = results.summary()
    return {
        "harmless": results.harmless,
        "requests": {"sent": summary["requests_sent"], "failed": summary["requests_failed"]},
        "latency_ms": summary["latency_ms"],
        "tasks": {
            "started": summary["tasks_started"],
            "finished": summary["tasks_finished"],
            "lost": summary["tasks_lost"],
            "finished_on_another_release": summary["tasks_finished_on_another_release"],
            "still_running": len(results.running),
        },
        "releases_live_at_once": most_live,
        "releases": lanes,
        "failures": summary["failures"],
        "timeline": timeline.events,
    }


def draw(data: dict[str, Any], console: Console) -> None:
    """The lanes of the releases over time, then the counts."""
    began = min(_at(lane["created"]) for lane in data["releases"])
    ended = max(_at(event["at"]) for event in data["timeline"])
    scale = WIDTH / max((ended - began).total_seconds(), 1)
    lanes = Table(box=None, pad_edge=False)
    for heading in ("release", "over time", "switch", "tasks"):
        lanes.add_column(heading, no_wrap=True, justify="right" if heading in ("switch", "tasks") else "left")
    for index, lane in enumerate(data["releases"]):
        bar = Text(style=_COLOURS[index % len(_COLOURS)])
        for cell in range(WIDTH):
            bar.append(_cell(lane, began.timestamp() + (cell + 0.5) / scale))
        ms = "" if lane["switch_ms"] is None else f"{lane['switch_ms']:.0f} ms"
        lanes.add_row(lane["release"], bar, ms, str(lane["tasks"]))
    console.print(lanes)
    console.print("[dim]▒ deployed and tested   █ live   ▓ draining   · gone[/]")
    counts, tasks = data["requests"], data["tasks"]
    console.print(
        f"requests: {counts['sent']} sent, {counts['failed']} failed   tasks: {tasks['started']} started, "
        f"{tasks['finished']} finished, {tasks['lost']} lost, {tasks['finished_on_another_release']} on another "
        f"release   releases at once: {data['releases_live_at_once']}",
        soft_wrap=True,
    )


def _cell(lane: dict[str, Any], at: float) -> str:
    marks = (("deleted", "·"), ("demoted", "▓"), ("live", "█"), ("created", "▒"))
    return next((mark for name, mark in marks if lane[name] and _at(lane[name]).timestamp() <= at), " ")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
