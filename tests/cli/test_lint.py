"""`rainbow lint`, and what it keeps `rainbow release` from: findings by file and line, for people and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rainbow.cli import cli
from rainbow.decisions.lint import RULES
from rainbow.errors import BadInput

RAINBOW = str(Path(sys.executable).parent / "rainbow")
CONFIG = """\
app: shop
namespace: shops
manifests: {kustomize: deploy}
route: {ingress: {name: shop, url: "http://traefik"}}
drain: {prometheus: {url: "http://prometheus", query: "sum(tasks{release='$release'})"}}
"""
KUSTOMIZATION = """\
# The shop.
resources:
  - base.yaml
"""
BASE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {part: web}, ports: [{port: 80, targetPort: 8000}]}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector: {matchLabels: {part: web}}
  template:
    metadata: {labels: {part: web}}
    spec:
      containers:
        - name: web
          image: web:7
          ports: [{containerPort: 8000}]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
"""
ERRORS = {"readiness-probe": 17, "pre-stop": 17, "grace-period": 15, "disruption-budget": 10}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app with four errors and a warning; the current folder."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "base.yaml").write_text(BASE)
    (tmp_path / "deploy" / "kustomization.yaml").write_text(KUSTOMIZATION)
    (tmp_path / "rainbow.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Any:
    """The command line, in this process."""
    return cli.main([*arguments], standalone_mode=False)


def test_people_get_a_table_with_errors_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with file and line, why and what to do; exit code 1."""
    assert run("lint") == 1
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["error"] * 4 + ["warning"]
    for rule, number in ERRORS.items():
        (line,) = [line for line in lines if f" {rule} " in line]
        assert f"deploy/base.yaml:{number} " in line
    assert "4 errors, 1 warning; 4 can be completed: rainbow lint --fix, or `harden: true`." in said


def test_programs_get_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All that is known of each finding."""
    assert run("lint", "-o", "json") == 1
    found = {one["rule"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert {rule: found[rule]["line"] for rule in ERRORS} == ERRORS
    assert found["grace-period"]["path"] == "spec.template.spec.terminationGracePeriodSeconds"
    assert found["grace-period"]["patch"] == {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 35}}}}
    assert found["disruption-budget"]["resource"]["kind"] == "PodDisruptionBudget"
    assert found["mutable-tag"]["severity"] == "warning"


