"""One HTML page that holds all it needs: its data, its style and its scripts, and asks nobody for anything.

Its Content-Security-Policy names the scripts and the style by their hashes, so that nothing that found its way into the
data could ever run. Data goes into a block that is no script, and the scripts make text of it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any

from rainbow.cli.report.charts import STAGES, specs
from rainbow.decisions.lanes import Stage

# What a pattern consists of besides its ground, in a square of 8: colour is never the only sign.
_STROKES = {
    Stage.PENDING: "M1,4h2",
    Stage.TESTING: "M2,1v2M6,5v2",
    Stage.READY: "M0,2h8M0,6h8",
    Stage.DRAINING: "M-2,2l4,-4M0,8l8,-8M6,10l4,-4",
    Stage.DRAINED: "",
    Stage.FAILED: "M0,0l8,8M0,8l8,-8",
    Stage.NOT_RECORDED: "M2,0v8M6,0v8",
}


def page(data: dict[str, Any]) -> str:
    """The page of a picture (rainbow.decisions.report). With `refresh` in it, milliseconds, it asks for newer data."""
    style, script, library = _part("page.css"), _part("page.js"), _library()
    return Template(_part("page.html")).substitute(
        title=html.escape(f"Releases of {data['app']}"),
        policy=html.escape(policy(live="refresh" in data)),
        style=style,
        legend=_legend(),
        patterns="".join(_pattern(stage) for stage in Stage),
        specs=_json(specs()),
        data=_json(data),
        library=library,
        script=script,
    )


def policy(*, live: bool) -> str:
    """What the page may load: its own scripts and style, and with `live` data from where it came from."""
    scripts = " ".join(_hash(text) for text in (_library(), _part("page.js")))
    rules = {
        "default-src": "'none'",
        "script-src": scripts,
        "style-src": _hash(_part("page.css")),
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in (rules | ({"connect-src": "'self'"} if live else {})).items())


@cache
def _library() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, as the installed package brings them; it takes seconds."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    # In a function of its own: its short names would else be names of the page.
    return "(() => {" + bundle.replace("</script", "<\\/script") + "\n})();"


@cache
def _part(name: str) -> str:
    return files("rainbow.cli.report").joinpath(name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    """JSON in which nothing ends the block that it stands in (HTML, "Restrictions for contents of script elements")."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _pattern(stage: Stage) -> str:
    name = STAGES[stage]
    ground = '<rect width="8" height="8" class="{}"/>'
    if stage is Stage.CURRENT:
        inner = ground.format("solid")
    else:
        inner = ground.format("blank") + f'<path d="{_STROKES[stage]}" class="stage-{name}" stroke-width="1.6"/>'
    return f'<pattern id="pattern-{name}" width="8" height="8" patternUnits="userSpaceOnUse">{inner}</pattern>'


def _legend() -> str:
    box = '<rect x="1" y="1" width="26" height="12" fill="url(#pattern-{0})" class="stage-{0}"/>'
    svg = '<svg width="28" height="14" aria-hidden="true">{}</svg>'
    return "".join(f"<li>{svg.format(box.format(name))}{stage}</li>" for stage, name in STAGES.items())
