"""The app `tiny` released through Argo: its workflows, the pods of their steps to be killed, and the Retry button."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from plain import Plain, eventually
from spawn_app import RAINBOW
from stand_ins import Load
from tiny import APP, IMAGE

from cluster.context import Context
from cluster.parts import argo
from rainbow.adapters.kube import DEPLOYMENT, POD, WORKFLOW, Kind, Kube, Object
from rainbow.adapters.sources import pack
from rainbow.adapters.submission import submit
from rainbow.adapters.workflows import workflow_name
from rainbow.model.release import Phase, ReleaseSpec

PLATFORM = "platform.svc.cluster.local"
CRON = Kind("argoproj.io/v1alpha1", "CronWorkflow")
ENDED = ("Succeeded", "Failed", "Error")


@dataclass
class InArgo(Plain):
    """In a namespace into which everything is installed; steps run as pods, so they see the cluster from within."""

    file: dict[str, Any] = field(default_factory=dict)  # what else stands in rainbow.yaml
    calls_itself: str | None = None  # the release that the base says it is, before there are any
    secret: str | None = None  # that its pods cannot start without

    def install(self) -> None:
        """What releases need."""
        subprocess.run([RAINBOW, "install", "-n", self.namespace], check=True, stdout=sys.stderr)

    def described(self, **changes: Any) -> dict[str, Any]:
        """rainbow.yaml with the addresses inside the cluster."""
        plain = super().described()
        plain["route"]["ingress"]["url"] = f"http://traefik.{PLATFORM}:80"
        plain["drain"]["prometheus"]["url"] = f"http://prometheus.{PLATFORM}:9090"
        return plain | self.file | changes

    def base(self, replicas: int = 1) -> list[Object]:
        """A probe that is late says nothing about the app: this machine may be busy with other tests."""
        objects = super().base(replicas)
        for obj in objects:
            if obj["kind"] == DEPLOYMENT.kind:
                (container,) = obj["spec"]["template"]["spec"]["containers"]
                container["readinessProbe"] |= {"timeoutSeconds": 10, "failureThreshold": 10}
                if self.calls_itself is not None:
                    container["env"] = [{"name": "RELEASE_ID", "value": self.calls_itself}]
                if self.secret is not None:
                    container["envFrom"] = [{"secretRef": {"name": self.secret}}]
        return objects

    def release(self, name: str, *, sources: Path | None = None) -> None:
        """The record and its workflow; not waited for. With sources, what runs is built from them first."""
        self._next_second()
        manifests = "\n---\n".join(json.dumps(obj) for obj in self.base())
        app = self.config(**self.described(), images={} if sources is None else {"web": {}})
        if sources is None:
            submit(self.kube, ReleaseSpec(release=name, app=app, manifests=manifests), None)
        else:
            manifests = manifests.replace(json.dumps(IMAGE), '"web"')
            submit(self.kube, ReleaseSpec(release=name, app=app, manifests=manifests), pack(sources))

    def adopt(self, release: str, folder: Path) -> str:
        """Submit the adoption of what runs, from the files as its owner has them; the name of its workflow."""
        path = self.written(folder)
        return self._submitted("adopt", "-f", str(path), "--release", release, "--no-wait")

    def written(self, folder: Path) -> Path:
        """rainbow.yaml and its base as files, as its owner has them."""
        base = folder / "deploy"
        base.mkdir()
        (base / "kustomization.yaml").write_text(json.dumps({"resources": ["base.yaml"]}))
        (base / "base.yaml").write_text("\n---\n".join(json.dumps(obj) for obj in self.base()))
        path = folder / "rainbow.yaml"
        head = {"app": APP, "namespace": self.namespace, "manifests": {"kustomize": "deploy"}}
        path.write_text(yaml.safe_dump(head | self.described()))
        return path

    def operate(self, *arguments: str) -> str:
        """Submit an operation; the name of its workflow."""
        return self._submitted(arguments[0], "-n", self.namespace, *arguments[1:], "--no-wait")

    def _submitted(self, *command: str) -> str:
        done = subprocess.run([RAINBOW, *command], capture_output=True, text=True, check=False, timeout=60)
        told = re.match(r"submitted workflow (\S+);", done.stdout)
        assert told is not None, done.stdout + done.stderr
        return told[1]

    def of(self, release: str) -> str:
        """The name of the workflow of a release."""
        return workflow_name(APP, release)

    def kill(self, workflow: str, step: str) -> None:
        """Kill the process of the next run of a step as it begins its work: kill -9, without a word of warning.

        Deleting its pod is no such thing: the container goes on for a moment, and may well be done before its end.
        """
        self.kill_each({workflow: step})

    def delete_pod(self, workflow: str, step: str) -> None:
        """Delete the pod of the next run of a step as it begins its work, as the drain of a node does; it is gone then.

        For a step that waits: others may be done before their pod is. It must have nothing to end on until then, since
        its process goes on until the kubelet has heard, which takes seconds on a busy machine.
        """
        eventually(lambda: bool(self._processes(step)) and bool(self._running(workflow, step)), f"a pod of {step}")
        [pod] = self._running(workflow, step)
        self.kube.delete(POD, self.namespace, pod)
        eventually(lambda: self.kube.get(POD, self.namespace, pod) is None, f"the end of the pod {pod}")

    def _running(self, workflow: str, step: str) -> list[str]:
        """The pods of a step that run, by what Argo says: the run before has ended there when the next one begins."""
        nodes = (self._status(workflow).get("nodes") or {}).values()
        runs = [n for n in nodes if n["type"] == "Pod" and n["templateName"] == step and n["phase"] == "Running"]
        return [f"{workflow}-{step}-{node['id'].rsplit('-', 1)[1]}" for node in runs]

    def kill_each(self, steps: Mapping[str, str], *, seconds: float = 120) -> None:
        """The same for the step of each of several workflows, in whatever order they begin."""
        deadline, left = time.monotonic() + seconds, dict(steps)
        while left:
            for workflow, step in steps.items():
                if workflow in left and (found := self._processes(step)):
                    for process in found:
                        with suppress(ProcessLookupError):
                            os.kill(process, signal.SIGKILL)
                    dead = set(found)
                    eventually(lambda dead=dead, step=step: not dead & set(self._processes(step)), f"the end of {step}")  # type: ignore[misc]
                    del left[workflow]
            assert time.monotonic() < deadline, f"no process of {left}: {[self.message(name) for name in left]}"
            time.sleep(0.02)

    def _processes(self, step: str) -> list[int]:
        """Its processes on this machine, which is the node, in this test's own namespace; not Argo's around it."""
        found = []
        ours = [b"step", step.encode(), b"--namespace", self.namespace.encode()]
        for process in filter(str.isdecimal, os.listdir("/proc")):
            with suppress(OSError):  # it has ended meanwhile
                words = Path("/proc", process, "cmdline").read_bytes().split(b"\0")
                if b"emissary" not in words and any(words[n : n + 4] == ours for n in range(len(words))):
                    found.append(int(process))
        return found

    def phase(self, workflow: str) -> str:
        """The phase of a workflow; empty before Argo has seen it."""
        return str(self._status(workflow).get("phase", ""))

    def message(self, workflow: str) -> str:
        """Why it failed: what its nodes say."""
        nodes = (self._status(workflow).get("nodes") or {}).values()
        return "; ".join(f"{n['displayName']}: {n['phase']} {n.get('message', '')}" for n in nodes)

    def tries(self, workflow: str, step: str) -> int:
        """How many pods of a step there were."""
        nodes = (self._status(workflow).get("nodes") or {}).values()
        return sum(n["type"] == "Pod" and n["templateName"] == step for n in nodes)

    def _status(self, workflow: str) -> Object:
        found = self.kube.get(WORKFLOW, self.namespace, workflow)
        return ((found or {}).get("status")) or {}

    def ended(self, workflow: str, phase: str, *, seconds: float = 180) -> None:
        """Wait until it has ended, in that way."""
        eventually(lambda: self.phase(workflow) in ENDED, f"the end of {workflow}", seconds)
        assert self.phase(workflow) == phase, self.message(workflow)

    def live(self, release: str, *, seconds: float = 180) -> None:
        """Wait until it is current, by its workflow, which goes on."""
        until, workflow = time.monotonic() + seconds, self.of(release)
        while self.record(release).status.phase is not Phase.CURRENT:
            assert self.phase(workflow) not in ENDED, self.message(workflow)
            assert time.monotonic() < until, f"{self.record(release).status} {self.message(workflow)}"
            time.sleep(0.2)

    def press_retry(self, context: Context, workflow: str) -> None:
        """The very code behind the button of the UI: the new object, and the pods to delete first."""
        found = self.kube.get(WORKFLOW, self.namespace, workflow)
        assert found is not None
        retried, pods = argo.retry(context.cache, found)
        for pod in pods:
            self.kube.delete(POD, self.namespace, pod)
        self.kube.patch(WORKFLOW, self.namespace, workflow, [{"op": "replace", "path": "", "value": retried}])


def unharmed(load: Load) -> None:
    """No user saw a failure, and there were some users."""
    kinds = Counter(str(f[1:]) if isinstance(f, tuple) else f.split(" ", 1)[1] for f in load.failures)
    first = min((f[0] if isinstance(f, tuple) else f for f in load.failures), key=str, default=None)
    assert not kinds, f"{kinds.most_common(5)}, the first at {first}"
    assert load.answers


def bare(kube: Kube, namespace: str, context: Context, **more: Any) -> InArgo:
    """The app, with all installed that releases need, and nothing of it running."""
    ports = context.ports
    seen = {"proxy": f"127.0.0.1:{ports.traefik}", "prometheus": f"http://127.0.0.1:{ports.prometheus}"}
    app = InArgo(kube, namespace, **seen, **more)
    app.install()
    # The schedule may come at any moment, and do what a test is about to do.
    kube.patch(CRON, namespace, "collect-garbage", {"spec": {"suspend": True}})
    return app


def made(kube: Kube, namespace: str, context: Context, **file: Any) -> InArgo:
    """The app with v1 current: that one without Argo, as it is not what is tried."""
    app = bare(kube, namespace, context, file=file)
    app.deployed("v1")
    app.switch("v1")
    return app
