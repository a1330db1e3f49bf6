"""The page of `rainbow report` in a real browser: what it shows, to whom, and what it never does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from rainbow.cli.report.page import page as written
from tests.cli.chromium import Heard, chromium, opened, until
from tests.cli.drawn import HOSTILE, drawn, hostile, many

pytestmark = pytest.mark.slow

CHARTS = ("lanes", "requests", "failures", "tasks")


Pages = dict[str, tuple[Page, Heard]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the module."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages, as files."""
    made = tmp_path_factory.mktemp("pages")
    for name, data in (("drawn", drawn()), ("hostile", hostile()), ("many", many())):
        (made / f"{name}.html").write_text(written(data), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def pages(browser: Browser, folder: Path) -> Iterator[Pages]:
    """Each opened once."""
    with ExitStack() as stack:
        names = ("drawn", "hostile", "many")
        yield {name: stack.enter_context(opened(browser, (folder / f"{name}.html").as_uri())) for name in names}


@pytest.fixture
def page(pages: Pages) -> Iterator[Page]:
    """The one with a bit of everything; afterwards it shows all again."""
    found, _ = pages["drawn"]
    yield found
    found.select_option("#release", "")
    found.set_viewport_size({"width": 1280, "height": 720})
    found.emulate_media(color_scheme="light", reduced_motion="no-preference")


@pytest.mark.parametrize("name", ["drawn", "hostile", "many"])
def test_it_needs_nobody_and_complains_about_nothing(pages: Pages, folder: Path, name: str) -> None:
    """Opened as a file without any network: nothing is asked for, the console is silent, all charts are drawn."""
    page, heard = pages[name]
    assert heard.asked == [(folder / f"{name}.html").as_uri()]
    assert heard.said == []
    assert [page.locator(f"#{chart} svg").count() for chart in CHARTS] == [1, 1, 1, 1]


def test_the_lanes_are_those_of_the_data(page: Page) -> None:
    """A bar for each segment that says what it is, a triangle for each switch, a cross for each deletion."""
    data = drawn()
    said = page.locator("#lanes [aria-roledescription=bar]").evaluate_all(
        "bars => bars.map(bar => bar.getAttribute('aria-label'))"
    )
    assert sorted(text.partition(" from ")[0] for text in said) == sorted(
        f"{lane['release']}: {lane['stage']}" for lane in data["lanes"]
    )
    assert any(text.endswith("to now") for text in said)
    assert page.locator("#lanes [aria-label^='switch to']").count() == len(data["switches"])
    assert page.locator("#lanes [aria-label*='Deleted at']").count() == 1


def test_what_is_pointed_at_is_told(page: Page) -> None:
    """In words, with times that people can read; Escape takes them away."""
    page.hover("#lanes [aria-label^='v2: Draining']", force=True)
    said = "release: v2\nstage: Draining\nfrom: 2026-05-04 09:20:00\nto: 2026-05-04 10:20:00"
    assert page.locator("#tip").inner_text() == said
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    page.locator("#tasks .mark-symbol path").last.hover(force=True)
    assert re.fullmatch(r"release: v\d\ntime: 2026-05-04 \d\d:\d\d:\d\d\nactive tasks: [\d.]+", page.inner_text("#tip"))


def test_unknown_is_a_gap_and_not_a_zero(page: Page) -> None:
    """The tasks of v2 are not known for half an hour: its line is drawn in two pieces."""
    lines = page.locator("#tasks .mark-line path").evaluate_all("lines => lines.map(line => line.getAttribute('d'))")
    assert sorted(line.count("M") for line in lines) == [1, 1, 1, 2]
    page.select_option("#release", "v2")
    assert page.locator("#t-tasks td", has_text="unknown").count() > 10


def test_whatever_others_write_stays_text(pages: Pages) -> None:
    """Markup and quotes in ids, reasons, names and messages are shown as they are, and never run."""
    page, _ = pages["hostile"]
    assert page.title() == f"Releases of {HOSTILE}"
    assert page.evaluate("document.images.length") == 0
    assert page.locator("script").count() == 4
    assert page.locator("h1").inner_text() == f"Releases of {HOSTILE}"
    for place in (
        "#about",
        "#hold",
        "#unknown-list li",
        "#t-releases tbody",
        "#t-events tbody",
        "#requests-legend",
    ):
        assert HOSTILE in page.locator(place).first.text_content()  # type: ignore[operator]
    page.hover("#lanes [aria-roledescription=bar] >> nth=1")
    assert HOSTILE in page.locator("#tip").inner_text()
    assert page.evaluate("document.images.length") == 0


def test_the_policy_of_the_page_stops_what_is_not_its_own(browser: Browser, folder: Path) -> None:
    """A script that was brought in does not run, text is not made into code, and nobody else is asked."""
    with opened(browser, (folder / "drawn.html").as_uri()) as (page, _):
        tried = """() => { const s = document.createElement('script'); s.textContent = 'window.brought = 1';
            document.body.append(s); return window.brought === undefined; }"""
        assert page.evaluate(tried)
        # Not at once: whoever looks into a page may do in it what the page may not.
        code = """() => new Promise(told => setTimeout(() => {
            try { told(new Function('return "ran"')()); } catch (error) { told(error.name); } }))"""
        assert page.evaluate(code) == "EvalError"
        assert page.evaluate("fetch('data.json').then(() => 'asked', error => error.name)") == "TypeError"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_it_fits_small_and_large_screens_in_both_themes(page: Page, width: int, scheme: Any) -> None:
    """Only tables and lanes scroll sideways, each in its own box; charts are as wide as there is room."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    fits = (
        f"[...document.querySelectorAll('.chart svg')].every(svg => svg.getBoundingClientRect().width > {0.8 * width})"
    )
    until(page, f"{fits} && document.documentElement.scrollWidth <= {width}")
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", ground)[:3])
    assert brightness > 600 if scheme == "light" else brightness < 150


def test_nothing_moves_for_those_who_want_none(page: Page) -> None:
    """Not even the way to the main part."""
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert page.evaluate("document.getAnimations().length") == 0


def test_it_is_walked_through_with_the_keyboard(browser: Browser, folder: Path) -> None:
    """In the order of the page, with a sign where one is; a choice and a table are a key away."""
    with opened(browser, (folder / "drawn.html").as_uri()) as (page, _):
        walked = []
        for _ in range(40):
            page.keyboard.press("Tab")
            name = page.evaluate(_FOCUSED)
            if name is None:
                break
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") not in ("none", "hidden"), (
                name
            )
            walked.append(name)
        assert walked == [
            "Skip to the releases",
            "release",
            "span",
            "Lanes of releases, scrollable",
            "Releases as a table",
            "Table of releases, scrollable",
            "Requests as a table",
            "Failures as a table",
            "Active tasks as a table",
            "Table of events, scrollable",
        ]
        page.locator("#release").focus()
        page.keyboard.press("ArrowDown")
        assert page.locator("#t-releases tbody tr").count() == 1
        assert page.locator("#t-releases tbody th").inner_text() == "v5"
        page.locator("#requests ~ details summary").focus()
        page.keyboard.press("Enter")
        assert page.locator("#t-requests caption").inner_text() == "v5, requests per second"


_FOCUSED = """() => { const at = document.activeElement;
    return at === document.body ? null : at.getAttribute('aria-label') || at.id || at.textContent; }"""


def test_the_time_can_be_narrowed(page: Page) -> None:
    """Events, tables and the height of a chart are those of the time that is left; choosing all brings it back."""
    before = page.locator("#t-events tbody tr").count()
    page.select_option("#span", label="last hour")
    assert page.locator("#t-events tbody tr").count() == 0
    assert page.inner_text("#tasks-said").startswith("2 releases with known values. The most is 8.")
    assert "12" not in page.locator("#tasks .role-axis-label").all_inner_texts()
    page.select_option("#span", label="all")
    assert page.locator("#t-events tbody tr").count() == before


def test_a_screen_reader_is_told_what_there_is(page: Page) -> None:
    """Landmarks, headings without a gap, a sentence for each chart, tables with heads; all one can go to has a name."""
    nodes = _tree(page)
    roles = [role for role, _, _ in nodes]
    assert {"banner", "main", "contentinfo", "form"} <= set(roles)
    levels = [node["level"] for role, _, node in nodes if role == "heading"]
    assert levels == [1, 2, 2, 2, 2, 2, 2]
    charts = page.locator("[role=graphics-document]").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert roles.count("graphics-document") == len(charts) == 4
    assert charts[0].startswith("5 releases in this time, 4 not deleted. Current is v5.")
    assert charts[1].startswith("4 releases with known values. The most is 69.98, of v5 at ")
    assert not [role for role, name, node in nodes if node.get("focusable") and not name and role != "RootWebArea"]
    assert roles.count("table") >= 2  # those in folded parts come with their opening
    assert {"columnheader", "rowheader"} <= set(roles)
    assert "status" in roles


def test_it_says_what_is_not_known_first(pages: Pages) -> None:
    """Before anybody looks at a picture with something missing; where nothing is missing, nothing is said."""
    shown = {name: page.locator("h2:visible").all_inner_texts() for name, (page, _) in pages.items()}
    assert shown["drawn"][0] == "What is not known"
    assert "What is not known" not in shown["many"]


def test_two_hundred_releases_in_a_week_stay_a_page(pages: Pages, folder: Path) -> None:
    """Of a few megabytes and not too many elements, with lanes that are scrolled in a box of their own."""
    assert (folder / "many.html").stat().st_size < 3e6
    page, _ = pages["many"]
    assert page.locator("#lanes svg").evaluate("svg => svg.getBoundingClientRect().height") > 4000
    assert page.locator(".tall >> nth=0").evaluate("box => box.clientHeight") < 700
    assert page.evaluate("document.querySelectorAll('*').length") < 60000
    page.select_option("#release", "v150")
    assert page.locator("#t-releases tbody tr").count() == 1


def _tree(page: Page) -> list[tuple[str, str, dict[str, Any]]]:
    """Role, name and properties of what assistive technology sees, in its order."""
    session = page.context.new_cdp_session(page)
    session.send("Accessibility.enable")
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    seen = [node for node in nodes if not node["ignored"]]
    return [
        (
            node["role"]["value"],
            node.get("name", {}).get("value", ""),
            {p["name"]: p["value"].get("value") for p in node.get("properties", [])},
        )
        for node in seen
    ]
