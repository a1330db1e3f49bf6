"""`rainbow init`: what can be seen is not asked, what cannot is asked or named, and what is there is not touched."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rainbow.adapters.config_file import check_base, read_config
from rainbow.adapters.manifests import read_base
from rainbow.cli import cli, material, writing
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig
from tests.adapters.charts import write_chart
from tests.adapters.test_helm import JOB, SECRET

RAINBOW = str(Path(sys.executable).parent / "rainbow")
SPAWN = Path(__file__).parent.parent.parent / "examples" / "spawn"
PROXY = "http://traefik.platform.svc.cluster.local:80"
PROMETHEUS = "http://prometheus.platform.svc.cluster.local:9090"
ADDRESSES = ("--proxy-url", PROXY, "--prometheus-url", PROMETHEUS)


@pytest.fixture
def spawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """spawn without its rainbow.yaml; the current folder."""
    folder = tmp_path / "spawn"
    shutil.copytree(SPAWN, folder, ignore=shutil.ignore_patterns("rainbow.yaml", "__pycache__"))
    monkeypatch.chdir(folder)
    return folder


def run(*arguments: str) -> Any:
    """The command line, in this process, where there is no terminal."""
    return cli.main(["init", *arguments], standalone_mode=False)


def read(folder: Path) -> AppConfig:
    """The file that was written, fit for the base that it names."""
    path = folder / "rainbow.yaml"
    app = read_config(path)
    check_base(path, app, read_base(path, app))
    return app


def test_spawn_is_described_as_its_owner_describes_it(spawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In everything that can be seen: the base, the images, the route, and its tests; what is next is named."""
    run("--namespace", "spawn", "--tasks", "spawn_active_tasks", *ADDRESSES)
    found, theirs = read(spawn), read_config(SPAWN / "rainbow.yaml")
    for part in ("app", "namespace", "manifests", "images", "strategy", "rolling", "harden", "retention"):
        assert getattr(found, part) == getattr(theirs, part), part
    assert found.route.entry == theirs.route.entry
    assert found.tests is not None
    assert theirs.tests is not None
    assert (found.tests.image, found.tests.service) == (theirs.tests.image, theirs.tests.service)
    assert found.drain.prometheus.url == theirs.drain.prometheus.url
    assert found.drain.prometheus.query.startswith('sum(spawn_active_tasks{namespace="$namespace"')
    said = capsys.readouterr().out
    assert "rainbow lint -f rainbow.yaml" in said
    assert "rainbow install --namespace spawn" in said
    assert cli.main(["lint"], standalone_mode=False) == 0


def test_without_a_terminal_all_that_is_missing_is_named_at_once(spawn: Path) -> None:
    """By flag, with what it means; nothing is written."""
    with pytest.raises(BadInput) as caught:
        run()
    for flag in ("--namespace", "--proxy-url", "--prometheus-url", "--tasks"):
        assert f"\n  {flag}: " in str(caught.value)
    assert "--app" not in str(caught.value)
    with pytest.raises(BadInput) as caught:
        run("--namespace", "spawn", "--tasks", "none", "--yes")
    assert "--yes" not in str(caught.value)
    assert "--tasks" not in str(caught.value)
    assert sorted(file.name for file in spawn.iterdir() if "rainbow" in file.name) == []


def test_on_a_terminal_it_asks(spawn: Path) -> None:
    """Only for what it cannot see, and again after an answer that makes no sense."""
    answers = ["Not A Namespace", "spawn", "traefik", PROXY, PROMETHEUS, "none"]
    outside, inside = pty.openpty()
    process = subprocess.Popen([RAINBOW, "init"], stdin=inside, stdout=inside, stderr=inside, cwd=spawn)
    os.close(inside)
    os.write(outside, ("\n".join(answers) + "\n").encode())
    said = b""
    try:
        while part := os.read(outside, 4096):
            said += part
    except OSError:  # how a terminal says that everybody has left
        pass
    os.close(outside)
    assert process.wait(30) == 0, said.decode()
    text = said.decode()
    assert text.count("Namespace of the app (--namespace)") == 2
    assert text.count("--proxy-url") >= 2
    assert "Name of the app" not in text
    assert read(spawn).drain.prometheus.query.startswith("0 * sum(up{")


def test_a_file_that_is_there_stays(spawn: Path) -> None:
    """Unless told to overwrite it; another one can be written beside it."""
    (spawn / "rainbow.yaml").write_text("mine")
    known = ("--namespace", "spawn", "--tasks", "none", *ADDRESSES)
    with pytest.raises(BadInput, match=r"rainbow\.yaml is there already, and is left as it is"):
        run(*known)
    run(*known, "-f", "other.yaml")
    assert (spawn / "rainbow.yaml").read_text() == "mine"
    assert (spawn / "other.yaml").read_text().startswith("# spawn, as it is released.")
    run(*known, "--force")
    assert (spawn / "rainbow.yaml").read_text() == (spawn / "other.yaml").read_text()


