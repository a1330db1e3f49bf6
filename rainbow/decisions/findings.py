"""What is found in the manifests of an app: what is wrong, where, why it matters, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rainbow.decisions.rendering import describe

Object = dict[str, Any]
Path = tuple[str | int, ...]  # ("spec", "template", "spec", "containers", 0, "image")

CONFIG = "rainbow.yaml"  # what a finding is about that is in no object


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"  # this release would lose requests, or cannot live beside another one
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. `about` is an object of the base; None: rainbow.yaml itself.

    `patch` mends it, as a strategic merge patch of the object without its head; `resource` does, as an object that is
    added. With neither it cannot be mended without knowing more. `rule` is filled in by whoever asked the rule.
    """

    severity: Severity
    about: Object | None
    path: Path
    why: str
    fix: str
    patch: Object | None = None
    resource: Object | None = None
    rule: str = ""

    @property
    def object(self) -> str:
        """`Deployment web`."""
        return CONFIG if self.about is None else describe(self.about)

    @property
    def where(self) -> str:
        """`spec.template.spec.containers[0].image`."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text

    @property
    def mendable(self) -> bool:
        """Whether it can be mended without anybody's decision."""
        return self.patch is not None or self.resource is not None


Findings = Iterator[Finding]
