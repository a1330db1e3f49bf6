"""`rainbow release` with several clusters, and the other commands over all of them, from the file to the exit code."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import click
import emulated
import pytest
import yaml
from click.testing import CliRunner, Result

from rainbow.adapters.config_file import read_config
from rainbow.adapters.kube import Kube
from rainbow.adapters.policies import read_policy
from rainbow.adapters.records import read_release
from rainbow.cli import cli
from rainbow.cli.everywhere import Asked, prepare
from rainbow.cli.following import Until
from rainbow.cli.output import Form
from rainbow.errors import BadInput, RainbowError
from tests.cli.two_regions import ARGO, DIGEST, Regions
from tests.docs.pages import blocks, pages

KINDS = {"workflows": (ARGO, "Workflow"), "workflowtemplates": (ARGO, "WorkflowTemplate")}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {
        "selector": {"matchLabels": {"part": "web"}},
        "template": {
            "metadata": {"labels": {"part": "web"}},
            "spec": {"containers": [{"name": "web", "image": "shop"}]},
        },
    },
}
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
RULES = [{"host": "shop", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}]
INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "shop"},
    "spec": {"rules": RULES},
}


@pytest.fixture
def regions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Regions:
    """The clusters a and b, the folder of the app as the current one, and a kubeconfig that leads to both."""
    return reached(Regions(), monkeypatch, tmp_path)


def reached(made: Regions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Regions:
    """These clusters by the command line."""
    for plural, kind in KINDS.items():
        monkeypatch.setitem(emulated.KINDS, plural, kind)
    folder = tmp_path / "deploy"
    folder.mkdir()
    (folder / "all.yaml").write_text(yaml.safe_dump_all([DEPLOYMENT, SERVICE, INGRESS]))
    (folder / "kustomization.yaml").write_text("resources: [all.yaml]\n")
    write(made, tmp_path)

    def connect(*, context: str | None = None) -> Kube:
        if context not in made.clusters:
            raise BadInput(f"no cluster to talk to: no context {context}")
        return made.clusters[context].client()

    for module in ("clusters", "operate", "history", "status", "report"):
        monkeypatch.setattr(f"rainbow.cli.{module}.connect", connect)
    monkeypatch.setattr("rainbow.adapters.world.connect", connect)
    for module in ("everywhere", "operate"):
        monkeypatch.setattr(f"rainbow.cli.{module}.Clock", lambda: made.clock)
    monkeypatch.chdir(tmp_path)
    return made


def write(regions: Regions, folder: Path, **changes: Any) -> None:
    """rainbow.yaml."""
    described = regions.app.model_dump(mode="json", by_alias=True, exclude_unset=True)
    (folder / "rainbow.yaml").write_text(yaml.safe_dump(described | {"harden": True} | changes))


def rainbow(*words: str) -> Result:
    """The command line, in this process; what it raises is told as `main` tells it."""
    answer = CliRunner().invoke(cli, words, standalone_mode=False)
    if isinstance(answer.exception, (RainbowError, click.ClickException)):
        answer.exit_code = answer.exception.exit_code
    elif answer.exception is not None:
        raise answer.exception
    elif isinstance(answer.return_value, int):
        answer.exit_code = answer.return_value
    return answer


def release(name: str, *flags: str) -> Result:
    """With the image given."""
    return rainbow("release", "--release", name, "--image", DIGEST, *flags)


def test_from_the_file_to_all_clusters(regions: Regions) -> None:
    """Text for people, with lines for what changes; and each cluster has its own app, without a word of others."""
    answer = release("v1")
    assert answer.exit_code == 0, answer.exception or answer.output
    assert "shop v1 is live in a, b." in answer.output
    assert "submitting v1 to b" in answer.output
    assert answer.output.index("a               settled") < answer.output.index("submitting v1 to b")
    assert regions.images("v1") == {"a": DIGEST, "b": DIGEST}


def test_the_result_for_programs_has_every_cluster(regions: Regions) -> None:
    """On standard output, alone; a failure says where, and exits with 1."""
    release("v1")
    regions.later()
    regions.clusters["b"].fails["v2"] = "deploy"
    answer = release("v2", "-o", "json")
    assert answer.exit_code == 1
    result = json.loads(answer.stdout)
    assert (result["app"], result["release"], result["outcome"]) == ("shop", "v2", "stopped")
    shown = [(c["cluster"], c["wave"], c["namespace"], c["state"], c["current"]) for c in result["clusters"]]
    assert shown == [("a", 1, "shop-a", "rolled back", False), ("b", 2, "shop-b", "failed", False)]
    assert "deploy failed: boom" in answer.stderr
    assert "v2 is current nowhere." in answer.stderr
    assert f"rainbow release -f rainbow.yaml --release v2 --image {DIGEST}" in answer.stderr


def test_ctrl_c_ends_the_command_and_what_was_begun_goes_on(regions: Regions, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that no further cluster is begun until somebody goes on; which is then done."""
    release("v1")
    regions.later()
    work = regions.clock.work

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(regions.clock, "work", interrupted)
    answer = release("v2")
    assert answer.exit_code == 130
    assert "no further one is begun" in " ".join(answer.output.split())
    monkeypatch.setattr(regions.clock, "work", work)
    assert release("v2").exit_code == 0
    assert [cluster.current for cluster in regions.clusters.values()] == ["v2", "v2"]


