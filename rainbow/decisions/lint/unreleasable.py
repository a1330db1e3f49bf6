"""Whatever a release cannot have at all is found before there is one; the step deploy would refuse it."""

from __future__ import annotations

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.rendering import describe, refusals
from rainbow.decisions.rolling import roll_refusal
from rainbow.decisions.workloads import Base


def check(base: Base) -> Findings:
    """One finding for each object."""
    for obj in base.objects:
        rolled = roll_refusal(obj) if base.is_rolled(obj) else None
        for text in [*refusals(base.app, [obj]), *([rolled] if rolled else [])]:
            why = text.removeprefix(f"{describe(obj)} ")
            what, _, fix = why.partition("; ")
            yield Finding(Severity.ERROR, obj, ("kind",), what, fix or "take it out of the base")
