"""`rainbow policy`: what is in force for the releases of an app, and changing it with one command."""

from __future__ import annotations

from typing import Any

import click
import yaml

from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.policies import read_policy, under, write_policy
from rainbow.adapters.records import list_releases
from rainbow.cli import arguments
from rainbow.decisions.hold import held
from rainbow.decisions.overrides import SECTIONS, overridden, refuse_unfit
from rainbow.errors import BadInput, Conflict
from rainbow.model.policy import Policy
from rainbow.model.release import Phase, Release

ATTEMPTS = 5  # times that the policy may change between reading and writing it

_namespace = click.option("-n", "--namespace", required=True, help="namespace of the app")
_context = click.option("--context", help="context of the kubeconfig")


@click.group()
def policy() -> None:
    """The policy of an app: it goes before what its releases brought along from rainbow.yaml."""


@policy.command()
@click.argument("app")
@_namespace
@_context
def show(app: str, namespace: str, context: str | None) -> None:
    """Print what is in force for each release."""
    kube, (namespace, app) = connect(context=context), (arguments.namespace(namespace), arguments.app_name(app))
    _print(read_policy(kube, namespace, app), _releases(kube, namespace, app))


@policy.command("set")
@click.argument("app")
@click.argument("assignments", nargs=-1, required=True, metavar="KEY=VALUE...")
@_namespace
@_context
def set_(app: str, assignments: tuple[str, ...], namespace: str, context: str | None) -> None:
    """Change it for every release, those that are there and those to come; KEY= takes a key back.

    \b
    Examples:
      rainbow policy set -n spawn spawn retention.minimumAge=2h retention.keep=3
      rainbow policy set -n spawn spawn retention.keep=
    """
    namespace, app = arguments.namespace(namespace), arguments.app_name(app)
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
        _print(changed, releases)
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
    patch: dict[str, Any] = {}
    for section in SECTIONS:
        before, after = getattr(there.spec, section), getattr(changed.spec, section)
        if before != after:
            patch[section] = dict.fromkeys(before) | after
    return patch


def _releases(kube: Kube, namespace: str, app: str) -> list[Release]:
    releases = list_releases(kube, namespace, app)
    if not releases:
        raise BadInput(f"no release of an app {app} in namespace {namespace}; is the name right?")
    return releases


def _print(policy: Policy, releases: list[Release]) -> None:
    click.echo(f"app {policy.app}: {held(policy.spec.hold) if policy.spec.hold else 'not held'}")
    for release in (under(policy, r) for r in releases if r.status.phase is not Phase.DELETED):
        click.echo(f"{release.id} ({release.status.phase}):")
        for section in SECTIONS:
            given = getattr(policy.spec, section)
            found = release.spec.app.model_dump(mode="json", by_alias=True, exclude_none=True).get(section) or {}
            for key, value in found.items():
                text = (
                    value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True).split("\n")[0]
                )
                click.echo(f"  {section}.{key}={text}{'  (by policy)' if key in given else ''}")