def test_one_cluster_alone_takes_what_another_one_has_built(regions: Regions) -> None:
    """Without that, the same release would be built twice, and differ."""
    write(regions, Path(), images={"shop": {}})
    (Path() / "Containerfile").write_text("FROM scratch\n")
    first = rainbow("release", "--release", "v1", "--cluster", "a")
    assert first.exit_code == 0, first.exception or first.output
    assert "v1" not in regions.clusters["b"].releases()
    second = rainbow("release", "--release", "v1", "--cluster", "b")
    assert second.exit_code == 0, second.exception or second.output
    assert regions.images("v1") == {"a": DIGEST, "b": DIGEST}
    b = regions.clusters["b"]
    assert read_release(b.kube, "shop-b", "shop", "v1").spec.source is None, "nothing is built there"
    both = rainbow("release", "--release", "v1")
    assert (both.exit_code, "shop v1 is live in a, b." in both.output) == (0, True)


WRONG: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "a tag": (["--image", "registry.example/shop:v1"], {}, "with several clusters give it by its digest"),
    "a cluster that is none": (["--image", DIGEST, "--cluster", "c"], {}, "no such cluster; there are: a, b"),
    "a context beside": (["--image", DIGEST, "--context", "a"], {}, "names its clusters and their contexts"),
    "a cluster in a file without": (["--image", DIGEST, "--cluster", "a"], {"clusters": None}, "names no clusters"),
    "a context that is not there": (
        ["--image", DIGEST],
        {"clusters": {"waves": [["a"], ["z"]]}},
        "cluster z: no cluster to talk to: no context z",
    ),
    "a base that is not there": (
        ["--image", DIGEST],
        {"clusters": {"waves": [["a"], ["b"]], "each": {"b": {"overrides": {"manifests": {"kustomize": "us"}}}}}},
        "cluster b: there is no folder us",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_before_anything_is_released(regions: Regions, name: str) -> None:
    """Exit 2, and neither cluster has heard of it; whatever the wave in which it would have counted."""
    words, changes, text = WRONG[name]
    if name == "a base that is not there":
        changes["clusters"]["each"] |= {"a": {"overrides": {"namespace": "shop-a"}}}
    write(regions, Path(), **changes)
    answer = rainbow("release", "--release", "v1", *words)
    assert (answer.exit_code, text in str(answer.exception)) == (2, True), answer.exception
    assert [cluster.releases() for cluster in regions.clusters.values()] == [{}, {}]


def test_a_later_cluster_without_an_installation_is_found_before_anything_is_released(regions: Regions) -> None:
    """The next action is named, with the cluster that it is needed in."""
    del regions.clusters["b"].store.objects["workflowtemplates", "shop-b", "rollback"]
    answer = release("v1")
    assert answer.exit_code == 2
    assert "cluster b: namespace shop-b has no WorkflowTemplate rollback" in str(answer.exception)
    assert regions.clusters["a"].releases() == {}


@pytest.mark.parametrize("fails", ["", "deploy"])
def test_a_later_cluster_that_is_away_stops_nobody_who_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: str
) -> None:
    """What is under way elsewhere is followed, and taken back where it has to be, before that cluster counts."""
    regions = reached(Regions(waves=[["a"], ["b"], ["c"]]), monkeypatch, tmp_path)
    assert release("v1").exit_code == 0
    regions.later()
    regions.clusters["b"].fails["v2"] = fails
    assert release("v2", "--wait", "submitted").exit_code == 0
    regions.clusters["c"].out = True
    answer = release("v2")
    assert answer.exit_code == (1 if fails else 75), answer.exception or answer.output
    assert "c: unknown for 5m" in answer.output
    expected = "v1" if fails else "v2"
    assert [regions.clusters[name].current for name in "ab"] == [expected, expected]


