"""Charts as input, by a real helm: plain manifests for the record, or one clear error and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rainbow.adapters.config_file import check_base, read_config
from rainbow.adapters.helm import hidden, secrets
from rainbow.adapters.kustomize import load_objects, render
from rainbow.adapters.manifests import read_base
from rainbow.decisions.rendering import overlay
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig
from steps import STEPS
from tests.adapters.charts import packaged, write_chart

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # the first one compiles helm

CONFIG: dict[str, Any] = {
    "app": "shop",
    "namespace": "shops",
    "manifests": {"helm": {"chart": "chart"}},
    "route": {"ingress": {"name": "shop", "url": "http://traefik"}},
    "drain": {"prometheus": {"url": "http://prometheus", "query": 'sum(tasks{release="$release"})'}},
}


def described(folder: Path, **chart: Any) -> Path:
    """rainbow.yaml of an app that is a chart."""
    path = folder / "rainbow.yaml"
    path.write_text(yaml.safe_dump(CONFIG | {"manifests": {"helm": {"chart": "chart"} | chart}}))
    return path


def rendered(path: Path, said: list[str] | None = None) -> tuple[AppConfig, str]:
    """As `rainbow release` reads it."""
    app = read_config(path)
    base = read_base(path, app, (said if said is not None else []).append)
    check_base(path, app, base)
    return app, base


def refused(path: Path) -> str:
    """What it is refused with."""
    with pytest.raises(BadInput) as caught:
        rendered(path)
    return str(caught.value)


def found(base: str) -> dict[str, dict[str, Any]]:
    """The objects by kind and name."""
    return {f"{obj['kind']}/{obj['metadata']['name']}": obj for obj in load_objects(base)}


def test_a_chart_becomes_plain_manifests(helm: Path, tmp_path: Path) -> None:
    """Without its tests, its notes and its CRDs; its test is told to be left out."""
    write_chart(tmp_path / "chart")
    said: list[str] = []
    app, base = rendered(described(tmp_path), said)
    assert list(found(base)) == ["Service/shop-web", "Deployment/shop-web", "Ingress/shop"]
    assert said == [
        "Pod/shop-test-connection: left out, as only `helm test` runs it; what tests a release stands under `tests`"
    ]
    assert "It runs as" not in base
    assert app.manifests.helm is not None


def test_values_come_from_files_and_from_the_file_itself(helm: Path, tmp_path: Path) -> None:
    """A later file wins over an earlier one, and `set` over both; numbers stay numbers, texts texts."""
    write_chart(tmp_path / "chart")
    (tmp_path / "one.yaml").write_text("{replicas: 3, ingress: {host: one.example}}")
    (tmp_path / 'two, "or so".yaml').write_text("{ingress: {host: two.example}}")
    path = described(
        tmp_path, values=["one.yaml", 'two, "or so".yaml'], set={"image.tag": "8", "image.repository": "a,b/c"}
    )
    objects = found(rendered(path)[1])
    assert objects["Deployment/shop-web"]["spec"]["replicas"] == 3
    assert objects["Deployment/shop-web"]["spec"]["template"]["spec"]["containers"][0]["image"] == "a,b/c:8"
    assert objects["Ingress/shop"]["spec"]["rules"][0]["host"] == "two.example"


def test_single_values_leave_those_beside_them_alone(helm: Path, tmp_path: Path) -> None:
    """By a path or nested, over a file of values and over the chart's own; a dot in a nested name is none of a path."""
    shown = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shown}\ndata:\n"
    shown += "  image: {{ .Values.image | toJson | quote }}\n  notes: {{ .Values.notes | toJson | quote }}\n"
    write_chart(tmp_path / "chart", shown=shown)
    (tmp_path / "one.yaml").write_text("{image: {pull: Always}, notes: {a: 1}}")
    nested = {"image": {"tag": "8"}, "notes": {"x.y/z": "a=b,c", "empty": {}, "list": [1, {"b": None}]}}
    data = found(rendered(described(tmp_path, values=["one.yaml"], set=nested))[1])["ConfigMap/shown"]["data"]
    assert json.loads(data["image"]) == {"repository": "registry.example/shop", "tag": "8", "pull": "Always"}
    assert json.loads(data["notes"]) == {"a": 1, "x.y/z": "a=b,c", "empty": {}, "list": [1, {"b": None}]}