def test_a_job_gets_annotations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, with what would end a line or a property escaped."""
    assert run("lint", "-o", "github") == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("::error file=deploy/base.yaml,line=10,title=disruption-budget%3A Deployment web::")
    assert all(line.startswith(("::error ", "::warning ")) for line in lines)


def test_code_scanners_get_sarif(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What SARIF 2.1.0 requires (sections 3.13 to 3.52), and what code scanning needs: rules, places, levels."""
    assert run("lint", "-o", "sarif") == 1
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (sarif,) = log["runs"]
    driver = sarif["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    assert driver["name"]
    assert len(sarif["results"]) == 5
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
    for result in sarif["results"]:
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "deploy/base.yaml"
        assert place["region"]["startLine"] >= 1
        assert location["logicalLocations"][0]["fullyQualifiedName"].startswith("Deployment web spec")


def test_what_can_be_completed_is_written_and_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The findings that are left decide the exit code; the second time there is nothing to do."""
    assert run("lint", "--fix", "-o", "json") == 0
    said = capsys.readouterr()
    assert [one["rule"] for one in json.loads(said.out)["findings"]] == ["mutable-tag"]
    assert "+++ deploy/rainbow-lint.yaml" in said.err
    assert "+  - path: rainbow-lint.yaml" in said.err
    assert "Not completed, as that needs somebody's decision: Deployment web: mutable-tag" in said.err
    once = {path.name: path.read_text() for path in (folder / "deploy").iterdir()}
    assert once["kustomization.yaml"].startswith(KUSTOMIZATION)
    assert once["base.yaml"] == BASE
    assert run("lint", "--fix") == 0
    assert {path.name: path.read_text() for path in (folder / "deploy").iterdir()} == once
    assert "+++" not in capsys.readouterr().err


def test_hardening_leaves_the_files_and_is_shown_by_plan(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would be done in every release, and whether it would be stopped."""
    assert run("plan", "-f", "rainbow.yaml") == 1
    assert "4 errors" in capsys.readouterr().out
    (folder / "rainbow.yaml").write_text(CONFIG + "harden: true\n")
    assert run("plan", "-f", "rainbow.yaml") == 0
    said = capsys.readouterr().out
    assert "0 errors, 1 warning; 4 completed by `harden: true`." in said
    assert "Deployment web: pre-stop (deploy/base.yaml:17)" in said
    assert "terminationGracePeriodSeconds: 35" in said
    assert "kind: PodDisruptionBudget" in said
    assert sorted(path.name for path in (folder / "deploy").iterdir()) == ["base.yaml", "kustomization.yaml"]


def test_a_plan_of_a_file_says_what_it_does_to_the_schema(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And when: before the deployment, or long after it. Without migrations there is nothing to say."""
    run("plan", "-f", "rainbow.yaml")
    assert "Schema" not in capsys.readouterr().out
    needs, expand = "{minimum: 2, maximum: 3}", '{to: 2, command: [book, up, "2"]}'
    migrations = f"migrations: {{image: book:1, state: [book, state], needs: {needs}, expand: {expand}}}\n"
    (folder / "rainbow.yaml").write_text(CONFIG + migrations)
    run("plan", "-f", "rainbow.yaml")
    out = capsys.readouterr().out
    assert "Schema of the database:\n  the release works with 2 to 3\n  expand, before the deployment: leads" in out


def test_errors_keep_a_release_from_being_submitted(folder: Path) -> None:
    """Exit 2 before any cluster is asked, with the lines of the findings."""
    with pytest.raises(BadInput, match=r"(?s)deploy/base.yaml:17: error: Deployment web: pre-stop: .*Nothing was rel"):
        run("release", "--release", "v1")


def test_what_is_accepted_is_counted_and_an_entry_about_nothing_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason stands in rainbow.yaml."""
    ignore = [{"rule": rule, "why": "a test"} for rule in (*ERRORS, "shared-selector")]
    (folder / "rainbow.yaml").write_text(CONFIG + f"lint: {json.dumps({'ignore': ignore})}\n")
    assert run("lint") == 0
    said = capsys.readouterr().out
    assert "0 errors, 1 warning; 4 accepted in lint.ignore." in said
    assert "lint.ignore has shared-selector, of which there is no finding any more" in said


def test_a_rule_that_there_is_not_cannot_be_accepted(folder: Path) -> None:
    """With line and column, like everything in rainbow.yaml; and the name that was meant."""
    (folder / "rainbow.yaml").write_text(CONFIG + "harden: true\nlint: {ignore: [{rule: prestop, why: x}]}\n")
    with pytest.raises(BadInput, match=r"rainbow.yaml:7:24: lint.ignore\[0\].rule: .*did you mean pre-stop"):
        run("lint")


def test_what_no_release_can_have_is_found_with_all_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not at the first one, and not only by the step that would refuse it."""
    claim = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {}\n"
    (folder / "deploy" / "base.yaml").write_text(BASE + claim)
    assert run("lint", "-o", "json") == 1
    found = {one["rule"]: one["line"] for one in json.loads(capsys.readouterr().out)["findings"]}
    assert found["unreleasable"] == BASE.count("\n") + 3
    assert set(ERRORS) < set(found)


def test_wrong_usage_is_told_apart_from_findings(folder: Path) -> None:
    """Exit code 2, as everywhere."""
    for arguments in (["-f", "nowhere.yaml"], ["-o", "xml"], ["--image", "other=a:1"]):
        answer = subprocess.run([RAINBOW, "lint", *arguments], capture_output=True, text=True, check=False)
        assert answer.returncode == 2, answer.stderr
        assert answer.stdout == ""
