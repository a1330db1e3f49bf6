"""Packed sources: nothing is written outside of the folder, and the hash of a folder is of its contents."""

import io
import tarfile
from pathlib import Path

import pytest

from rainbow.adapters.archive import hash_folder, unpack
from rainbow.errors import BadInput


def packed(*members: tuple[str, str, str]) -> bytes:
    """A gzipped tar of (kind, name, content or target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for kind, name, text in members:
            info = tarfile.TarInfo(name)
            if kind == "file":
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
            else:
                info.type = tarfile.SYMTYPE if kind == "link" else tarfile.LNKTYPE
                info.linkname = text
                archive.addfile(info)
    return buffer.getvalue()


def test_files_and_links_inside_are_unpacked(tmp_path: Path) -> None:
    """What was packed is there again."""
    unpack(packed(("file", "a/b.txt", "hello"), ("link", "c", "a/b.txt")), tmp_path)
    assert (tmp_path / "c").read_text() == "hello"


@pytest.mark.parametrize(
    ("case", "members"),
    [
        ("a path upwards", [("file", "../out", "x")]),
        ("a link out of the folder", [("link", "l", "../../out")]),
        ("a link to an absolute path", [("link", "l", "/etc/passwd")]),
        ("a hard link out of the folder", [("hard", "l", "../out")]),
        ("through a link", [("link", "d", ".."), ("file", "d/out", "x")]),
    ],
)
def test_nothing_leaves_the_folder(case: str, members: list[tuple[str, str, str]], tmp_path: Path) -> None:
    """Neither a file nor a link."""
    folder = tmp_path / "in"
    with pytest.raises(BadInput, match="cannot be unpacked"):
        unpack(packed(*members), folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    """The leading slash is taken away, as tar itself does."""
    unpack(packed(("file", "/x", "1")), tmp_path / "in")
    assert (tmp_path / "in" / "x").read_text() == "1"


@pytest.mark.parametrize(
    "broken", [b"", b"no tar", packed(("file", "a", "b"))[:-20]], ids=["nothing", "no archive", "cut off"]
)
def test_what_is_no_archive_is_told(broken: bytes, tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(BadInput, match="cannot be unpacked"):
        unpack(broken, tmp_path)


def make(folder: Path) -> Path:
    """A folder of sources."""
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a").write_text("a")
    (folder / "link").symlink_to("sub")
    return folder


def test_two_folders_of_the_same_contents_have_the_same_hash(tmp_path: Path) -> None:
    """Wherever they are, and whenever they were written."""
    assert hash_folder(make(tmp_path / "x")) == hash_folder(make(tmp_path / "y"))


@pytest.mark.parametrize("change", ["content", "name", "executable", "link", "file for link"])
def test_every_change_of_a_folder_changes_its_hash(change: str, tmp_path: Path) -> None:
    """Or an old image would be taken for the new one."""
    before = hash_folder(make(tmp_path))
    file, link = tmp_path / "sub" / "a", tmp_path / "link"
    if change == "content":
        file.write_text("b")
    elif change == "name":
        file.rename(tmp_path / "sub" / "b")
    elif change == "executable":
        file.chmod(0o755)
    else:
        link.unlink()
        link.symlink_to("sub/a") if change == "link" else link.write_text("sub")
    assert hash_folder(tmp_path) != before
