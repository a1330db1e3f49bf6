"""What `rainbow lint --fix` writes beside a kustomization, and what it leaves as it was."""

import json
from pathlib import Path

import pytest

from rainbow.adapters import completing
from rainbow.adapters.completing import PATCHES, RESOURCES, changes, write
from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.sources import render_base
from rainbow.decisions.hardening import Completion, completion
from rainbow.decisions.lint import check
from rainbow.errors import PermanentError
from tests.decisions.lint.make import base, container, of, service

PLAIN = "# ours\nresources:\n  - base.yaml # all of it\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A base with much to complete."""
    objects = [of(container(lifecycle=None, readinessProbe=None)), service(publishNotReadyAddresses=True)]
    (tmp_path / "base.yaml").write_text("\n---\n".join(json.dumps(obj) for obj in objects))
    (tmp_path / "kustomization.yaml").write_text(PLAIN)
    return tmp_path


def missing(folder: Path) -> Completion:
    """What completes the base as it is now."""
    return completion(check(base(*load_objects(render_base(folder)))))


def texts(folder: Path) -> dict[str, str]:
    """All files."""
    return {path.name: path.read_text() for path in folder.iterdir()}


HEADS = ["", "namePrefix: shop-\nnameSuffix: -x\n", "namespace: spawn\n", "commonLabels: {a: b}\n"]


@pytest.mark.parametrize("head", HEADS)
def test_what_is_written_completes_the_base_and_is_complete(folder: Path, head: str) -> None:
    """Under whatever names and namespaces kustomize gives; written again nothing changes."""
    (folder / "kustomization.yaml").write_text(PLAIN + head)
    write(folder, changes(folder, missing(folder)))
    assert not any(finding.mendable for finding in check(base(*load_objects(render_base(folder)))))
    assert (folder / "kustomization.yaml").read_text().startswith("# ours\nresources:\n  - base.yaml # all of it\n")
    once = texts(folder)
    assert {PATCHES, RESOURCES} < set(once)
    assert changes(folder, missing(folder)) == []
    assert texts(folder) == once


def test_an_object_with_a_namespace_of_its_own_is_found(folder: Path) -> None:
    """Kustomize takes a patch without it for one of another object."""
    text = (folder / "base.yaml").read_text().replace('{"name": "web"}', '{"name": "web", "namespace": "spawn"}')
    (folder / "base.yaml").write_text(text)
    write(folder, changes(folder, missing(folder)))
    assert not any(finding.mendable for finding in check(base(*load_objects(render_base(folder)))))


def test_what_was_completed_before_stays_when_there_is_more(folder: Path) -> None:
    """The owner takes something away again from the base; what they changed in our file stays too."""
    write(folder, changes(folder, missing(folder)))
    path = folder / PATCHES
    path.write_text(path.read_text().replace("seconds: 5", "seconds: 7"))
    text = (
        (folder / "base.yaml")
        .read_text()
        .replace('"livenessProbe": {"httpGet": {"path": "/healthz"', '"x": {"httpGet": {"p": 1')
    )
    (folder / "base.yaml").write_text(
        text.replace('"terminationGracePeriodSeconds": 60', '"terminationGracePeriodSeconds": 9')
    )
    write(folder, changes(folder, missing(folder)))
    assert "seconds: 7" in path.read_text()
    assert "terminationGracePeriodSeconds: 37" in path.read_text()
    assert "readinessProbe" in path.read_text()


def test_a_base_that_cannot_be_built_with_it_is_put_back(folder: Path) -> None:
    """Every file as it was, and what was to be written is shown."""
    before = texts(folder)
    wanted = changes(folder, missing(folder))
    broken = [change if change.file.name != PATCHES else type(change)(change.file, None, "a: [") for change in wanted]
    with pytest.raises(PermanentError, match=r"(?s)is as it was.*harden: true.*\+a: \["):
        write(folder, broken)
    assert texts(folder) == before


def test_the_ends_of_lines_stay_as_the_owner_has_them(folder: Path) -> None:
    """As an editor on Windows writes them: not one line of theirs differs afterwards."""
    path = folder / "kustomization.yaml"
    path.write_bytes(PLAIN.replace("\n", "\r\n").encode())
    write(folder, changes(folder, missing(folder)))
    assert path.read_bytes().startswith(PLAIN.replace("\n", "\r\n").encode())
    assert not any(finding.mendable for finding in check(base(*load_objects(render_base(folder)))))


def test_a_kustomize_that_does_not_come_to_an_end_leaves_everything_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives up by another error than for a base that it cannot build."""
    before, wanted = texts(folder), changes(folder, missing(folder))

    def slow(_folder: Path) -> str:
        raise PermanentError("kubectl kustomize took longer than 60 s")

    monkeypatch.setattr(completing, "build", slow)
    with pytest.raises(PermanentError, match="is as it was: kubectl kustomize took longer"):
        write(folder, wanted)
    assert texts(folder) == before


def test_nothing_is_written_where_nothing_is_missing(folder: Path) -> None:
    """Not even an entry."""
    assert changes(folder, Completion((), ())) == []


def test_objects_of_one_name_in_two_namespaces_are_completed_each(folder: Path) -> None:
    """What one of them lacks, the other need not lack."""
    lacking = {"one": container(lifecycle=None), "two": container(lifecycle=None, readinessProbe=None)}
    both = [
        obj | {"metadata": obj["metadata"] | {"namespace": name}}
        for name, web in lacking.items()
        for obj in (of(web), service(publishNotReadyAddresses=True))
    ]
    (folder / "base.yaml").write_text("\n---\n".join(json.dumps(obj) for obj in both))
    write(folder, changes(folder, missing(folder)))
    written = load_objects((folder / PATCHES).read_text())
    heads = [(obj["kind"], obj["metadata"]["namespace"]) for obj in written]
    assert sorted(heads) == [(kind, name) for kind in ("Deployment", "Service") for name in ("one", "two")]
    assert {obj["metadata"]["namespace"] for obj in written if "readinessProbe" in json.dumps(obj)} == {"two"}
    assert changes(folder, missing(folder)) == []
