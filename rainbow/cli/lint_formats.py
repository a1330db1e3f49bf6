"""Findings for whoever reads them: people, programs, code scanners (SARIF 2.1.0) and the log of a GitHub job."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from rainbow import __version__
from rainbow.decisions.findings import Finding, Severity
from rainbow.decisions.lint import RULES

WIDE = 2000
_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}


@dataclass(frozen=True)
class Located:
    """A finding, and where it is to be mended. `file` is relative to the current folder where it can be."""

    finding: Finding
    file: str
    line: int


def table(found: Sequence[Located]) -> None:
    """On standard output; in a file or a pipe each finding is one line, however long."""
    if not found:
        return
    shown = Table("", "rule", "object", "where", "why", "fix", box=None, pad_edge=False)
    for one in found:
        colour = _COLOURS[one.finding.severity]
        severity = f"[{colour}]{one.finding.severity}[/]"
        where = f"{one.file}:{one.line}"
        texts = (one.finding.rule, one.finding.object, where, one.finding.why, one.finding.fix)
        shown.add_row(severity, *(text.replace("[", r"\[") for text in texts))
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(shown, highlight=False)


def as_json(found: Sequence[Located]) -> str:
    """A list of findings."""
    return json.dumps({"findings": [_plain(one) for one in found]}, indent=2)


def as_github(found: Sequence[Located]) -> str:
    """Workflow commands that become annotations (GitHub Actions, "Workflow commands")."""
    return "\n".join(
        f"::{one.finding.severity} file={_property(one.file)},line={one.line},title={_property(_title(one.finding))}::"
        f"{_data(f'{one.finding.why}. To mend it: {one.finding.fix}')}"
        for one in found
    )


def as_sarif(found: Sequence[Located]) -> str:
    """One run (OASIS, "Static Analysis Results Interchange Format", 2.1.0)."""
    names = list(RULES)
    rules = [_sarif_rule(name, module.__doc__ or "") for name, module in RULES.items()]
    driver = {"name": "rainbow lint", "semanticVersion": __version__, "rules": rules}
    results = [
        {
            "ruleId": one.finding.rule,
            "ruleIndex": names.index(one.finding.rule),
            "level": str(one.finding.severity),
            "message": {"text": f"{one.finding.object}: {one.finding.why}. To mend it: {one.finding.fix}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": one.file.replace("%", "%25").replace(" ", "%20")},
                        "region": {"startLine": one.line},
                    },
                    "logicalLocations": [{"fullyQualifiedName": f"{one.finding.object} {one.finding.where}"}],
                }
            ],
        }
        for one in found
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2)


FORMATS: Mapping[str, Callable[[Sequence[Located]], str]] = {"json": as_json, "sarif": as_sarif, "github": as_github}


def _plain(one: Located) -> dict[str, Any]:
    finding = one.finding
    head = {"rule": finding.rule, "severity": str(finding.severity), "object": finding.object}
    place = {"file": one.file, "line": one.line, "path": finding.where}
    mending = {"patch": finding.patch, "resource": finding.resource}
    return head | place | {"why": finding.why, "fix": finding.fix} | {k: v for k, v in mending.items() if v is not None}


def _sarif_rule(name: str, text: str) -> dict[str, Any]:
    first, _, rest = text.strip().partition("\n\n")
    described = {"id": name, "shortDescription": {"text": _one_line(first)}}
    return described | {"fullDescription": {"text": _one_line(rest or first)}}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _title(finding: Finding) -> str:
    return f"{finding.rule}: {finding.object}"


def _escaped(text: str, signs: Iterable[tuple[str, str]]) -> str:
    for sign, code in signs:
        text = text.replace(sign, code)
    return text


_BREAKS = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))


def _data(text: str) -> str:
    return _escaped(text, _BREAKS)


def _property(text: str) -> str:
    return _escaped(text, (*_BREAKS, (":", "%3A"), (",", "%2C")))
