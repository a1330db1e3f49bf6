"""What a release is made from, on the way from a person's folder into the cluster.

The base is rendered here, so that the cluster never needs the folder; sources to build from are packed into a tar that
is the same for the same files, and cut into ConfigMaps (1 MiB each at most: Kubernetes, "ConfigMaps").
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Collection
from fnmatch import fnmatch
from pathlib import Path

from rainbow.adapters.ignore_file import container_ignore
from rainbow.adapters.kube import Object
from rainbow.adapters.kustomize import build, load_objects
from rainbow.errors import BadInput
from rainbow.model.names import release_labels

CHUNK = 900 * 1024  # bytes; leaves room for the rest of a ConfigMap below its limit of 1 MiB
LIMIT = 20 * 1024 * 1024  # bytes of the packed archive: a few dozen ConfigMaps are no burden for etcd
KEY = "chunk"
# Called like this, a file that git does not track is never packed, as it would be readable in the cluster by many.
# Patterns as in .gitignore: the last one that fits decides.
SECRETS = (
    *(".env", ".env.*", "!.env.example", "!.env.sample", "!.env.template"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".netrc", ".pypirc", ".git-credentials", ".htpasswd"),
    *("secrets*.yaml", "secrets*.yml", "*.secrets.yaml", "*.secrets.yml"),  # values of a chart
)


def render_base(folder: Path) -> str:
    """The kustomize base as YAML documents. Raises BadInput when it cannot be rendered or is empty."""
    if not folder.is_dir():
        raise BadInput(f"there is no folder {folder} (manifests.kustomize is relative to rainbow.yaml)")
    text = build(folder)
    try:
        objects = load_objects(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the kustomize base {folder} cannot be read: {error}") from error
    if not objects:
        raise BadInput(f"the kustomize base {folder} renders to nothing; list its files under `resources`")
    return text


def pack(folder: Path, containerfiles: Collection[str] = ()) -> bytes:
    """The folder as a gzipped tar: same files, same bytes. What git ignores is left out. Raises BadInput.

    `containerfiles`, paths below the folder, are packed whatever an ignore file of builds says: a build reads them.
    """
    names = _tracked(folder)
    if names is None:
        needed = {name for name in containerfiles if (folder / name).is_file()}
        names = sorted({*_all_files(folder), *needed})
    if not names:
        raise BadInput(f"there is nothing to pack in {folder}")
    packed = io.BytesIO()
    with (
        # mtime 0: the time of packing is no part of what is packed.
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in names:
            _add(tar, folder, name)
            if packed.tell() > LIMIT:
                raise _too_large(folder)
    archive = packed.getvalue()
    if len(archive) > LIMIT:
        raise _too_large(folder)
    return archive


def cut(archive: bytes, app: str, release: str, namespace: str) -> list[Object]:
    """The archive as ConfigMaps of the release, in order, to be put together again by `build`."""
    starts = range(0, len(archive), CHUNK)
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"{app}-{release}-source-{number}",
                "namespace": namespace,
                "labels": release_labels(app, release),
            },
            "immutable": True,
            "binaryData": {KEY: b64encode(archive[start : start + CHUNK]).decode()},
        }
        for number, start in enumerate(starts)
    ]


def _too_large(folder: Path) -> BadInput:
    return BadInput(
        f"{folder} is larger than {LIMIT // 2**20} MiB when packed: leave out what is not needed (.gitignore), "
        "or release from git: --source URL#COMMIT"
    )


def _tracked(folder: Path) -> list[str] | None:
    """Tracked and new files that git does not ignore; None outside a checkout. Raises BadInput when git fails."""
    if shutil.which("git") is None:
        return None
    listed = _git_list(folder, "-C", str(folder), "ls-files", "--cached", "--others", "--exclude-standard")
    if listed is None:
        return None
    # A tracked file may have been deleted in the working tree.
    return [name for name in listed if (folder / name).is_symlink() or (folder / name).exists()]


def _git_list(folder: Path, *arguments: str) -> list[str] | None:
    """What `git ls-files` lists, without what is called like a secret unless it is tracked; None outside a checkout."""
    exclude = [part for pattern in SECRETS for part in ("-x", pattern)]
    command = ["git", *arguments, "-z", *exclude]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        if "not a git repository" in said:
            return None
        # Going on without git would pack what .gitignore keeps out, secrets for example.
        raise BadInput(f"git cannot list the files of {folder}: {said}")
    return sorted({name.decode(errors="surrogateescape") for name in done.stdout.split(b"\0") if name})


def _all_files(folder: Path) -> list[str]:
    """Outside of git: every file that no ignore file names, but those in folders whose name begins with a dot."""
    if shutil.which("git"):
        with tempfile.TemporaryDirectory(prefix="rainbow-git-") as empty:
            subprocess.run(["git", "init", "-q", "--bare", empty], check=True, capture_output=True, timeout=60)
            where = ("-C", str(folder), f"--git-dir={empty}", "--work-tree=.")
            names = _git_list(folder, *where, "ls-files", "--others", "--exclude-per-directory=.gitignore") or []
    elif any(folder.rglob(".gitignore")):
        raise BadInput(f"{folder} has a .gitignore, which is not understood without git; install git")
    else:
        found = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
        names = sorted(path.relative_to(folder).as_posix() for path in found if not _secret(path.name))
    ignored = container_ignore(folder)
    hidden = [name for name in names if any(part.startswith(".") for part in name.split("/")[:-1])]
    return [name for name in names if name not in hidden and not ignored(name)]


def _secret(name: str) -> bool:
    named = [pattern for pattern in SECRETS if fnmatch(name, pattern.removeprefix("!"))]
    return bool(named) and not named[-1].startswith("!")


def _add(tar: tarfile.TarFile, folder: Path, name: str) -> None:
    path = folder / name
    info = tarfile.TarInfo(name)
    if path.is_symlink():
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, str(path.readlink()), 0o777
        tar.addfile(info)
    elif path.is_dir():
        raise BadInput(f"{path} is a git submodule, which is not packed; release from git: --source URL#COMMIT")
    elif path.is_file():
        content = path.read_bytes()
        info.size = len(content)
        # Owner, time and the finer permissions differ from machine to machine; the executable bit is kept.
        info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
        tar.addfile(info, io.BytesIO(content))
    else:
        raise BadInput(f"{path} is neither a file nor a link, and cannot be packed; add it to .gitignore")
