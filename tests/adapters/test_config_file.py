"""rainbow.yaml: everything that is wrong is said at once, with its place, what was found and what is expected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.adapters.config_file import check_base, json_schema, read_config
from rainbow.errors import BadInput

GOOD = """\
app: shop
namespace: shops
manifests:
  kustomize: deploy
images:
  shop: {}
route:
  ingress:
    name: shop
    url: http://traefik
    checkPath: /api/health
tests:
  image: shop
  service: web
drain:
  prometheus:
    url: http://prometheus
    query: sum(tasks{release="$release"})
    samples: 3
    workloads: [web]
retention:
  minimumAge: 90m
"""

_SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}
_PODS = {"template": {"spec": {"containers": [{"name": "c", "image": "shop:1"}]}}}
_DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": _PODS}
_PATH = {"path": "/api", "pathType": "Prefix", "backend": {"service": {"name": "web"}}}
_INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "shop"},
    "spec": {"rules": [{"http": {"paths": [_PATH]}}]},
}
BASE = "\n---\n".join(json.dumps(obj) for obj in (_SERVICE, _DEPLOYMENT, _INGRESS))


def _file(folder: Path, text: str) -> Path:
    path = folder / "rainbow.yaml"
    path.write_text(text)
    return path


def _problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        read_config(_file(folder, text))
    assert caught.value.exit_code == 2
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_good_file_is_read(tmp_path: Path) -> None:
    """With durations as such."""
    app = read_config(_file(tmp_path, GOOD))
    assert (app.app, app.retention.minimum_age.total_seconds()) == ("shop", 5400)


# What is replaced in a good file → by what → the line that is answered.
ONE_MISTAKE = {
    "a number below its limit": (
        "samples: 3",
        "samples: 0",
        "rainbow.yaml:19:14: drain.prometheus.samples: found 0, expected an integer >= 2",
    ),
    "a word where a number belongs": (
        "samples: 3",
        "samples: many",
        "rainbow.yaml:19:14: drain.prometheus.samples: found 'many', expected an integer",
    ),
    "a misspelt key": (
        "checkPath:",
        "checkpath:",
        "rainbow.yaml:11:5: route.ingress.checkpath: unknown key; did you mean checkPath?",
    ),
    "a key that nobody could have meant": (
        "retention:\n",
        "zzz: 1\nretention:\n",
        f"rainbow.yaml:21:1: zzz: unknown key; known are: {', '.join(json_schema()['properties'])}",
    ),
    "a required key that is missing points at what it is missing under": (
        "    name: shop\n",
        "",
        "rainbow.yaml:8:3: route.ingress.name: missing; expected name of the Ingress; it is part of the base and is "
        "never suffixed",
    ),
    "a duration without a unit": (
        "minimumAge: 90m",
        "minimumAge: 90",
        "rainbow.yaml:22:15: retention.minimumAge: 90 is not a duration; write for example 30s, 5m, 1h30m or 2d",
    ),
    "a list where keys belong": (
        "  kustomize: deploy",
        "  - deploy",
        "rainbow.yaml:4:3: manifests: found a list, expected the keys kustomize, helm",
    ),
    "nothing where keys belong": (
        "  kustomize: deploy",
        "",
        "rainbow.yaml:3:1: manifests: found nothing, expected the keys kustomize, helm",
    ),
    "a key given twice": (
        "namespace: shops",
        "namespace: shops\nnamespace: other",
        "rainbow.yaml:3:1: namespace: given twice, first in line 2; keep one",
    ),
    "a number where a text belongs": (
        "name: shop",
        "name: 7",
        "rainbow.yaml:9:11: route.ingress.name: found 7, expected a text (in quotes, if it looks like a number)",
    ),
    "a URL without a scheme": (
        "url: http://traefik",
        "url: traefik",
        "rainbow.yaml:10:10: route.ingress.url: found 'traefik', expected a text like ^https?://: where the proxy "
        "listens, as seen from pods, for example http://traefik.platform:80",
    ),
    "a query that counts all releases": (
        'sum(tasks{release="$release"})',
        "sum(tasks)",
        "rainbow.yaml:18:12: drain.prometheus.query: found 'sum(tasks)', expected $release in it: "
        "else it counts the tasks of all releases",
    ),
    "a wrong name in a list": (
        "workloads: [web]",
        "workloads: [web, 3]",
        "rainbow.yaml:20:22: drain.prometheus.workloads[1]: found 3, expected a text (in quotes, if it looks like a "
        "number)",
    ),
    "a break with the past that leaves clients nowhere to go": (
        "retention:\n",
        "breaks: the field name is gone\nretention:\n",
        "rainbow.yaml:1:1: breaks needs route.releases: clients of the release before have to reach it by a route of "
        "its own",
    ),
    "an approval that would come too late": (
        "retention:\n",
        "strategy: rolling\napproval: true\nretention:\n",
        "rainbow.yaml:1:1: what is rolled reaches users before anybody could approve it: no approval with rolling",
    ),
    "a name that is no variable": (
        "  service: web",
        "  service: web\n  env: {1A: x}",
        "rainbow.yaml:15:9: tests.env.1A: as a key: found '1A', expected a text like ^[A-Za-z_][A-Za-z0-9_]*$",
    ),
    "a bracket that is never closed": (
        "workloads: [web]\nretention:\n  minimumAge: 90m\n",
        "workloads: [web\n",
        "rainbow.yaml:21:1: not YAML: while parsing a flow sequence expected ',' or ']', but got '<stream end>'",
    ),
}


@pytest.mark.parametrize("case", ONE_MISTAKE)
def test_one_mistake_is_answered_with_its_place(tmp_path: Path, case: str) -> None:
    """File, line, column, where, what was found and what is expected."""
    right, wrong, line = ONE_MISTAKE[case]
    assert right in GOOD
    assert _problems(tmp_path, GOOD.replace(right, wrong, 1)) == [line]


def test_all_mistakes_are_answered_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Nobody wants to run it once for each."""
    text = GOOD.replace("samples: 3", "samples: 0").replace("namespace: shops", "namespace: Shops\nx: 1")
    assert [line.split(": ")[1] for line in _problems(tmp_path, text)] == [
        "namespace",
        "x",
        "drain.prometheus.samples",
    ]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}"])
