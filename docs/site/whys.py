"""Why a step has a right: the comment beside the rule in the code.

The rules of a step are put together from lists of several modules; each rule is looked up in the modules that the step
imports, the step's own first. A comment holds for the rules below it, up to the next comment or the next list.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from rainbow.adapters.events import TELLING

Rule = Mapping[str, Any]


def why(step: str, rule: Rule) -> str:
    """The comment. Raises LookupError when there is none: each right has a reason (workflows/rbac.py)."""
    if rule == TELLING:
        return "What it did is told as an event of the record."
    written = [pair for module in _modules(f"steps.{step.replace('-', '_')}") for pair in _rules(module)]
    reasons = [reason for found, reason in written if found == rule]
    reasons += [reason for found, reason in written if _narrowed(found, rule)]
    if not (reason := next(filter(None, reasons), "")):
        raise LookupError(f"step {step}: no comment says why it may {rule}")
    return _sentence(reason)


def _narrowed(found: Rule, rule: Rule) -> bool:
    """Whether the rule is made of one that has no verbs yet."""
    return "verbs" not in found and {k: v for k, v in rule.items() if k != "verbs"} == found


@cache
def _modules(name: str) -> tuple[str, ...]:
    """The module, and those of ours that it takes anything from, the nearest first."""
    order, left = [name], [name]
    while left:
        source = ast.parse(inspect.getsource(import_module(left.pop(0))))
        for node in source.body:
            taken = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            taken += [f"{node.module}.{a.name}" for a in node.names] if isinstance(node, ast.ImportFrom) else []
            for module in taken:
                if module not in order and module.split(".")[0] in ("steps", "rainbow") and _is_module(module):
                    order.append(module)
                    left.append(module)
    return tuple(order)


def _is_module(name: str) -> bool:
    try:
        return isinstance(import_module(name), ModuleType)
    except ImportError:
        return False


@cache
def _rules(module: str) -> tuple[tuple[Rule, str], ...]:
    """The rules that are written down or taken over in a module, each with its comment."""
    loaded = import_module(module)
    source = inspect.getsource(loaded)
    if "RULES" not in source and '"apiGroups"' not in source:
        return ()
    lines = source.splitlines()
    statements = [node for node in ast.parse(source).body if isinstance(node, ast.Assign | ast.AnnAssign)]
    return tuple(found for statement in statements for found in _written(statement, lines, vars(loaded)))


def _written(
    statement: ast.Assign | ast.AnnAssign, lines: list[str], names: dict[str, Any]
) -> Iterator[tuple[Rule, str]]:
    above = _comment(statement.lineno, lines)
    value, reason = statement.value, above
    for element in value.elts if isinstance(value, ast.List | ast.Tuple) else [value]:
        if element is None:
            continue
        own = _comment(element.lineno, lines)
        reason = own or (reason if isinstance(element, ast.Dict) else above)
        if isinstance(element, ast.Dict) and _is_rule(element):
            yield eval(compile(ast.Expression(element), "rules", "eval"), names), reason  # noqa: S307 - our own source
        elif isinstance(element, ast.Starred) and own:
            # A list of another module, taken over for a reason of this one.
            lists = [names.get(node.id) for node in ast.walk(element) if isinstance(node, ast.Name)]
            yield from ((rule, own) for taken in lists if isinstance(taken, list | tuple) for rule in taken)


def _is_rule(node: ast.Dict) -> bool:
    return any(isinstance(key, ast.Constant) and key.value == "apiGroups" for key in node.keys)


def _comment(number: int, lines: list[str]) -> str:
    """The lines of comment directly above a line."""
    found: list[str] = []
    index = number - 2
    while index >= 0 and (line := lines[index].strip()).startswith("#"):
        found.insert(0, line.lstrip("# "))
        index -= 1
    return " ".join(found)


def _sentence(reason: str) -> str:
    # The lists of rules that several steps share begin with whom they are for.
    reason = re.sub(r"^For (the|a) roles? [^:.;]*[:.;] (?=.)", "", reason)
    return reason[:1].upper() + reason[1:] + ("" if reason.endswith((".", "?")) else ".")
