"""The monitoring assets as they are printed: whole, parsed by the programs they are for, each alert with its page."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner
from promtool import promtool

from rainbow.cli import cli
from rainbow.cli.monitoring import monitoring
from rainbow.errors import BadInput
from rainbow.model.release import Phase
from workflows.monitoring import assets
from workflows.monitoring.dashboard import PHASES, dashboard, queries

LABELS = {"namespace": "shops", "app": "shop", "release": "v1"}
ROOT = Path(__file__).parents[2]


def alerts() -> list[dict[str, Any]]:
    """The alerting rules."""
    return [rule for group in assets.rules()["groups"] for rule in group["rules"] if "alert" in rule]


def printed(*arguments: str) -> str:
    """What `rainbow monitoring` prints."""
    done = CliRunner().invoke(monitoring, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_every_query_of_the_dashboard_is_one_for_prometheus(tmp_path: Path) -> None:
    """As recording rules they are parsed by its own parser."""
    rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(queries())]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", "queries.yaml", directory=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_query_is_about_what_was_chosen() -> None:
    """A panel that shows another namespace than the one chosen misleads; those of Argo say that they show all."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            everything = panel["title"].startswith("Argo:") or panel["title"] == "Alerts"
            assert everything or "$namespace" in target["expr"], panel["title"]


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    """Grafana draws what overlaps on top of each other, and drops what has the id of another."""
    panels = dashboard()["panels"]
    assert sorted(panel["id"] for panel in panels) == list(range(1, len(panels) + 1))
    for panel in panels:
        place = panel["gridPos"]
        assert 0 <= place["x"] <= place["x"] + place["w"] <= 24
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_every_phase_but_deleted_has_a_colour_in_the_timeline() -> None:
    """What is deleted is history, and has no lane."""
    assert set(PHASES) == set(Phase) - {Phase.DELETED}


def test_every_alert_says_how_bad_it_is_what_is_the_case_and_what_to_do() -> None:
    """With a command that can be copied, about the very namespace."""
    for alert in alerts():
        told = alert["annotations"]
        assert alert["labels"]["severity"] in ("critical", "warning", "info")
        assert re.match(r"Rainbow[A-Z]\w+$", alert["alert"])
        assert "for" in alert, alert["alert"]  # no single look fires
        if alert["alert"] != "RainbowUnobserved":
            assert "$labels.namespace" in told["summary"]
            assert re.search(r"(kubectl|rainbow) [a-z].*-n(amespace)? \{\{ \$labels.namespace", told["description"])


def commands() -> list[str]:
    """What the alerts tell people to type, about app `shop` in namespace `shops`."""
    texts = [alert["annotations"]["description"] for alert in alerts()]
    filled = [re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda m: LABELS[m[1]], text) for text in texts]
    return sorted({found for text in filled for found in re.findall(r"(?<!`)rainbow ([a-z].+?)\.(?= |$)", text)})


@pytest.mark.parametrize("command", commands())
def test_what_alerts_tell_people_to_type_can_be_typed(command: str) -> None:
    """Commands, options and arguments that there are; nothing is run."""
    group: click.Command = cli
    rest, context = shlex.split(command), click.Context(cli)
    while isinstance(group, click.Group):
        name, found, rest = group.resolve_command(context, rest)
        assert found is not None
        group, context = found, click.Context(found, parent=context, info_name=name)
    group.make_context(command.split(" ", 1)[0], rest, parent=context.parent)


def test_every_alert_has_a_place_on_the_page_that_it_names() -> None:
    """Neither a link into nothing nor a section about an alert that is gone."""
    text = (ROOT / assets.PAGE).read_text(encoding="utf-8")
    sections = re.findall(r"^## (Rainbow\w+)$", text, flags=re.MULTILINE)
    assert sorted(sections) == sorted(alert["alert"] for alert in alerts())
    for alert in alerts():
        assert alert["annotations"]["runbook_url"] == f"{assets.PAGE}#{alert['alert'].lower()}"


def test_the_page_is_linked_where_it_is_published() -> None:
    """By the address that the documentation has for its readers."""
    for rule in yaml.safe_load(printed("rules", "--docs", "https://docs.example/rainbow/"))["groups"][1]["rules"]:
        link = rule["annotations"]["runbook_url"]
        assert link == f"https://docs.example/rainbow/how-to/alerts.html#{rule['alert'].lower()}"


def test_rules_are_printed_as_a_file_and_for_the_operator() -> None:
    """The operator finds its rules by their labels."""
    assert yaml.safe_load(printed("rules")) == assets.rules()
    found = yaml.safe_load(printed("rules", "--operator", "-n", "watch", "--label", "release=prometheus"))
    assert (found["apiVersion"], found["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert found["metadata"] == {"name": "rainbow", "namespace": "watch", "labels": {"release": "prometheus"}}
    assert found["spec"] == assets.rules()


def test_the_dashboard_is_printed_as_json_and_as_a_config_map() -> None:
    """The sidecar of Grafana's chart finds it by its label."""
    assert json.loads(printed("dashboard")) == dashboard()
    found = yaml.safe_load(printed("dashboard", "--config-map", "-n", "watch"))
    assert found["metadata"]["labels"] == {"grafana_dashboard": "1"}
    assert json.loads(found["data"]["rainbow-releases.json"]) == dashboard()


def test_kube_state_metrics_is_told_the_same_by_file_and_by_its_chart() -> None:
    """With the rights and the flag that it needs; a ClusterRole for who installs it otherwise."""
    config, role = (
        yaml.safe_load(printed("kube-state-metrics")),
        yaml.safe_load(printed("kube-state-metrics", "--role")),
    )
    values = yaml.safe_load(printed("kube-state-metrics", "--helm"))
    assert values["customResourceState"] == {"enabled": True, "config": config}
    assert values["rbac"]["extraRules"] == role["rules"]
    assert all(set(rule["verbs"]) == {"list", "watch"} for rule in role["rules"])
    assert values["metricLabelsAllowlist"] == [assets.SLICE_LABELS]


def test_the_commands_of_the_page_print_what_they_say(tmp_path: Path) -> None:
    """docs/how-to/monitoring.md, as it stands: no cluster is asked, nothing is applied."""
    page = (ROOT / "docs/how-to/monitoring.md").read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "KUBECONFIG": "/nonexistent"}
    subprocess.run(["sh", "-eu", "-c", commands], cwd=tmp_path, env=environment, check=True, timeout=60)
    for name in ("values", "records", "role", "rainbow-rules", "prometheus-rule", "dashboard"):
        assert yaml.safe_load((tmp_path / f"{name}.yaml").read_text()), name
    assert json.loads((tmp_path / "rainbow-dashboard.json").read_text())["uid"] == "rainbow-releases"


@pytest.mark.parametrize(
    "arguments", [("rules", "--operator", "--label", "a"), ("kube-state-metrics", "--helm", "--role")]
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...]) -> None:
    """Nothing is printed that would be applied by mistake."""
    with pytest.raises(BadInput):
        printed(*arguments)
