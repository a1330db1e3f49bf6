"""The process that is told to end is the one that works: a shell before it keeps the signal to itself (J1)."""

from __future__ import annotations

import re

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.workloads import Base

_SHELL = re.compile(r"(?:/usr)?(?:/bin/)?(?:ba|da|a|z|k)?sh")
_SEVERAL = re.compile(r"[;&|\n]")  # of one command alone, most shells become that command
_PASSED_ON = re.compile(r"\b(?:exec|trap)\b")


def check(base: Base) -> Findings:
    """One finding for each container that is started by a script in its manifest."""
    for workload in base.workloads:
        for at, container in enumerate(workload.containers):
            words = [str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])]]
            if len(words) < 3 or not _SHELL.fullmatch(words[0]) or not re.fullmatch(r"-\w*c", words[1]):
                continue
            script = words[2].strip()
            if _SEVERAL.search(script) and not _PASSED_ON.search(script):
                yield Finding(
                    Severity.WARNING,
                    workload.obj,
                    (*workload.path, "containers", at, "command"),
                    f"container {container['name']} is started by a shell that does not hand on SIGTERM: the app hears "
                    "nothing of its end and is killed in the middle of its work",
                    "begin the last command of the script with exec",
                )
