"""Image archives that the embedded cluster writes for its parts."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cluster.parts.oci import File, Image, write_archive, write_layer


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A file that stands for a program."""
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF and so on")
    return path


def layer(folder: Path, name: str, source: Path, target: str) -> Path:
    """Write a layer of one file."""
    return write_layer(folder / name, [File(source, target)])


def blobs(archive: Path) -> dict[str, bytes]:
    """Return an archive's blobs by digest, the index under its own name."""
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        return {Path(m.name).name: content.read() for m in members if (content := tar.extractfile(m)) is not None}


def read(found: dict[str, bytes], descriptor: dict[str, Any]) -> dict[str, Any]:
    """Return the document that a descriptor points at."""
    document: dict[str, Any] = json.loads(found[descriptor["digest"].removeprefix("sha256:")])
    return document


def test_same_files_give_the_same_reference(tmp_path: Path, program: Path) -> None:
    """Two archives of the same content have the same tags, whenever and wherever they are written."""
    written = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        image = Image("rainbow.local/x", (layer(tmp_path / folder, "l", program, "/bin/x"),), ("/bin/x",))
        written.append(write_archive(tmp_path / folder / "a.tar", [image]))
    assert written[0] == written[1]


@pytest.mark.parametrize("change", ["content", "path", "entrypoint", "mode"])
def test_another_image_has_another_reference(tmp_path: Path, program: Path, change: str) -> None:
    """Whatever differs in an image shows in its tag: an old image is never taken for a new one."""
    plain = write_archive(tmp_path / "a.tar", [Image("x", (layer(tmp_path, "l", program, "/bin/x"),), ("/bin/x",))])
    if change == "content":
        program.write_bytes(b"another")
    file = File(program, "/bin/y" if change == "path" else "/bin/x", 0o700 if change == "mode" else 0o755)
    entrypoint = ("/bin/z",) if change == "entrypoint" else ("/bin/x",)
    changed = write_archive(tmp_path / "b.tar", [Image("x", (write_layer(tmp_path / "l", [file]),), entrypoint)])
    assert plain["x"] != changed["x"]


def test_every_blob_is_what_its_address_says(tmp_path: Path, program: Path) -> None:
    """All descriptors lead to blobs of that digest and size, from the index down to the layers."""
    images = [Image("x", (layer(tmp_path, "l", program, "/bin/x"),), ("/bin/x",))]
    write_archive(tmp_path / "a.tar", images)
    found = blobs(tmp_path / "a.tar")
    manifest = read(found, json.loads(found["index.json"])["manifests"][0])
    for descriptor in (manifest["config"], *manifest["layers"]):
        content = found[descriptor["digest"].removeprefix("sha256:")]
        assert hashlib.sha256(content).hexdigest() == descriptor["digest"].removeprefix("sha256:")
        assert len(content) == descriptor["size"]
    assert read(found, manifest["config"])["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]


def test_a_shared_layer_is_written_once(tmp_path: Path, program: Path) -> None:
    """Images on the same base carry it together."""
    base = layer(tmp_path, "base", program, "/usr/lib/base")
    images = [Image(name, (base, layer(tmp_path, name, program, f"/bin/{name}")), (name,)) for name in ("x", "y")]
    write_archive(tmp_path / "a.tar", images)
    with tarfile.open(tmp_path / "a.tar") as tar:
        names = tar.getnames()
    assert len(names) == len(set(names))


def test_images_run_as_nobody_and_have_a_tmp(tmp_path: Path, program: Path) -> None:
    """A part's image does not run as root, and has the one directory that programs expect."""
    path = layer(tmp_path, "l", program, "/bin/x")
    write_archive(tmp_path / "a.tar", [Image("x", (path,), ("/bin/x",))])
    found = blobs(tmp_path / "a.tar")
    config = read(found, read(found, json.loads(found["index.json"])["manifests"][0])["config"])
    assert config["config"]["User"] == "65532"
    with tarfile.open(path) as tar:
        assert tar.getmember("tmp").mode == 0o1777


def test_an_interrupted_archive_does_not_appear(tmp_path: Path) -> None:
    """A layer that cannot be read leaves no archive under the final name."""
    with pytest.raises(FileNotFoundError):
        write_archive(tmp_path / "a.tar", [Image("x", (tmp_path / "missing",))])
    assert not (tmp_path / "a.tar").exists()
