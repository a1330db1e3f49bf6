"""What is a pod in any cluster is a pod here: Argo, CoreDNS, Traefik, NATS, Prometheus, registry, git.

`prepare` makes the parts' programs and images, `build_images` those of the steps; neither needs a running cluster,
and both can run while the control plane is built and started. `up` brings the pods up on a node that is Ready.
`ready` names what does not answer yet.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from cluster.context import Context
from cluster.parts import argo, catalogue, discover, health, images, manifests, node, settings
from cluster.parts.images import References
from cluster.report import Report, Task


def prepare(context: Context, report: Report, installed: Callable[[], object] = lambda: None) -> None:
    """Build and fetch everything that the pods are made of; what is in the cache stays as it is.

    `installed` returns once the host has the Debian tools: compiling does not wait for them.
    """
    with _alone(context), ThreadPoolExecutor(max_workers=3) as pool:
        _all(
            pool,
            lambda: _prepare_programs(context, report),
            lambda: _prepare_debian(context, report, installed),
            lambda: catalogue.archive("wheels", context.cache, catalogue.from_wheels),
        )


def build_images(context: Context, report: Report, installed: Callable[[], object] = lambda: None) -> References:
    """Build the images of the steps and their base; what is in the store stays as it is."""
    installed()
    with report.task("parts: building the step images"):
        return images.build(context)


def up(context: Context, report: Report, built: Callable[[], References], mend: Callable[[], None]) -> None:
    """Bring the pods up and wait until every one of them answers; then publish the images of the steps.

    `built` waits for those images: no pod of the parts needs them. `mend` sees to the processes below the pods, when
    the pods do not become ready.
    """
    node.make_volumes(context)
    with ThreadPoolExecutor(max_workers=1) as pool:
        definitions = pool.submit(_define, context, report)
        references = _import(context, report)
        definitions.result()
        with report.task("parts: applying manifests"):
            manifests.apply(context, manifests.render_all(manifests.values(context, references)))
    with report.task("parts: waiting for the pods") as task:
        health.wait(context, health.Patience(), lambda left: task.update(detail=", ".join(left)), mend)
    step_images = built()
    with report.task("parts: publishing the step images"):
        images.push(context, step_images)
    settings.write(context, step_images)


def ready(context: Context) -> list[str]:
    """Return what is not ready, each with its reason; empty when all is well."""
    return health.problems(context)


def _prepare_programs(context: Context, report: Report) -> None:
    # One after the other: two compilers at once would only take each other's processors.
    for title, build in (("Argo Workflows", argo.build), ("the discovery of pods", discover.build)):
        with report.task(f"parts: building {title}") as task:
            build(context.cache, _progress(task))
    argo.crds()
    for group in ("argo", "discover"):
        catalogue.archive(group, context.cache, _groups(context)[group])


def _prepare_debian(context: Context, report: Report, installed: Callable[[], object]) -> None:
    installed()
    with report.task("parts: base image and Debian's programs"):
        catalogue.archive("debian", context.cache, lambda: catalogue.from_debian(context.cache))


def _groups(context: Context) -> dict[str, Callable[[], list[catalogue.Part]]]:
    """Return what each archive of images holds, asked for when its programs are there."""
    return {
        "dns": lambda: catalogue.coredns(context.kubernetes.resolve()),
        "wheels": catalogue.from_wheels,
        "debian": lambda: catalogue.from_debian(context.cache),
        "argo": lambda: catalogue.argo(argo.build(context.cache, lambda done, total: None)),
        "discover": lambda: catalogue.discover(discover.build(context.cache, lambda done, total: None)),
    }


def _import(context: Context, report: Report) -> dict[str, str]:
    references: dict[str, str] = {}
    groups = _groups(context)
    with report.task("parts: importing images") as task:
        task.update(total=len(groups))
        for group, parts in groups.items():
            archive, found = catalogue.archive(group, context.cache, parts)
            node.import_images(context, archive, found)
            references |= found
            task.advance(group)
    return references


def _progress(task: Task) -> Callable[[int, int], None]:
    return lambda done, total: task.update(done=done, total=total)


def _define(context: Context, report: Report) -> None:
    with report.task("parts: custom resource definitions"):
        manifests.apply_definitions(context, argo.crds())


def _all(pool: ThreadPoolExecutor, *tasks: Callable[[], object]) -> None:
    for future in [pool.submit(task) for task in tasks]:
        future.result()


_LOCK = threading.Lock()


@contextmanager
def _alone(context: Context) -> Iterator[None]:
    """Keep other starts out of the cache, in this process and in any other: two checkouts share it."""
    context.cache.mkdir(parents=True, exist_ok=True)
    with _LOCK, (context.cache / "parts.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
