"""What is in the step image, as a document: by the rules of CycloneDX, complete, and the same each time."""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library
 Version: of the description, and not of the package

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
"""


@pytest.fixture(scope="module")
def text() -> str:
    """The document of this environment, and of a database of one package."""
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "images" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    sbom = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sbom)
    packages = [*sbom.debian(STATUS, "bookworm"), *sbom.python(Path(sys.prefix))]
    first, second = (str(sbom.written(given, "1.2.3")) for given in (packages, reversed(packages)))
    assert first == second
    return first


def test_it_keeps_to_the_schema(text: str) -> None:
    """As the library of CycloneDX has it."""
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_everything_that_is_installed_is_in_it_and_nothing_else(text: str) -> None:
    """Debian's packages, without what was removed, and every distribution of Python's."""
    found = {(part["name"], part["version"]) for part in json.loads(text)["components"]}
    here = {(d.metadata["Name"].lower().replace("_", "-"), d.version) for d in distributions() if d.metadata["Name"]}
    assert found - here == {("libc6", "2.36-9+deb12u10")}
    assert len(here & found) > 20
    assert json.loads(text)["metadata"]["component"]["version"] == "1.2.3"
