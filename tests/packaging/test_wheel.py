"""The wheel: what is in it, and that it works, and is typed, where nothing else of the project is."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import rainbow

ROOT = Path(rainbow.__file__).parents[1]
SETTINGS = (
    "step_image: registry.example/step:1\nbuilder_image: registry.example/builder:1\nregistry: registry.example/a\n"
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel; what it depends on is that of this one, the checkout is not there."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
    options = ["--disable-pip-version-check", "--no-index", "--no-deps", str(wheel)]
    subprocess.run([*command, *options], check=True, timeout=120)
    return folder


def ran(installed: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A program of the environment, in an empty folder."""
    environment = os.environ | {"PYTHONPATH": sysconfig.get_path("purelib"), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [str(installed / "bin" / command[0]), *command[1:]]
    return subprocess.run(
        words, cwd=installed, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_what_is_in_it(wheel: Path) -> None:
    """Three typed packages with the files that they read; no tests, no examples, and not the embedded cluster."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "rainbow",
        "steps",
        "workflows",
        f"rainbow-{rainbow.__version__}.dist-info",
    }
    assert {f"{package}/py.typed" for package in ("rainbow", "steps", "workflows")} <= set(names)
    tracked = subprocess.run(
        ["git", "ls-files", "rainbow", "steps", "workflows"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(tracked) <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_what_is_in_the_source_distribution(built: Path) -> None:
    """All that its tests and images need."""
    (found,) = built.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "Makefile",
        "images/step.Containerfile",
        "requirements/dev.txt",
        "cluster/up.py",
        "tests/conftest.py",
    } <= names


def test_the_command_runs_where_only_the_wheel_is(installed: Path) -> None:
    """It says its version, and renders what it would install, manifests and all."""
    said = ran(installed, "rainbow", "--version")
    assert (said.returncode, said.stdout) == (0, f"rainbow, version {rainbow.__version__}\n"), said.stderr
    where = ran(installed, "python", "-c", "import rainbow; print(rainbow.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(installed), where
    (installed / "settings.yaml").write_text(SETTINGS)
    rendered = ran(installed, "rainbow", "render", "--namespace", "shop", "--settings", "settings.yaml")
    assert rendered.returncode == 0, rendered.stderr
    assert "name: releases.rainbow.dev" in rendered.stdout
    assert "kind: WorkflowTemplate" in rendered.stdout


@pytest.mark.parametrize(
    ("lacking", "command", "given", "advice"),
    [
        ("hera", "render", ["--help"], "pip install 'rainbow[cli]'"),
        ("ruamel", "lint", ["-f", "rainbow.yaml"], "pip install 'rainbow[cli]'"),
        ("cluster", "cluster", ["--help"], "belongs to the sources of Rainbow"),
    ],
)
def test_a_command_whose_packages_are_not_there_says_what_to_install(
    installed: Path, lacking: str, command: str, given: list[str], advice: str
) -> None:
    """Instead of a traceback."""
    (installed / "rainbow.yaml").write_text("app: shop\n")
    code = (
        f"import sys; sys.modules[{lacking!r}] = None; from rainbow.cli import main; main([{command!r}, *sys.argv[1:]])"
    )
    said = ran(installed, "python", "-c", code, *given)
    assert (said.returncode, advice in said.stderr, "Traceback" in said.stderr) == (1, True, False), said.stderr


def test_types_are_there_for_those_who_build_on_it(installed: Path, tmp_path: Path) -> None:
    """mypy sees what a function returns, and what it does not take."""
    snippet = tmp_path / "snippet.py"
    snippet.write_text(
        "from rainbow.model.names import release_selector\n"
        "reveal_type(release_selector('shop', 'v1'))\nrelease_selector('shop', 1)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    options = ["--python-executable", str(installed / "bin/python"), str(snippet)]
    said = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert 'Revealed type is "str"' in said.stdout, said.stdout + said.stderr
    assert 'incompatible type "int"; expected "str"' in said.stdout
