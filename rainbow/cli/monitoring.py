"""`rainbow monitoring`: what Prometheus, Grafana and kube-state-metrics need to show releases, printed."""

from __future__ import annotations

import json
from typing import Any

import click
import yaml

from rainbow.errors import BadInput
from workflows.monitoring import assets
from workflows.monitoring.dashboard import dashboard as grafana_dashboard

_in_namespace = click.option("-n", "--namespace", default="monitoring", show_default=True, help="of the printed object")


@click.group()
def monitoring() -> None:
    """Print what shows releases in Prometheus and Grafana. Nothing is applied.

    \b
    Examples:
      rainbow monitoring kube-state-metrics --helm > values.yaml
      rainbow monitoring rules > rainbow-rules.yaml
      rainbow monitoring rules --operator | kubectl apply -f -
      rainbow monitoring dashboard > rainbow-dashboard.json
    """


@monitoring.command()
@click.option("--operator", is_flag=True, help="as a PrometheusRule of the Prometheus operator")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="by which the operator chooses its rules")
@click.option("--docs", metavar="URL", help="where this documentation is published, for the links  [default: none]")
@_in_namespace
def rules(operator: bool, labels: tuple[str, ...], docs: str | None, namespace: str) -> None:
    """Print the recording and alerting rules.

    \b
    Examples:
      rainbow monitoring rules > rainbow-rules.yaml
      rainbow monitoring rules --operator --label release=prometheus | kubectl apply -f -
    """
    _yaml(assets.prometheus_rule(namespace, _pairs(labels), docs) if operator else assets.rules(docs))


@monitoring.command()
@click.option("--config-map", is_flag=True, help="as a ConfigMap for the sidecar of Grafana's chart")
@_in_namespace
def dashboard(config_map: bool, namespace: str) -> None:
    """Print the Grafana dashboard.

    \b
    Examples:
      rainbow monitoring dashboard > rainbow-dashboard.json
      rainbow monitoring dashboard --config-map | kubectl apply -f -
    """
    if config_map:
        _yaml(assets.dashboard_config_map(namespace))
    else:
        click.echo(json.dumps(grafana_dashboard(), indent=2))


@monitoring.command("kube-state-metrics")
@click.option("--helm", is_flag=True, help="as values of its Helm chart, with the rights and the flag that it needs")
@click.option("--role", is_flag=True, help="only the ClusterRole with the rights that it needs besides its own")
def kube_state_metrics(helm: bool, role: bool) -> None:
    """Print what kube-state-metrics reads from releases: a file for --custom-resource-state-config-file.

    It also needs the flag --metric-labels-allowlist, as the values of its Helm chart have it.

    \b
    Examples:
      rainbow monitoring kube-state-metrics --helm > values.yaml
      rainbow monitoring kube-state-metrics --role | kubectl apply -f -
    """
    if helm and role:
        raise BadInput("--helm has the rights in it already: give --helm or --role")
    _yaml(assets.state_metrics_values() if helm else assets.state_metrics_role() if role else assets.state_metrics())


def _pairs(labels: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for label in labels:
        key, equals, value = label.partition("=")
        if not key or not equals:
            raise BadInput(f"--label {label!r}: expected KEY=VALUE, such as release=prometheus")
        found[key] = value
    return found


def _yaml(obj: dict[str, Any]) -> None:
    click.echo(yaml.safe_dump(obj, sort_keys=False, width=120), nl=False)