def test_nothing_is_built_anew_while_it_is_unknown_whether_it_was(regions: Regions) -> None:
    """Built twice it would be two releases of one id; with the image given there is nothing to build."""
    write(regions, Path(), images={"shop": {}})
    (Path() / "Containerfile").write_text("FROM scratch\n")
    assert rainbow("release", "--release", "v1", "--cluster", "a").exit_code == 0
    regions.clusters["a"].out = True
    answer = rainbow("release", "--release", "v1", "--cluster", "b")
    assert answer.exit_code == 75
    assert "whether release v1 was built already is unknown" in str(answer.exception)
    assert "cluster a: connection refused" in str(answer.exception)
    assert regions.clusters["b"].releases() == {}
    assert release("v1", "--cluster", "b").exit_code == 0


def test_drained_says_where_it_is_current(regions: Regions) -> None:
    """And no longer that the older ones stay."""
    answer = release("v1", "--wait", "drained")
    assert answer.exit_code == 0
    assert "shop v1: the workflow is done in a, b. v1 is current in a, b." in answer.output
    assert "Older releases stay" not in answer.output


def test_sources_are_compared_when_somebody_goes_on(regions: Regions) -> None:
    """The same id with other sources is another release, though the first cluster has built by now."""
    write(regions, Path(), images={"shop": {}})
    (Path() / "Containerfile").write_text("FROM scratch\n")
    assert rainbow("release", "--release", "v1").exit_code == 0
    specs = [read_release(c.kube, c.app.namespace, "shop", "v1").spec for c in regions.clusters.values()]
    assert [spec.source is not None for spec in specs] == [True, False], "only the first one builds"
    (Path() / "Containerfile").write_text("FROM other\n")
    answer = rainbow("release", "--release", "v1")
    assert answer.exit_code == 1
    assert "it differs in sources" in answer.output


def test_the_waves_of_those_that_are_chosen(regions: Regions) -> None:
    """Their order stays."""
    app = read_config(Path("rainbow.yaml"))
    asked = Asked(Path("rainbow.yaml"), app, "v1", (DIGEST,), None, ("b",), Until.LIVE, Form.TABLE)
    assert prepare(asked).waves == [["b"]]
    assert asked.come_back == f"rainbow release -f rainbow.yaml --release v1 --image {DIGEST} --cluster b"


# --- other commands over all clusters ---------------------------------------------------------------------------------


def holds(regions: Regions) -> list[str | None]:
    """Who holds the app in each cluster."""
    found = [read_policy(c.kube, c.app.namespace, "shop").spec.hold for c in regions.clusters.values()]
    return [None if hold is None else hold.by for hold in found]


def test_an_operation_in_every_cluster(regions: Regions) -> None:
    """Each by its own context and namespace."""
    release("v1")
    answer = rainbow("hold", "shop", "--all-clusters", "--reason", "a move", "--by", "ann", "--now")
    assert answer.exit_code == 0, answer.exception or answer.output
    assert "CLUSTER a  (--context a -n shop-a)" in answer.output
    assert holds(regions) == ["ann", "ann"]
    assert rainbow("resume", "shop", "--cluster", "b", "--by", "ann", "--now").exit_code == 0
    assert holds(regions) == ["ann", None]


def test_what_goes_wrong_in_one_cluster_keeps_nobody_from_the_others(regions: Regions) -> None:
    """A rollback counts wherever it can be done; the exit code says that it was not everywhere."""
    release("v1")
    regions.clusters["a"].out = True
    answer = rainbow("hold", "shop", "--all-clusters", "--reason", "a move", "--by", "ann", "--now")
    assert answer.exit_code == 75
    assert "error: cluster a: connection refused" in answer.stderr
    assert "done in b; failed in a" in answer.stderr
    assert holds(regions) == [None, "ann"]


