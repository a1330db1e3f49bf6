"""The Grafana dashboard: what is live, what drains and for how long, what waits, and whether Argo keeps up.

Made in Python so that every panel has one shape and every query is known to the tests; printed as the JSON that Grafana
imports. It stands on the recording rules of rules.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

UID = "rainbow-releases"
DATASOURCE: Object = {"type": "prometheus", "uid": "${datasource}"}
# Phase → its number in the timeline, and its colour.
PHASES = {
    "Pending": (1, "#8e8e8e"),
    "Testing": (2, "blue"),
    "Ready": (3, "light-blue"),
    "Current": (4, "green"),
    "Draining": (5, "orange"),
    "Drained": (6, "#c7b98b"),
    "Failed": (7, "red"),
}
_CHOSEN = 'namespace=~"$namespace",app=~"$app"'
_HERE = 'namespace=~"$namespace"'
_AGE = "time() - max by (namespace, app, release)"
_DRAINING = f'and on (namespace, app, release) rainbow:release_phase{{{_CHOSEN},phase="Draining"}}'
_RELEASE = "{{namespace}}/{{app}} {{release}}"


@dataclass(frozen=True)
class Query:
    """One query, and how its series are called."""

    expr: str
    legend: str = _RELEASE
    instant: bool = False


@dataclass(frozen=True)
class Panel:
    """One panel: where it stands (columns of 24, rows), what it asks, and how it is drawn."""

    title: str
    text: str
    kind: str
    place: tuple[int, int, int, int]  # x, y, width, height
    queries: tuple[Query, ...]
    unit: str = "short"
    options: Object = field(default_factory=dict)
    mappings: tuple[Object, ...] = ()


def _phases() -> Query:
    each = [f'{number} * rainbow:release_phase{{{_CHOSEN},phase="{phase}"}}' for phase, (number, _) in PHASES.items()]
    unwritten = f'1 * rainbow:release_phase{{{_CHOSEN},phase=""}}'
    return Query(f"max by (namespace, app, release) ({' or '.join([*each, unwritten])})")


def _mappings() -> tuple[Object, ...]:
    options = {str(number): {"text": phase, "color": colour} for phase, (number, colour) in PHASES.items()}
    return ({"type": "value", "options": options},)


def _age(series: str) -> str:
    return f"{_AGE} ({series}{{{_CHOSEN}}})"


PANELS = (
    Panel(
        "Alerts",
        "What Rainbow's rules say now. Nothing here is good, unless nothing is seen: then RainbowUnobserved is.",
        "timeseries",
        (0, 0, 12, 5),
        (
            Query(
                'count by (alertname, severity) (ALERTS{alertname=~"Rainbow.+",alertstate="firing"})', "{{alertname}}"
            ),
        ),
    ),
    Panel(
        "Live",
        "The release that users' traffic goes to, and since when.",
        "table",
        (12, 0, 12, 5),
        (
            Query(
                f"{_age('rainbow_release_live_timestamp_seconds')} "
                f'and on (namespace, app, release) rainbow:release_phase{{{_CHOSEN},phase="Current"}}',
                instant=True,
            ),
        ),
        unit="s",
    ),
    Panel(
        "Releases",
        "The phase of each release. A release that is not current any more drains until its work is done.",
        "state-timeline",
        (0, 5, 24, 9),
        (_phases(),),
        options={"showValue": "auto", "mergeValues": True, "rowHeight": 0.8},
        mappings=_mappings(),
    ),
    Panel(
        "Active tasks",
        "At the last look. No line where the number is not known: unknown is not zero.",
        "timeseries",
        (0, 14, 12, 8),
        (Query(f"rainbow:release_tasks{{{_CHOSEN}}}"),),
    ),
    Panel(
        "Draining for",
        "How long releases have been finishing their work.",
        "timeseries",
        (12, 14, 12, 8),
        (Query(f"{_age('rainbow_release_demoted_timestamp_seconds')} {_DRAINING}"),),
        unit="s",
    ),
    Panel(
        "Tasks unknown",
        "Releases that are kept since nobody can tell what they have left to do.",
        "table",
        (0, 22, 8, 6),
        (
            Query(
                f'rainbow:release_phase{{{_CHOSEN},phase=~"Draining|Drained"}} '
                "unless on (namespace, app, release) rainbow:release_tasks",
                instant=True,
            ),
        ),
    ),
    Panel(
        "Held",
        "Releases that an operator holds, and for how long.",
        "table",
        (8, 22, 8, 6),
        (Query(_age("rainbow_release_held_timestamp_seconds"), instant=True),),
        unit="s",
    ),
    Panel(
        "Ready endpoints of live releases",
        "By Service. At zero users get errors.",
        "timeseries",
        (16, 22, 8, 6),
        (Query(f"rainbow:live_service_endpoints_ready{{{_CHOSEN}}}", "{{namespace}}/{{service}}"),),
    ),
    Panel(
        "Garbage collections an hour",
        "Runs of the schedule that succeeded, and that failed.",
        "timeseries",
        (0, 28, 8, 6),
        (
            Query(f"changes(rainbow:garbage_collections{{{_HERE}}}[1h])", "{{namespace}}"),
            Query(
                f'changes(argo_cronworkflow_failed{{{_HERE},cronworkflow="collect-garbage"}}[1h])',
                "{{namespace}} failed",
            ),
        ),
    ),
    Panel(
        "Argo: workflows by phase entered, an hour",
        "Of all workflows that the controller runs, not of Rainbow's alone.",
        "timeseries",
        (8, 28, 8, 6),
        (Query("sum by (phase) (increase(argo_workflows_total_count[1h]))", "{{phase}}"),),
    ),
    Panel(
        "Argo: pods, and errors of the controller an hour",
        "Pods that stay Pending hold every release up.",
        "timeseries",
        (16, 28, 8, 6),
        (
            Query("sum by (phase) (argo_workflows_pods_gauge)", "{{phase}}"),
            Query("sum by (cause) (increase(argo_workflows_error_count[1h]))", "error: {{cause}}"),
        ),
    ),
)
# Where a release became current.
SWITCHES = f"changes(max by (namespace, app) (rainbow_release_live_timestamp_seconds{{{_CHOSEN}}})[1m:]) > 0"


def dashboard() -> Object:
    """The dashboard as Grafana imports it; its data source is chosen there."""
    return {
        "uid": UID,
        "title": "Rainbow releases",
        "description": "Releases of all apps: what is live, what drains, what waits. Needs `rainbow monitoring rules`.",
        "tags": ["rainbow"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": list(_variables())},
        "annotations": {"list": [_switches()]},
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS, start=1)],
    }


def queries() -> list[str]:
    """Every query of it."""
    return [*(query.expr for panel in PANELS for query in panel.queries), SWITCHES]


def _variables() -> Iterator[Object]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    for name, filters in (("namespace", ""), ("app", f"{{{_HERE}}}")):
        query = f"label_values(rainbow:release_phase{filters}, {name})"
        yield {
            "name": name,
            "label": name.capitalize(),
            "type": "query",
            "datasource": DATASOURCE,
            "query": {"query": query, "refId": name},
            "definition": query,
            "refresh": 2,
            "includeAll": True,
            "multi": True,
            "allValue": ".*",
            "current": {"text": ["All"], "value": ["$__all"]},
        }


def _switches() -> Object:
    return {
        "name": "Switches",
        "enable": True,
        "iconColor": "green",
        "datasource": DATASOURCE,
        "expr": SWITCHES,
        "step": "1m",
        "titleFormat": "switch of {{app}}",
        "textFormat": "{{namespace}}",
    }


def _panel(number: int, panel: Panel) -> Object:
    x, y, width, height = panel.place
    defaults: Object = {"unit": panel.unit, "mappings": list(panel.mappings), "noValue": "none"}
    drawn: Object = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": panel.options,
        "targets": [_target(letter, query) for letter, query in zip("ABCDEF", panel.queries, strict=False)],
    }
    if panel.kind == "table":
        # Only the labels that say which release it is, and the value.
        hidden = {"Time": True, "phase": True}
        drawn["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return drawn


def _target(letter: str, query: Query) -> Object:
    target: Object = {"refId": letter, "datasource": DATASOURCE, "expr": query.expr, "legendFormat": query.legend}
    return target | ({"instant": True, "range": False, "format": "table"} if query.instant else {"range": True})
