"""The page of the metrics: what is asked of Prometheus, and what Rainbow's own rules make of the records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from docs.site.markdown import code, table, text
from rainbow.model.app import AppConfig
from workflows.monitoring.assets import rules

_ASKED = """What Rainbow asks of your Prometheus, or of anything that speaks its query API. `$namespace`, `$app` and
`$release` are filled in; any other `$` stays. Each query has to be about one release.
"""
_RESTS_ON = """
Besides them it asks for two things of each running pod of a release, so pods have to be scraped with the labels
`namespace` and `pod`:

| series | what for |
| --- | --- |
| `up{namespace="…",pod="…"}` | whether the pod was scraped |
| `timestamp(up{namespace="…",pod="…"})` | when; a scrape older than `drain.prometheus.maxAge` is none |

[Long tasks](../how-to/long-tasks.md) has what your app exports, and [how drain is decided](../explanation/drain.md)
what becomes of an answer that is none.
"""
_RECORDED = """
## What the rules record

Rainbow has no process that could be scraped. [Rules](../how-to/monitoring.md) make series of what kube-state-metrics
reads in the records:
"""


def page() -> str:
    """The queries of rainbow.yaml, the series that they rest on, and the series and alerts of `rainbow monitoring`."""
    schema = AppConfig.model_json_schema(by_alias=True)
    rows = [[f"`{path}`", text(told)] for path, told in _queries(schema, schema["$defs"], "")]
    queries = table(["query in rainbow.yaml", "what it is to give"], rows)
    return "\n".join(["# Metrics\n", "## What is asked\n", _ASKED, queries, _RESTS_ON, _RECORDED, *_rules()])


def _queries(schema: dict[str, Any], definitions: dict[str, dict[str, Any]], path: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, given in schema["properties"].items():
        where = f"{path}.{key}" if path else str(key)
        told = str(given.get("description", ""))
        if "PromQL" in told:
            found.append((where, told))
        for name in _references(given):
            if definitions[name].get("properties"):
                found += _queries(definitions[name], definitions, where)
    return found


def _references(given: dict[str, Any]) -> list[str]:
    items = [option.get("items", option) for option in given.get("anyOf", [given])]
    return [str(item["$ref"]).rsplit("/", 1)[-1] for item in items if "$ref" in item]


def _rules() -> Iterator[str]:
    """The series that are recorded, and the alerts."""
    found = [rule for group in rules()["groups"] for rule in group["rules"]]
    recorded = [[code(r["record"]), code(" ".join(str(r["expr"]).split()))] for r in found if "record" in r]
    yield table(["series", "made of"], recorded)
    yield "## Alerts\n"
    yield "What to do about each: [Alerts](../how-to/alerts.md).\n"
    yield table(["alert", "severity", "after", "says"], [_alert(rule) for rule in found if "alert" in rule])


def _alert(rule: dict[str, Any]) -> list[str]:
    name, after = rule["alert"], str(rule.get("for", "at once"))
    said = text(_example(str(rule["annotations"]["summary"])))
    return [f"[{name}](../how-to/alerts.md#{name.lower()})", rule["labels"]["severity"], after, said]


def _example(template: str) -> str:
    """A template of Prometheus with words in capitals for what is filled in."""
    plain = re.sub(r"\s*\{\{-? *with .*?\{\{ *end *\}\}", "", template, flags=re.S)
    plain = re.sub(r"\{\{ *\$labels\.(\w+) *\}\}", lambda m: m[1].upper(), plain)
    return re.sub(r"\{\{ *\$value[^}]*\}\}", "TIME", plain)
