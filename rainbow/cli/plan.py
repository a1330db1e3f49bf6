"""`rainbow plan`: what would be done, and why; and of each release that stays, what keeps it (B3)."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from rainbow.adapters.drain import DrainWatch
from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.policies import read_policy
from rainbow.adapters.survey import survey
from rainbow.adapters.world import Clock
from rainbow.cli import arguments
from rainbow.cli.lint import show_plan
from rainbow.cli.operate import operate
from rainbow.decisions.hold import held
from rainbow.decisions.retention import Act, Verdict
from rainbow.errors import BadInput
from rainbow.model.release import Release
from steps import STEPS, load

WIDE = 2000


@click.command()
@click.argument("words", nargs=-1, metavar="[OPERATION] APP [RELEASE]")
@click.option("-n", "--namespace", help="namespace of the app")
@click.option(
    "-f", "--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="instead: a release of this file"
)
@click.option("--all", "deleted_too", is_flag=True, help="releases that are deleted, too: who released what and when")
@click.option("--prometheus-url", help="instead of the address in rainbow.yaml, as seen from here")
@click.option("--nats-url", help="instead of the address in rainbow.yaml, as seen from here")
@click.option("--reason", default="planned only", help="the reason that OPERATION would be given")
@click.option("--context", help="context of the kubeconfig")
def plan(
    words: tuple[str, ...],
    namespace: str | None,
    path: Path | None,
    deleted_too: bool,
    prometheus_url: str | None,
    nats_url: str | None,
    reason: str,
    context: str | None,
) -> int:
    """Say what becomes of each release of an app, and why. With OPERATION: what that would do. Nothing is changed.

    With -f: what in the manifests would stop a release, and what `harden: true` completes in each; no cluster is asked.

    \b
    Examples:
      rainbow plan -n spawn spawn
      rainbow plan -n spawn rollback spawn v7
      rainbow plan -f rainbow.yaml
    """
    if path is not None:
        if words or namespace:
            raise BadInput("-f/--file says which app and namespace it is about; leave the rest out")
        return show_plan(path)
    if not words or namespace is None:
        raise BadInput("expected --namespace NAMESPACE and [OPERATION] APP [RELEASE], or --file rainbow.yaml")
    namespace, (operation, app, release) = arguments.namespace(namespace), _parts(words)
    app = arguments.app_name(app)
    if operation:
        offered = {"reason": reason, "prometheus_url": prometheus_url, "nats_url": nats_url}
        taken = load(operation).Params.model_fields
        values = {"release": release} | {name: value for name, value in offered.items() if name in taken}
        about = app if "app" in taken else ""  # else it is about every app of the namespace
        operate(operation, values, now=False, dry_run=True, namespace=namespace, app=about, context=context)
    kube, clock = connect(context=context), Clock()
    _show(kube, namespace, app, DrainWatch(kube, clock, prometheus_url, nats_url), clock, deleted_too=deleted_too)
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


def _show(kube: Kube, namespace: str, app: str, watch: DrainWatch, clock: Clock, *, deleted_too: bool) -> None:
    (seen,) = survey(kube, namespace, app)
    if seen.trouble is not None:
        raise seen.trouble
    if not seen.releases and not seen.unreadable:
        raise BadInput(f"no release of an app {app} in namespace {namespace}; is the name right?")
    if asked := seen.asked(clock.now()):
        seen = replace(seen, drains=watch.look(asked))
    table = Table("release", "released", "by", "phase", "traffic", "tasks", "then", "because", box=None, pad_edge=False)
    for release, verdict in seen.verdicts(clock.now()):
        if verdict.act is not Act.NOTHING or deleted_too:
            table.add_row(*_row(release, verdict))
    for record in seen.unreadable:
        table.add_row(record.release, "", "", "?", "", "", "keep", record.why)
    # In a file or a pipe each release is one line, however long.
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(table, markup=False, highlight=False)
    if hold := read_policy(kube, namespace, app).spec.hold:
        console.print(f"Nothing of {app} is switched: it is {held(hold)}", markup=False, highlight=False)


def _row(release: Release, verdict: Verdict) -> tuple[str, ...]:
    status = release.status
    why = verdict.reason
    if status.hold is not None and "held" not in why:
        why = f"{why}; {held(status.hold)}"
    released = (release.id, f"{release.since:%Y-%m-%d %H:%M}", release.by or "")
    return *released, status.phase, status.traffic or "-", status.tasks or "-", verdict.act, why
