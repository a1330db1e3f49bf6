"""Which line of a template something in a rendered chart is from: a table of paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rainbow.adapters.chart_places import ChartPlaces
from rainbow.adapters.chart_text import documents, lookups, templates
from rainbow.adapters.config_text import Loc
from tests.adapters.charts import DEPLOYMENT, write_chart

POD = ("spec", "template", "spec")
RENDERED = """\
---
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata: {name: web}
---
# Source: shop/templates/service.yaml
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
---
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
# Source: shop/templates/two.yaml
apiVersion: batch/v1
kind: CronJob
metadata: {name: tidy}
---
# Source: shop/charts/db/templates/db.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: db}
"""
TWO = """\
# Two containers, the second one with a probe.
kind: CronJob
metadata:
    name: tidy
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - name: one
            image: one
            env:
            - name: A
          - image: two
            livenessProbe: {}
          {{- range .Values.more }}
          - name: {{ . }}
          {{- end }}
          restartPolicy: Never
"""
CRON = ("spec", "jobTemplate", "spec", "template", "spec")
CASES: dict[str, tuple[str, str, Loc, str, int]] = {
    "an object": ("Deployment", "web", (), "templates/deployment.yaml", 3),
    "a key": ("Deployment", "web", ("spec", "selector"), "templates/deployment.yaml", 11),
    "a key behind a condition": ("Deployment", "web", ("spec", "replicas"), "templates/deployment.yaml", 9),
    "a container": ("Deployment", "web", (*POD, "containers", 0), "templates/deployment.yaml", 18),
    "what is in it": ("Deployment", "web", (*POD, "containers", 0, "image"), "templates/deployment.yaml", 19),
    "what is not in it": (
        *("Deployment", "web", (*POD, "containers", 0, "readinessProbe", "httpGet")),
        *("templates/deployment.yaml", 18),
    ),
    "the second document of a template": ("Ingress", "shop", ("metadata", "name"), "templates/service.yaml", 14),
    "a list that is not indented": ("CronJob", "tidy", (*CRON, "containers", 0, "image"), "templates/two.yaml", 12),
    "the second item": ("CronJob", "tidy", (*CRON, "containers", 1, "livenessProbe"), "templates/two.yaml", 16),
    "the key of its first line": ("CronJob", "tidy", (*CRON, "containers", 1, "image"), "templates/two.yaml", 15),
    "an item that a loop makes": ("CronJob", "tidy", (*CRON, "containers", 3, "image"), "templates/two.yaml", 10),
    "what comes after a list": ("CronJob", "tidy", (*CRON, "restartPolicy"), "templates/two.yaml", 20),
    "a chart in the chart": ("ConfigMap", "db", ("data",), "charts/db/templates/db.yaml", 1),
    "what no template is known of": ("Secret", "x", (), "", 1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_path_leads_to_its_line(tmp_path: Path, case: str) -> None:
    """As far as it is written there; else to the last line on the way."""
    kind, name, path, file, line = CASES[case]
    chart = write_chart(tmp_path / "chart", two=TWO)
    (chart / "charts/db/templates").mkdir(parents=True)
    (chart / "charts/db/templates/db.yaml").write_text("kind: ConfigMap\n")
    place = ChartPlaces.read(chart, RENDERED).place(_object(kind, name), path)
    assert (place.file, place.line) == (chart / file, line)


def test_of_a_chart_that_was_pulled_the_template_is_named(tmp_path: Path) -> None:
    """It is not at hand any more, so it is the first line."""
    place = ChartPlaces.read(Path("oci://registry.example/shop"), RENDERED).place(_object("Deployment", "web"), ())
    assert (place.file.name, place.line) == ("deployment.yaml", 1)


def test_a_packaged_chart_inside_is_read(tmp_path: Path) -> None:
    """Its templates by the name of its file, as Helm leaves its version out."""
    import tarfile

    inner = write_chart(tmp_path / "db", db="kind: Job\n\n\n" + 'x: {{ lookup "v1" "Secret" "a" "b" }}\n')
    chart = write_chart(tmp_path / "chart")
    (chart / "charts").mkdir()
    with tarfile.open(chart / "charts" / "db-1.0.0.tgz", "w:gz") as packed:
        packed.add(inner, arcname="db")
    assert "charts/db-1.0.0.tgz/db/templates/db.yaml" in dict(templates(chart))
    assert lookups(chart) == ["charts/db-1.0.0.tgz/db/templates/db.yaml:4"]
    rendered = "# Source: shop/charts/db/templates/db.yaml\nkind: Job\napiVersion: batch/v1\nmetadata: {name: db}\n"
    place = ChartPlaces.read(chart, rendered).place(_object("Job", "db"), ())
    assert place.file == chart / "charts/db-1.0.0.tgz/db/templates/db.yaml"


def test_documents_keep_their_template_and_their_text() -> None:
    """A line of dashes inside of a text is none between documents, and neither is one of more than three."""
    head = "---\n# Source: a/b.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    text = head + "data:\n  x: |\n    a\n    ---\n  y: |-\n    -----BEGIN-----\n"
    (document,) = documents(text + "--- # the next one\n# Source: a/empty.yaml\n---")
    assert document.source == "a/b.yaml"
    assert document.objects[0]["data"] == {"x": "a\n---\n", "y": "-----BEGIN-----"}
    assert document.only(list(document.objects)) == text


def test_of_a_list_only_what_is_kept_is_written() -> None:
    """Still with its template."""
    item = "{apiVersion: v1, kind: %s, metadata: {name: a}}"
    text = f"# Source: a/b.yaml\napiVersion: v1\nkind: List\nitems: [{item % 'ConfigMap'}, {item % 'Secret'}]\n"
    (document,) = documents(text)
    written = document.only([document.objects[0]])
    assert documents(written)[0].source == "a/b.yaml"
    assert "Secret" not in written


def test_the_deployment_of_the_table_is_the_one_that_is_written() -> None:
    """Else its lines would be somebody else's."""
    assert DEPLOYMENT.splitlines()[18].strip().startswith("image:")


def _object(kind: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}}
