"""What `build` asks for and where it looks, without a cluster."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from rainbow.errors import BadInput
from steps import build

PLAIN = {"namespace": "shop", "app": "shop", "release": "v1"}


def test_build_arguments_are_given_one_by_one() -> None:
    """A value may have commas and equals signs."""
    params = build.Params.model_validate(PLAIN | {"build_args": ("A=1,2", "B=x=y")})
    assert params.build_args == ("A=1,2", "B=x=y")


@pytest.mark.parametrize("wrong", ["A", "=1", "1A=2", "A B=1"])
def test_a_build_argument_without_a_name_is_refused(wrong: str) -> None:
    """The first step validates what a submitter gives."""
    with pytest.raises(ValidationError, match="is not NAME=VALUE"):
        build.Params.model_validate(PLAIN | {"build_args": (wrong,)})


@pytest.mark.parametrize("path", ["..", "../..", "/etc", "nowhere", "out"])
def test_a_path_out_of_the_sources_is_refused(path: str, tmp_path: Path) -> None:
    """Also by way of a link, which is part of the sources and so anybody's."""
    root = tmp_path / "source"
    root.mkdir()
    (root / "out").symlink_to("/etc")
    with pytest.raises(BadInput, match=r"images\.web\.context: there is no"):
        build.inside(root, root, path, "images.web.context")


def test_a_path_above_rainbow_yaml_but_in_the_sources_is_fine(tmp_path: Path) -> None:
    """A repository of several apps that share a context."""
    (tmp_path / "apps" / "shop").mkdir(parents=True)
    assert build.inside(tmp_path, tmp_path / "apps" / "shop", "../..", "x") == tmp_path.resolve()


def test_the_pod_is_not_privileged() -> None:
    """Root in its own container, with nothing of the node."""
    security = build.POD["securityContext"]
    assert security["privileged"] is False
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"]["drop"] == ["ALL"]
    assert "SYS_ADMIN" not in security["capabilities"]["add"]
    assert all(set(volume) <= {"name", "emptyDir"} for volume in build.POD["volumes"])
