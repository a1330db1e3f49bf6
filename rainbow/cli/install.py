"""`rainbow install`: look at the cluster, say what is missing, and apply what releases need in a namespace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from rainbow.adapters.kube import RELEASE, Forbidden, Kind, Kube, NotThere, connect, identity
from rainbow.adapters.surroundings import look_around
from rainbow.adapters.uninstalling import installed_objects
from rainbow.cli import checking
from rainbow.cli.options import app_options
from rainbow.cli.output import Form, output_option
from rainbow.cli.settings_file import objects_of, read_settings, settings_option
from rainbow.decisions.requirements import examine
from rainbow.decisions.suitability import ADMISSION, State
from rainbow.decisions.surroundings import Surroundings
from rainbow.errors import BadInput, PermanentError, RainbowError, Refused
from workflows.ci import GUARD
from workflows.collect_garbage import as_left
from workflows.installation import of_ci, of_the_cluster
from workflows.rbac import access

Object = dict[str, Any]

_NAMESPACE = Kind("v1", "Namespace")


@click.command()
@settings_option
@click.option("--check", is_flag=True, help="only look, and say what is missing, why it matters, and how to get it")
@click.option("--strict", is_flag=True, help="with --check: what cannot be known counts as missing")
@click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="a rainbow.yaml that the cluster has to be good for: its route, its Prometheus",
)
@click.option("--prometheus-url", metavar="URL", help="instead of the address in rainbow.yaml")
@click.option("--ci", is_flag=True, help="also the account of a CI system; then see: rainbow ci-kubeconfig --help")
@output_option
@app_options
def install(
    namespace: str,
    path: Path | None,
    check: bool,
    strict: bool,
    file: Path | None,
    prometheus_url: str | None,
    ci: bool,
    output: Form,
    context: str | None,
) -> int:
    """Install the Release resource, the workflow templates, and a ServiceAccount with a role for each step.

    Before that it looks at the cluster. Installing again brings everything up to date; running releases go on with
    what they began with. What belongs to the whole cluster, the Release resource above all, is left out, and named,
    where the rights do not reach that far. With --check exit code 1 says that something is missing.

    \b
    Examples:
      rainbow install --namespace shop --settings settings.yaml
      rainbow install --namespace shop --settings settings.yaml --check -f rainbow.yaml
    """
    settings = read_settings(path) if path or not check else None
    ours = objects_of(namespace, settings, path) if settings else access(namespace)
    kube, asked = connect(context=context), checking.asked_of(namespace, settings, file, prometheus_url)
    seen = look_around(kube, asked, ours if check else None)
    results = examine(seen, asked)
    if check:
        checking.show(namespace, results, output)
        return 0 if checking.passed(results, strict=strict) else 1
    checking.refuse_hopeless(namespace, results)
    _apply(kube, namespace, [*of_the_cluster(), *ours], seen)
    if ci:
        _refuse_unguarded(kube, namespace)
        for obj in of_ci(namespace):
            kube.apply(obj)
            click.echo(f"applied {obj['kind']} {obj['metadata']['name']}")
    for line in checking.advice([r for r in results if r.verdict.state is State.MISSING]):
        click.echo(line, err=True)
    if earlier := _earlier(kube, namespace, ours):
        click.echo(f"of an earlier version, and not used by new workflows any more: {', '.join(earlier)}", err=True)
    click.echo(f"Namespace {namespace} is ready for: rainbow release -f rainbow.yaml")
    return 0


def _apply(kube: Kube, namespace: str, objects: Sequence[Object], seen: Surroundings) -> None:
    refused: list[str] = []
    hasty = replace(kube, attempts=2)  # for what may well be forbidden
    for obj in ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, *objects):
        what, of_the_namespace = f"{obj['kind']} {obj['metadata']['name']}", "namespace" in obj["metadata"]
        if obj["kind"].startswith("ValidatingAdmissionPolicy") and not seen.serves(ADMISSION, obj["kind"]):
            continue  # the check `guards` says so
        try:
            wanted = as_left(obj, kube.get(*identity(obj))) if obj["kind"] == "CronWorkflow" else obj
            (kube if of_the_namespace else hasty).apply(wanted)
        except NotThere as error:
            raise BadInput(f"{error}. Is Argo Workflows installed in this cluster?") from error
        except Forbidden:
            if of_the_namespace:
                raise
            refused.append(what)
            continue
        click.echo(f"applied {what}")
    if refused:
        click.echo(_left_to_others(kube, namespace, refused), err=True)


def _left_to_others(kube: Kube, namespace: str, refused: list[str]) -> str:
    """What an administrator has to do. Raises BadInput when nothing works without."""
    said = (
        f"not applied, as your rights do not reach beyond namespace {namespace}: {', '.join(refused)}. An "
        "administrator of the cluster brings them up to date: rainbow render --only cluster "
        "| kubectl apply --server-side --field-manager rainbow -f -"
    )
    try:
        kube.path(RELEASE, namespace)
    except PermanentError as error:
        raise BadInput(f"{said}. Until then nothing can be released here: {error}") from error
    return said


def _refuse_unguarded(kube: Kube, namespace: str) -> None:
    """Raises Refused where nothing is known to keep CI to the templates, as it would have the rights of every step."""
    ours = {obj["kind"]: obj["spec"] for obj in of_the_cluster() if obj["metadata"]["name"] == GUARD}
    try:
        found = {kind: (kube.get(Kind(ADMISSION, kind), None, GUARD) or {}).get("spec") or {} for kind in ours}
        missing = [kind for kind, spec in found.items() if not _as_strict(spec, ours[kind])]
        why = f"the cluster has no {' and no '.join(missing)} {GUARD} of this version" if missing else ""
    except PermanentError as error:  # not to be read, or not served
        why = f"it is not known whether it would be guarded: {error}"
    if why:
        raise Refused(
            f"Rainbow is installed in namespace {namespace}, without the account of CI: {why}, and it could run any "
            "pod with the rights of every step. An administrator of the cluster brings the guard: rainbow render "
            "--only cluster | kubectl apply --server-side --field-manager rainbow -f -; then the account, applied the "
            f"same way: rainbow render -n {namespace} --only ci"
        )


def _as_strict(spec: Object, ours: Object) -> bool:
    """Whether a policy asks all that ours asks, and a binding denies for it."""
    asked = [rule["expression"] for rule in spec.get("validations") or ()]
    named = all(spec.get(key) == ours.get(key) for key in ("policyName", "validationActions", "failurePolicy"))
    return named and all(rule["expression"] in asked for rule in ours.get("validations") or ())


def _earlier(kube: Kube, namespace: str, ours: Sequence[Object]) -> list[str]:
    """What an earlier version has left. It stays: a workflow of that version may still be at work with it."""
    wanted = {identity(obj) for obj in (*ours, *of_ci(namespace))}
    try:
        found = installed_objects(kube, namespace)
    except RainbowError:
        return []
    return [f"{obj['kind']} {obj['metadata']['name']}" for obj in found if identity(obj) not in wanted]
