"""The options that all verbs of an operator have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from rainbow.cli.options import app_options
from rainbow.cli.over_clusters import over_clusters


@dataclass(frozen=True)
class Options:
    """How the step is to be run, and who runs it."""

    namespace: str
    now: bool
    dry_run: bool
    wait: bool
    by: str | None
    context: str | None

    @property
    def how(self) -> dict[str, Any]:
        """The keyword arguments of `operate`."""
        return {
            "namespace": self.namespace,
            "now": self.now,
            "dry_run": self.dry_run,
            "follow": self.wait,
            "context": self.context,
        }


_OPTIONS = (
    click.option("--now", is_flag=True, help="run the step here, at once, instead of a workflow"),
    click.option("--dry-run", is_flag=True, help="say what would be done, and why; change nothing"),
    click.option("--wait/--no-wait", default=True, show_default=True, help="follow the workflow to its end"),
    click.option("--by", help="who, for the record  [default: the user of the kubeconfig]"),
    app_options,
)


def options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command these options, as one argument `options`."""

    @wraps(command)
    def call(**values: Any) -> int:
        taken = {name: values.pop(name) for name in Options.__dataclass_fields__}
        return command(**values, options=Options(**taken))

    given: Callable[..., int] = call
    for option in reversed(_OPTIONS):
        given = option(given)
    return over_clusters(given)  # type: ignore[return-value]
