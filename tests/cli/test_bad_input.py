"""Wrong input to every verb and every step: a clear error that names it, exit code 2, and nothing was written."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest
from emulated import Emulated, Store, point_route

from rainbow import cli
from rainbow.adapters import world
from rainbow.adapters.kube import Kube
from rainbow.adapters.records import note, read_release
from rainbow.model.release import Phase, ReleaseSpec, new_record
from steps import STEPS, load
from tests.decisions.make import app

RELEASE = ["-n", "spawn", "spawn"]
MORE = {"hold": ["--reason", "why"], "policy": ["retention.keep=2"]}


def _names(verb: str) -> set[str]:
    """Which names stand behind the verb on the command line."""
    command = cli.cli.get_command(click.Context(cli.cli), verb)
    assert command is not None, verb
    return {p.name or "" for p in command.params if isinstance(p, click.Argument)}


VERBS = sorted({verb for verb in cli.COMMANDS if "app" in _names(verb)} | {"plan", "policy"})
ABOUT_ONE = [verb for verb in VERBS if _names(verb) & {"release", "release_id"}]
STEPS_ABOUT_ONE = [step for step in STEPS if "release" in load(step).Params.model_fields]


@dataclass
class Cluster:
    """v1 is current, v2 draining; every write that somebody begins is written down."""

    capsys: pytest.CaptureFixture[str]
    store: Store = field(default_factory=Store)
    written: list[str] = field(default_factory=list)

    def fill(self) -> None:
        """With two releases."""
        kube = Emulated(None, attempts=1, store=self.store)
        for name, status in (("v1", {"phase": Phase.CURRENT, "traffic": "100%"}), ("v2", {"phase": Phase.DRAINING})):
            kube.create(new_record(ReleaseSpec(release=name, app=app(), manifests="")))
            note(kube, read_release(kube, "spawn", "spawn", name), **status)
            meta = {"name": f"web-{name}", "namespace": "spawn"}
            meta["labels"] = {"rainbow.dev/app": "spawn", "rainbow.dev/release": name}  # type: ignore[assignment]
            kube.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {}})
        point_route(kube, "web-v1")

    def connect(self, **_: Any) -> Kube:
        """In place of the API server of a kubeconfig."""

        def called(method: str, path: str) -> None:
            # Asking who one is changes nothing.
            if method != "GET" and not path.endswith("selfsubjectreviews"):
                self.written.append(f"{method} {path}")

        return Emulated(None, attempts=1, store=self.store, called=called)

    def refused(self, *arguments: str) -> str:
        """Call it as people do: exit code 2 and an error, without a write or a traceback. What it said."""
        with pytest.raises(SystemExit) as ended:
            cli.main(list(arguments))
        said = self.capsys.readouterr()
        text = said.out + said.err
        assert ended.value.code == 2, text
        assert "Traceback" not in text
        assert self.written == [], text
        return text


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cluster:
    """The one that everybody who connects finds."""
    made = Cluster(capsys)
    made.fill()
    for module in {name for name, _ in cli.COMMANDS.values()} | {"rainbow.cli.operate"}:
        if hasattr(importlib.import_module(module), "connect"):
            monkeypatch.setattr(importlib.import_module(module), "connect", made.connect)
    monkeypatch.setattr(world, "connect", made.connect)
    return made


def _step(step: str, **given: str) -> list[str]:
    names = {"namespace": "spawn", "app": "spawn", "release": "v1"} | given
    names |= {"registry": "registry:5000", "reason": "why"}
    taken = {name: value for name, value in names.items() if name in load(step).Params.model_fields}
    return ["step", step, *(part for name, value in taken.items() for part in (f"--{name}", value))]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_for_an_app_that_is_not_there(cluster: Cluster, verb: str) -> None:
    """It may be a slip of the keyboard, or the wrong namespace."""
    release = ["v1"] if verb in ABOUT_ONE else []
    assert "spwan" in cluster.refused(*_verb(verb), "-n", "spawn", "spwan", *release, *MORE.get(verb, []))


@pytest.mark.parametrize("verb", ABOUT_ONE)
def test_a_verb_for_a_release_that_is_not_there(cluster: Cluster, verb: str) -> None:
    """The error names it."""
    assert "v77" in cluster.refused(*_verb(verb), *RELEASE, "v77", *MORE.get(verb, []))


@pytest.mark.parametrize("verb", ABOUT_ONE)
@pytest.mark.parametrize("name", ["V 1", "v1/../v2", "x" * 21, "-v1"])
def test_a_verb_for_a_release_that_could_not_be(cluster: Cluster, verb: str, name: str) -> None:
    """Before any cluster is asked: an id is a label, a name of objects and a token of subjects."""
    more = MORE.get(verb, [])
    said = cluster.refused(*_verb(verb), "-n", "spawn", *more, "--", "spawn", name)
    assert "cannot be a release id" in said


@pytest.mark.parametrize("step", STEPS_ABOUT_ONE)
@pytest.mark.parametrize(("given", "said"), [({"app": "spwan"}, "spwan"), ({"release": "v77"}, "v77")])
def test_a_step_for_what_is_not_there(cluster: Cluster, step: str, given: dict[str, str], said: str) -> None:
    """By hand or from a workflow that somebody submitted with a slip."""
    assert said in cluster.refused(*_step(step, **given))


IMPOSSIBLE = {"namespace": "Spawn", "release": "V 1", "app": "a.b"}


@pytest.mark.parametrize(
    ("step", "name"), [(s, n) for s in STEPS for n in IMPOSSIBLE if n in load(s).Params.model_fields]
)
def test_a_step_with_a_name_that_could_not_be(cluster: Cluster, step: str, name: str) -> None:
    """`enum` and patterns of Argo are decoration: the step itself says so."""
    given = {name: IMPOSSIBLE[name]}
    assert f"--{name}: " in cluster.refused(*_step(step, **given))


@pytest.mark.parametrize("step", STEPS)
def test_a_step_with_a_flag_that_it_does_not_have(cluster: Cluster, step: str) -> None:
    """Nothing is dropped in silence."""
    assert "--nonsense" in cluster.refused(*_step(step), "--nonsense", "1")


@pytest.mark.parametrize("change", ["retention.maximumDrainAge=30m", "retention.minimumAge=-1h", "retention.keep=many"])
def test_a_policy_that_cannot_be(cluster: Cluster, change: str) -> None:
    """A maximum age that is below the minimum above all: it is checked before it is written."""
    said = cluster.refused("policy", "set", *RELEASE, change)
    assert "retention" in said


@pytest.fixture
def described(tmp_path: Path) -> Callable[..., str]:
    """Write a rainbow.yaml with changes, and its base; the path."""

    def write(**changes: Any) -> str:
        config = {
            "app": "spawn",
            "namespace": "spawn",
            "manifests": {"kustomize": "."},
            "images": {},
            "route": {"ingress": {"name": "spawn", "url": "http://proxy"}},
            "drain": {"prometheus": {"url": "http://prometheus", "query": "sum(tasks{release='$release'})"}},
        }
        backend = {"service": {"name": "web", "port": {"number": 80}}}
        rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        objects = [
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}},
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "Ingress",
                "metadata": {"name": "spawn"},
                "spec": {"rules": [rule]},
            },
        ]
        (tmp_path / "base.yaml").write_text("\n---\n".join(json.dumps(obj) for obj in objects))
        (tmp_path / "kustomization.yaml").write_text(json.dumps({"resources": ["base.yaml"]}))
        path = tmp_path / "rainbow.yaml"
        path.write_text(json.dumps(config | changes))
        return str(path)

    return write


@pytest.mark.parametrize("verb", ["release", "adopt"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"route": {"ingress": {"name": "nowhere", "url": "http://proxy"}}}, "nowhere"),
        ({"route": {"ingress": {"name": "a", "url": "http://p"}, "service": {"name": "b"}}}, "service"),
        ({"retention": {"minimumAge": "2h", "maximumDrainAge": "1h"}}, "maximumDrainAge 1h is not above minimumAge 2h"),
        ({"retention": {"minimumAge": "forever"}}, "minimumAge"),
        ({"drain": {"prometheus": {"url": "http://prometheus", "query": "sum(tasks)"}}}, "release"),
        ({"namespace": "Spawn"}, "namespace"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_a_rainbow_yaml_that_cannot_be(
    cluster: Cluster, described: Callable[..., str], verb: str, changes: dict[str, Any], said: str
) -> None:
    """A route that does not exist, two at once, ages that contradict each other, a query about all releases."""
    assert said in cluster.refused(verb, "-f", described(**changes), "--release", "v9")


def _verb(verb: str) -> list[str]:
    """Right here, where that can be chosen: a workflow's step says the same, and ends with the same exit code."""
    if verb == "policy":
        return ["policy", "set"]
    command = cli.cli.get_command(click.Context(cli.cli), verb)
    assert command is not None
    return [verb, "--now"] if any("--now" in option.opts for option in command.params) else [verb]
