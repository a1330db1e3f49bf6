"""What is built for the embedded cluster is known by what goes into it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.context import Context
from cluster.parts import argo, debian, discover, git, golang, health, helm, images, kube_state_metrics
from cluster.parts.command import run
from rainbow.errors import BadInput, RainbowError, TemporaryError


@pytest.fixture
def module(tmp_path: Path) -> golang.Module:
    """A Go module of two files."""
    (tmp_path / "go.mod").write_text("module example.org/x\n\ngo 1.21\n", encoding="utf-8")
    (tmp_path / "go.sum").write_text("", encoding="utf-8")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "main.go").write_text("package main\n\nfunc main() {}\n", encoding="utf-8")
    return golang.Module("x", tmp_path, ("./x",))


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A cluster whose checkout and base image are a few small files."""
    checkout, cache = tmp_path / "checkout", tmp_path / "cache"
    single = [name for name in images.STEP_FILES if name not in ("rainbow", "steps")]
    for name in (*single, *images.BUILDER_FILES, "rainbow/a.py", "steps/b.py"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(name, encoding="utf-8")
    (cache / "debian").mkdir(parents=True)
    (cache / "debian" / f"base-{debian.SUITE}.tar").write_bytes(b"base")
    return Context(home=tmp_path / "home", cache=cache, checkout=checkout)


@pytest.mark.parametrize("change", ["source", "pins", "flags"])
def test_a_go_build_is_kept_until_something_in_it_changes(module: golang.Module, change: str) -> None:
    """Sources, checksums and flags are all part of a build's key."""
    before = golang.key(module)
    assert golang.key(module) == before
    if change == "source":
        (module.source / "x" / "main.go").write_text("package main\n\nfunc main() { }\n", encoding="utf-8")
    if change == "pins":
        (module.source / "go.sum").write_text("other\n", encoding="utf-8")
    changed = replace(module, linker_flags="-w") if change == "flags" else module
    assert golang.key(changed) != before


def test_a_persons_go_settings_change_nothing(module: golang.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """GOFLAGS and the like of the environment are put aside."""
    before = golang.key(module)
    monkeypatch.setenv("GOFLAGS", "-mod=vendor -tags=other")
    assert golang.key(module) == before


def test_argos_version_is_the_one_that_is_pinned() -> None:
    """The version that the programs report is the one in go.mod."""
    text = (argo.MODULE.source / "go.mod").read_text(encoding="utf-8")
    assert f"{argo.ARGO} {argo.VERSION}\n" in text


def test_helms_version_is_the_one_that_is_pinned() -> None:
    """So that a chart sees in tests what it would see with that helm."""
    text = (helm.MODULE.source / "go.mod").read_text(encoding="utf-8")
    assert f"{helm.HELM} {helm.VERSION} " in text


# No library of Kubernetes that is large stands on these.
COMPILED_TWICE = {
    *("github.com/Azure/go-ansiterm", "github.com/cyphar/filepath-securejoin", "github.com/moby/term"),
    *("go.opentelemetry.io/otel/exporters/otlp/otlptrace", "k8s.io/apiextensions-apiserver", "k8s.io/kubectl"),
    *("go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc", "k8s.io/sample-controller"),
    "sigs.k8s.io/apiserver-network-proxy/konnectivity-client",
}


@pytest.mark.parametrize("module", [helm.MODULE, kube_state_metrics.MODULE], ids=lambda module: module.name)
def test_most_of_what_others_share_with_kubernetes_is_compiled_once(module: golang.Module) -> None:
    """Of the libraries of Kubernetes itself every one, and of what they stand on, or they would be others, too."""
    texts = [(folder / "go.mod").read_text() for folder in (module.source, module.source.parent / "kubernetes")]
    pins = [dict(re.findall(r"^\t(\S+) (v\S+)", text.partition("\nexclude")[0], re.MULTILINE)) for text in texts]
    shared = pins[0].keys() & pins[1].keys()
    assert {"k8s.io/client-go", "k8s.io/api", "k8s.io/apimachinery", "golang.org/x/net", "k8s.io/klog/v2"} <= shared
    assert {name for name in shared if pins[0][name] != pins[1][name]} <= COMPILED_TWICE
    # Go knows a compiled package by the version that was asked for, whatever replaces it.
    assert not re.search(r"^replace", texts[0], re.MULTILINE)


def test_the_version_of_a_module_is_no_part_of_its_programs_name() -> None:
    """`go build` leaves it out, too; a program under another name would be built anew each time."""
    assert kube_state_metrics.MODULE.programs == ("kube-state-metrics",)


def test_discovery_and_kubernetes_share_their_libraries() -> None:
    """Both modules pin the same versions of what both use, or all of it would be compiled twice."""
    pins = [
        dict(re.findall(r"^\t(\S+) (v\S+)", (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE))
        for module in (discover.MODULE.source, discover.MODULE.source.parent / "kubernetes")
    ]
    shared = pins[0].keys() & pins[1].keys()
    assert {"k8s.io/client-go", "k8s.io/api", "golang.org/x/net"} <= shared
    assert {name: pins[0][name] for name in shared} == {name: pins[1][name] for name in shared}


def test_every_added_file_is_there() -> None:
    """What is put into the vendored modules exists in ours."""
    assert [name for name in argo.MODULE.additions if not (argo.MODULE.source / name).exists()] == []


@pytest.mark.parametrize("name", ["rainbow/a.py", "steps/b.py", "requirements/step.txt", "images/sbom.py"])
def test_a_changed_source_is_another_step_image(context: Context, name: str) -> None:
    """The step image's reference follows everything it is built from, and the builder image's follows it."""
    before = images.references(context)
    (context.checkout / name).write_text("changed", encoding="utf-8")
    after = images.references(context)
    assert after.step != before.step
    assert after.builder != before.builder


def test_compiled_files_do_not_make_another_image(context: Context) -> None:
    """Running the project leaves the step image's reference as it was."""
    before = images.step_image(context)
    (context.checkout / "rainbow" / "__pycache__").mkdir()
    (context.checkout / "rainbow" / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert images.step_image(context) == before


def test_a_program_that_becomes_executable_is_another_image(context: Context) -> None:
    """The right to execute is part of the image."""
    before = images.step_image(context)
    (context.checkout / "images" / "rainbow").chmod(0o700)
    assert images.step_image(context) != before


def test_references_name_the_registry_as_pods_see_it(context: Context) -> None:
    """A reference is good for a pod's `image`."""
    assert re.fullmatch(
        r"registry\.platform\.svc\.cluster\.local:5000/rainbow/step:[0-9a-f]{16}", images.step_image(context)
    )


def test_a_failed_command_says_which_and_why() -> None:
    """The message has the program and the last lines of what it said."""
    with pytest.raises(TemporaryError, match=r"ls .* failed \(status 2\)(.|\n)*no-such-file"):
        run("ls", "/no-such-file")


def test_a_missing_program_is_named() -> None:
    """A program that is not installed is the message, not a traceback."""
    with pytest.raises(RainbowError, match="no-such-program is not installed"):
        run("no-such-program")


@pytest.mark.parametrize("name", ["", "../up", "a/b", "Upper", "-x", "a b"])
def test_a_repositorys_name_stays_in_its_directory(context: Context, name: str) -> None:
    """Names that would leave the git server's directory, or need quoting, are refused."""
    with pytest.raises(BadInput):
        git.create(context, name)


def test_without_an_api_server_one_line_says_so(context: Context) -> None:
    """Asking for the parts of a cluster that is down is an answer, not an error."""
    lines = health.problems(context)
    assert len(lines) == 1
    assert "API server" in lines[0]
