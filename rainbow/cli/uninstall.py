"""`rainbow uninstall`: take away what `install` has brought, and nothing of any release."""

from __future__ import annotations

import sys

import click

from rainbow.adapters.kube import connect
from rainbow.adapters.uninstalling import carry_out, read_facts
from rainbow.adapters.world import Clock
from rainbow.cli.options import app_options
from rainbow.decisions.rendering import describe
from rainbow.decisions.uninstalling import Plan, Wish, plan_uninstall
from rainbow.errors import Refused


@click.command()
@click.option("--leave-releases", is_flag=True, help="releases go on serving, with nobody to look after them")
@click.option(
    "--stop-workflows", is_flag=True, help="stop workflows that wait, as for drains; never a release under way"
)
@click.option("--crds", is_flag=True, help="also the definitions of Release and Policy, when there is not one left")
@click.option("--dry-run", is_flag=True, help="print the plan, and change nothing")
@click.option("-y", "--yes", is_flag=True, help="do not ask, on a terminal")
@app_options
def uninstall(
    namespace: str,
    leave_releases: bool,
    stop_workflows: bool,
    crds: bool,
    dry_run: bool,
    yes: bool,
    context: str | None,
) -> int:
    """Take Rainbow out of a namespace: templates, schedule, roles and ServiceAccounts, by the mark of `install`.

    Releases, their Deployments, routes, records and policies stay as they are, whatever is said. It is refused while
    there are releases or workflows, unless told what becomes of them. Killed at any line, it goes on when run again.

    \b
    Examples:
      rainbow uninstall --namespace shop --dry-run
      rainbow uninstall --namespace shop --leave-releases --stop-workflows
    """
    kube, wish = connect(context=context), Wish(leave_releases, stop_workflows, crds)
    facts = read_facts(kube, namespace, wish)
    plan = plan_uninstall(facts, wish)
    if plan.refusals:
        raise Refused(f"nothing was removed from namespace {namespace}: {'; '.join(plan.refusals)}")
    _show(namespace, plan)
    if dry_run or not (plan.remove or plan.stop):
        return 0
    if sys.stdin.isatty() and not yes:
        click.confirm("Go on?", abort=True)
    carry_out(kube, facts, wish, Clock(), click.echo)
    click.echo(f"Rainbow is uninstalled from namespace {namespace}")
    return 0


def _show(namespace: str, plan: Plan) -> None:
    if not (plan.remove or plan.stop):
        click.echo(f"nothing of Rainbow is installed in namespace {namespace}")
    for name in plan.stop:
        click.echo(f"to stop: Workflow {name}")
    for obj in plan.remove:
        click.echo(f"to remove: {describe(obj)}")
    for remark in plan.remarks:
        click.echo(remark)
