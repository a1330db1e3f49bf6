"""What a person sees of a probe: a line while it runs, then numbers, and each failure with what happened around it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from rainbow.adapters.probe import Probe
from rainbow.decisions.probing import Verdict, at, told

SHOWN = 20  # bursts of failures
LATE = 0.1  # seconds that a person has to know of


def progress(probe: Probe, console: Console) -> None:
    """A line of how it goes, until it is over."""
    with console.status("sending") as line:
        while not probe.wait(0.5):
            answers = probe.answers
            line.update(f"{len(answers)} answers, {answers.failed} failures")


def show(verdict: Verdict, probe: Probe, console: Console) -> None:
    """Numbers by target and by release, then what failed."""
    summary = verdict.summary
    targets = Table("asked for", "sent", "failed", box=None, pad_edge=False)
    for name, (sent, failed) in summary.targets.items():
        targets.add_row(name, str(sent), str(failed))
    console.print(targets, markup=False, highlight=False)
    if summary.releases:
        releases = Table("release", "answers", "first", "last", box=None, pad_edge=False)
        for name, heard in sorted(summary.releases.items(), key=lambda item: item[1].first):
            releases.add_row(name, str(heard.answers), _clock(heard.first), _clock(heard.last))
        console.print(releases, markup=False, highlight=False)
    show_bursts(verdict, console)
    latency = "" if summary.p50 is None else f"  p50 {summary.p50} ms  p99 {summary.p99} ms  max {summary.longest} ms"
    line = "Nobody noticed." if verdict.good else f"Somebody noticed: {'; '.join(verdict.noticed)}."
    console.print(f"{summary.sent} sent, {summary.failed} failed{latency}", highlight=False)
    if probe.late > LATE:
        console.print(
            f"This machine itself sent up to {probe.late * 1000:.0f} ms late; it counts in the latencies.",
            highlight=False,
        )
    console.print(line, style="green" if verdict.good else "red", markup=False, highlight=False, soft_wrap=True)


def show_bursts(verdict: Verdict, console: Console) -> None:
    """Each kind of failure with its times, and what happened around them."""
    for burst in verdict.bursts[:SHOWN]:
        what, *around = told(burst)
        console.print(what, style="red", markup=False, highlight=False, soft_wrap=True)
        for line in around:
            console.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
    if more := len(verdict.bursts[SHOWN:]):
        console.print(f"and {more} more", style="red", highlight=False)


def _clock(moment: float) -> str:
    return at(moment)[11:-1]
