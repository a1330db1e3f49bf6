"""The site: it is built without a warning, holds together, asks nobody for anything, and its reference is whole."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from docs.site.__main__ import build, built
from docs.site.configuration import rainbow_yaml
from docs.site.exit_codes import page as exit_codes
from docs.site.metrics import page as metrics
from docs.site.stage import CHECKOUT, DOCS, DeadLink, Stage
from docs.site.whys import why
from rainbow.cli import COMMANDS
from rainbow.model.app import AppConfig
from steps import STEPS, load
from workflows.rbac import rules

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """What a page links to, loads, and can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Sort it."""
        given = dict(attrs)
        self.anchors |= {value for key in ("id", "name") if (value := given.get(key))}
        if tag == "a" and (target := given.get("href")):
            self.links.append(target)
        loads = given.get("src") or (given.get("href") if tag == "link" else None)
        if loads:
            self.loaded.append(loads)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole of it, built."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    assert build(folder) == 0, "see the warnings above: each is an error"
    return folder


def test_every_link_within_it_leads_to_a_page_and_a_place(site: Path) -> None:
    """Anchors, too."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    assert len(pages) > 50
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path.relative_to(site)}: {link}"
            if parts.fragment and target in pages:
                assert parts.fragment in pages[target].anchors, f"{path.relative_to(site)}: {link}"


def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    """No fonts, scripts or pictures of others: it reads the same without a network."""
    for path in site.rglob("*.html"):
        for loaded in Page(path).loaded:
            assert not urlsplit(loaded).netloc, f"{path.relative_to(site)}: {loaded}"
    for path in site.rglob("*.css"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//", path.read_text()), path.name
        assert "@import" not in path.read_text(), path.name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("# Page\n\n[there](#page)", 0),
        ("# Page\n\n[nowhere](#no-such-place)", 1),
        ("# Page\n\n[no page](other.md)", 1),
        ("# Page\n\n### Too deep", 1),
    ],
)
def test_a_warning_fails_the_build(tmp_path: Path, text: str, code: int) -> None:
    """Links to places and pages that are not there, and headings in disorder."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "index.md").write_text(text)
    assert built(tmp_path / "source", tmp_path / "site") == code


def test_the_reference_is_whole(site: Path) -> None:
    """Each command, step and key has its place, in what people see."""
    commands = Page(site / "reference" / "command-line.html").anchors
    assert {f"rainbow-{name}" for name in COMMANDS} <= commands
    assert set(STEPS) <= Page(site / "reference" / "steps.html").anchors
    keys = AppConfig.model_json_schema(by_alias=True)["properties"]
    text = rainbow_yaml()
    for key in keys:
        assert f"`{key}`" in text, key
    assert "`5m`" in text, "defaults of durations are shown as they are written"
    assert "PT5M" not in text
    for code in (0, 1, 2, 75, 130):
        assert f"| `{code}` |" in exit_codes()


def test_alerts_read_as_sentences() -> None:
    """Nothing of their templates is left, and each leads to what is to be done."""
    text = metrics()
    assert "[RainbowReleaseStuck](../how-to/alerts.md#rainbowreleasestuck)" in text
    assert "RELEASE of APP in NAMESPACE" in text
    assert "{{" not in text.replace("\\", "")


@pytest.mark.parametrize("step", STEPS)
def test_every_right_says_why(step: str) -> None:
    """Each rule of a step's Role has a comment beside it, which the page of the rights shows."""
    for rule in rules(step):
        assert len(why(step, rule)) > 15, rule


def test_a_right_without_a_reason_is_an_error() -> None:
    """Nobody has to notice by reading."""
    assert load("switch")
    with pytest.raises(LookupError, match="no comment says why it may"):
        why("switch", {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})


def test_a_link_to_nothing_is_an_error(tmp_path: Path) -> None:
    """With the page on which it stands."""
    stage = Stage(tmp_path, frozenset())
    assert "(routes.md)" in stage.rewritten(DOCS / "how-to" / "approve.md")
    with pytest.raises(DeadLink, match=r"docs/how-to/approve.md: nowhere.md leads to no file"):
        stage._target(DOCS / "how-to" / "approve.md", "nowhere.md")


def test_links_through_the_checkout_stay_on_the_site(tmp_path: Path) -> None:
    """A README, the page of a folder, a source, a page that is made from the code."""
    stage = Stage(tmp_path, frozenset({"reference/steps.md"}))
    page = DOCS / "how-to" / "approve.md"
    assert stage._target(page, "../../examples/spawn/README.md#settings") == "../examples/spawn.md#settings"
    assert stage._target(page, "../lint/README.md") == "../lint/index.md"
    assert stage._target(page, "../../README.md") == "../index.md"
    assert stage._target(page, "../reference/steps.md") == "../reference/steps.md"
    assert stage._target(page, "../../rainbow/decisions/drain.py") == "../files/rainbow/decisions/drain.py.md"
    assert stage._target(page, "https://example.org/x.md") == "https://example.org/x.md"


def test_a_folder_that_is_no_site_is_left_alone(tmp_path: Path) -> None:
    """A slip in the name would otherwise cost somebody's files."""
    (tmp_path / "mine").write_text("kept")
    said = subprocess.run(
        [sys.executable, "-m", "docs.site", str(tmp_path)], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert (said.returncode, "is no site" in said.stderr) == (2, True), said.stderr
    assert (tmp_path / "mine").read_text() == "kept"
