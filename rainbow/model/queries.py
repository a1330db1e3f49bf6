"""The queries of rainbow.yaml: PromQL that asks about one release, and does not make a number up."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

# `x or vector(0)`, with a matching clause, brackets, line breaks; operators are read in any case (Prometheus, "lexer").
_MADE_UP = re.compile(r"\b(?i:or)\b(\s*\b(?i:on|ignoring)\b\s*\([^)]*\))?[\s(+-]*vector\s*\(")
_ASIDE = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*""")  # texts and comments


def _asks_for_one_release(query: str) -> str:
    if "$release" not in query:
        raise ValueError(f"found {query!r}, expected $release in it: else it counts the tasks of all releases")
    if _MADE_UP.search(_ASIDE.sub("", query)):
        raise ValueError(
            "found `or vector(...)`, expected no answer when there is no metric: it turns unknown into zero, and a "
            "release whose metric is missing would be deleted while at work; leave it out"
        )
    return query


ReleaseQuery = Annotated[str, AfterValidator(_asks_for_one_release)]
