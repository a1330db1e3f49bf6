"""A draft as the app that it describes, and what is added once that is known: what is left out, what is hardened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rainbow.decisions import lint
from rainbow.decisions.chart import named
from rainbow.decisions.draft_text import Draft
from rainbow.decisions.rendering import kept, refusals
from rainbow.decisions.workloads import Base
from rainbow.model.app import AppConfig

Object = dict[str, Any]


def completed(draft: Draft, objects: Sequence[Object]) -> Draft:
    """With what a chart makes and a release cannot have left out, and `harden` for what lint would complete."""
    app = config(draft)
    if "helm" in draft.manifests:
        out = [named(obj) for obj in objects if refusals(app, [obj])]
        if out:
            chart = {**draft.manifests["helm"], "leaveOut": [*draft.manifests["helm"].get("leaveOut", []), *out]}
            draft = replace(draft, manifests={"helm": chart})
        objects = [obj for obj in objects if named(obj) not in out]
    report = lint.lint(Base(app, kept(app, objects), {}))
    return replace(draft, harden=sorted({one.rule for one in report.findings if one.mendable}))


def config(draft: Draft) -> AppConfig:
    """What the draft means, without its comments. Raises pydantic.ValidationError."""
    prometheus = {"url": draft.prometheus, "query": draft.query}
    rolled: dict[str, Any] = {"rolling": {"workloads": list(draft.rolled)}} if draft.rolled else {}
    return AppConfig.model_validate(
        {
            "app": draft.app,
            "namespace": draft.namespace,
            "manifests": draft.manifests,
            "route": {draft.route: {"name": draft.route_name, "url": draft.url, "checkPath": draft.check_path}},
            "drain": {"prometheus": prometheus},
            **({"strategy": "rolling"} if draft.rolling else rolled),
        }
    )
