"""The world as one injected object: the cluster, the clock, and where a step speaks.

Tests replace the clock; everything else is real in them too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rainbow.adapters.kube import Kube, connect


class Clock:
    """The clock of this machine, in UTC."""

    def now(self) -> datetime:
        """The time of day, with its zone."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Do nothing for a while."""
        time.sleep(seconds)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class World:
    """What a step may touch.

    `outputs` is the folder in which Argo looks for output parameters, `progress` the file in which it looks for
    "done/all" (Argo Workflows, "Progress"); both are None when a person runs the step. `run` is the uid of the
    workflow, empty then, and `asked_at` when it was submitted: a person's wish is not carried out years later by Retry.
    """

    kube: Kube
    clock: Clock = field(default_factory=Clock)
    say: Callable[[str], None] = _print
    outputs: Path | None = None
    progress: Path | None = None
    run: str = ""
    asked_at: datetime | None = None

    @classmethod
    def real(cls, *, context: str | None = None) -> World:
        """From the environment of this process."""
        outputs, progress = os.environ.get("RAINBOW_OUTPUTS"), os.environ.get("ARGO_PROGRESS_FILE")
        asked_at = os.environ.get("RAINBOW_ASKED_AT")
        return cls(
            kube=connect(context=context),
            outputs=Path(outputs) if outputs else None,
            progress=Path(progress) if progress else None,
            run=os.environ.get("RAINBOW_RUN", ""),
            asked_at=datetime.fromisoformat(asked_at) if asked_at else None,
        )

    def output(self, name: str, value: str) -> None:
        """Hand a value on to the workflow; a person sees it printed."""
        if self.outputs is None:
            self.say(f"{name}: {value}")
            return
        self.outputs.mkdir(parents=True, exist_ok=True)
        (self.outputs / name).write_text(value)

    def progressed(self, done: int, all_: int) -> None:
        """Show in the Argo UI how far the step is."""
        if self.progress is not None:
            self.progress.write_text(f"{done}/{all_}")
