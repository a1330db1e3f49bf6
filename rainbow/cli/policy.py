"""`rainbow policy`: what is in force for the releases of an app, and changing it with one command."""

from __future__ import annotations

from typing import Any

import click
import yaml

from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.policies import read_policy, under, write_policy
from rainbow.adapters.records import list_releases
from rainbow.cli import arguments, names
from rainbow.cli.options import app_argument, app_options
from rainbow.cli.output import Form, emit, output_option
from rainbow.decisions.hold import held
from rainbow.decisions.overrides import SECTIONS, flat, merge_patch, overridden, refuse_unfit
from rainbow.errors import BadInput, Conflict
from rainbow.model.policy import Policy
from rainbow.model.release import Phase, Release

ATTEMPTS = 5  # times that the policy may change between reading and writing it


@click.group()
def policy() -> None:
    """The policy of an app: it goes before what its releases brought along from rainbow.yaml.

    \b
    Example:
      rainbow policy show shop
    """


@policy.command()
@app_argument
@output_option
@app_options
def show(app: str, namespace: str, output: Form, context: str | None) -> None:
    """Print what is in force for each release.

    \b
    Examples:
      rainbow policy show shop
      rainbow policy show shop -o json
    """
    kube, app = connect(context=context), arguments.app_name(app)
    _print(read_policy(kube, namespace, app), _releases(kube, namespace, app), output)


@policy.command("set")
@app_argument
@click.argument("assignments", nargs=-1, required=True, metavar="KEY=VALUE...")
@output_option
@app_options
def set_(app: str, assignments: tuple[str, ...], namespace: str, output: Form, context: str | None) -> None:
    """Change it for every release, those that are there and those to come; KEY= takes a key back.

    \b
    Examples:
      rainbow policy set spawn retention.minimumAge=2h retention.keep=3
      rainbow policy set spawn retention.keep=
      rainbow policy set spawn 'drain.prometheus.query=sum(tasks{release="$release"})'
    """
    app = arguments.app_name(app)
    wanted = [_assignment(text) for text in assignments]
    kube = connect(context=context)
    releases = _releases(kube, namespace, app)
    for _ in range(ATTEMPTS):
        there = read_policy(kube, namespace, app)
        changed = overridden(there, wanted)
        refuse_unfit(changed, releases)
        try:
            write_policy(kube, there, _changes(there, changed))
        except Conflict:
            continue
        _print(changed, releases, output)
        return
    raise Conflict(f"Policy {namespace}/{app} is being written by others all the time")


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"{text}: expected KEY=VALUE, or KEY= to take the key back")
    try:
        return key, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise BadInput(f"{text}: {value} cannot be read: {error}") from error


def _changes(there: Policy, changed: Policy) -> dict[str, Any]:
    """A merge patch: a key that is there no more is None in it."""
    both = ((section, getattr(there.spec, section), getattr(changed.spec, section)) for section in SECTIONS)
    return {section: merge_patch(before, after) for section, before, after in both if before != after}


def _releases(kube: Kube, namespace: str, app: str) -> list[Release]:
    releases = list_releases(kube, namespace, app)
    if not releases:
        raise BadInput(names.no_app(kube, namespace, app))
    return releases


def _print(policy: Policy, releases: list[Release], form: Form) -> None:
    in_force = [under(policy, r) for r in releases if r.status.phase is not Phase.DELETED]
    if form.for_programs:
        emit(form, _data(policy, in_force))
        return
    click.echo(f"app {policy.app}: {held(policy.spec.hold) if policy.spec.hold else 'not held'}")
    for release in in_force:
        click.echo(f"{release.id} ({release.status.phase}):")
        for section in SECTIONS:
            given = dict(flat(getattr(policy.spec, section)))
            for key, value in flat(_section(release, section)):
                text = (
                    value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True).split("\n")[0]
                )
                click.echo(f"  {section}.{key}={text}{'  (by policy)' if key in given else ''}")


def _data(policy: Policy, releases: list[Release]) -> dict[str, Any]:
    hold = policy.spec.hold and policy.spec.hold.model_dump(mode="json", by_alias=True)
    own = {section: getattr(policy.spec, section) for section in SECTIONS}
    found = [
        {"release": release.id, "phase": release.status.phase.value}
        | {section: _section(release, section) for section in SECTIONS}
        for release in releases
    ]
    head = {"namespace": policy.namespace, "app": policy.app, "hold": hold}
    return head | {"policy": {key: value for key, value in own.items() if value}, "releases": found}


def _section(release: Release, section: str) -> Any:
    return release.spec.app.model_dump(mode="json", by_alias=True, exclude_none=True).get(section) or {}
