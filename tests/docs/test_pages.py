"""What the pages show is so: commands are run by a test, YAML is valid, files that are named exist."""

from __future__ import annotations

import re
import sys
from collections import Counter
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.site.markdown import text
from docs.site.stage import CHECKOUT, FENCED
from rainbow.model.app import AppConfig
from tests.docs.pages import ADDRESS_BOOK, HELLO, OWN_TESTS, SPAWN, TWO_COMMANDS, Block, blocks, pages
from workflows.settings import Settings

PAGES = [str(page.relative_to(CHECKOUT)) for page in pages()]
BLOCKS = [block for page in pages() for block in blocks(page)]
# Blocks that no test runs; the reason of each stands above it.
NOT_RUN = {
    "docs/how-to/adopt.md": 1,
    "docs/how-to/approve.md": 1,
    "docs/how-to/ci.md": 1,
    "docs/how-to/init.md": 1,
    "docs/how-to/retry.md": 1,
    "docs/how-to/roll-back.md": 1,
}
# The rest of a rainbow.yaml of which a page shows a part.
MINIMAL: dict[str, Any] = {
    "app": "shop",
    "namespace": "shop",
    "manifests": {"kustomize": "deploy"},
    "route": {"ingress": {"name": "shop", "url": "http://proxy"}},
    "drain": {"prometheus": {"url": "http://prometheus", "query": 'sum(tasks{release="$release"})'}},
}


@pytest.mark.parametrize("name", PAGES)
def test_every_command_is_run_by_a_test(name: str) -> None:
    """Of the whole page, in the order of the page."""
    if not any(block.kind == "sh" for block in blocks(CHECKOUT / name)):
        return
    if name in OWN_TESTS:
        own = (CHECKOUT / OWN_TESTS[name]).read_text()
        assert Path(name).name in own, f"{OWN_TESTS[name]} does not take the commands of {name}"
        return
    commands = {line for b in blocks(CHECKOUT / name) if b.kind == "sh" for line in b.text.split("\n") if line}
    assert name in {*SPAWN, *HELLO, *ADDRESS_BOOK} or commands <= set(TWO_COMMANDS), (
        f"{name}: add it to tests/docs/pages.py"
    )


def test_what_is_not_run_says_why() -> None:
    """Blocks of `console` are commands that no test runs: they are counted, and the reason stands above each."""
    console = [block for block in BLOCKS if block.kind == "console"]
    for block in console:
        sys.stdout.write(f"not run: {block.where}: {block.reason}\n")
        assert block.reason, f"{block.where}: say why it is not run, in a comment <!-- not run: ... --> above it"
        for test in re.findall(r"tests/[\w/]+(?:\.py)?", block.reason):
            assert (CHECKOUT / test).exists(), f"{block.where}: {test} is not there"
    assert Counter(block.page for block in console) == NOT_RUN


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_commands_hide_in_no_other_block(block: Block) -> None:
    """A block is of a kind that a test knows, and what looks like commands is run."""
    assert block.kind in {"sh", "console", "text", "yaml", "python", "sql"}, f"{block.where}: {block.kind}"
    if block.kind == "text":
        assert not re.search(r"^\$? ?(rainbow|kubectl|make|curl|git|helm) ", block.text, re.M), block.where


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "yaml"], ids=lambda block: block.where)
def test_yaml_is_valid(block: Block) -> None:
    """All of it can be read; parts of a rainbow.yaml and of settings fit their models."""
    for document in yaml.safe_load_all(block.text):
        keys = set(document) if isinstance(document, dict) else set()
        if keys and keys <= set(AppConfig.model_json_schema(by_alias=True)["properties"]):
            AppConfig.model_validate(_merged(MINIMAL, document))
        elif keys and keys <= set(Settings.model_fields):
            Settings.model_validate({"step_image": "step", "builder_image": "builder", "registry": "r"} | document)


def test_every_link_of_the_readme_leads_somewhere() -> None:
    """To a file; those of the other pages, and all anchors, are checked by the build of the site."""
    readme = FENCED.sub("", (CHECKOUT / "README.md").read_text())
    links = re.findall(r"\]\(((?!http|#)[^)#]+)", readme) + re.findall(r"^\| `([\w/]+/)` \|", readme, re.M)
    assert len(links) > 20
    for link in links:
        assert (CHECKOUT / link).exists(), link


def test_links_to_others_are_listed() -> None:
    """No test asks them; docs/external-links.txt is the list that a person goes through."""
    found = set(
        chain.from_iterable(re.findall(r"\]\((https?://[^)\s]+)\)", FENCED.sub("", p.read_text())) for p in pages())
    )
    assert sorted(found) == (CHECKOUT / "docs" / "external-links.txt").read_text().split()


def test_code_names_pages_that_exist() -> None:
    """In messages, docstrings and comments."""
    for folder in ("rainbow", "steps", "workflows", "bench", "cluster", "examples"):
        for path in (CHECKOUT / folder).rglob("*.py"):
            for name in re.findall(r"\bdocs/[\w/.-]*\w", path.read_text()):
                if "helm.sh/docs" not in path.read_text() or not name.startswith("docs/intro"):
                    assert (CHECKOUT / name).exists(), f"{path.relative_to(CHECKOUT)} names {name}"


def test_recipes_name_files_that_exist() -> None:
    """What stands as code on the pages for those who carry on the work; patterns with <> are for new files."""
    for page in ("architecture", "adding"):
        written = FENCED.sub("", (CHECKOUT / "docs" / "project" / f"{page}.md").read_text())
        for name in re.findall(r"`((?:rainbow|steps|workflows|tests|docs|cluster)/[^`<>*]+)`", written):
            assert (CHECKOUT / name).exists(), f"{page}: {name}"


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("STEPS", "steps"),
        ("OPERATIONS", "workflows.operation"),
        ("PATH", "workflows.release"),
        ("RouteKind", "rainbow.adapters.routes"),
        ("KINDS", "rainbow.adapters.routes"),
        ("RULES", "rainbow.decisions.lint"),
        ("AppConfig", "rainbow.model.app"),
        ("StepParams", "steps.shape"),
        ("Operation", "steps.shape"),
        ("arguments_of", "rainbow.adapters.submission"),
        ("World", "rainbow.adapters.world"),
    ],
)
def test_recipes_name_tables_that_exist(name: str, module: str) -> None:
    """Where the pages say that a line is added, and what they say that one is made of."""
    written = "".join((CHECKOUT / "docs" / "project" / page).read_text() for page in ("architecture.md", "adding.md"))
    assert name in written
    assert hasattr(import_module(module), name)


def test_plain_text_stays_plain() -> None:
    """What comes from docstrings and descriptions is no markup by accident, and code stays code."""
    assert text("a <b> [c](d) *e* `f <g>` h") == "a \\<b\\> \\[c\\](d) \\*e\\* `f <g>` h"


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """The part over the rest; a route or a drain of another kind takes the place of the whole."""
    result = dict(below)
    for key, value in above.items():
        nested = isinstance(value, dict) and isinstance(result.get(key), dict) and key in ("drain", "route")
        result[key] = _merged(result[key], value) if nested else value
    if "route" in above and {"service", "httpRoute"} & set(above["route"]):
        result["route"].pop("ingress", None)
    return result