def test_what_is_no_file_stays_whatever_is_forced(spawn: Path) -> None:
    """A device or a pipe would be gone for everybody else."""
    os.mkfifo(spawn / "pipe.yaml")
    with pytest.raises(BadInput, match=r"pipe\.yaml is no file that could be written anew"):
        run("--namespace", "spawn", "--tasks", "none", *ADDRESSES, "-f", "pipe.yaml", "--force")
    assert (spawn / "pipe.yaml").is_fifo()


BASES: dict[str, tuple[Any, str]] = {
    "a folder that is a file": (lambda at: at.write_text("mine"), r"nothing was written: .*base"),
    "a base that is none": (lambda at: at.mkdir(), r"nothing was written: .*base"),
}


@pytest.mark.parametrize("case", BASES)
def test_what_cannot_be_written_leaves_all_as_it_was(spawn: Path, case: str) -> None:
    """An error that says why, and each file is what it was before, whatever its bytes are."""
    prepare, said = BASES[case]
    (spawn / "deploy" / "kept.yaml").write_bytes(b"\xff")
    prepare(spawn / "base")
    before = sorted(spawn.rglob("*"))
    text = f"app: spawn\nnamespace: spawn\nmanifests: {{kustomize: base}}\n{REST}"
    files = {spawn / "deploy" / "kept.yaml": "new", spawn / "base" / "x.yaml": "new"}
    with pytest.raises(BadInput, match=said):
        writing.write(spawn / "rainbow.yaml", text, files)
    assert (spawn / "deploy" / "kept.yaml").read_bytes() == b"\xff"
    assert [at for at in before if not at.exists() and at.name != "base"] == []
    assert not list(spawn.glob("*rainbow.yaml*"))


