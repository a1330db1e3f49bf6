"""The charts of the page, as Vega-Lite specifications without data: the page hands that in by the names used here.

All colours are CSS variables of the page, so that light and dark need no second drawing, and all that is coloured is
shaped as well: patterns for phases, dashes for releases. `begin` and `end` are the time that is shown, `top` the
highest value, `chosen` the release that is shown, or nothing for all.
"""

from __future__ import annotations

from typing import Any

from rainbow.decisions.lanes import Stage

Spec = dict[str, Any]

LANE = 20  # pixels; the page multiplies it by the number of releases
HUES = 8  # colours of releases, --hue-0 and so on
DASHES = ([1, 0], [6, 3], [2, 2], [8, 2, 2, 2])
STAGES = {stage: stage.lower().replace(" ", "-") for stage in Stage}  # stage → name of its pattern and variable
_CHOSEN = "chosen === '' || datum.release === chosen"
_FADED: Spec = {"condition": {"test": _CHOSEN, "value": 1}, "value": 0.15}
_PARAMS = {"begin": 0, "end": 1, "top": 1, "chosen": ""}
_TICKS = {
    "year": "%Y",
    "month": "%b %Y",
    "week": "%d %b",
    "date": "%d %b",
    "hours": "%H:%M",
    "minutes": "%H:%M",
    "seconds": "%H:%M:%S",
}

CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": "var(--line)"},
    "axis": {
        "labelColor": "var(--text)",
        "titleColor": "var(--text)",
        "gridColor": "var(--grid)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 110,
    },
}


def specs() -> dict[str, Spec]:
    """The id of its place in the page → the chart."""
    return {
        "lanes": _lanes(),
        "requests": _series("requests", "requests per second"),
        "failures": _series("failures", "failed requests per second"),
        "tasks": _series("tasks", "active tasks"),
    }


def _base(height: int) -> Spec:
    return {
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": [{"name": name, "value": value} for name, value in _PARAMS.items()],
        "config": CONFIG,
    }


def _time(field: str, **axis: Any) -> Spec:
    ticks = {"expr": "max(2, floor(width / 110))"}
    shown = {"title": None, "tickCount": ticks, "labelOverlap": True, "labelFlush": True, "format": _TICKS}
    return {"field": field, "type": "temporal", "scale": {"type": "utc"}, "axis": shown | axis}


def _main(encoded: Spec, begin: str, end: str) -> Spec:
    """With the bounds of what is drawn: they are given once for all layers, which share their scales."""
    return encoded | {"scale": encoded["scale"] | {"domain": [{"expr": begin}, {"expr": end}]}}


def _tip(*fields: str) -> list[Spec]:
    """What is told of an item that is pointed at; the page has made text of its times."""
    return [{"field": field, "title": field, "type": "nominal"} for field in fields]


def _lanes() -> Spec:
    lane = {"field": "release", "type": "nominal", "sort": None, "axis": {"title": None, "domain": False}}

    def coloured(range_: str) -> Spec:
        scale = {"domain": list(STAGES), "range": [range_.format(name) for name in STAGES.values()]}
        return {"field": "stage", "type": "nominal", "scale": scale, "legend": None}

    bars = {
        "mark": {"type": "bar", "clip": True, "strokeWidth": 1, "height": {"band": 0.75}},
        "encoding": {
            "x": _time("begin", orient="top"),
            "x2": {"field": "end"},
            "y": lane,
            "fill": coloured("url(#pattern-{})"),
            "stroke": coloured("var(--stage-{})"),
            "opacity": _FADED,
            "description": {"field": "label"},
            "tooltip": _tip("release", "stage", "from", "to"),
        },
    }
    deletions = {
        "data": {"name": "deletions"},
        "mark": {"type": "point", "shape": "M-1,-1L1,1M1,-1L-1,1", "size": 70, "strokeWidth": 2, "clip": True},
        "encoding": {
            "x": _main(_time("at", orient="top"), "begin", "end"),
            "y": lane,
            "stroke": {"value": "var(--text)"},
            "opacity": _FADED,
            "description": {"field": "label"},
            "tooltip": _tip("release", "deleted"),
        },
    }
    return {**_base(LANE), "data": {"name": "lanes"}, "layer": [bars, deletions, _switches(dots=lane)]}


def _series(name: str, title: str) -> Spec:
    value = {"field": "value", "type": "quantitative", "title": title, "scale": {"nice": True}}
    hue = {
        "field": "hue",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(range(HUES)), "range": [f"var(--hue-{n})" for n in range(HUES)]},
    }
    dash = {"field": "dash", "type": "nominal", "legend": None}
    dash["scale"] = {"domain": list(range(len(DASHES))), "range": list(DASHES)}  # type: ignore[assignment]
    shared = {"x": _time("at"), "y": value, "stroke": hue, "opacity": _FADED}
    line = {
        "mark": {"type": "line", "clip": True, "strokeWidth": 2},
        "encoding": {
            **shared,
            "x": _main(_time("at"), "begin", "end"),
            "y": _main(value, "0", "top"),
            "strokeDash": dash,
            "detail": {"field": "release"},
        },
    }
    dots = {
        "data": {"name": f"{name}-dots"},
        "mark": {"type": "point", "clip": True, "size": 30, "aria": False},
        "encoding": shared,
    }
    # Broad and unseen: what can be pointed at.
    near = {
        "data": {"name": f"{name}-near"},
        "mark": {"type": "point", "clip": True, "size": 120, "strokeWidth": 0, "fill": "transparent", "aria": False},
        "encoding": {
            "x": _time("at"),
            "y": value,
            "tooltip": [*_tip("release", "time"), {"field": "value", "title": title}],
        },
    }
    return {**_base(180), "data": {"name": name}, "layer": [_switches(), line, dots, near]}


def _switches(dots: Spec | None = None) -> Spec:
    """A line at each switch; with lanes a triangle in that of its release."""
    told = {"description": {"field": "label"}, "tooltip": _tip("current", "since"), "opacity": _FADED}
    orient = {"orient": "top"} if dots else {}
    rule = {
        "mark": {"type": "rule", "clip": True, "strokeDash": [3, 3], "stroke": "var(--line)"},
        "encoding": {"x": _time("at", **orient), **told},
    }
    triangle = {
        "mark": {"type": "point", "shape": "triangle-right", "size": 60, "filled": True, "clip": True, "aria": False},
        "encoding": {"x": _time("at", **orient), "y": dots, "fill": {"value": "var(--text)"}, "opacity": _FADED},
    }
    marks = [rule, triangle | {"data": {"name": "turns"}}] if dots else [rule]
    return {"data": {"name": "switches"}, "layer": marks}