def test_the_chart_sees_the_names_it_is_to_have(helm: Path, tmp_path: Path) -> None:
    """Release name, namespace, and what the cluster can do."""
    asks = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: asks}\ndata:\n"
    asks += '  gateway: {{ .Capabilities.APIVersions.Has "gateway.networking.k8s.io/v1" | quote }}\n'
    asks += "  version: {{ .Capabilities.KubeVersion.Version | quote }}\n  in: {{ .Release.Namespace }}\n"
    write_chart(tmp_path / "chart", asks=asks)
    known = {"apiVersions": ["gateway.networking.k8s.io/v1"], "kubeVersion": "1.31.2", "releaseName": "till"}
    path = described(tmp_path, **known)
    path.write_text(path.read_text().replace("name: shop", "name: till"))  # the route is called after the release
    objects = found(rendered(path)[1])
    assert objects["ConfigMap/asks"]["data"] == {"gateway": "true", "version": "v1.31.2", "in": "shops"}
    assert "Deployment/till-web" in objects


@pytest.mark.parametrize("where", ["beside rainbow.yaml", "in a repository"])
def test_a_packaged_chart_is_the_same_chart(helm: Path, tmp_path: Path, where: str) -> None:
    """A .tgz, at hand or pulled from a repository with an index."""
    write_chart(tmp_path / "chart")
    _, plain = rendered(described(tmp_path))
    file = packaged(tmp_path / "chart", helm, tmp_path)
    if where == "beside rainbow.yaml":
        assert rendered(described(tmp_path, chart=file.name))[1] == plain
        return
    import http.server
    import threading

    subprocess.run([helm, "repo", "index", tmp_path], check=True, capture_output=True, timeout=60)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        """The folder, without a line for each request."""

        def __init__(self, *given: Any) -> None:
            super().__init__(*given, directory=str(tmp_path))

        def log_message(self, *given: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        repo = f"http://127.0.0.1:{server.server_port}"
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        assert rendered(described(folder, chart="shop", repo=repo, version="1.2.3"))[1] == plain
        said = refused(described(folder, chart="shop", repo=repo, version="9.9.9"))
        assert "helm cannot pull the chart shop" in said
        server.shutdown()


JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations: {"helm.sh/hook": "pre-install,pre-upgrade"}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: m, image: m}]}}}
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}}
stringData: {password: {{ .Values.password }}}
"""
RANDOM = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {seed: {{ randAlphaNum 20 }}}
"""


def test_a_hook_is_refused_where_the_chart_stands_in_the_file(helm: Path, tmp_path: Path) -> None:
    """With what to do instead; named in leaveOut it is none of the release's."""
    write_chart(tmp_path / "chart", migrate=JOB)
    said = refused(path := described(tmp_path))
    assert said.startswith(f"{path}:")
    assert "manifests.helm: Job/shop-migrate is a hook (pre-install, pre-upgrade)" in said
    notes: list[str] = []
    _, base = rendered(described(tmp_path, leaveOut=["Job/shop-migrate"]), notes)
    assert "Job" not in base
    assert any(note.startswith("Job/shop-migrate: left out (manifests.helm.leaveOut)") for note in notes)


def test_a_secret_is_refused_without_a_word_of_it(helm: Path, tmp_path: Path) -> None:
    """Left out by name it is not even in what goes into the record."""
    write_chart(tmp_path / "chart", secret=SECRET)
    said = refused(described(tmp_path))
    assert "manifests.helm: Secret shop would stay readable in the record of the release" in said
    assert "nobody-may-read-this" not in said
    assert "nobody-may-read-this" not in rendered(described(tmp_path, leaveOut=["Secret/shop"]))[1]


def test_a_chart_that_is_random_is_refused(helm: Path, tmp_path: Path) -> None:
    """What is checked would not be what is released; what is left out may be random."""
    write_chart(tmp_path / "chart", random=RANDOM)
    said = refused(described(tmp_path))
    assert "is different each time that it is rendered, in ConfigMap/shop" in said
    assert "ConfigMap" not in rendered(described(tmp_path, leaveOut=["ConfigMap/shop"]))[1]


