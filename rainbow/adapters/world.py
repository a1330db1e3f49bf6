"""The world as one injected object: the cluster, the clock, and where a step speaks.

Tests replace the clock; everything else is real in them too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rainbow.adapters.kube import Kube, connect

LAST_WORDS = "RAINBOW_LAST_WORDS"  # file in which Kubernetes looks for why a container ended
MESSAGE = "message"  # the output parameter of every step with what it ended with
_LONGEST = 300  # characters: a step that is run again a thousand times leaves as many in its workflow
PULL_SECRETS = "RAINBOW_IMAGE_PULL_SECRETS"  # names, separated by commas


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
    `last_words` is where Kubernetes, and so Argo, looks for the reason when the step fails.
    `pull_secrets` are the names of Secrets that images of the pods of a step's own making are pulled with.
    """

    kube: Kube
    clock: Clock = field(default_factory=Clock)
    say: Callable[[str], None] = _print
    outputs: Path | None = None
    progress: Path | None = None
    run: str = ""
    asked_at: datetime | None = None
    pull_secrets: tuple[str, ...] = ()
    last_words: Path | None = None

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
            last_words=Path(os.environ[LAST_WORDS]) if os.environ.get(LAST_WORDS) else None,
            pull_secrets=tuple(filter(None, os.environ.get(PULL_SECRETS, "").split(","))),
        )

    def output(self, name: str, value: str) -> None:
        """Hand a value on to the workflow; a person sees it printed."""
        if self.outputs is None:
            self.say(f"{name}: {value}")
            return
        self.outputs.mkdir(parents=True, exist_ok=True)
        (self.outputs / name).write_text(value)

    def ended(self, text: str) -> None:
        """Leave what the step ended with where the Argo UI shows it: as an output, and as the reason of a failure.

        Nothing depends on it: what cannot be left there is not.
        """
        short = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        with suppress(OSError):
            if self.outputs is not None:
                self.output(MESSAGE, short)
            if self.last_words is not None:
                self.last_words.write_text(short)

    def progressed(self, done: int, all_: int) -> None:
        """Show in the Argo UI how far the step is."""
        if self.progress is not None:
            self.progress.write_text(f"{done}/{all_}")
