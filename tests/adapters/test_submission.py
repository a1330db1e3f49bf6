"""Submitting against an emulated API server: cut at any request, then submitted again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import emulated
import pytest
from emulated import Emulated, Killed

from rainbow.adapters.kube import Object
from rainbow.adapters.records import read_release
from rainbow.adapters.redeployment import submit_redeploy
from rainbow.adapters.submission import submit
from rainbow.errors import BadInput, TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.names import ARGO_UI
from rainbow.model.release import ReleaseSpec

ARGO = "argoproj.io/v1alpha1"
KINDS = {"workflows": (ARGO, "Workflow"), "workflowtemplates": (ARGO, "WorkflowTemplate")}
KINDS["configmaps"] = ("v1", "ConfigMap")
ARCHIVE = bytes(2_000_000)  # three ConfigMaps


@dataclass
class Cluster(Emulated):
    """With Argo, and with DELETE; what is deleted takes what it owns along."""

    def _answer(self, method: str, path: str, query: Object, body: Any, content_type: str) -> Object:
        if method != "DELETE":
            return super()._answer(method, path, query, body, content_type)
        namespace, plural, name = path.split("/namespaces/")[1].split("/")
        gone = self.store.objects.pop((plural, namespace, name))["metadata"]["uid"]
        for key, obj in list(self.store.objects.items()):
            if gone in [owner["uid"] for owner in obj["metadata"].get("ownerReferences", [])]:
                del self.store.objects[key]
        return {}

    def names(self) -> list[str]:
        """What there is, but the template."""
        return sorted(f"{kind}/{name}" for kind, _, name in self.store.objects if kind != "workflowtemplates")


WHOLE = [f"configmaps/shop-v1-source-{n}" for n in range(3)] + ["releases/shop-v1", "workflows/release-shop-v1"]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A namespace that is ready for releases."""
    for plural, kind in KINDS.items():
        monkeypatch.setitem(emulated.KINDS, plural, kind)
    made = Cluster(None)
    made.attempts = 1
    meta = {"name": "release", "namespace": "shops"}
    made.create({"apiVersion": ARGO, "kind": "WorkflowTemplate", "metadata": meta, "spec": {}})
    return made


def _spec(query: str = "$release") -> ReleaseSpec:
    config = {
        "app": "shop",
        "namespace": "shops",
        "manifests": {"kustomize": "deploy"},
        "route": {"ingress": {"name": "shop", "url": "http://proxy"}},
        "drain": {"prometheus": {"url": "http://prometheus", "query": query}},
    }
    return ReleaseSpec(release="v1", app=AppConfig.model_validate(config), manifests="x")


def _cut(cluster: Cluster, write: int, when: str, error: BaseException) -> Callable[[], None]:
    """Raise before or after the n-th write; the answer stops that."""
    counted = {"before": 0, "after": 0}

    def around(now: str) -> None:
        counted[now] += 1
        if now == when and counted[now] == write:
            raise error

    cluster.around = around

    def stop() -> None:
        cluster.around, cluster.dead = (lambda _: None), False

    return stop


CUTS = [(write, when) for write in range(1, 6) for when in ("before", "after")]


@pytest.mark.parametrize(("write", "when"), CUTS)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), Killed(), TemporaryError("no answer")])
def test_a_submit_that_is_cut_anywhere_can_be_submitted_again(
    cluster: Cluster, write: int, when: str, error: BaseException
) -> None:
    """By Ctrl-C, by kill -9, by an answer that never came: the id is not lost, and everything is there once."""
    stop = _cut(cluster, write, when, error)
    try:
        submit(cluster, _spec(), ARCHIVE)
        complete = True
    except (KeyboardInterrupt, Killed, TemporaryError):
        complete = cluster.names() == WHOLE
    stop()
    if complete:
        with pytest.raises(BadInput, match="follow it: rainbow follow --namespace shops shop v1"):
            submit(cluster, _spec(), ARCHIVE)
    else:
        submit(cluster, _spec(), ARCHIVE)
    assert cluster.names() == WHOLE


