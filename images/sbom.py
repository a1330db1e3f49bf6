"""Writes what is in the step image as a CycloneDX document: Debian's packages, the Python packages, and Rainbow.

Run while the image is built (images/step.Containerfile), by a Python that has cyclonedx-python-lib:

    python sbom.py ENVIRONMENT DPKG_STATUS VERSION > sbom.cdx.json

Nothing of the time or place goes in, so the same content is the same document.
"""

from __future__ import annotations

import platform
import sys
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def debian(status: str, suite: str) -> Iterable[PackageURL]:
    """What dpkg has installed, from the text of its database."""
    for paragraph in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status") == "install ok installed":
            where = {"arch": fields["Architecture"], "distro": suite}
            yield PackageURL("deb", "debian", fields["Package"], fields["Version"], where)


def python(environment: Path) -> Iterable[PackageURL]:
    """The distributions of a virtual environment."""
    folders = [str(path) for path in environment.glob("lib/python3*/site-packages")]
    for found in distributions(path=folders):
        yield PackageURL("pypi", None, found.metadata["Name"].lower().replace("_", "-"), found.version)


def written(packages: Iterable[PackageURL], version: str) -> str:
    """The document."""
    rainbow = Component(name="rainbow-step", version=version, type=ComponentType.CONTAINER, bom_ref="rainbow-step")
    found = {str(url): url for url in packages}
    parts = [
        Component(name=url.name, version=url.version, type=ComponentType.LIBRARY, purl=url, bom_ref=text)
        for text, url in sorted(found.items())
    ]
    bom = Bom(components=parts, serial_number=uuid.uuid5(uuid.NAMESPACE_OID, "\n".join([version, *sorted(found)])))
    bom.metadata.component, bom.metadata.timestamp = rainbow, BEGINNING
    bom.register_dependency(rainbow, parts)
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)


def main(environment: str, status: str, version: str) -> None:
    """Write it to standard output."""
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    packages = [*debian(Path(status).read_text(encoding="utf-8"), suite), *python(Path(environment))]
    sys.stdout.write(written(packages, version) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
