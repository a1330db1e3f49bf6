"""The page of the steps and that of the WorkflowTemplates that they make up, from their parameters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.fields import FieldInfo

from docs.site.markdown import code, paragraphs, table, text
from rainbow.model.durations import format_duration
from steps import STEPS, load
from steps.shape import inputs
from workflows.installation import installation
from workflows.settings import Settings

_STEPS = """What each pod of a workflow does. As a command: `rainbow step NAME --PARAMETER VALUE`; in other people's
workflows: a template of the same name, by `templateRef`. Every step can be killed at any line and run again;
`--dry-run` prints what it would do and why, and changes nothing.
"""
_SETTINGS = Settings(step_image="step", builder_image="builder", registry="registry")


def steps() -> str:
    """Each step with its parameters and outputs."""
    return "\n".join(["# Steps\n", _STEPS, *(_step(name) for name in STEPS)])


def _step(name: str) -> str:
    module = load(name)
    taken = {key.replace("_", "-") for key in inputs(module)}
    rows = [_parameter(key.replace("_", "-"), field, taken) for key, field in module.Params.model_fields.items()]
    about = (getattr(module, "__doc__", None) or "").split("\n\n", 1)[-1]
    parts = [f"## {name}\n", f"**{text(STEPS[name])}**\n", paragraphs(about) + "\n"]
    parts.append(table(["parameter", "meaning", "default", "in Argo"], rows))
    if module.OUTPUTS:
        outputs = ", ".join(code(output) for output in module.OUTPUTS)
        parts.append(f"Outputs: {outputs}.\n")
    parts.append(f"[What it may do](rights.md#rainbow-{name}).\n")
    return "\n".join(parts)


def _parameter(name: str, field: FieldInfo, taken: set[str]) -> list[str]:
    default = "required" if field.is_required() else _default(field.default)
    known = "workflow's own" if name == "namespace" else "input" if name in taken else ""
    return [code(name), text(field.description or ""), default, known]


def _default(value: Any) -> str:
    if isinstance(value, timedelta):
        return code(format_duration(value))
    return "" if value in (None, "", (), [], {}) else code(str(value).lower() if isinstance(value, bool) else value)


def templates() -> str:
    """The WorkflowTemplates and the CronWorkflow of an installation, with the parameters that a submitter gives."""
    made = [o for o in installation("NAMESPACE", _SETTINGS) if o["apiVersion"].startswith("argoproj.io/")]
    intro = "What `rainbow install` puts into a namespace for Argo, and what can be submitted from its UI.\n"
    return "\n".join(["# Workflow templates\n", intro, *(_template(obj) for obj in made)])


def _template(obj: dict[str, Any]) -> str:
    meta, spec = obj["metadata"], obj["spec"]
    notes = meta.get("annotations") or {}
    parts = [f"## {meta['name']} ({obj['kind']})\n", text(notes.get("workflows.argoproj.io/description", "")) + "\n"]
    inner = spec.get("workflowSpec", spec)
    if schedules := spec.get("schedules"):
        parts.append(f"When: {', '.join(code(s) for s in schedules)}.\n")
    rows = [
        [code(p["name"]), text(p.get("description", "")), code(p["value"]) if "value" in p else "required"]
        for p in (inner.get("arguments") or {}).get("parameters", [])
    ]
    if rows:
        parts.append(table(["parameter", "meaning", "default"], rows))
    return "\n".join(parts)
