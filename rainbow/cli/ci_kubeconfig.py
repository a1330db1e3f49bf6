"""`rainbow ci-kubeconfig`: what a CI system logs in with, good for some hours."""

from __future__ import annotations

from datetime import timedelta

import click
import yaml
from pydantic import TypeAdapter, ValidationError

from rainbow.adapters.kube import connect
from rainbow.adapters.short_lived import kubeconfig_with, request_token
from rainbow.cli.options import app_options
from rainbow.errors import BadInput
from rainbow.model.durations import Duration
from workflows.ci import ACCOUNT

SHORTEST = timedelta(minutes=10)  # of the API server


@click.command(name="ci-kubeconfig")
@click.option("--for", "lasting", default="24h", show_default=True, help="how long it is good; at least 10m")
@click.option("--server", metavar="URL", help="the API server as CI sees it  [default: as you see it]")
@click.option("--name", default=ACCOUNT, show_default=True, help="of its context; one for each of several clusters")
@app_options
def ci_kubeconfig(namespace: str, lasting: str, server: str | None, name: str, context: str | None) -> int:
    """Print a kubeconfig with which releases can be submitted, planned and followed, and nothing else.

    It is for the ServiceAccount rainbow-ci of the namespace (`rainbow install --ci`), and ends by itself. Whoever has
    it can release: keep it as a secret of the CI system.

    \b
    Examples:
      rainbow install --namespace shop --settings settings.yaml --ci
      rainbow ci-kubeconfig --namespace shop --for 12h > kubeconfig
      rainbow ci-kubeconfig --context eu-1 --namespace shop --name eu-1 > eu-1.yaml
    """
    try:
        wanted: timedelta = TypeAdapter(Duration).validate_python(lasting)
    except ValidationError as error:
        raise BadInput(f"--for {lasting}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    if wanted < SHORTEST:
        raise BadInput(f"--for {lasting}: the API server gives no token for less than 10m")
    kube = connect(context=context)
    token = request_token(kube, namespace, ACCOUNT, wanted)
    click.echo(yaml.safe_dump(kubeconfig_with(kube, namespace, name, token, server), sort_keys=False), nl=False)
    click.echo(f"good until {token.until}", err=True)
    return 0
