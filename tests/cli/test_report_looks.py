"""The colours of the report can be told from their ground by everybody, and nothing is said by colour alone."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from rainbow.cli.report.charts import CONFIG, DASHES, HUES, STAGES, specs
from rainbow.cli.report.page import _pattern
from rainbow.decisions.lanes import Stage

CSS = files("rainbow.cli.report").joinpath("page.css").read_text()
SCRIPT = files("rainbow.cli.report").joinpath("page.js").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.S)
)
THEMES = {"light": LIGHT, "dark": DARK}


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_both_themes_have_the_same_colours() -> None:
    """One that is missing in the dark would be drawn as in the light."""
    assert set(LIGHT) == set(DARK)
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("text", "ground"),
    [(t, g) for g in ("page", "panel", "warn-page") for t in ("text", "soft", "link", "warn")],
)
def test_text_can_be_read(theme: str, text: str, ground: str) -> None:
    """WCAG 1.4.3: 4.5 to 1."""
    assert contrast(THEMES[theme][text], THEMES[theme][ground]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["line", *(f"hue-{n}" for n in range(HUES)), *(f"stage-{s}" for s in STAGES.values())])
def test_lines_and_bars_can_be_seen(theme: str, name: str) -> None:
    """WCAG 1.4.11: 3 to 1 for what is needed to understand a picture."""
    assert contrast(THEMES[theme][name], THEMES[theme]["page"]) >= 3


def test_each_phase_has_a_pattern_of_its_own() -> None:
    """For whoever sees no colours, or a page in black and white."""
    shapes = {re.sub(r'(id|class)="[^"]*(stage|pattern)-[^"]*"', "", _pattern(stage)) for stage in Stage}
    assert len(shapes) == len(Stage)


def test_releases_next_to_each_other_differ_by_their_dashes() -> None:
    """Four kinds, in turns; the page draws them and the legend alike."""
    assert len({str(dash) for dash in DASHES}) == len(DASHES) == 4
    written = re.search(r"DASHES = (\[.*?\])", SCRIPT)
    assert written is not None
    assert written[1] == str([" ".join(map(str, dash)) for dash in DASHES]).replace("'", '"')
    assert f"HUES = {HUES}," in SCRIPT


def test_charts_use_colours_of_the_page_only() -> None:
    """Any other would stay as it is when the theme changes."""
    used = set(re.findall(r"var\(--([\w-]+)\)", f"{specs()}{CONFIG}{CSS}"))
    assert used <= set(LIGHT)
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?!-)", f"{specs()}".replace("url(#pattern", ""))
