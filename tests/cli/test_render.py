"""`rainbow render`: whole, or the part that one person or tool looks after."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rainbow import cli

OF_THE_CLUSTER = {"CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}


@pytest.fixture
def settings(tmp_path: Path) -> str:
    """A settings file."""
    path = tmp_path / "settings.yaml"
    path.write_text("{step_image: a, builder_image: b, registry: r}")
    return str(path)


def rendered(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[tuple[str, str | None]]:
    """Kind and namespace of each object that is printed."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["render", *arguments])
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    return [(obj["kind"], obj["metadata"].get("namespace")) for obj in yaml.safe_load_all(said.out)]


def test_each_part_is_by_itself_and_the_whole_is_both(capsys: pytest.CaptureFixture[str], settings: str) -> None:
    """What belongs to the cluster needs neither a namespace nor settings."""
    cluster = rendered(capsys, "--only", "cluster")
    assert {kind for kind, _ in cluster} == OF_THE_CLUSTER
    about = ("-n", "shop", "--settings", settings)
    namespace = rendered(capsys, *about, "--only", "namespace")
    assert {place for _, place in namespace} == {"shop"}
    assert rendered(capsys, *about) == cluster + namespace


def test_the_identity_of_ci_is_in_no_other_part(capsys: pytest.CaptureFixture[str]) -> None:
    """Who wants one asks for it."""
    assert [kind for kind, _ in rendered(capsys, "-n", "shop", "--only", "ci")] == [
        "ServiceAccount",
        "Role",
        "RoleBinding",
    ]


@pytest.mark.parametrize("arguments", [[], ["--only", "ci"], ["--only", "namespace"]])
def test_a_namespace_is_never_guessed(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """What is committed must not depend on somebody's context."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["render", *arguments])
    assert ended.value.code == 2
    assert "--namespace" in capsys.readouterr().err
