"""Packing sources and rendering the base, with the real git and the real kubectl."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from base64 import b64decode
from pathlib import Path

import pytest

from rainbow.adapters import sources
from rainbow.adapters.sources import cut, pack, render_base
from rainbow.errors import BadInput


def _write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def _members(archive: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: member for member in tar}


FILES = {"Containerfile": "FROM x", "app/main.py": "print()", "secret.env": "PASSWORD=1", ".cache/x": "big"}


def test_outside_git_all_but_hidden_folders_is_packed(tmp_path: Path) -> None:
    """There is no file that says what to leave out."""
    assert list(_members(pack(_write(tmp_path, FILES)))) == ["Containerfile", "app/main.py", "secret.env"]


def test_in_git_what_is_ignored_stays_out_and_what_is_new_goes_in(tmp_path: Path) -> None:
    """A secret kept out of git stays out of the cluster; a file not committed yet is part of the try."""
    _git(_write(tmp_path, FILES | {".gitignore": "*.env\n.cache/\n"}), "init", "-q")
    _git(tmp_path, "add", "Containerfile")
    assert list(_members(pack(tmp_path))) == [".gitignore", "Containerfile", "app/main.py"]


def test_outside_git_a_gitignore_counts_as_well(tmp_path: Path) -> None:
    """In each folder, as git reads it."""
    _write(tmp_path, FILES | {".gitignore": "*.env\n", "app/.gitignore": "/tmp*\n", "app/tmp1": "", "tmp1": ""})
    assert list(_members(pack(tmp_path))) == [".gitignore", "Containerfile", "app/.gitignore", "app/main.py", "tmp1"]


@pytest.mark.parametrize("name", [".containerignore", ".dockerignore"])
def test_outside_git_what_no_build_sees_is_not_packed(tmp_path: Path, name: str) -> None:
    """With the meaning that it has for a build: from the root, the last one decides, the Containerfile stays."""
    rules = "# all\n*\n!app\napp/**/*.log\n!app/sub/keep.log\n"
    _write(tmp_path, FILES | {name: rules, "app/sub/a.log": "", "app/sub/keep.log": "", "app/b.log": ""})
    assert list(_members(pack(tmp_path))) == [name, "Containerfile", "app/main.py", "app/sub/keep.log"]


def test_a_pattern_without_a_star_is_about_the_root_only(tmp_path: Path) -> None:
    """Unlike in .gitignore; and it is about all below."""
    _write(tmp_path, FILES | {".containerignore": "/secret.env\ndata/\n", "data/x/y": "", "app/data/x": ""})
    assert list(_members(pack(tmp_path))) == [".containerignore", "Containerfile", "app/data/x", "app/main.py"]


@pytest.mark.parametrize("secret", [".env", ".env.local", "id_rsa", "app/id_ed25519", ".netrc", "chart/secrets.yaml"])
@pytest.mark.parametrize("kind", ["no git", "new", "tracked"])
def test_what_is_called_like_a_secret_is_packed_only_when_tracked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str, kind: str
) -> None:
    """In the cluster many may read it. What is tracked is no secret any more."""
    _write(tmp_path, {"Containerfile": "FROM x", ".env.example": "A=", secret: "PASSWORD=1"})
    if kind == "no git":
        monkeypatch.setattr(sources.shutil, "which", lambda _name: None)
    else:
        _git(tmp_path, "init", "-q")
        _git(tmp_path, "add", "Containerfile", *([secret] if kind == "tracked" else []))
    packed = set(_members(pack(tmp_path)))
    assert packed - {secret} == {"Containerfile", ".env.example"}
    assert (secret in packed) == (kind == "tracked")


def test_without_git_a_gitignore_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it keeps out would go into the cluster."""
    monkeypatch.setattr(sources.shutil, "which", lambda _name: None)
    with pytest.raises(BadInput, match="install git"):
        pack(_write(tmp_path, FILES | {".gitignore": "*.env\n"}))


def test_a_folder_of_a_checkout_is_packed_from_there(tmp_path: Path) -> None:
    """rainbow.yaml often lies below the root of its repository."""
    _git(_write(tmp_path, FILES), "init", "-q")
    assert list(_members(pack(tmp_path / "app"))) == ["main.py"]


