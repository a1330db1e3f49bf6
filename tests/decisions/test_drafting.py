"""What an app's manifests say about it: named tables, and the text of the file for any draft at all."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rainbow.adapters.config_text import parse
from rainbow.decisions import drafting
from rainbow.decisions.draft_text import NO_TASKS, Draft, draft_text
from rainbow.model.app import AppConfig


def workload(name: str, *, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A Deployment."""
    pod = {"containers": [{"name": name, "image": f"{name}:1"}]} | spec
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"template": {"spec": pod}},
    }


def claim(name: str, mode: str) -> dict[str, Any]:
    """A PersistentVolumeClaim."""
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {"accessModes": [mode]}}


def mounting(name: str) -> dict[str, Any]:
    """Of a pod."""
    return {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]}


PART_OF = "app.kubernetes.io/part-of"
NAME = "app.kubernetes.io/name"


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        pytest.param([{NAME: "api"}, {NAME: "web"}], ["api", "web"], id="each has its own name: several"),
        pytest.param([{NAME: "api", PART_OF: "shop"}, {NAME: "web", PART_OF: "shop"}], ["shop"], id="parts of one"),
        pytest.param([{NAME: "shop"}, {}], [], id="one has none: not known"),
        pytest.param([{"app": "shop"}, {"app": "shop"}], ["shop"], id="the older label"),
        pytest.param([], [], id="no workload"),
    ],
)
def test_the_app_is_what_all_workloads_call_themselves(labels: list[dict[str, str]], names: list[str]) -> None:
    """By the most telling label that each of them has."""
    assert drafting.app_names([workload("x", labels=one) for one in labels]) == names


IMAGES = ["registry.example/team/shop", "registry.example/team/shop-worker", "redis"]


@pytest.mark.parametrize(
    ("names", "files", "expected"),
    [
        pytest.param(IMAGES, ["Containerfile"], {IMAGES[0]: "Containerfile"}, id="a plain one: the app's own image"),
        pytest.param(IMAGES, ["worker.Dockerfile"], {IMAGES[1]: "worker.Dockerfile"}, id="called like a part"),
        pytest.param(IMAGES, ["Dockerfile.worker"], {IMAGES[1]: "Dockerfile.worker"}, id="the other way round"),
        pytest.param(IMAGES, ["worker/Containerfile"], {IMAGES[1]: "worker/Containerfile"}, id="in its folder"),
        pytest.param(IMAGES, ["other/Containerfile"], {}, id="called like nothing: not known"),
        pytest.param(["web"], ["Dockerfile"], {"web": "Dockerfile"}, id="the only image that is nobody else's"),
        pytest.param(["web", "api"], ["Dockerfile"], {}, id="one of two: not known"),
        pytest.param(["nginx"], ["Dockerfile"], {}, id="everybody's image is not built"),
        pytest.param(["shop", "shop-tests"], ["tests.Containerfile"], {}, id="tests are run by nothing of the base"),
    ],
)
def test_an_image_is_built_from_the_file_that_is_called_like_it(
    names: list[str], files: list[str], expected: dict[str, str]
) -> None:
    """Where that is clear; a wrong guess would release something else."""
    assert drafting.built("shop", names, files) == expected


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Containerfile", ""),
        ("api/Dockerfile", "api"),
        ("tests.Containerfile", "tests"),
        ("Dockerfile.tests", "tests"),
        ("deep/er/Containerfile", "er"),
    ],
)
def test_a_containerfile_is_called_by_its_name_or_its_folder(file: str, name: str) -> None:
    """Whichever says something."""
    assert drafting.called(file) == name
    assert drafting.tests_file([file]) == (file if name == "tests" else None)


@pytest.mark.parametrize(
    ("objects", "names"),
    [
        pytest.param([workload("web")], [], id="no volume"),
        pytest.param([workload("db", **mounting("d"))], ["db"], id="a claim that nobody describes may be for one node"),
        pytest.param([workload("db", **mounting("d")), claim("d", "ReadWriteOnce")], ["db"], id="a claim for one node"),
        pytest.param([workload("db", **mounting("d")), claim("d", "ReadWriteMany")], [], id="a claim for many nodes"),
    ],
)
def test_what_writes_a_volume_alone_cannot_live_twice(objects: list[dict[str, Any]], names: list[str]) -> None:
    """Two releases of it would wait for each other's volume."""
    assert drafting.alone(objects) == names


def test_metrics_of_active_work_are_told_by_their_names() -> None:
    """Gauges of something that is there now; no counters, and nothing of the runtime."""
    names = ["shop_active_tasks", "http_requests_in_flight", "jobs_running", "open_connections", "tasks"]
    others = [
        "http_requests_total",
        "go_goroutines",
        "task_duration_seconds_bucket",
        "process_open_fds",
        "up",
        "tasks_max",
    ]
    assert drafting.likely_metrics([*names, *others]) == sorted(names)


