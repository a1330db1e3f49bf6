"""The command `rainbow` as people and pods call it: help, exit codes, and errors that name the next action."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rainbow.cli import COMMANDS
from steps import STEPS, load

pytestmark = pytest.mark.slow  # each of these starts processes

RAINBOW = str(Path(sys.executable).parent / "rainbow")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it as a process of its own, with no cluster to talk to."""
    env = os.environ | {"KUBECONFIG": "/nonexistent", "COLUMNS": "200"} | environment
    return subprocess.run([RAINBOW, *arguments], capture_output=True, text=True, env=env, check=False, timeout=60)


def test_help_lists_every_command() -> None:
    """What is not listed does not exist for its users."""
    answer = run("--help")
    assert answer.returncode == 0
    for name in COMMANDS:
        assert f"\n  {name} " in answer.stdout


def test_render_says_what_install_keeps_and_it_does_not() -> None:
    """Whoever suspended the garbage collection in the Argo UI is not to be surprised."""
    assert "resumes a garbage collection that somebody has suspended" in " ".join(
        run("render", "--help").stdout.split()
    )


@pytest.mark.parametrize("step", STEPS)
def test_every_step_runs_by_hand(step: str) -> None:
    """Each step has a command with its flags, --dry-run among them."""
    answer = run("step", step, "--help")
    assert answer.returncode == 0, answer.stderr
    fields = load(step).Params.model_fields
    assert {"namespace", "dry_run"} <= set(fields)
    for name in fields:
        assert f"--{name.replace('_', '-')}" in answer.stdout


def test_a_wrong_parameter_is_a_usage_error_that_names_it() -> None:
    """Exit 2, the flag, what was found and what is expected; nothing was asked of any cluster."""
    answer = run("step", "switch", "--namespace", "shop", "--app", "shop", "--release", "V 1")
    assert answer.returncode == 2
    assert "--release: 'V 1' cannot be a release id: it needs 1 to 20 characters" in answer.stderr


def test_a_missing_parameter_is_a_usage_error() -> None:
    """Click's own exit code for it is the one of the design."""
    assert run("step", "switch", "--app", "shop").returncode == 2


def test_an_unknown_command_is_a_usage_error() -> None:
    """And it is named."""
    answer = run("relaese")
    assert answer.returncode == 2
    assert "relaese" in answer.stderr


def test_without_a_cluster_the_error_says_how_to_get_one() -> None:
    """The next action stands in the message."""
    answer = run("step", "switch", "--namespace", "shop", "--app", "shop", "--release", "v1")
    assert answer.returncode == 2
    assert "Set KUBECONFIG, or start the embedded one: rainbow cluster up" in answer.stderr


def test_install_without_settings_says_where_they_come_from() -> None:
    """An installation needs to know its images."""
    answer = run("install", "--namespace", "shop", RAINBOW_SETTINGS="")
    assert answer.returncode == 2
    assert "rainbow cluster env" in answer.stderr


def test_settings_with_a_mistake_are_refused_by_name(tmp_path: Path) -> None:
    """A misspelt key is not dropped in silence."""
    path = tmp_path / "settings.yaml"
    path.write_text("step_image: a\nbuilder_image: b\nregistery: c\n")
    answer = run("render", "--namespace", "shop", "--settings", str(path))
    assert answer.returncode == 2
    assert "registery" in answer.stderr
    assert "registry: Field required" in answer.stderr


def test_the_schema_is_json_and_describes_the_app() -> None:
    """Editors read it."""
    schema = json.loads(run("schema").stdout)
    assert schema["required"] == ["app", "namespace", "manifests", "route", "drain"]


def test_starting_a_step_imports_nothing_that_only_people_need() -> None:
    """Hera, rich and the YAML reader for people are not in the step image; and starting is to be cheap."""
    code = (
        "import sys; from rainbow.cli import cli\n"
        "for step in sys.argv[1:]: cli.main(['step', step, '--help'], standalone_mode=False)\n"
        "print('LOADED', *sorted({m.split('.')[0] for m in sys.modules}))"
    )
    answer = subprocess.run([sys.executable, "-c", code, *STEPS], capture_output=True, text=True, check=True)
    loaded = set(answer.stdout.rsplit("LOADED", 1)[1].split())
    assert loaded.isdisjoint({"hera", "rich", "ruamel", "cluster", "workflows"})
    # Nor what only some steps use, or none before its first request.
    assert loaded.isdisjoint({"asyncio", "kubernetes", "nats", "prometheus_api_client", "requests", "urllib3"})