def test_an_empty_file_lacks_everything(tmp_path: Path, text: str) -> None:
    """The answer is the list of what is needed."""
    problems = _problems(tmp_path, text)
    assert [p.split(": ")[1] for p in problems] == ["app", "drain", "manifests", "namespace", "route"]


@pytest.mark.parametrize("text", ["[1]", "text", "a: &x [*x]", "a: 1\n---\nb: 2\n", "\t", "a: 1\n\tb: 2", "{", "? "])
def test_what_is_no_app_at_all_is_answered_all_the_same(tmp_path: Path, text: str) -> None:
    """No traceback, whatever the file."""
    assert all(p.startswith("rainbow.yaml:") for p in _problems(tmp_path, text))


@given(text=st.text(alphabet="ab:- \n[]{}&*!|>'\"#?,\t1", max_size=40))
def test_no_text_makes_it_stumble(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Any text either is an app (none of these is) or is answered."""
    with pytest.raises(BadInput):
        read_config(_file(tmp_path_factory.getbasetemp(), text))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    """And what to do."""
    with pytest.raises(BadInput, match=r"there is no file .* give it with -f"):
        read_config(tmp_path / "rainbow.yaml")


def test_what_fits_the_base_passes(tmp_path: Path) -> None:
    """All that the file names is in the base."""
    path = _file(tmp_path, GOOD)
    check_base(path, read_config(path), BASE)


# What is replaced in a good file → by what → the line that is answered.
NOT_IN_THE_BASE = {
    "the Ingress": (
        "name: shop",
        "name: shp",
        "rainbow.yaml:9:11: route.ingress.name: found 'shp', expected an Ingress of the base; did you mean shop?",
    ),
    "the path": (
        "/api/health",
        "/health",
        "rainbow.yaml:11:16: route.ingress.checkPath: found '/health', expected a path below one of Ingress shop: /api",
    ),
    "the Service of the tests": (
        "service: web",
        "service: api",
        "rainbow.yaml:14:12: tests.service: found 'api', expected a Service of the base; known are: web",
    ),
    "the image of the tests": (
        "image: shop",
        "image: shoptests",
        "rainbow.yaml:13:10: tests.image: found 'shoptests', expected a name under images or a full reference; "
        "did you mean shop?",
    ),
    "an image": (
        "  shop: {}",
        "  shop: {}\n  worker: {}",
        "rainbow.yaml:7:3: images.worker: found 'worker', expected the image of a container of the base; "
        "known are: shop",
    ),
    "a workload": (
        "[web]",
        "[wep]",
        "rainbow.yaml:20:17: drain.prometheus.workloads[0]: found 'wep', expected a workload of the base; "
        "did you mean web?",
    ),
}


@pytest.mark.parametrize("case", NOT_IN_THE_BASE)
def test_what_is_not_in_the_base_is_answered_in_the_same_form(tmp_path: Path, case: str) -> None:
    """A wrong name is found before anything is submitted."""
    right, wrong, line = NOT_IN_THE_BASE[case]
    path = _file(tmp_path, GOOD.replace(right, wrong, 1))
    with pytest.raises(BadInput) as caught:
        check_base(path, read_config(path), BASE)
    assert str(caught.value).replace(f"{tmp_path}/", "") == line


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            '{"name": "web"}}}]',
            '{"name": "wep"}}}]',
            "Ingress shop has the backend wep, expected a Service of the base",
        ),
        (
            '"kind": "Service", "metadata": {"name": "web"}',
            '"kind": "Service", "metadata": {"name": "' + "w" * 43 + '"}',
            "has 43 characters, expected at most 42",
        ),
        (
            "---",
            '---\n{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "more"}}\n---',
            "the base has Ingress more beside shop",
        ),
        (
            "---",
            '---\n{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"a": "b"}}\n---',
            r"rainbow.yaml:\d+:\d+: manifests.kustomize: Secret key would stay readable in the record",
        ),
    ],
)
def test_a_base_that_cannot_be_released_is_answered(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    """The base's own mistakes are told before the release as well."""
    base = BASE.replace('{"name": "web"}}}]', '{"name": "web"}}}]').replace(right, wrong, 1)
    assert base != BASE
    path = _file(tmp_path, GOOD)
    with pytest.raises(BadInput, match=said):
        check_base(path, read_config(path), base)


def test_a_path_may_be_served_by_the_default_backend_alone(tmp_path: Path) -> None:
    """An Ingress without rules covers every path."""
    only = {**_INGRESS, "spec": {"defaultBackend": {"service": {"name": "web"}}}}
    path = _file(tmp_path, GOOD)
    base = "\n---\n".join(json.dumps(obj) for obj in (_SERVICE, _DEPLOYMENT, only))
    check_base(path, read_config(path), base)


def test_the_schema_describes_the_keys_as_they_are_written() -> None:
    """Editors complete `checkPath`, not `check_path`."""
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert {"app", "readyTimeout", "releaseEnv"} <= set(schema["properties"])
    assert "checkPath" in schema["$defs"]["IngressRoute"]["properties"]


def test_the_example_of_the_project_is_good() -> None:
    """examples/spawn is what people copy from."""
    from rainbow.adapters.sources import render_base

    path = Path(__file__).parents[2] / "examples" / "spawn" / "rainbow.yaml"
    app = read_config(path)
    check_base(path, app, render_base(path.parent / app.manifests.kustomize))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rolling:\n  workloads: [wep]", "rolling.workloads[0]: found 'wep', expected a Deployment of the base"),
        ("rolling:\n  workloads: [web]", "rolling.workloads: Service web is behind the route, and so cannot be rolled"),
        ("rolling:\n  workloads: [web]", "tests.service: found 'web', expected a Service that is not rolled"),
        ("strategy: rolling", "strategy: StatefulSet db cannot be rolled, only Deployments can"),
    ],
)
def test_what_cannot_be_rolled_is_said_with_its_place(tmp_path: Path, text: str, line: str) -> None:
    """Before anything is submitted."""
    path, meta = _file(tmp_path, f"{GOOD}{text}\n"), {"metadata": {"labels": {"a": "b"}}}
    pods = {"template": {**_PODS["template"], **meta}}
    base = [_SERVICE | {"spec": {"selector": {"a": "b"}}}, _DEPLOYMENT | {"spec": pods}, _INGRESS]
    base.append({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {}})
    with pytest.raises(BadInput) as caught:
        check_base(path, read_config(path), "\n---\n".join(json.dumps(obj) for obj in base))
    assert line in str(caught.value)


MIGRATIONS = """\
migrations:
  image: shop-migrations
  state: [state]
  needs: {minimum: 1, maximum: 2}
"""


def test_the_image_of_the_migrations_may_be_one_that_is_built(tmp_path: Path) -> None:
    """It is in no manifest, as that of the tests need not be; a name that nobody builds is found."""
    text = GOOD.replace("  shop: {}\n", "  shop: {}\n  shop-migrations: {}\n") + MIGRATIONS
    path = _file(tmp_path, text)
    check_base(path, read_config(path), BASE)
    path = _file(tmp_path, GOOD + MIGRATIONS)
    with pytest.raises(BadInput, match=r"migrations\.image: found 'shop-migrations', expected a name under images"):
        check_base(path, read_config(path), BASE)