def test_one_document_for_programs(regions: Regions) -> None:
    """With what could not be had in its place."""
    release("v1")
    answer = rainbow("history", "shop", "--all-clusters", "-o", "json")
    found = json.loads(answer.stdout)["clusters"]
    assert [(c["cluster"], [r["release"] for r in c["releases"]]) for c in found] == [("a", ["v1"]), ("b", ["v1"])]
    regions.clusters["a"].out = True
    answer = rainbow("history", "shop", "--all-clusters", "-o", "json")
    assert answer.exit_code == 75
    assert [c.get("error") for c in json.loads(answer.stdout)["clusters"]] == ["connection refused", None]


@pytest.mark.slow
def test_a_page_of_each_cluster(regions: Regions) -> None:
    """Named after it; without Prometheus they show what the records tell."""
    release("v1")
    answer = rainbow("report", "shop", "--all-clusters", "-o", "page.html", "--prometheus-url", "http://127.0.0.1:1")
    assert answer.exit_code == 0, answer.exception or answer.output
    assert "shop-a" in Path("page-a.html").read_text()
    assert "shop-b" in Path("page-b.html").read_text()
    answer = rainbow("report", "shop", "--all-clusters", "-o", "-")
    assert (answer.exit_code, "each cluster has a page of its own" in answer.stderr) == (2, True)


def test_one_table_of_all_clusters(regions: Regions) -> None:
    """With a column that says which; what else is said of one stands below, and what failed is an error."""
    release("v1")
    rainbow("hold", "shop", "--cluster", "b", "--reason", "a move", "--by", "ann", "--now")
    answer = rainbow("status", "shop", "--all-clusters")
    assert answer.exit_code == 0, answer.exception or answer.output
    heading, a, b, below = answer.stdout.splitlines()
    assert heading.split()[:3] == ["CLUSTER", "RELEASE", "PHASE"]
    assert [line.split()[:3] for line in (a, b)] == [["a", "v1", "Current"], ["b", "v1", "Current"]]
    assert below.startswith("b: ")
    assert "held by ann" in below
    regions.clusters["a"].out = True
    answer = rainbow("status", "shop", "--all-clusters")
    assert answer.exit_code == 75
    assert "error: cluster a: " in answer.stderr
    assert [line.split()[0] for line in answer.stdout.splitlines()[:2]] == ["CLUSTER", "b"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["history", "other", "--all-clusters"], "rainbow.yaml is about app shop, not other"),
        (["history", "shop", "--all-clusters", "-n", "shop-a"], "--namespace: the file says it for each cluster"),
        (["--context", "a", "history", "shop", "--all-clusters"], "--context: the file says it for each cluster"),
        (["history", "shop", "-f", "rainbow.yaml"], "say which of its clusters are meant"),
        (["status", "shop", "--all-clusters", "--watch"], "--watch: of one cluster at a time"),
        (["report", "shop", "--all-clusters", "--serve"], "--serve: of one cluster at a time"),
        (["history", "shop", "--cluster", "c"], "no such cluster; there are: a, b"),
    ],
)
def test_what_cannot_be_meant(regions: Regions, words: list[str], text: str) -> None:
    """Is refused, rather than done in another cluster than somebody thinks."""
    answer = rainbow(*words)
    assert (answer.exit_code, text in str(answer.exception)) == (2, True), answer.exception


def test_the_commands_of_the_page_about_regions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """docs/how-to/regions.md, as they stand there, with the clusters that are described there."""
    (page,) = (path for path in pages() if path.name == "regions.md")
    given = [block.text for block in blocks(page) if block.kind == "sh"]
    described = next(yaml.safe_load(block.text)["clusters"] for block in blocks(page) if block.kind == "yaml")
    regions = reached(Regions(waves=described["waves"]), monkeypatch, tmp_path)
    release("v6")
    regions.later()
    answers = [rainbow(*shlex.split(line)[1:]) for text in given for line in text.splitlines()]
    assert [answer.exit_code for answer in answers] == [0, 0, 0, 0], [a.exception or a.output for a in answers]
    released, status, history, rollback = (answer.output for answer in answers)
    assert "shop v7 is live in eu-1, eu-2, us-1." in released
    assert (status.count("CLUSTER "), status.count("v7 ")) == (1, 3)
    assert [c["cluster"] for c in json.loads(history)["clusters"]] == ["eu-1", "eu-2", "us-1"]
    assert rollback.count("CLUSTER ") == 3
    assert {cluster.current for cluster in regions.clusters.values()} == {"v6"}