CONFIG = """\
app: shop
namespace: shops
manifests: {kustomize: deploy}
images: {shop: {}}
route: {ingress: {name: shop, url: "http://traefik"}}
drain: {prometheus: {url: "http://prometheus", query: "sum(tasks{release='$release'})"}}
"""
BASE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: c, image: shop}]}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
"""
COMMIT = "0" * 40


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A rainbow.yaml that is right."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "base.yaml").write_text(BASE)
    (tmp_path / "deploy" / "kustomization.yaml").write_text("resources: [base.yaml]\n")
    path = tmp_path / "rainbow.yaml"
    path.write_text(CONFIG)
    return path


def test_a_release_that_is_right_comes_as_far_as_the_cluster(app: Path) -> None:
    """An image by tag or digest is as good as a source, which the tests of what is wrong depend on."""
    ssh = f"ssh://git@git.example/shop.git#{COMMIT}:app"
    digest = f"[::1]:5000/a/shop:v1@sha256:{COMMIT[:32]}{COMMIT[:32]}"
    for choice in (["--image", "registry:5000/shop:v1"], ["--image", f"shop={digest}"], ["--source", ssh], []):
        answer = run("release", "-f", str(app), *choice)
        assert answer.returncode == 2
        assert "no cluster to talk to" in answer.stderr, answer.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--release", ""], "--release: '' cannot be a release id"),
        (["--image", "a b"], "'a b' is no image"),
        (["--image", "a\nb"], "is no image"),
        (["--image", "shop=a@@b"], "'a@@b' is no image"),
        (["--image", "a:"], "'a:' is no image"),
        (["--image", "a:1", "--image", "a:2"], "given twice"),
        (["--source", f"git@git.example:shop.git#{COMMIT}"], "the URL begins with none of https"),
        (["--source", ""], "neither a folder nor URL#COMMIT"),
        (["--source", "/nonexistent"], "neither a folder nor URL#COMMIT"),
    ],
)
def test_what_is_wrong_with_a_release_is_said_before_any_cluster_is_asked(
    app: Path, arguments: list[str], said: str
) -> None:
    """Exit 2, and nothing was changed."""
    answer = run("release", "-f", str(app), *arguments)
    assert answer.returncode == 2
    assert said in answer.stderr


@pytest.mark.parametrize("url", ["https://u:s3cret@h/x.git", "https://s3cret@h:80/x.git", "ssh://u:s3/cret@h/x"])
@pytest.mark.parametrize("commit", [COMMIT, "abc", f"{COMMIT}:app"])
def test_a_password_in_a_source_is_refused_and_never_repeated(app: Path, url: str, commit: str) -> None:
    """It would be stored in the record of the release; a mistake beside it must not print it either."""
    answer = run("release", "-f", str(app), "--source", f"{url}#{commit}")
    assert answer.returncode == 2
    assert "use a URL without" in answer.stderr
    assert "cret" not in answer.stdout + answer.stderr


BROKEN = {
    "no YAML": b"{{{",
    "binary": b"\xff\xfe\x00",
    "a list": b"[]",
    "no such day": b"a: 2026-13-45",
    "deep": b"[" * 5000,
    "a text": b"hi",
    "half": b"clusters: [x]\ncontexts: 5\ncurrent-context: x\n",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_files_that_are_broken_are_wrong_input(tmp_path: Path, broken: str) -> None:
    """Exit 2 with a sentence, never a traceback: the settings, the kubeconfig, rainbow.yaml."""
    path = tmp_path / "file"
    path.write_bytes(BROKEN[broken])
    for answer in (
        run("render", "--namespace", "shop", "--settings", str(path)),
        run("release", "--file", str(path)),
        run("follow", "--namespace", "shop", "shop", "v1", KUBECONFIG=str(path)),
    ):
        assert answer.returncode == 2, answer.stderr
        assert answer.stderr.startswith("error: ")
        assert "Traceback" not in answer.stderr


def test_a_missing_ca_bundle_is_wrong_input(tmp_path: Path) -> None:
    """With the name of the file and of the settings that name it."""
    path = tmp_path / "settings.yaml"
    path.write_text("step_image: a\nbuilder_image: b\nregistry: c\nca_bundle: /nonexistent\n")
    for command in ("render", "install"):
        answer = run(command, "--namespace", "shop", "--settings", str(path))
        assert answer.returncode == 2
        assert f"cannot read ca_bundle /nonexistent of the settings {path}" in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [["render", "-n", "Bad Name"], ["install", "-n", "Bad Name"], ["follow", "-n", "Bad Name", "shop", "v1"]],
)
def test_a_name_that_cannot_be_is_wrong_input(tmp_path: Path, arguments: list[str]) -> None:
    """Before any cluster is asked."""
    path = tmp_path / "settings.yaml"
    path.write_text("step_image: a\nbuilder_image: b\nregistry: c\n")
    answer = run(*arguments, RAINBOW_SETTINGS=str(path))
    assert answer.returncode == 2
    assert "--namespace: 'Bad Name' cannot be a namespace" in answer.stderr


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    """A kubeconfig whose API server does not answer."""
    path = tmp_path / "kubeconfig"
    users, contexts = "users: [{name: u, user: {}}]", "contexts: [{name: a, context: {cluster: c, user: u}}]"
    clusters = 'clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]'
    path.write_text("\n".join(["apiVersion: v1", "kind: Config", "current-context: a", users, contexts, clusters]))
    return str(path)


def test_following_a_cluster_out_of_reach_ends(nowhere: str) -> None:
    """Exit 75, the error, and how to come back; not a silence for ever."""
    answer = run("follow", "-n", "shop", "shop", "v1", KUBECONFIG=nowhere)
    assert answer.returncode == 75, answer.stderr
    assert "did not answer" in answer.stderr
    assert "rainbow follow --namespace shop shop v1" in answer.stderr


def test_submitted_is_json_for_programs(nowhere: str) -> None:
    """`--wait submitted` has a result as well."""
    answer = run("follow", "-n", "shop", "shop", "v1", "--wait", "submitted", "--output", "json", KUBECONFIG=nowhere)
    assert json.loads(answer.stdout) == {
        "namespace": "shop",
        "app": "shop",
        "release": "v1",
        "workflow": "release-shop-v1",
        "outcome": "submitted",
        "follow": "rainbow follow --namespace shop shop v1",
    }