def test_a_metric_becomes_a_query_and_a_query_stays() -> None:
    """A name alone would be the tasks of all releases."""
    assert drafting.query_of("tasks") == 'sum(tasks{namespace="$namespace",app="$app",release="$release"})'
    assert drafting.query_of('max(tasks{r="$release"})') == 'max(tasks{r="$release"})'


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/"], "/"),
        (["/api", "/"], "/"),
        (["/api/v1", "/api"], "/api"),
        (["/(.*)", "/shop"], "/shop"),
        (["/(.*)"], "/"),
        ([], "/"),
    ],
)
def test_the_path_that_is_asked_is_one_of_the_route(paths: list[str], expected: str) -> None:
    """The shortest one that is no pattern, of an Ingress and of an HTTPRoute."""
    ingress = {
        "kind": "Ingress",
        "metadata": {"name": "shop"},
        "spec": {"rules": [{"http": {"paths": [{"path": path} for path in paths]}}]},
    }
    matches = [{"matches": [{"path": {"value": path}} for path in paths]}]
    http = {"kind": "HTTPRoute", "metadata": {"name": "shop"}, "spec": {"rules": matches}}
    leads = {"Ingress/shop": ["web", "web", "api"]}
    first, second = drafting.seen_routes([ingress, http], leads)
    assert (first.path, second.path) == (expected, expected)
    assert (first.key, second.key, second.text) == ("ingress", "httpRoute", "httproute/shop")
    assert first.services == ("web", "api")


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)
NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
DRAFTS = st.builds(
    Draft,
    app=NAMES,
    namespace=NAMES,
    manifests=st.one_of(
        st.fixed_dictionaries({"kustomize": TEXT}),
        st.fixed_dictionaries(
            {
                "helm": st.fixed_dictionaries(
                    {"chart": st.just("./chart")},
                    optional={
                        "values": st.lists(TEXT, min_size=1),
                        "set": st.dictionaries(TEXT, st.one_of(TEXT, st.booleans(), st.integers()), min_size=1),
                        "leaveOut": st.just(["Secret/shop"]),
                    },
                )
            }
        ),
    ),
    route=st.sampled_from(["ingress", "httpRoute"]),
    route_name=TEXT,
    url=st.just("http://proxy:80"),
    prometheus=st.just("http://prometheus:9090/a-b"),
    query=st.one_of(st.just(NO_TASKS), TEXT.map(lambda text: f'sum(x{{a="{text}",r="$release"}})')),
    check_path=st.sampled_from(["/", "/api/v1"]),
    images=st.dictionaries(NAMES, st.one_of(TEXT, NAMES.map(lambda name: f"{name}/Dockerfile")), max_size=2),
    tests=st.one_of(st.none(), st.tuples(NAMES, TEXT)),
    rolled=st.lists(NAMES, max_size=2, unique=True),
    harden=st.lists(NAMES, max_size=2),
)


@settings(deadline=None)  # the first one imports a reader of YAML
@given(DRAFTS)
def test_the_file_means_what_was_drafted(draft: Draft) -> None:
    """Whatever the names are, it is YAML, it is a rainbow.yaml, and it says the same."""
    data, _ = parse(Path("rainbow.yaml"), draft_text(draft))
    assert data == yaml.safe_load(draft_text(draft)), "two readers of YAML do not agree"
    app = AppConfig.model_validate(data)
    assert (app.app, app.namespace) == (draft.app, draft.namespace)
    assert app.manifests.model_dump(by_alias=True, exclude_unset=True) == draft.manifests
    assert (app.route.key, app.route.entry.name, app.route.entry.url) == (draft.route, draft.route_name, draft.url)
    assert app.drain.prometheus.query == draft.query
    files = {name: posixpath.join(build.context, build.containerfile) for name, build in app.images.items()}
    assert files == {
        name: posixpath.join("." if not _inside(file) else "", file) for name, file in draft.images.items()
    }
    assert (None if app.tests is None else (app.tests.image, app.tests.service)) == draft.tests
    assert app.rolled_workloads == list(draft.rolled)
    assert app.harden is bool(draft.harden)


def _inside(file: str) -> bool:
    """Whether it lies among what it copies: then that folder is the context."""
    return file.endswith(("/Containerfile", "/Dockerfile"))


def test_everything_that_is_rolled_needs_no_names() -> None:
    """An app that cannot live twice at all has the strategy."""
    plain = {"app": "a", "namespace": "n", "manifests": {"kustomize": "."}, "route": "ingress", "route_name": "a"}
    draft = Draft(**plain, url="http://p", prometheus="http://q", query=NO_TASKS, rolling=True)  # type: ignore[arg-type]
    app = AppConfig.model_validate(yaml.safe_load(draft_text(draft)))
    assert (app.strategy, app.rolled_workloads) == ("rolling", [])
