"""The table of rules, its pages, and what the owner of an app accepts or has completed."""

import re
from pathlib import Path

import pytest

from rainbow.decisions import lint as package
from rainbow.decisions.lint import RULES, lint
from tests.decisions.lint.make import base, budget, container, of, rules_of, service, workload

CHECKOUT = Path(__file__).resolve().parents[3]
PAGES = CHECKOUT / "docs" / "lint"
WORKER = "Deployment worker"


def test_every_rule_is_one_file_one_line_and_one_page() -> None:
    """A file without a line would never be asked, a page without a rule be about nothing; tests are called alike."""
    files = {path.stem for path in Path(str(package.__file__)).parent.glob("*.py")} - {"__init__"}
    assert files == {name.replace("-", "_") for name in RULES}
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == set(RULES)
    tests = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")} - {"rules", "pages"}
    assert tests == files
    for name, module in RULES.items():
        assert module.__name__.rpartition(".")[2] == name.replace("-", "_")


def test_the_page_of_all_rules_lists_them_in_their_order() -> None:
    """Whoever looks for a rule finds it there."""
    assert re.findall(r"^\| \[([\w-]+)\]\(\1\.md\)", (PAGES / "README.md").read_text(), flags=re.M) == list(RULES)


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    """Two pods, probes, a delay, time, a budget, a digest."""
    assert rules_of(workload(), service(), budget()) == set()


def test_only_what_runs_until_it_is_told_to_end_takes_part() -> None:
    """A Job ends by itself: nobody sends it requests, and nobody drains it."""
    job = workload("Job") | {"apiVersion": "batch/v1"}
    job["spec"]["template"]["spec"]["containers"] = [{"name": "c", "image": "job"}]
    assert rules_of(job) == set()


@pytest.mark.parametrize(
    ("case", "ignore", "left", "idle"),
    [
        ("nothing is accepted", [], 2, 0),
        ("a rule", [{"rule": "pre-stop", "why": "fast"}], 0, 0),
        ("a rule for one object", [{"rule": "pre-stop", "object": "Deployment web", "why": "fast"}], 1, 0),
        ("another rule", [{"rule": "grace-period", "why": "fast"}], 2, 1),
        ("another object", [{"rule": "pre-stop", "object": WORKER, "why": "fast"}], 2, 1),
    ],
)
def test_the_owner_may_accept_what_is_found(case: str, ignore: list[dict[str, str]], left: int, idle: int) -> None:
    """By rule or by rule and object, with a reason; an entry that is about nothing any more is told."""
    bare = container(lifecycle=None)
    other = workload(name="api")
    other["spec"]["template"]["spec"]["containers"] = [bare]
    report = lint(base(of(bare), other, service(), budget(), lint={"ignore": ignore}))
    found = [one for one in report.findings if one.rule == "pre-stop"]
    assert (len(found), len(report.idle)) == (left, idle), case
    assert [why for one, why in report.accepted if one.rule == "pre-stop"] == ["fast"] * (2 - left)


def test_what_is_completed_is_no_finding_and_what_cannot_be_still_is() -> None:
    """`harden: true` mends what it can; what its owner accepts it leaves alone."""
    made = of(container(lifecycle=None, image="shop"))
    accepted = [{"rule": "disruption-budget", "why": "a test"}]
    report = lint(base(made, service(), harden=True, lint={"ignore": accepted}))
    assert [one.rule for one in report.findings] == ["mutable-tag"]
    assert [one.rule for one in report.mended] == ["pre-stop"]
    assert [one.rule for one, _ in report.accepted] == ["disruption-budget"]
    assert [one.rule for one in report.errors] == ["mutable-tag"]