@pytest.mark.parametrize("write", [2, 3, 4, 5])
def test_ctrl_c_takes_the_record_back(cluster: Cluster, write: int) -> None:
    """With its sources, so that nothing is left of a release that never began."""
    _cut(cluster, write, "before", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        submit(cluster, _spec(), ARCHIVE)
    assert cluster.names() == []


def test_a_record_with_a_workflow_is_never_taken_back(cluster: Cluster) -> None:
    """Ctrl-C just after the workflow was made: it runs, and needs the record."""
    _cut(cluster, 5, "after", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        submit(cluster, _spec(), ARCHIVE)
    assert cluster.names() == WHOLE


def test_a_record_that_says_something_else_is_taken(cluster: Cluster) -> None:
    """A release is immutable."""
    _cut(cluster, 1, "after", Killed())
    with pytest.raises(Killed):
        submit(cluster, _spec(), None)
    cluster.around, cluster.dead = (lambda _: None), False
    with pytest.raises(BadInput, match=r"release v1 of app shop exists already.*choose another id"):
        submit(cluster, _spec('sum(x{r="$release"})'), None)
    assert cluster.names() == ["releases/shop-v1"]


def test_a_release_of_old_whose_workflow_was_cleared_away_does_not_run_again(cluster: Cluster) -> None:
    """Its record looks the same, but has been worked on."""
    submit(cluster, _spec(), None)
    del cluster.store.objects["workflows", "shops", "release-shop-v1"]
    cluster.store.objects["releases", "shops", "shop-v1"]["status"] = {"phase": "Deleted"}
    with pytest.raises(BadInput, match="exists already"):
        submit(cluster, _spec(), None)


def test_a_workflow_without_a_record_is_named_with_what_to_do(cluster: Cluster) -> None:
    """Nothing is created beside it."""
    submit(cluster, _spec(), None)
    del cluster.store.objects["releases", "shops", "shop-v1"]
    with pytest.raises(BadInput, match=r"workflow release-shop-v1 .*kubectl delete workflow -n shops release-"):
        submit(cluster, _spec(), None)
    assert cluster.names() == ["workflows/release-shop-v1"]


def test_a_policy_that_does_not_fit_the_file_is_found_before_anything_is_made(cluster: Cluster) -> None:
    """Else every later step of the release would stumble over it."""
    policy = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "spec": {"retention": {"maximumDrainAge": "30m"}}}
    cluster.create(policy | {"metadata": {"name": "shop", "namespace": "shops"}})
    with pytest.raises(BadInput, match=r"maximumDrainAge 30m is not above minimumAge 1h.* rainbow policy set -n shops"):
        submit(cluster, _spec(), None)
    assert cluster.names() == ["policies/shop"]


BAKE = {"duration": "1m", "traffic": 'sum(rate(requests{release="$release"}[1m]))'}
BAKE["watch"] = [{"name": "errors", "query": 'sum(rate(errors{release="$release"}[1m]))', "limit": 0.1}]  # type: ignore[assignment]


def _bakes(cluster: Cluster) -> list[str]:
    """What each workflow is told about the bake."""
    flows = [obj for (plural, _, _), obj in cluster.store.objects.items() if plural == "workflows"]
    return [p["value"] for flow in flows for p in flow["spec"]["arguments"]["parameters"] if p["name"] == "bake"]


def test_a_bake_that_only_the_policy_asks_for_is_one_of_the_workflow(cluster: Cluster) -> None:
    """B1: what an operator overrides applies to each later release, and to one that is deployed again."""
    policy = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "spec": {"bake": BAKE}}
    cluster.create(policy | {"metadata": {"name": "shop", "namespace": "shops"}})
    submit(cluster, _spec(), ARCHIVE)
    assert _bakes(cluster) == ["true"]
    assert read_release(cluster, "shops", "shop", "v1").spec.app.bake is None, "the policy is no part of the release"
    _redeploy(cluster)
    assert _bakes(cluster) == ["true", "true"]


def test_without_a_policy_rainbow_yaml_says_whether_there_is_a_bake(cluster: Cluster) -> None:
    """No pod starts only to find that there is none."""
    submit(cluster, _spec(), ARCHIVE)
    _redeploy(cluster)
    assert _bakes(cluster) == ["false", "false"]