def test_who_asks_the_cluster_while_rendering_is_told_that_none_is_asked(helm: Path, tmp_path: Path) -> None:
    """With file and line; a chart of many may never come to it, so it is no error."""
    asks = (
        '{{- if not (lookup "v1" "ConfigMap" "x" "y") }}\n' + RANDOM.replace("randAlphaNum 20", '"one"') + "{{- end }}"
    )
    write_chart(tmp_path / "chart", asks=asks)
    said: list[str] = []
    rendered(described(tmp_path), said)
    assert said[-1].startswith("templates/asks.yaml:1: the chart asks the cluster (lookup)")


MISTAKES = {
    "there is no such chart": ({"chart": "charts/shop"}, "there is no chart"),
    "there is no such file of values": ({"values": ["no.yaml"]}, "manifests.helm.values[0]: found 'no.yaml', expected"),
    "nothing is called like what is left out": (
        {"leaveOut": ["Deployment/shop-wep"]},
        "manifests.helm.leaveOut[0]: found 'Deployment/shop-wep', expected what the chart makes; did you mean "
        "Deployment/shop-web?",
    ),
    "a template fails": ({"set": {"fail": True}}, "helm cannot render the chart chart: execution error at"),
    "everything is left out": (
        {"leaveOut": ["Deployment/shop-web", "Service/shop-web", "Ingress/shop"]},
        "the chart chart renders to nothing",
    ),
}


def test_what_is_no_object_is_named(helm: Path, tmp_path: Path) -> None:
    """Helm renders anything that looks like one."""
    write_chart(tmp_path / "chart", odd="apiVersion: v1\nkind: 5\nmetadata: {name: odd}\n")
    assert "of the manifests has no apiVersion and kind" in refused(described(tmp_path))


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_answered_with_what_to_do(helm: Path, tmp_path: Path, case: str) -> None:
    """In the file, in the chart, or between them."""
    fails = '{{- if .Values.fail }}{{ fail (printf "the password is %s" .Values.password) }}{{- end }}'
    write_chart(tmp_path / "chart", fails=fails)
    (tmp_path / "secrets.yaml").write_text("password: hush-hush")
    chart, expected = MISTAKES[case]
    said = refused(described(tmp_path, **({"values": ["secrets.yaml"]} | chart)))
    assert expected in said
    assert "hush-hush" not in said


def test_a_schema_that_does_not_fit_tells_no_secret(helm: Path, tmp_path: Path) -> None:
    """Helm quotes the value that its chart's schema refuses; what is wrong, and where, is still said."""
    chart = write_chart(tmp_path / "chart")
    schema = {"properties": {"password": {"pattern": "^[0-9]+$"}, "replicas": {"type": "integer"}}}
    (chart / "values.schema.json").write_text(
        json.dumps({"$schema": "http://json-schema.org/draft-07/schema#"} | schema)
    )
    (tmp_path / "production.yaml").write_text("{password: hush-hush, replicas: many}")
    said = refused(described(tmp_path, values=["production.yaml"]))
    assert "/password" in said
    assert "/replicas" in said
    assert "hush" not in said


def test_no_part_of_a_secret_is_told(helm: Path, tmp_path: Path) -> None:
    """Of several lines, in quotes, encoded, in an address, or the chart's own default; the place is still said."""
    said = "%s %q %s %s %s %s"
    given = ".Values.tls.crt .Values.tls.crt (b64enc .Values.tls.key) .Values.db .Values.passphrase .Values.password"
    write_chart(tmp_path / "chart", fails=f'{{{{ fail (printf "the key: {said}" {given}) }}}}')
    tls = {"crt": "first hush line\nsecond hush line\n", "key": "hush"}
    values = {"tls": tls, "db": "postgres://ann:hush@db:5432/shop", "passphrase": "open hush"}
    (tmp_path / "production.yaml").write_text(yaml.safe_dump(values))
    said = refused(described(tmp_path, values=["production.yaml"]))
    assert "(shop/templates/fails.yaml:1:3): the key: " in said
    for part in ("hush", "nobody-may-read-this", "aHVzaA"):
        assert part not in said


