"""The pages in docs/lint: what each shows as wrong is found, and what it shows as right is not."""

import re
from pathlib import Path

import pytest
import yaml

from rainbow.adapters.kustomize import load_objects
from rainbow.decisions.lint import RULES
from rainbow.model.checks import Lint
from tests.decisions.lint.make import ERROR, WARNING, found
from tests.decisions.lint.test_rules import PAGES


def blocks(page: Path) -> list[str]:
    """The YAML on a page."""
    return re.findall(r"^```yaml\n(.*?)^```", page.read_text(), flags=re.M | re.S)


@pytest.mark.parametrize("rule", RULES)
def test_a_page_shows_what_is_found_and_how_it_is_right(rule: str) -> None:
    """The first block and the second; the page says how bad it is, and whether it is completed."""
    page = (PAGES / f"{rule}.md").read_text()
    wrong, right = (load_objects(text) for text in blocks(PAGES / f"{rule}.md"))
    findings = found(rule, *wrong)
    assert findings
    assert not found(rule, *right)
    assert page.startswith(f"# {rule}\n")
    severity = page.splitlines()[2].lower()
    assert all({ERROR: "error", WARNING: "warning"}[finding.severity] in severity for finding in findings)
    if any(finding.mendable for finding in findings):
        assert "Completed" in page


def test_what_the_page_of_all_rules_says_to_write_is_valid() -> None:
    """As `lint` in rainbow.yaml."""
    (text,) = blocks(PAGES / "README.md")
    (ignore,) = Lint.model_validate(yaml.safe_load(text)["lint"]).ignore
    assert ignore.rule in RULES
