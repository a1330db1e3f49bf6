"""What a series of releases or switches under a probe has shown, round by round, and the table of it (J2).

A round lasts from the beginning of one release, or switch, to that of the next; the first takes in what came before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rainbow.decisions.answers import Answers
from rainbow.decisions.probing import Verdict, as_json, at


@dataclass(frozen=True)
class Turn:
    """One release or switch: when it was begun and when the route moved, Unix time (None: it never did)."""

    release: str
    previous: str | None
    begun: float
    switched: float | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class Round:
    """What users saw of a turn. `old_ms`: from the switch to the last answer of the release before; 0 if none came."""

    turn: Turn
    sent: int
    failed: int
    old_ms: float | None
    p50: float | None
    p99: float | None


@dataclass(frozen=True)
class Proof:
    """What was to be proved, of which strategy and route, and what came out."""

    app: str
    strategy: str
    route: str
    mode: str  # "releases" or "switches"
    rate: float
    wanted: int
    rounds: tuple[Round, ...]
    verdict: Verdict
    unproved: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether every round was gone through and nobody noticed."""
        return self.verdict.good and not self.unproved


def rounds(answers: Answers, turns: Sequence[Turn]) -> tuple[Round, ...]:
    """Each turn with the requests that were due in it."""
    found = []
    for number, turn in enumerate(turns):
        begin = -math.inf if number == 0 else turn.begun
        end = turns[number + 1].begun if number + 1 < len(turns) else math.inf
        seen = answers.summary(begin, end)
        old = _old_ms(answers, turn, end)
        found.append(Round(turn, seen.sent, seen.failed, old, seen.p50, seen.p99))
    return tuple(found)


def _old_ms(answers: Answers, turn: Turn, end: float) -> float | None:
    if turn.switched is None or turn.previous is None:
        return None
    last = answers.last_of(turn.previous, turn.switched, end)
    return 0.0 if last is None else round((last - turn.switched) * 1000, 1)


def unproved(turns: Sequence[Turn], found: Sequence[Round], wanted: int) -> tuple[str, ...]:
    """Why the rounds show nothing, whatever the answers were."""
    problems = [f"{turn.release}: {turn.trouble}" for turn in turns if turn.trouble]
    done = sum(1 for turn in turns if turn.switched is not None)
    if done < wanted:
        problems.append(f"only {done} of {wanted} rounds came to their end")
    silent = [r.turn.release for r in found if r.sent == 0 and r.turn.switched is not None]
    if silent:
        problems.append(f"nothing was asked in the round of {', '.join(silent)}")
    return tuple(problems)


def proof_json(proof: Proof) -> dict[str, Any]:
    """The whole as plain data, as `--write` keeps it and `table` reads it."""
    moved = [r.old_ms for r in proof.rounds if r.old_ms is not None]
    return {
        "app": proof.app,
        "strategy": proof.strategy,
        "route": proof.route,
        "mode": proof.mode,
        "rate": proof.rate,
        "good": proof.good,
        "unproved": list(proof.unproved),
        "oldAnswersMs": {"median": _median(moved), "max": max(moved, default=None)},
        "rounds": [
            {
                "release": r.turn.release,
                "previous": r.turn.previous,
                "begun": at(r.turn.begun),
                "switched": None if r.turn.switched is None else at(r.turn.switched),
                "sent": r.sent,
                "failed": r.failed,
                "oldMs": r.old_ms,
                "p50Ms": r.p50,
                "p99Ms": r.p99,
            }
            for r in proof.rounds
        ],
        "probe": as_json(proof.verdict),
    }


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, a line for each proof, from what `proof_json` gave."""
    head = "| strategy | route | | requests | failed | last answer of the old release after the switch | p50 | p99 |"
    lines = [head, "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"]
    for result in results:
        probe, old = result["probe"], result["oldAnswersMs"]
        count, latency = len(result["rounds"]), probe["latencyMs"]
        last = "" if old["max"] is None else f"{old['median']:.0f} ms (at most {old['max']:.0f} ms)"
        cells = [
            result["strategy"],
            result["route"],
            f"{count} {result['mode']} at {result['rate']:g}/s",
            f"{probe['sent']:,}",
            str(probe["failed"]) if result["good"] else f"**{probe['failed']}, not proved**",
            last,
            *(f"{latency[name]:.1f} ms" if latency[name] is not None else "" for name in ("p50", "p99")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _median(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    if not ordered:
        return None
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else round((ordered[middle - 1] + ordered[middle]) / 2, 1)
