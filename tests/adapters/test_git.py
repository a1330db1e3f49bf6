"""Sources at one commit: from a real git repository in a folder (the protocol `file` is allowed for that)."""

import subprocess
from pathlib import Path

import pytest

from rainbow.adapters.git import Checkout, check_out, without_credentials
from rainbow.errors import BadInput, PermanentError, TemporaryError

FILE = ("file",)


class Repository:
    """A git repository with commits that a test makes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main", str(folder))

    def git(self, *arguments: str) -> str:
        """Run git in the repository."""
        who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        where = ["-C", str(self.folder)] if self.folder.exists() else []
        return subprocess.run(["git", *where, *who, *arguments], check=True, capture_output=True, text=True).stdout

    def commit(self, **files: str) -> str:
        """Commit files; returns the hash."""
        for name, text in files.items():
            (self.folder / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD").strip()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty repository."""
    return Repository(tmp_path / "origin")


def fetch(repository: Repository, commit: str, tmp_path: Path) -> Path:
    """Check the commit out into a folder of its own."""
    to = tmp_path / f"source-{commit[:6]}"
    wanted = Checkout(f"file://{repository.folder}", commit, protocols=FILE)
    check_out(wanted, tmp_path / f"git-{commit[:6]}", to)
    return to


def test_the_files_of_the_commit_and_nothing_of_git(repository: Repository, tmp_path: Path) -> None:
    """A .git folder would get into the build context, and so into images."""
    commit = repository.commit(hello="one")
    source = fetch(repository, commit, tmp_path)
    assert {p.name: p.read_text() for p in source.iterdir()} == {"hello": "one"}


def test_an_older_commit_is_found_too(repository: Repository, tmp_path: Path) -> None:
    """Also where the server does not hand out a commit that is no branch's newest."""
    repository.git("config", "uploadpack.allowAnySHA1InWant", "false")
    first = repository.commit(hello="one")
    repository.commit(hello="two")
    assert (fetch(repository, first, tmp_path) / "hello").read_text() == "one"


def test_a_commit_that_is_not_there_is_told(repository: Repository, tmp_path: Path) -> None:
    """With the most likely reason."""
    repository.commit(hello="one")
    with pytest.raises(BadInput, match=r"there is no commit 0000.*has it been pushed"):
        fetch(repository, "0" * 40, tmp_path)


@pytest.mark.parametrize("url", ["ext::sh -c id", "/etc", "file:///etc", "--upload-pack=id", "git@host:path"])
def test_only_network_protocols_are_allowed(url: str, tmp_path: Path) -> None:
    """A URL comes from whoever may release; it must not run programs or read files of the builder."""
    with pytest.raises(BadInput, match=r"source\.git\.url"):
        check_out(Checkout(url, "0" * 40), tmp_path / "git", tmp_path / "source")


def test_a_server_out_of_reach_is_worth_another_try(tmp_path: Path) -> None:
    """Argo runs the step again."""
    with pytest.raises(TemporaryError):
        check_out(Checkout("git://127.0.0.1:1/x", "0" * 40), tmp_path / "git", tmp_path / "source")


def test_a_repository_that_is_not_there_is_not_worth_one(tmp_path: Path) -> None:
    """A mistyped address stays mistyped."""
    with pytest.raises(PermanentError, match="nowhere"):
        check_out(
            Checkout(f"file://{tmp_path}/nowhere", "0" * 40, protocols=FILE), tmp_path / "git", tmp_path / "source"
        )


def test_a_password_in_a_url_is_never_printed() -> None:
    """Logs of steps are kept, and read by many."""
    text = without_credentials("fatal: unable to access 'https://me:secret@example.com/x': https://t@h/y")
    assert text == "fatal: unable to access 'https://example.com/x': https://h/y"
