"""The page of the rights: the Role of each step's ServiceAccount, each rule with the why that stands beside it."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

from docs.site.markdown import code, table, text
from docs.site.whys import why
from steps import STEPS
from workflows.rbac import access, rules
from workflows.step_template import service_account

Rule = dict[str, Any]
_INTRO = """Each step runs as a ServiceAccount of its own, `rainbow-STEP`, whose Role allows what is listed here in the
namespace, and nothing else: none has a right in the whole cluster. The pods of your tests and migrations get no token,
unless you name a ServiceAccount for them."""


def page() -> str:
    """Role by role."""
    parts = [
        "# Rights\n",
        _INTRO + "\n",
        "## All steps\n",
        _table([(_executor(), "Argo's executor reports its outputs.")]),
    ]
    for step in STEPS:
        reasons = [(rule, why(step, rule)) for rule in rules(step)]
        parts += [f"## {service_account(step)}\n", f"{text(STEPS[step])}\n", _table(reasons)]
    return "\n".join(parts)


def _table(reasons: list[tuple[Rule, str]]) -> str:
    """Rules that follow each other for one reason are one row."""
    rows = [
        ["<br>".join(line for rule, _ in together for line in _lines(rule)), text(reason)]
        for reason, together in groupby(reasons, key=itemgetter(1))
    ]
    return table(["may", "why"], rows)


def _lines(rule: Rule) -> list[str]:
    """Resources as `kubectl auth can-i` takes them."""
    named = f" (only {', '.join(code(n) for n in rule['resourceNames'])})" if "resourceNames" in rule else ""
    return [
        f"{', '.join(rule['verbs'])} {code(_resource(resource, group))}{named}"
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    ]


def _resource(resource: str, group: str) -> str:
    name, _, below = resource.partition("/")
    return ".".join(filter(None, [name, group])) + (f"/{below}" if below else "")


def _executor() -> Rule:
    """The one rule that a Role has besides those of its step."""
    step = next(iter(STEPS))
    role = next(o for o in access("n") if o["kind"] == "Role" and o["metadata"]["name"] == service_account(step))
    (rule,) = [rule for rule in role["rules"] if rule not in rules(step)]
    found: Rule = rule
    return found
