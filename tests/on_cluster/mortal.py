"""A step in a process of its own that dies, as by kill -9, around its n-th write to the API server."""

from __future__ import annotations

import multiprocessing
import os
import sys
from dataclasses import dataclass, field
from typing import Any

from rainbow.adapters.kube import Kube, connect
from rainbow.adapters.world import World
from steps import load

KILLED = 9
# Not fork: the users of the test are threads of this process. What is loaded beforehand costs each of them nothing.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["kubernetes.client", "steps.switch"])


@dataclass
class Mortal(Kube):
    """Ends the process before the n-th write, or after it but before its answer is known."""

    fatal: int = 0  # 0: never
    after: bool = False
    written: list[str] = field(default_factory=list)  # the paths

    def _once(self, method: str, path: str, *rest: Any) -> str:
        write = method != "GET" and not path.endswith("/events")  # nothing hangs on an event
        if write:
            self.written.append(path)
        if write and len(self.written) == self.fatal and not self.after:
            os._exit(KILLED)
        answer = super()._once(method, path, *rest)
        if write and len(self.written) == self.fatal:
            os._exit(KILLED)
        return answer


@dataclass(frozen=True)
class Doom:
    """Which step, as which ServiceAccount, and where it dies."""

    step: str
    params: dict[str, Any]
    user: str
    fatal: int
    after: bool
    run: str = ""  # uid of its workflow


def as_user(kube: Kube, user: str) -> Kube:
    """The API server as a ServiceAccount sees it, with the rights of its Role and no more."""
    kube.client.set_default_header("Impersonate-User", user)
    kube.client.set_default_header("Impersonate-Group", "system:serviceaccounts")
    return kube


def was_killed(doom: Doom) -> bool:
    """Run it. False when the step ended, well, before that write; an error of the step itself fails the test."""
    child = _CONTEXT.Process(target=_run, args=(doom,))
    child.start()
    child.join(120)
    code = child.exitcode
    assert code in (0, KILLED), f"the step ended with {code}"
    return code == KILLED


def _run(doom: Doom) -> None:
    step = load(doom.step)
    kube = Mortal(as_user(connect(), doom.user).client, fatal=doom.fatal, after=doom.after)
    step.run(step.Params(**doom.params), World(kube=kube, say=sys.stderr.write, run=doom.run))
