"""`rainbow init`: an app's first rainbow.yaml, from a kustomize base, a Helm chart or a live namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rainbow.adapters.kube import connect
from rainbow.cli.asking import Asker
from rainbow.cli.drafting import drafted
from rainbow.cli.material import from_chart, from_kustomize, from_namespace, sources
from rainbow.cli.options import cluster_options, file_option, given_before
from rainbow.cli.writing import checked, refuse_existing, write
from rainbow.decisions.draft_config import completed
from rainbow.decisions.draft_text import draft_text
from rainbow.errors import BadInput


def _namespace(ctx: click.Context, _option: click.Parameter, value: str | None) -> Any:
    return given_before(ctx, "namespace") if value is None else value


@click.command()
@file_option
@click.option("--kustomize", metavar="DIR", help="the kustomize base  [default: what is found below the file's folder]")
@click.option("--chart", metavar="CHART", help="a Helm chart instead: a folder, a .tgz, or oci://…")
@click.option("--values", multiple=True, metavar="FILE", help="values for the chart; repeatable")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="a value for the chart; repeatable")
@click.option("--from-namespace", "live", metavar="NAME", help="what runs there instead; its base is written, too")
@click.option("--app", help="name of the app")
@click.option("-n", "--namespace", metavar="NAME", callback=_namespace, help="namespace of the app")
@click.option("--route", metavar="KIND/NAME", help="what carries the users' traffic: ingress/NAME or httproute/NAME")
@click.option("--proxy-url", metavar="URL", help="where its proxy listens, as seen from pods")
@click.option("--check-path", metavar="PATH", help="what is asked through the proxy  [default: a path of the route]")
@click.option("--prometheus-url", metavar="URL", help="Prometheus, as seen from pods")
@click.option("--ask-prometheus", metavar="URL", help="Prometheus as seen from here, to be asked what the app exports")
@click.option(
    "--tasks", metavar="METRIC|QUERY|none", help="active tasks of a release; none: no work outlasts its answer"
)
@click.option("--tests-image", metavar="IMAGE", help="the integration tests")
@click.option("--tests-service", metavar="NAME", help="Service that they ask")
@click.option("--look", is_flag=True, help="look for the proxy and Prometheus in the cluster; so does --context")
@click.option("--yes", is_flag=True, help="take what is guessed; nothing is asked")
@click.option("--force", is_flag=True, help="overwrite what is there")
@cluster_options
def init(
    path: Path,
    kustomize: str | None,
    chart: str | None,
    values: tuple[str, ...],
    settings: tuple[str, ...],
    live: str | None,
    look: bool,
    yes: bool,
    force: bool,
    context: str | None,
    **given: str | None,
) -> None:
    """Write rainbow.yaml for an app that has none: from its kustomize base, its Helm chart, or what runs.

    What can be seen is not asked. Without a terminal, what cannot be seen has to stand in the flags; all that is
    missing is named at once, and nothing is written. An existing file is left as it is, unless told to --force.

    \b
    Examples:
      rainbow init
      rainbow init --chart ./chart --values production.yaml --namespace shop
      rainbow init --from-namespace shop --tasks shop_active_tasks
      rainbow init --yes --namespace shop --proxy-url http://traefik.traefik --prometheus-url http://prometheus:9090 \\
        --tasks none
    """
    refuse_existing(path, force=force)
    asker, folder = Asker(yes), path.parent
    if sum(bool(source) for source in (kustomize, chart, live)) > 1:
        raise BadInput("give one of --kustomize, --chart and --from-namespace")
    kube = connect(context=context) if live or look or context else None
    if live and kube:
        material = from_namespace(kube, live, folder, given, asker, force=force)
    else:
        kind, where = ("chart", chart) if chart else ("kustomize", kustomize)
        if where is None:
            kind, where = sources(folder, asker)
        if kind == "kustomize" and (values or settings):
            raise BadInput("--values and --set are for a chart; give it as --chart")
        reading = from_chart if kind == "chart" else from_kustomize
        material = reading(folder, where, given, asker, kube, values=values, settings=settings)
    draft = drafted(material, asker)
    asker.done()
    draft = checked(lambda: completed(draft, material.objects))
    todo = write(path, draft_text(draft), material.files)
    click.echo(f"wrote {path}" + (f" and {len(material.files)} files in {material.place}" if material.files else ""))
    for line in [*material.notes, *todo]:
        click.echo(f"  {line}")
    click.echo(_next(path, draft.namespace, live=live is not None, ready=not todo))


def _next(path: Path, namespace: str, *, live: bool, ready: bool) -> str:
    if live:
        last = f"rainbow adopt -f {path} --dry-run   # what runs becomes the first release"
    else:
        last = f"rainbow release -f {path}"
    first = "Next:" if ready else "Once that is done:"
    return "\n  ".join([first, f"rainbow lint -f {path}", f"rainbow install --namespace {namespace}", last])
