"""What tests on the cluster share: the cluster, a namespace of their own, and spawn with its storage worker."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo import buses
from demo.stage import clear, copy_spawn, storage_worker
from filelock import FileLock
from spawn_app import APP, RAINBOW, Spawn, eventually
from stand_ins import start_pod

from cluster.context import Context
from rainbow.adapters.kube import Kind, Kube, connect
from rainbow.adapters.records import read_release
from workflows.installation import of_the_cluster

NAMESPACE = Kind("v1", "Namespace")


@pytest.hookimpl(trylast=True)  # after what is not selected was left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Deal the long tests out to the beginning of each worker's share, which is a piece of the list (worksteal)."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        mine = long[worker::workers]
        share = (len(items) - len(dealt)) // (workers - worker)
        taken, others = others[: max(0, share - len(mine))], others[max(0, share - len(mine)) :]
        dealt += mine + taken
    items[:] = dealt


@pytest.fixture(scope="session")
def context() -> Context:
    """The embedded cluster: these tests never talk to another one that KUBECONFIG may point at."""
    context = Context.from_environment()
    if not context.kubeconfig.exists():
        pytest.fail(
            f"no embedded cluster ({context.kubeconfig} is missing): run `make cluster-up`, or `make test-fast`"
        )
    answer = subprocess.run([RAINBOW, "cluster", "env"], capture_output=True, text=True, check=True)
    for line in answer.stdout.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        os.environ[name] = value.strip("'\"")
    return context


@pytest.fixture(scope="session")
def kube(context: Context) -> Kube:
    """Its API server, as its administrator."""
    cluster = connect()
    for obj in of_the_cluster():
        cluster.apply(obj)
    return cluster


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """A fresh namespace; it goes with everything in it when the test ends."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    kube.delete(NAMESPACE, None, name)


@pytest.fixture(scope="session")
def pod(kube: Kube) -> Iterator[str]:
    """The address of a pod that stands behind all releases of all tests that do not ask what runs in them."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield start_pod(kube, name)
    kube.delete(NAMESPACE, None, name)


@pytest.fixture(scope="session")
def storage(
    context: Context, kube: Kube, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[bytes]]:
    """spawn's storage worker, a process outside the cluster that serves all releases of all tests."""
    url = f"nats://127.0.0.1:{context.ports.nats}"
    _forget_left_buses(kube, url)
    with storage_worker(url, tmp_path_factory.mktemp("storage")) as process:
        yield process


def _forget_left_buses(kube: Kube, url: str) -> None:
    """Remove what a worker that outlived its namespace has made again: a test's bus is named after its namespace."""
    for bus in buses.known(url):
        # A namespace is there before its bus, so the bus of a test that runs beside this one is not taken for left.
        if bus.startswith("test-") and kube.get(NAMESPACE, None, bus) is None:
            buses.forget(url, bus)


@pytest.fixture(scope="session")
def spawn_images(kube: Kube, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, str]:
    """spawn's images, built in the cluster by the step `build`, once for all processes of a test run."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder if worker_id == "master" else folder.parent
    built = shared / "spawn-images.json"
    with FileLock(shared / "spawn-images.lock"):
        if not built.exists():
            images = _build(kube, tmp_path_factory.mktemp("build"))
            built.write_text(json.dumps(images))
        found: dict[str, str] = json.loads(built.read_text())
        return found


def _build(kube: Kube, folder: Path) -> dict[str, str]:
    namespace = f"test-build-{uuid.uuid4().hex[:6]}"
    copy_spawn(folder, namespace)
    subprocess.run([RAINBOW, "install", "-n", namespace], check=True, stdout=sys.stderr)
    # Nobody waits for this release to become live: only its build is wanted.
    path = str(folder / "rainbow.yaml")
    subprocess.run([RAINBOW, "release", "-f", path, "--release", "v1", "--wait", "submitted"], check=True)

    def built() -> dict[str, str]:
        status = read_release(kube, namespace, APP, "v1").status
        assert status.failed_at is None, status.message
        return status.images

    images: dict[str, str] = eventually("the images of spawn", built, timeout=600)
    clear(kube, namespace, wait=False)
    return images


@pytest.fixture
def spawn(
    kube: Kube, namespace: str, context: Context, storage: object, spawn_images: dict[str, str], tmp_path: Path
) -> Iterator[Spawn]:
    """spawn, ready to be released into a namespace of the test's own."""
    copy_spawn(tmp_path, namespace)
    subprocess.run([RAINBOW, "install", "-n", namespace], check=True, stdout=sys.stderr)
    yield Spawn(kube, namespace, tmp_path, f"http://127.0.0.1:{context.ports.traefik}", spawn_images)
    clear(kube, namespace, wait=False)
