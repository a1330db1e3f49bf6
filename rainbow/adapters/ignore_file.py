"""The file .containerignore (or .dockerignore), as builds read it.

A pattern is about a path from the root and everything below it; the last one that fits decides; "!" takes back
(docs.docker.com, "Build context", ".dockerignore files").
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rainbow.errors import BadInput

NAMES = (".containerignore", ".dockerignore")  # the first one there counts
# A build reads these whatever the file says.
_ALWAYS = re.compile(r"(?:.*/)?(?:Containerfile|Dockerfile|\.containerignore|\.dockerignore)[^/]*")
_TOKENS = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]/]+\]|\\.|.", re.DOTALL)
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def container_ignore(folder: Path) -> Callable[[str], bool]:
    """Whether a file of the folder (its path below it) is left out of builds. Raises BadInput."""
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        return lambda _name: False
    try:
        rules = _rules(path.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError, re.error) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error
    return lambda name: _ignored(rules, name)


def _rules(lines: Sequence[str]) -> list[tuple[bool, re.Pattern[str]]]:
    rules = []
    for line in (line.strip() for line in lines):
        pattern = line.removeprefix("!").strip()
        if line.startswith("#") or not pattern:
            continue
        cleaned = posixpath.normpath(pattern).lstrip("/")
        if cleaned not in ("", "."):
            rules.append((not line.startswith("!"), re.compile("".join(map(_meaning, _TOKENS.findall(cleaned))))))
    return rules


def _meaning(token: str) -> str:
    if token.startswith("[") and len(token) > 1:
        return token
    return _MEANING.get(token) or re.escape(token.removeprefix("\\") or token)


def _ignored(rules: Sequence[tuple[bool, re.Pattern[str]]], name: str) -> bool:
    if _ALWAYS.fullmatch(name):
        return False
    parts = name.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    fitting = [out for out, pattern in rules if any(pattern.fullmatch(path) for path in above)]
    return bool(fitting) and fitting[-1]
