"""Markdown from data: tables, code and text that is meant as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MEANT = re.compile(r"([*<>\[\]{}#~])")
_CODE = re.compile(r"(`[^`]+`)")


def text(value: str) -> str:
    """Plain text with `code` in it: nothing else of it is markup."""
    parts = _CODE.split(" ".join(value.split()))
    return "".join(part if part.startswith("`") else _MEANT.sub(r"\\\1", part) for part in parts)


def code(value: object) -> str:
    """A word of a program; nothing for nothing."""
    return f"`{value}`" if value not in ("", None) else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def block(kind: str, lines: str) -> str:
    """A block of code."""
    return f"```{kind}\n{lines.rstrip()}\n```\n"


def paragraphs(written: str) -> str:
    """A docstring as paragraphs."""
    return "\n\n".join(text(part) for part in re.split(r"\n\s*\n", written.strip()) if part.strip())
