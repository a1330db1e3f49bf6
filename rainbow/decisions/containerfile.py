"""Declares build arguments in every stage of a Containerfile, without a change to the user's file.

That is how RUN instructions learn of an extra CA bundle: an ARG is in their environment and not in the image's. Only
places between whole instructions are touched: continued lines, comments and here-documents are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_ESCAPE = re.compile(r"^#\s*escape\s*=\s*([\\`])\s*$", re.IGNORECASE)
_DIRECTIVE = re.compile(r"^#\s*\w+\s*=")
_FROM = re.compile(r"^\s*FROM\s", re.IGNORECASE)
# `<<EOF`, `<<-EOF`, `<<"EOF"` after an instruction that takes one; a digit before it is a file descriptor.
_HEREDOC = re.compile(r"(?<![<\w])\d?<<(-?)(['\"]?)([A-Za-z_]\w*)\2")
_TAKES_HEREDOC = re.compile(r"^\s*(RUN|COPY|ADD)\s", re.IGNORECASE)


@dataclass(frozen=True)
class _Heredoc:
    """The word that ends a here-document; `tabs` when tabs may stand before it."""

    name: str
    tabs: bool


def declare_arguments(text: str, arguments: Mapping[str, str]) -> str:
    """The Containerfile with one `ARG name=value …` after each FROM. Values without blanks only."""
    declaration = "ARG " + " ".join(f"{name}={value}" for name, value in arguments.items())
    lines: list[str] = []
    for instruction in _instructions(text):
        lines += instruction
        if _FROM.match(instruction[0]):
            lines.append(declaration)
    return "\n".join(lines) + "\n"


def _instructions(text: str) -> Iterator[list[str]]:
    """The lines, grouped: an instruction with all that belongs to it, or a single comment or empty line."""
    lines = text.splitlines()
    escape = _escape(lines)
    at = 0
    while at < len(lines):
        start = at
        at = _end_of_instruction(lines, at, escape)
        for heredoc in _heredocs(lines[start:at]):
            at = _end_of_heredoc(lines, at, heredoc)
        yield lines[start:at]


def _escape(lines: list[str]) -> str:
    for line in lines:
        if match := _ESCAPE.match(line):
            return match[1]
        if not _DIRECTIVE.match(line):
            break
    return "\\"


def _end_of_instruction(lines: list[str], at: int, escape: str) -> int:
    if _is_empty(lines[at]):
        return at + 1
    while at < len(lines):
        line, at = lines[at], at + 1
        # Inside a continued instruction, comments and empty lines do not end it.
        if not _is_empty(line) and not line.rstrip().endswith(escape):
            return at
    return at


def _is_empty(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _heredocs(instruction: list[str]) -> list[_Heredoc]:
    if not _TAKES_HEREDOC.match(instruction[0]):
        return []
    return [_Heredoc(name, tabs=dash == "-") for line in instruction for dash, _, name in _HEREDOC.findall(line)]


def _end_of_heredoc(lines: list[str], at: int, heredoc: _Heredoc) -> int:
    for end in range(at, len(lines)):
        if (lines[end].lstrip("\t") if heredoc.tabs else lines[end]) == heredoc.name:
            return end + 1
    return at  # never closed: then it was none, such as a shift in shell arithmetic
