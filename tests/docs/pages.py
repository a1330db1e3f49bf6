"""The pages that people read, their blocks of code, and which test runs the commands of which page.

Commands are run as they stand, from top to bottom: pages that are about the same app one after the other, in one shell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from docs.site.stage import CHECKOUT, sources

# The order in which tests/on_cluster/test_docs.py runs them. spawn is released twice by the README.
SPAWN = (
    "README.md",
    "docs/how-to/check-manifests.md",
    "docs/how-to/embedded-cluster.md",
    "docs/how-to/see.md",
    "docs/how-to/command-line.md",
    "docs/how-to/routes.md",
    "docs/how-to/sessions.md",
    "docs/how-to/long-tasks.md",
    "docs/how-to/keep-and-hold.md",
    "docs/how-to/probe.md",
    "docs/how-to/retry.md",
    "docs/how-to/roll-back.md",
)
HELLO = ("docs/tutorial/your-own-app.md",)
ADDRESS_BOOK = ("examples/address-book/README.md", "docs/how-to/schema-changes.md")
# Pages whose commands have a test of their own, which takes them from the page.
OWN_TESTS: Mapping[str, str] = {
    "docs/how-to/monitoring.md": "tests/workflows/test_monitoring.py",
    "docs/how-to/helm.md": "tests/cli/test_chart_pages.py",
    "docs/how-to/init.md": "tests/cli/test_chart_pages.py",
    "docs/how-to/own-cluster.md": "tests/on_cluster/test_own_cluster.py",
    "docs/how-to/gitops.md": "tests/on_cluster/test_own_cluster.py",
    "docs/how-to/regions.md": "tests/cli/test_everywhere.py",
}
# The two commands: the demo has a test of its own, and the other one is what runs this.
TWO_COMMANDS = ("make demo", "make test")

_FENCE = re.compile(
    r"(?P<above>[^\n]*)\n(?:[ ]*\n)?(?P<indent>[ ]*)```(?P<kind>[^\n]*)\n(?P<text>.*?)^(?P=indent)```[ ]*$", re.M | re.S
)
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")


@dataclass(frozen=True)
class Block:
    """A block of code on a page; `reason`: why it is not run, when somebody says so above it."""

    page: str
    line: int
    kind: str
    text: str
    reason: str | None

    @property
    def where(self) -> str:
        """For messages."""
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """All of them."""
    return [CHECKOUT / "README.md", *sources()]


def blocks(path: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = "\n" + path.read_text()
    for found in _FENCE.finditer(text):
        said = _NOT_RUN.fullmatch(found["above"].strip())
        line = text.count("\n", 0, found.start("kind"))
        name = str(path.relative_to(CHECKOUT))
        yield Block(name, line, found["kind"].strip(), found["text"], said[1] if said else None)


def script(*names: str) -> str:
    """The commands of some pages, one after the other, without the two that are about all of this project."""
    parts = [
        f"cd {CHECKOUT}\n: {b.where}\n{b.text}" for name in names for b in blocks(CHECKOUT / name) if b.kind == "sh"
    ]
    lines = "\n".join(parts).splitlines()
    return "\n".join(line for line in lines if line not in TWO_COMMANDS) + "\n"