REST = """\
route: {ingress: {name: spawn, url: "http://traefik"}}
drain: {prometheus: {url: "http://prometheus", query: 'sum(x{release="$release"})'}}
"""
MISTAKES = {
    "no such route": (("--route", "ingress/shop"), "--route: found 'ingress/shop', expected one of ingress/spawn"),
    "no URL": (("--proxy-url", "traefik"), "--proxy-url: expected a URL like http://host:80"),
    "a password": (("--prometheus-url", "http://a:b@c"), "--prometheus-url: expected a URL without user and password"),
    "no namespace": (("--namespace", "A B"), "--namespace: "),
    "no PromQL of a release": (("--tasks", "sum(x{})"), "this would be no rainbow.yaml, and nothing was written"),
    "values without a chart": (("--values", "x.yaml"), "--values and --set are for a chart"),
    "two sources": (("--kustomize", "deploy", "--chart", "c"), "give one of --kustomize, --chart and --from-namespace"),
    "no such base": (("--kustomize", "nowhere"), "there is no folder nowhere"),
    "no such folder": (("-f", "nowhere/rainbow.yaml"), "there is no folder nowhere"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_answered_with_what_is_expected(spawn: Path, case: str) -> None:
    """And nothing is written."""
    flags, expected = MISTAKES[case]
    with pytest.raises(BadInput) as caught:
        run("--namespace", "spawn", "--tasks", "none", *ADDRESSES, *flags)
    assert expected in str(caught.value)
    assert not list(spawn.glob("*rainbow.yaml*"))


def test_a_folder_without_manifests_says_what_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base, a chart or a namespace."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="neither a kustomization nor a chart: give --kustomize DIR"):
        run()


def test_of_several_bases_the_right_one_is_asked_for(spawn: Path) -> None:
    """A base and what stands on it are both deployed by somebody."""
    (spawn / "production").mkdir()
    (spawn / "production" / "kustomization.yaml").write_text("resources: [../deploy]\nnamespace: prod\n")
    with pytest.raises(BadInput, match=r"--kustomize or --chart: .*, for example kustomize production"):
        run("--tasks", "none", *ADDRESSES)
    run("--tasks", "none", *ADDRESSES, "--yes", "-f", "guessed.yaml")
    assert read_config(spawn / "guessed.yaml").manifests.kustomize == "production"
    (spawn / "charts" / "spawn").mkdir(parents=True)
    (spawn / "charts" / "spawn" / "Chart.yaml").write_text("name: spawn")
    with pytest.raises(BadInput, match="seen: chart charts/spawn, kustomize deploy, kustomize production"):
        run("--tasks", "none", *ADDRESSES, "--yes")
    run("--tasks", "none", *ADDRESSES, "--kustomize", "production")
    assert (read(spawn).namespace, read(spawn).manifests.kustomize) == ("prod", "production")


def test_what_no_release_can_have_is_named_as_work_to_do(spawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is written all the same, and says where it stands."""
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {a: b}\n"
    (spawn / "deploy" / "secret.yaml").write_text(secret)
    text = (spawn / "deploy" / "kustomization.yaml").read_text()
    (spawn / "deploy" / "kustomization.yaml").write_text(text.replace("resources:", "resources:\n  - secret.yaml"))
    run("--namespace", "spawn", "--tasks", "none", *ADDRESSES)
    said = capsys.readouterr().out
    assert "rainbow.yaml:6:14: manifests.kustomize: Secret key would stay readable in the record" in said
    assert "Once that is done:" in said
    assert read_config(spawn / "rainbow.yaml").app == "spawn"


BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{part: {name}}}}}
  template:
    metadata: {{labels: {{part: {name}}}}}
    spec:
      containers: [{{name: c, image: "{name}@sha256:{digest}", readinessProbe: {{tcpSocket: {{port: 80}}}}}}]
      volumes: {volumes}
---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{part: {name}}}, ports: [{{port: 80}}]}}
---
"""
ROUTE = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: front}
spec: {rules: [{http: {paths: [{path: /shop, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
"""
VOLUME = "[{name: data, persistentVolumeClaim: {claimName: data}}]"


@pytest.mark.parametrize(("single", "rolled"), [("db", ["db"]), ("web", []), ("both", [])])
def test_what_writes_a_volume_alone_is_rolled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, single: str, rolled: list[str]
) -> None:
    """Some of it beside releases; all of it, when nothing else is left; what is behind the route not by itself."""
    names = ("web", "db")
    volumes = {name: VOLUME if single in (name, "both") else "[]" for name in names}
    base = "".join(BASE.format(name=name, volumes=volumes[name], digest="a" * 64) for name in names)
    (tmp_path / "base.yaml").write_text(base + ROUTE)
    (tmp_path / "kustomization.yaml").write_text("resources: [base.yaml]")
    monkeypatch.chdir(tmp_path)
    run("--namespace", "shops", "--app", "shop", "--tasks", "none", *ADDRESSES)
    app = read(tmp_path)
    assert app.rolled_workloads == rolled
    assert (app.strategy == "rolling") is (single != "db")
    assert app.route.entry.check_path == "/shop"
    assert "#   web: {}" in (tmp_path / "rainbow.yaml").read_text()
    assert cli.main(["lint"], standalone_mode=False) == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)  # the first one compiles helm
def test_a_chart_is_described(helm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own name, hardened as it needs it; a hook and a Secret are left out of releases, and that is said."""
    write_chart(tmp_path / "chart", migrate=JOB, secret=SECRET)
    (tmp_path / "production.yaml").write_text("replicas: 3")
    monkeypatch.chdir(tmp_path)
    run("--namespace", "shops", "--tasks", "none", *ADDRESSES, "--values", "production.yaml", "--set", "image.tag=8")
    app = read(tmp_path)
    assert (app.app, app.namespace, app.harden) == ("shop", "shops", True)
    chart = app.manifests.helm
    assert chart is not None
    assert (chart.chart, chart.values, chart.set) == ("chart", ["production.yaml"], {"image.tag": 8})
    assert chart.leave_out == ["Job/shop-migrate", "Secret/shop"]
    assert cli.main(["lint"], standalone_mode=False) == 0
    assert "What a release cannot have, and the chart makes" in (tmp_path / "rainbow.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("1.10", "1.10", id="a version stays what it is"),
        pytest.param("012", "012", id="so does what begins with 0"),
        pytest.param("yes", "yes", id="and a word that is none of JSON's"),
        pytest.param("2024-01-01", "2024-01-01", id="and a date"),
        pytest.param("20240101123456789012", "20240101123456789012", id="and a number that helm cannot hold"),
        pytest.param("a=b: [", "a=b: [", id="and what looks like more"),
        pytest.param("", "", id="nothing is a text"),
        pytest.param("-3", -3, id="a number"),
        pytest.param("false", False, id="a condition"),
        pytest.param('["1.10", {"a": null}]', ["1.10", {"a": None}], id="a list"),
    ],
)
def test_a_single_value_is_read_as_helm_reads_it(text: str, value: Any) -> None:
    """`--set image.tag=1.10` names the image 1.10, and not 1.1."""
    assert material._setting(f"a.b={text}") == ("a.b", value)


@pytest.mark.parametrize(("text", "said"), [("a", "expected KEY=VALUE"), ("a=[", "what begins with [ is JSON")])
def test_a_single_value_that_is_none_is_refused(text: str, said: str) -> None:
    """With what is expected."""
    with pytest.raises(BadInput) as caught:
        material._setting(text)
    assert said in str(caught.value)
