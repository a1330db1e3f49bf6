"""`rainbow lint` and `plan` on a chart: findings by template and line, and no patches for what takes none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rainbow.cli import cli
from rainbow.errors import BadInput
from tests.adapters.charts import write_chart

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # the first one compiles helm

CONFIG = """\
app: shop
namespace: shops
manifests: {helm: {chart: chart}}
route: {ingress: {name: shop, url: "http://traefik"}}
drain: {prometheus: {url: "http://prometheus", query: "sum(tasks{release='$release'})"}}
"""


@pytest.fixture
def folder(helm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app that is a chart without any probe or budget; the current folder."""
    write_chart(tmp_path / "chart")
    (tmp_path / "rainbow.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Any:
    """The command line, in this process."""
    return cli.main([*arguments], standalone_mode=False)


def test_findings_name_the_template_and_the_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line of the container in the chart's own file, and what is left out on standard error."""
    assert run("lint", "-o", "json") == 1
    told = capsys.readouterr()
    found = {one["rule"]: (one["file"], one["line"]) for one in json.loads(told.out)["findings"]}
    assert found["readiness-probe"] == ("chart/templates/deployment.yaml", 18)
    assert found["grace-period"][0] == "chart/templates/deployment.yaml"
    assert "Pod/shop-test-connection: left out" in told.err


def test_a_chart_takes_no_patches(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--fix says what to do instead, and nothing is written; nor does a summary offer it."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(BadInput, match="a chart takes none: say `harden: true`"):
        run("lint", "--fix")
    assert sorted(folder.rglob("*")) == before
    run("lint")
    assert "can be completed: `harden: true`." in capsys.readouterr().out


def test_hardened_a_chart_can_be_released(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What --fix would write is completed in every release; `plan` shows it with the lines that lack it."""
    (folder / "rainbow.yaml").write_text(CONFIG + "harden: true\n")
    assert run("plan", "-f", "rainbow.yaml") == 0
    said = capsys.readouterr().out
    assert "Deployment shop-web: readiness-probe (chart/templates/deployment.yaml:18)" in said
    assert "preStop" in said


def test_an_unmended_chart_is_not_released(folder: Path) -> None:
    """Before any cluster is asked; the way out that does not exist for a chart is not named."""
    with pytest.raises(BadInput) as caught:
        run("release", "-f", "rainbow.yaml")
    said = str(caught.value)
    assert "chart/templates/deployment.yaml:18: error: Deployment shop-web: readiness-probe" in said
    assert "with `harden: true`" in said
    assert "--fix" not in said
