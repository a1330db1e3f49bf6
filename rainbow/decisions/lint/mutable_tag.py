"""A release stays the same: what it runs is named by digest, not by a tag that may lead elsewhere tomorrow (K3)."""

from __future__ import annotations

from rainbow.decisions.findings import Finding, Findings, Path, Severity
from rainbow.decisions.workloads import Base

_FIX = "name it by its digest: NAME@sha256:…, in the manifests or by --image; what Rainbow builds is"


def check(base: Base) -> Findings:
    """One finding for each container, and for the image of the tests."""
    for workload in base.workloads:
        for key in ("initContainers", "containers"):
            for at, container in enumerate(workload.pod.get(key) or []):
                path = (*workload.path, key, at, "image")
                yield from _finding(base, workload.obj, path, str(container.get("image") or ""))
    if base.app.tests is not None:
        yield from _finding(base, None, ("tests", "image"), base.app.tests.image)


def _finding(base: Base, about: dict[str, object] | None, path: Path, written: str) -> Findings:
    name = _name(written)
    if name in base.app.images and name not in base.images:
        return  # it is built, or given later
    reference = base.images.get(name, written)
    if "@" in reference or not reference:
        return
    tag = reference.rpartition("/")[2].partition(":")[2]
    loose = tag in ("", "latest")
    yield Finding(
        Severity.ERROR if loose else Severity.WARNING,
        about,
        path,
        f"image {reference} is whatever the registry has under {f'the tag {tag}' if tag else 'the tag latest'} when a "
        "pod starts: pods of one release may differ, and a rollback may bring back something else",
        _FIX,
    )


def _name(reference: str) -> str:
    """Without tag and digest."""
    head, slash, tail = reference.partition("@")[0].rpartition("/")
    return head + slash + tail.partition(":")[0]
