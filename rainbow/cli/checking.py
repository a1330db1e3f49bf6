"""What `install` finds of a cluster, shown: every check for `--check`, else only what is not as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.text import Text

from rainbow.adapters.config_file import read_config
from rainbow.cli.output import Form, console, emit, print_rows
from rainbow.cli.settings_file import secrets_of
from rainbow.decisions.requirements import Result
from rainbow.decisions.suitability import State
from rainbow.decisions.surroundings import Asked
from rainbow.errors import BadInput
from workflows.settings import Settings

_COLOURS = {State.FINE: "green", State.MISSING: "red", State.UNKNOWN: "yellow"}


def asked_of(namespace: str, settings: Settings | None, file: Path | None, prometheus: str | None) -> Asked:
    """What the cluster is to be good for. Raises BadInput for a rainbow.yaml that is none."""
    app = read_config(file) if file else None
    return Asked(
        namespace=namespace,
        instance_id=settings.argo_instance_id if settings else None,
        secrets=secrets_of(settings) if settings else {},
        builds=app is None or bool(app.images),
        route=app.route.key if app else None,
        prometheus=prometheus or (app.drain.prometheus.url if app else None),
    )


def show(namespace: str, results: Sequence[Result], output: Form) -> None:
    """All of them."""
    if output.for_programs:
        found = [
            {
                "name": result.check.name,
                "state": result.verdict.state.value,
                "needed": result.check.needed,
                "found": result.verdict.found,
                "why": result.check.why,
                "get": result.check.get,
            }
            for result in results
        ]
        emit(output, {"namespace": namespace, "checks": found})
        return
    screen = console()
    rows = [
        (Text(r.check.name), Text(r.verdict.state, style=_COLOURS[r.verdict.state]), Text(r.verdict.found))
        for r in results
    ]
    print_rows(screen, ("CHECK", "STATE", "FOUND"), rows)
    for line in advice(results):
        click.echo(line)
    count = {state: sum(r.verdict.state is state for r in results) for state in State}
    click.echo(", ".join(f"{number} {state}" for state, number in count.items()))


def advice(results: Sequence[Result]) -> list[str]:
    """For each that is not fine: what, why it matters, and how to get it."""
    return [
        f"{r.verdict.state}: {r.check.name}: {r.verdict.found}\n  why: {r.check.why}\n  get: {r.check.get}"
        for r in results
        if r.verdict.state is not State.FINE
    ]


def refuse_hopeless(namespace: str, results: Sequence[Result]) -> None:
    """Raises BadInput when no release could ever be made here; nothing was changed."""
    stops = [result for result in results if result.stops]
    if stops:
        what = "; ".join(f"{r.check.name}: {r.verdict.found}; {r.check.why}: {r.check.get}" for r in stops)
        raise BadInput(f"nothing was installed into namespace {namespace}: {what}")


def passed(results: Sequence[Result], *, strict: bool) -> bool:
    """Whether nothing is missing; `strict`: and nothing unknown."""
    bad = {State.MISSING, State.UNKNOWN} if strict else {State.MISSING}
    return not any(result.verdict.state in bad for result in results)