def test_a_tracked_file_that_was_deleted_is_left_out(tmp_path: Path) -> None:
    """The folder counts as it is."""
    _git(_write(tmp_path, FILES), "init", "-q")
    _git(tmp_path, "add", ".")
    (tmp_path / "secret.env").unlink()
    assert "secret.env" not in _members(pack(tmp_path))


def test_a_git_that_fails_is_no_reason_to_pack_everything(tmp_path: Path) -> None:
    """What .gitignore keeps out would go into the cluster."""
    _git(_write(tmp_path, FILES), "init", "-q")
    (tmp_path / ".git" / "index").write_text("broken")
    with pytest.raises(BadInput, match="git cannot list the files"):
        pack(tmp_path)


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    """Otherwise every try would be another build."""
    one, two = _write(tmp_path / "one", FILES), _write(tmp_path / "two", dict(reversed(FILES.items())))
    os.utime(two / "Containerfile", (1, 1))
    (two / "app/main.py").chmod(0o600)
    assert pack(one) == pack(two)
    (two / "app/main.py").write_text("print(1)")
    assert pack(one) != pack(two)


def test_links_and_the_executable_bit_are_kept_and_owners_are_not(tmp_path: Path) -> None:
    """A start script has to run in the image as well."""
    _write(tmp_path, FILES)
    (tmp_path / "Containerfile").chmod(0o755)
    (tmp_path / "link").symlink_to("app/main.py")
    members = _members(pack(tmp_path))
    assert members["link"].issym()
    assert members["link"].linkname == "app/main.py"
    assert (members["Containerfile"].mode, members["app/main.py"].mode) == (0o755, 0o644)
    assert {(m.uid, m.gid, m.mtime) for m in members.values()} == {(0, 0, 0)}


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """A wrong folder, most likely."""
    with pytest.raises(BadInput, match="nothing to pack"):
        pack(tmp_path)


def test_what_is_too_large_is_refused_with_the_other_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """etcd is no place for large things."""
    monkeypatch.setattr(sources, "LIMIT", 1 << 20)
    (tmp_path / "random").write_bytes(os.urandom(3 << 20))
    with pytest.raises(BadInput, match=r"larger than 1 MiB when packed.*--source URL#COMMIT"):
        pack(tmp_path)


def test_the_pieces_make_the_whole_and_each_fits_a_config_map() -> None:
    """At most 1 MiB each; labelled, so that they go with the release."""
    archive = os.urandom(2 * sources.CHUNK + 1)
    pieces = cut(archive, "shop", "v1", "shops")
    assert [p["metadata"]["name"] for p in pieces] == [f"shop-v1-source-{n}" for n in range(3)]
    assert b"".join(b64decode(p["binaryData"]["chunk"]) for p in pieces) == archive
    assert {len(b64decode(p["binaryData"]["chunk"])) <= 900 * 1024 for p in pieces} == {True}
    assert pieces[0]["metadata"]["labels"] == {"rainbow.dev/app": "shop", "rainbow.dev/release": "v1"}


def test_the_base_is_rendered(tmp_path: Path) -> None:
    """By kubectl's own kustomize."""
    service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n"
    _write(tmp_path, {"kustomization.yaml": "resources: [web.yaml]\n", "web.yaml": service})
    assert render_base(tmp_path) == service


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "there is no folder"),
        ({"base/x": ""}, "cannot build base.*kustomization"),
        ({"base/kustomization.yaml": "resources: [no.yaml]\n"}, "no.yaml"),
        ({"base/kustomization.yaml": "commonLabels: {}\n"}, "kustomization|renders to nothing"),
    ],
)
def test_a_base_that_cannot_be_rendered_is_said(tmp_path: Path, files: dict[str, str], said: str) -> None:
    """With the folder and kustomize's own words."""
    with pytest.raises(BadInput, match=said):
        render_base(_write(tmp_path, files) / "base")


def test_a_containerfile_is_packed_whatever_the_ignore_file_says(tmp_path: Path) -> None:
    """A build reads it by its name in rainbow.yaml, which need not be `Containerfile`."""
    _write(tmp_path, {"tests.Containerfile": "FROM x", "notes": "", ".containerignore": "*\n"})
    assert "tests.Containerfile" in _members(pack(tmp_path, ["tests.Containerfile", "not-there"]))
    assert "notes" not in _members(pack(tmp_path, ["tests.Containerfile"]))
