"""`rainbow plan`: what would be done, and why; and of each release that stays, what keeps it (B3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from rainbow.adapters.drain import DrainWatch
from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.policies import read_policy
from rainbow.adapters.survey import AppSeen, survey
from rainbow.adapters.world import Clock
from rainbow.cli import arguments, names
from rainbow.cli.lint import show_plan
from rainbow.cli.operate import operate
from rainbow.cli.options import NAMESPACE, cluster_options, namespace_here
from rainbow.cli.output import Form, console, emit, output_option, print_rows
from rainbow.cli.over_clusters import over_clusters
from rainbow.cli.plan_schema import schema_now
from rainbow.decisions.hold import held
from rainbow.decisions.retention import Act, Verdict
from rainbow.errors import BadInput
from rainbow.model.release import Mark, Release, format_time
from steps import STEPS, load


@click.command()
@over_clusters
@click.argument("words", nargs=-1, metavar="[OPERATION] APP [RELEASE]", shell_complete=names.words)
@click.option("-n", "--namespace", metavar="NAME", help=NAMESPACE, shell_complete=names.namespaces)
@click.option(
    "-f", "--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="instead: a release of this file"
)
@click.option("-a", "--all", "deleted_too", is_flag=True, help="releases that are deleted, too")
@click.option("--prometheus-url", help="instead of the address in rainbow.yaml, as seen from here")
@click.option("--nats-url", help="instead of the address in rainbow.yaml, as seen from here")
@click.option("--reason", default="planned only", help="the reason that OPERATION would be given")
@output_option
@cluster_options
@click.pass_context
def plan(
    ctx: click.Context,
    /,
    words: tuple[str, ...],
    namespace: str | None,
    path: Path | None,
    deleted_too: bool,
    prometheus_url: str | None,
    nats_url: str | None,
    reason: str,
    output: Form,
    context: str | None,
) -> int:
    """Say what becomes of each release of an app, and why. With OPERATION: what that would do. Nothing is changed.

    Of an app with migrations also what each stage would do to the schema of its database, by the records.

    With -f: what in the manifests would stop a release, what `harden: true` completes in each, and what it does to the
    schema; no cluster is asked.

    \b
    Examples:
      rainbow plan spawn
      rainbow plan spawn -o json
      rainbow plan rollback spawn v7
      rainbow plan -f rainbow.yaml
    """
    if path is not None:
        if words or namespace or output is not Form.TABLE:
            raise BadInput("-f/--file says which app and namespace it is about; leave the rest out")
        return show_plan(path)
    if not words:
        raise BadInput("expected [OPERATION] APP [RELEASE], or --file rainbow.yaml")
    namespace, (operation, app, release) = namespace_here(ctx, namespace), _parts(words)
    app = arguments.app_name(app)
    if operation:
        if output.for_programs:
            raise BadInput(f"-o {output}: what {operation} would do is said in lines only; leave OPERATION or -o out")
        offered = {"reason": reason, "prometheus_url": prometheus_url, "nats_url": nats_url}
        taken = load(operation).Params.model_fields
        values = {"release": release} | {name: value for name, value in offered.items() if name in taken}
        about = app if "app" in taken else ""  # else it is about every app of the namespace
        operate(operation, values, now=False, dry_run=True, namespace=namespace, app=about, context=context)
    kube, clock = connect(context=context), Clock()
    seen = _look(kube, namespace, app, DrainWatch(kube, clock, prometheus_url, nats_url), clock)
    rows = [
        (release, verdict)
        for release, verdict in seen.verdicts(clock.now())
        if verdict.act is not Act.NOTHING or deleted_too
    ]
    hold = read_policy(kube, namespace, app).spec.hold
    if output.for_programs:
        emit(output, _data(seen, rows, hold))
        return 0
    wide = ("RELEASED", "BY") if output is Form.WIDE else ()
    cells = [_row(release, verdict, output) for release, verdict in rows]
    cells += [(record.release, *("" for _ in wide), "?", "", "", "keep", record.why) for record in seen.unreadable]
    headings = ("RELEASE", *wide, "PHASE", "TRAFFIC", "TASKS", "THEN", "BECAUSE")
    print_rows(console(), headings, cells)
    if hold:
        click.echo(f"Nothing of {app} is switched: it is {held(hold)}")
    for line in schema_now(kube, seen, clock.now()):
        click.echo(line)
    return 0


def _parts(words: tuple[str, ...]) -> tuple[str | None, str, str | None]:
    """Operation, app and release. A single word is an app, even one that is called like an operation."""
    if len(words) == 1:
        return None, words[0], None
    if words[0] not in STEPS:
        raise BadInput(f"{words[0]} is no operation; there are: {', '.join(STEPS)}")
    if len(words) > 3:
        raise BadInput(f"expected [OPERATION] APP [RELEASE], found {len(words)} words")
    return words[0], words[1], words[2] if len(words) == 3 else None


def _look(kube: Kube, namespace: str, app: str, watch: DrainWatch, clock: Clock) -> AppSeen:
    (seen,) = survey(kube, namespace, app)
    if seen.trouble is not None:
        raise seen.trouble
    if not seen.releases and not seen.unreadable:
        raise BadInput(names.no_app(kube, namespace, app))
    if asked := seen.asked(clock.now()):
        seen = replace(seen, drains=watch.look(asked))
    return seen


def _why(release: Release, verdict: Verdict) -> str:
    hold = release.status.hold
    return f"{verdict.reason}; {held(hold)}" if hold is not None and "held" not in verdict.reason else verdict.reason


def _row(release: Release, verdict: Verdict, form: Form) -> tuple[str, ...]:
    status = release.status
    wide = (f"{release.since:%Y-%m-%d %H:%M}", release.by or "") if form is Form.WIDE else ()
    seen = (status.phase, status.traffic or "-", status.tasks or "-")
    return release.id, *wide, *seen, verdict.act, _why(release, verdict)


def _data(seen: AppSeen, rows: list[tuple[Release, Verdict]], hold: Mark | None) -> dict[str, Any]:
    releases = [
        {
            "release": release.id,
            "releasedAt": format_time(release.since),
            "by": release.by,
            "phase": release.status.phase.value,
            "traffic": release.status.traffic or "-",
            "tasks": release.status.tasks,
            "then": verdict.act.value,
            "because": _why(release, verdict),
        }
        for release, verdict in rows
    ]
    unreadable = [{"release": record.release, "then": "keep", "because": record.why} for record in seen.unreadable]
    head = {"namespace": seen.namespace, "app": seen.app, "hold": hold and hold.model_dump(mode="json", by_alias=True)}
    return head | {"releases": releases + unreadable}
