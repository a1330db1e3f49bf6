"""Brings the cluster up: everything that is not there or not as it should be, and nothing else.

Each stage looks first. So a second `up` changes nothing, and one after a crash or a restart of the machine mends what
is broken. What does not depend on each other runs side by side.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from cluster import (
    api,
    build,
    certificates,
    cgroups,
    control_plane,
    lock,
    namespace,
    network,
    node,
    packages,
    pause,
)
from cluster.context import Context
from cluster.credentials import Credentials, credentials
from cluster.processes import Processes, Program
from cluster.report import Report
from rainbow.errors import TemporaryError

SHORT = 0.05
ATTEMPTS = 5


class Ended(TemporaryError):
    """A process ended while it was being waited for."""


def up(context: Context, report: Report) -> None:
    """Bring everything up and return when all of it is ready."""
    with lock.alone(context, report):
        from cluster import parts, preflight

        processes = Processes(context.run, context.logs)
        preflight.check(context, processes, report)
        lock.own(context)
        with ThreadPoolExecutor(max_workers=3) as pool:
            installed = pool.submit(packages.install, report)
            prepared = pool.submit(parts.prepare, context, report, installed.result)
            images = pool.submit(parts.build_images, context, report, installed.result)
            build.link(context, build.build(context, report))
            installed.result()
            with report.task("control plane and node"):
                start(context, processes, report)
            prepared.result()
            parts.up(context, report, images.result, lambda: mend(context, processes, report))


def start(context: Context, processes: Processes, report: Report) -> None:
    """Start the processes of the control plane and of the node, and wait until the node is Ready.

    A process that ends meanwhile is started again, as an init system would: it may have been on its way out when it was
    found running, and a kubelet that asks containerd before its CRI service answers ends by itself.
    """
    again = Retrying(
        retry=retry_if_exception_type(Ended), stop=stop_after_attempt(ATTEMPTS), wait=wait_fixed(1), reraise=True
    )
    again(_start_all, context, processes, report)


def mend(context: Context, processes: Processes, report: Report) -> None:
    """Start the service proxy on empty tables, and whatever else has ended: for pods that do not become ready."""
    processes.stop(["kube-proxy"])
    start(context, processes, report)


def _start_all(context: Context, processes: Processes, report: Report) -> None:
    keys = credentials(context, certificates.now())
    network.up(context)
    cgroups.create(node.CGROUP)
    with ThreadPoolExecutor(max_workers=2) as pool:
        runtime = pool.submit(_start_runtime, context, processes, report)
        _start_api(context, processes, keys, report)
        within = runtime.result()
    for program in (control_plane.controller_manager(context, keys), control_plane.scheduler(context, keys)):
        _start(processes, program, (), report)
    _start_proxy(processes, node.kube_proxy(context, keys), report)
    _start(processes, _in_namespace(node.kubelet(context, keys), within), within, report)
    started = ("kubelet", "kube-proxy", "kube-controller-manager", "kube-scheduler")
    _wait("the node", lambda: api.node_ready(context), 60, processes, started)


def _start_proxy(processes: Processes, program: Program, report: Report) -> None:
    if not processes.current(program):
        # What a proxy that was killed left behind is stale by now, and would be mended bit by bit.
        processes.stop([program.name])
        network.forget_services()
    _start(processes, program, (), report)


def _start_api(context: Context, processes: Processes, keys: Credentials, report: Report) -> None:
    _start(processes, control_plane.etcd(context, keys), (), report)
    _start(processes, control_plane.api_server(context, keys), (), report)
    _wait(
        "the API server",
        lambda: "" if api.healthy(context) else "not ready",
        60,
        processes,
        ("kube-apiserver", "etcd"),
    )


def _start_runtime(context: Context, processes: Processes, report: Report) -> tuple[str, ...]:
    within = namespace.enter(context, processes)
    _, image = pause.archive(context)
    _start(processes, _in_namespace(node.containerd(context, image), within), within, report)
    _wait(
        "the container runtime",
        lambda: "" if context.containerd_socket.is_socket() and _answers(context) else "no socket",
        30,
        processes,
        ("containerd",),
    )
    pause.load(context)
    return within


def _answers(context: Context) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(context.containerd_socket)) == 0


def _in_namespace(program: Program, within: tuple[str, ...]) -> Program:
    environment = {**program.environment, "RAINBOW_NAMESPACE": namespace.identity(within)}
    return Program(program.name, program.arguments, program.files, environment)


def _start(processes: Processes, program: Program, within: tuple[str, ...], report: Report) -> psutil.Process:
    if not processes.current(program):
        again = " anew" if processes.find(program.name) else ""
        report.line(f"  starting {program.name}{again}")
    return processes.start(program, within)


def _wait(what: str, problem: Callable[[], str], patience: float, processes: Processes, parts: tuple[str, ...]) -> None:
    """Wait until there is no problem left; a part that ends meanwhile is reported with its last words."""
    deadline = time.monotonic() + patience
    while found := problem():
        for name in parts:
            if processes.find(name) is None:
                raise Ended(f"{name} ended while {what} was awaited; its last lines:\n{processes.tail(name)}")
        if time.monotonic() > deadline:
            raise TemporaryError(
                f"{what} did not become ready within {patience:.0f} s: {found}. See `rainbow cluster logs`"
            )
        time.sleep(SHORT)