def test_no_secret_is_in_what_helm_says() -> None:
    """By the key, wherever it stands, or by the name of the file; the longest first, so that no half is left."""
    given = {"db": {"password": "hush", "user": "ann"}, "apiKeys": ["hush-hush", "k2k2"], "port": 80}
    assert {"hush", "hush-hush", "k2k2"} <= secrets([], given)
    assert hidden("hush-hush of ann: hush", secrets([], given)) == "… of ann: …"


def test_a_file_of_secrets_is_secret_as_a_whole(tmp_path: Path) -> None:
    """Whatever its keys are called; what is no YAML is for helm to complain about."""
    (tmp_path / "secrets.yaml").write_text("a: {b: [hush]}")
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "plain.yaml").write_text("a: {b: [ann]}")
    known = secrets([tmp_path / name for name in ("secrets.yaml", "broken.yaml", "plain.yaml")], {})
    assert ("hush" in known, "ann" in known) == (True, False)


STAND_INS = {
    "is too old": ('echo "v3.8.2"', "is helm v3.8.2, and 3.10 or newer is needed"),
    "is something else": ('echo "hello"', "does not say its version, as helm does"),
    "fails": ("exit 1", "does not say its version, as helm does"),
}


@pytest.mark.parametrize("case", STAND_INS)
def test_a_helm_that_will_not_do_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Before anything is rendered, with how to get another one."""
    script, expected = STAND_INS[case]
    program = tmp_path / "helm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("RAINBOW_HELM", str(program))
    write_chart(tmp_path / "chart")
    said = refused(described(tmp_path))
    assert expected in said
    assert "RAINBOW_HELM" in said


def test_without_helm_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a PATH without it, or under a name that is none."""
    monkeypatch.delenv("RAINBOW_HELM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    write_chart(tmp_path / "chart")
    assert "helm is not installed here" in refused(path := described(tmp_path))
    monkeypatch.setenv("RAINBOW_HELM", str(tmp_path / "none"))
    assert f"{tmp_path / 'none'} cannot be run" in refused(path)


def test_two_releases_of_a_chart_share_nothing(helm: Path, tmp_path: Path) -> None:
    """Helm's own labels are the same in both; their selectors are not, and names lead to what is their own."""
    write_chart(tmp_path / "chart")
    app, base = rendered(described(tmp_path))
    image = "registry.example/shop"
    one, two = (
        {f"{o['kind']}": o for o in render(overlay(app, release, load_objects(base), {image: f"{image}:{release}"}))}
        for release in ("v1", "v2")
    )
    assert one["Deployment"]["metadata"]["name"] == "shop-web-v1"
    assert one["Deployment"]["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert one["Deployment"]["spec"]["template"]["spec"]["containers"][0]["image"] == f"{image}:v1"
    for kind, at in (("Deployment", ("spec", "selector", "matchLabels")), ("Service", ("spec", "selector"))):
        selectors = []
        for release in (one, two):
            value = release[kind]
            for key in at:
                value = value[key]
            selectors.append(value)
        first, second = selectors
        assert first["app.kubernetes.io/instance"] == second["app.kubernetes.io/instance"] == "shop"
        assert (first["rainbow.dev/release"], second["rainbow.dev/release"]) == ("v1", "v2")


def test_no_step_knows_helm() -> None:
    """The record holds plain manifests: what runs in the cluster, and a redeployment, need none."""
    every = "; ".join(f"import steps.{name.replace('-', '_')}" for name in STEPS)
    code = f"import sys; {every}; print([m for m in sys.modules if 'helm' in m or 'chart' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_debugging_is_kept_from_helm(helm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HELM_DEBUG makes it print every value."""
    monkeypatch.setenv("HELM_DEBUG", "true")
    write_chart(tmp_path / "chart", fails='{{ fail "no" }}')
    assert "nobody-may-read-this" not in refused(described(tmp_path))
    assert os.environ["HELM_DEBUG"] == "true"
