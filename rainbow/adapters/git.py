"""Sources at one commit of a git repository, without its history and without a .git folder.

Only the network protocols of git are allowed, nobody is asked for a password, and what a URL holds of one is never
printed. Submodules and LFS files are not fetched.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rainbow.errors import BadInput, PermanentError, TemporaryError

PROTOCOLS = ("https", "http", "git", "ssh")
TIMEOUT = 600  # seconds for one command
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_TEMPORARY = re.compile(
    r"Could not resolve host|unable to look up|Connection (?:refused|reset|timed out)|Operation timed out"
    r"|early EOF|hung up unexpectedly|unable to connect|Failed to connect|Empty reply|error: 5\d\d|error: 429",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Checkout:
    """Where sources come from: `commit` is a full hash. `protocols` are what the URL may begin with."""

    url: str
    commit: str
    ca_bundle: Path | None = None
    protocols: tuple[str, ...] = PROTOCOLS


def without_credentials(text: str) -> str:
    """The text with user names and passwords taken from its URLs."""
    return _CREDENTIALS.sub("", text)


def check_out(wanted: Checkout, repository: Path, destination: Path) -> None:
    """Put the files of the commit into `destination`; `repository` is a folder for git's own data.

    Raises BadInput when the URL or the commit cannot be right, TemporaryError when the server is out of reach.
    """
    scheme = wanted.url.partition("://")[0]
    if scheme not in wanted.protocols or "://" not in wanted.url:
        raise BadInput(f"source.git.url {without_credentials(wanted.url)!r}: use {', '.join(wanted.protocols)}://…")
    destination.mkdir(parents=True, exist_ok=True)
    git = _Git(wanted, repository)
    git.run("init", "--quiet", "--bare", str(repository))
    try:
        # One commit is all that is needed; not every server hands out one that is no branch's newest.
        git.run("fetch", "--quiet", "--depth=1", "--no-tags", "--", wanted.url, wanted.commit)
    except PermanentError:
        git.run(
            "fetch", "--quiet", "--no-tags", "--", wanted.url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"
        )
    try:
        git.run("cat-file", "-e", f"{wanted.commit}^{{commit}}")
    except PermanentError as error:
        raise BadInput(
            f"there is no commit {wanted.commit} in {without_credentials(wanted.url)}; has it been pushed?"
        ) from error
    git.run("checkout", "--quiet", "--force", wanted.commit, "--", ".", work_tree=destination)


@dataclass(frozen=True)
class _Git:
    wanted: Checkout
    repository: Path

    def run(self, *arguments: str, work_tree: Path | None = None) -> None:
        command = [
            "git",
            *([f"--work-tree={work_tree}"] if work_tree else []),
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "protocol.allow=never",
        ]
        command += [part for name in self.wanted.protocols for part in ("-c", f"protocol.{name}.allow=always")]
        command += [*arguments]
        try:
            done = subprocess.run(
                command,
                env=self._environment(),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise PermanentError("git is not installed; the builder image has it") from error
        except subprocess.TimeoutExpired as error:
            raise TemporaryError(f"git {arguments[0]} took longer than {TIMEOUT} s") from error
        if done.returncode == 0:
            return
        said = f"git {arguments[0]}: {without_credentials(done.stderr.strip())}"
        raise TemporaryError(said) if _TEMPORARY.search(done.stderr) else PermanentError(said)

    def _environment(self) -> Mapping[str, str]:
        fixed = {"GIT_DIR": str(self.repository), "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1", "LC_ALL": "C"}
        ca = {"GIT_SSL_CAINFO": str(self.wanted.ca_bundle)} if self.wanted.ca_bundle else {}
        return {**os.environ, **fixed, **ca}
