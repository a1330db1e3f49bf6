"""The stage: spawn in a namespace and repository of its own, and the storage worker outside the cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from cluster.context import Context
from demo import buses
from rainbow.adapters.kube import Kind, Kube

SPAWN = Path(__file__).resolve().parent.parent
_NAMESPACE = Kind("v1", "Namespace")
# The demo and the tests cannot wait an hour; the order of things is the same.
_RETENTION = {"minimumAge": "20s", "failedAge": "20s"}
_SAMPLING = {"interval": "2s", "samples": 3, "maxAge": "15s"}
# What a release of spawn consists of; the demo itself is no part of it.
_PARTS = (
    "Containerfile",
    "tests.Containerfile",
    ".containerignore",
    "requirements.txt",
    "spawn",
    "integration",
    "deploy",
)


def copy_spawn(folder: Path, namespace: str) -> None:
    """Put spawn into a folder, as an app of that namespace and bus, at `<namespace>.localhost`, with a short memory."""
    for part in _PARTS:
        source = SPAWN / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
        else:
            shutil.copy(source, folder / part)
    config = yaml.safe_load((SPAWN / "rainbow.yaml").read_text())
    config["namespace"] = namespace
    config["retention"] = _RETENTION
    config["drain"]["prometheus"] |= _SAMPLING
    (folder / "rainbow.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    ingress = yaml.safe_load((SPAWN / "deploy" / "ingress.yaml").read_text())
    ingress["spec"]["rules"][0]["host"] = f"{namespace}.localhost"
    (folder / "deploy" / "ingress.yaml").write_text(yaml.safe_dump(ingress, sort_keys=False))
    for name in ("api.yaml", "worker.yaml"):
        _set_bus(folder / "deploy" / name, namespace)


def _set_bus(manifests: Path, bus: str) -> None:
    # All namespaces share one NATS, and release ids come again: on one bus, one would do the tasks of another.
    objects = list(yaml.safe_load_all(manifests.read_text()))
    for deployment in (o for o in objects if o["kind"] == "Deployment"):
        for container in deployment["spec"]["template"]["spec"]["containers"]:
            container["env"].append({"name": "SPAWN_BUS", "value": bus})
    manifests.write_text(yaml.safe_dump_all(objects, sort_keys=False))


class Repository:
    """A git repository with spawn in it, pushed to the cluster's git server; each release is a commit."""

    def __init__(self, folder: Path, push_url: str, pull_url: str) -> None:
        self.folder = folder
        self.push_url = push_url
        self.pull_url = pull_url
        self._git("init", "--quiet", "--initial-branch", "main")

    def commit(self, release: str) -> str:
        """Commit what is new in this release, push it, and return the full hash."""
        news = self.folder / "spawn" / "NEWS"
        news.write_text((news.read_text() if news.exists() else "") + f"{release}: rebuilt\n")
        self._git("add", "--all")
        self._git("-c", "user.name=demo", "-c", "user.email=demo@localhost", "commit", "--quiet", "-m", release)
        self._git("push", "--quiet", "--force", self.push_url, "main")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.folder), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def clear(kube: Kube, namespace: str, *, wait: bool = True) -> bool:
    """Remove namespace and bus of an earlier run, and wait until they are gone. Returns whether there was one."""
    found = kube.get(_NAMESPACE, None, namespace) is not None
    if found:
        _delete(namespace, wait=wait)
    buses.forget(f"nats://127.0.0.1:{Context.from_environment().ports.nats}", namespace)
    return found


def _delete(namespace: str, *, wait: bool) -> None:
    # Workers that are told to stop finish their tasks first; whoever starts anew does not wait for those.
    now = ("-n", namespace, "--force", "--grace-period=0", "--wait=false")
    everything = (("deployments,replicasets", "--all", *now), ("pods", "--all", *now))
    for command in (*everything, ("namespace", namespace, f"--wait={str(wait).lower()}")):
        subprocess.run([_program("kubectl"), "delete", *command], check=True, capture_output=True)


def rainbow(*arguments: str) -> str:
    """Run the command line as a person would, and return its output. Raises RuntimeError with all that it said."""
    answer = subprocess.run([_program("rainbow"), *arguments], capture_output=True, text=True, check=False)
    if answer.returncode:
        said = f"{answer.stderr}{answer.stdout}"
        raise RuntimeError(f"rainbow {' '.join(arguments)} ended with exit code {answer.returncode}:\n{said}")
    return answer.stdout


def _program(name: str) -> str:
    return str(Path(sys.executable).parent / name)


@contextmanager
def storage_worker(nats_url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The storage worker as a process of this host, outside the cluster, for all releases of all buses (S12)."""
    log = (folder / "storage.log").open("w")
    environment = os.environ | {
        "NATS_URL": nats_url,
        "SPAWN_BUS": "*",
        "SPAWN_STORAGE": str(folder / "storage"),
        "SPAWN_HOST": "127.0.0.1",
        "SPAWN_PORT": "0",
        "PYTHONPATH": str(SPAWN),
        "POD_NAME": "storage-on-host",
    }
    process = subprocess.Popen([sys.executable, "-m", "spawn", "storage"], env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)
        log.close()