def test_a_release_that_the_policy_does_not_fit_any_more_is_not_redeployed(cluster: Cluster) -> None:
    """Said before anything is made, with what to do."""
    submit(cluster, _spec(), ARCHIVE)
    policy = {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "spec": {"bake": {"duration": "1m"}}}
    cluster.create(policy | {"metadata": {"name": "shop", "namespace": "shops"}})
    with pytest.raises(BadInput, match=r"does not fit release v1: .* rainbow policy set -n shops shop"):
        _redeploy(cluster)
    assert _bakes(cluster) == ["false"]


def _redeploy(cluster: Cluster) -> None:
    meta = {"name": "redeploy", "namespace": "shops"}
    template = {"apiVersion": ARGO, "kind": "WorkflowTemplate", "metadata": meta, "spec": {}}
    cluster.store.objects.setdefault(("workflowtemplates", "shops", "redeploy"), template)
    submit_redeploy(cluster, read_release(cluster, "shops", "shop", "v1"), {}, build=False)


def test_who_released_it_stands_on_the_record(cluster: Cluster) -> None:
    """As the API server knows them, here nobody it would name; kept as long as the record (B9)."""
    submit(cluster, _spec(), None)
    record = cluster.store.objects["releases", "shops", "shop-v1"]
    assert record["metadata"]["annotations"]["rainbow.dev/released-by"] == "unknown"


def _told(cluster: Cluster, name: str) -> dict[str, str]:
    """What the workflow of a release is told."""
    workflow = cluster.store.objects["workflows", "shops", f"release-shop-{name}"]
    return {p["name"]: p["value"] for p in workflow["spec"]["arguments"]["parameters"]}


@pytest.mark.parametrize(
    ("config", "roll", "deploy"),
    [
        ({}, "false", "true"),
        ({"strategy": "rolling"}, "true", "false"),
        ({"rolling": {"workloads": ["mail"]}}, "true", "true"),
    ],
)
def test_what_is_rolled_and_what_is_deployed(cluster: Cluster, config: dict[str, Any], roll: str, deploy: str) -> None:
    """A task that a release has no use for costs no pod."""
    spec = _spec()
    submit(cluster, spec.model_copy(update={"app": AppConfig.model_validate(_described() | config)}), None)
    told = _told(cluster, "v1")
    assert (told["roll"], told["deploy"]) == (roll, deploy)


def test_the_tests_of_others_are_asked_about_when_there_are_any(cluster: Cluster) -> None:
    """C5: also by a release that has none itself; not for an app that never had any."""
    tested = AppConfig.model_validate(_described() | {"tests": {"image": "t", "service": "web"}})
    specs = [_spec(), _spec().model_copy(update={"app": tested}), _spec()]
    for number, spec in enumerate(specs, start=1):
        submit(cluster, spec.model_copy(update={"release": f"v{number}"}), None)
    assert [_told(cluster, f"v{n}")["check-compatibility"] for n in (1, 2, 3)] == ["false", "false", "true"]


def _described() -> dict[str, Any]:
    return _spec().app.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_the_record_names_its_workflow_and_where_it_is_seen(cluster: Cluster) -> None:
    """By the address that the installation wrote on its template; without one only the name."""
    submit(cluster, _spec(), None)
    record = read_release(cluster, "shops", "shop", "v1")
    assert (record.workflow, record.workflow_url) == ("release-shop-v1", None)
    meta = cluster.store.objects["workflowtemplates", "shops", "release"]["metadata"]
    meta["annotations"] = {ARGO_UI: "https://argo.example/"}
    submit(cluster, _spec().model_copy(update={"release": "v2"}), None)
    record = read_release(cluster, "shops", "shop", "v2")
    assert record.workflow_url == "https://argo.example/workflows/shops/release-shop-v2"


def test_a_redeployed_release_names_the_workflow_that_took_it_up(cluster: Cluster) -> None:
    """The one before may be gone, and its link would lead nowhere."""
    submit(cluster, _spec(), None)
    meta = {"name": "redeploy", "namespace": "shops", "annotations": {ARGO_UI: "https://argo.example"}}
    cluster.create({"apiVersion": ARGO, "kind": "WorkflowTemplate", "metadata": meta, "spec": {}})
    name = submit_redeploy(cluster, read_release(cluster, "shops", "shop", "v1"), {}, build=False)
    record = read_release(cluster, "shops", "shop", "v1")
    assert (record.workflow, record.workflow_url) == (name, f"https://argo.example/workflows/shops/{name}")
