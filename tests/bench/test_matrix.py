"""The README's table of proofs is what the kept results render to, and nobody writes it by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.matrix import BEGIN, END, ROUTES, STRATEGIES, merged, written

CHECKOUT = Path(__file__).resolve().parents[2]


def test_the_table_is_what_the_results_render_to() -> None:
    """Mend it by `python -m bench.matrix --readme README.md docs/results/prove.json`."""
    readme, results = (CHECKOUT / "README.md").read_text(), (CHECKOUT / "docs" / "results" / "prove.json").read_text()
    assert written(readme, json.loads(results)) == readme


def test_every_strategy_behind_every_route_is_proved() -> None:
    """Not one of them is left out, and none is kept that failed."""
    results = json.loads((CHECKOUT / "docs" / "results" / "prove.json").read_text())
    assert {(r["strategy"], r["route"]) for r in results} == {(s, r) for s in STRATEGIES for r in ROUTES}
    assert all(result["good"] and result["probe"]["failed"] == 0 for result in results)


def test_only_what_is_between_the_markers_is_written() -> None:
    """A document without them is left alone."""
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert written(text, []).startswith(f"before\n{BEGIN}\n| strategy |")
    assert written(text, []).endswith(f"{END}\nafter\n")
    with pytest.raises(ValueError, match="lacks the lines"):
        written("nothing", [])


def test_a_new_proof_takes_the_place_of_the_one_before() -> None:
    """So one that was disturbed is made again without the others."""
    kept = [
        {"strategy": "rolling", "route": "service", "run": 1},
        {"strategy": "rainbow", "route": "service", "run": 1},
    ]
    new = [{"strategy": "rolling", "route": "service", "run": 2}, {"strategy": "rainbow", "route": "ingress", "run": 2}]
    assert [(r["strategy"], r["route"], r["run"]) for r in merged(kept, new)] == [
        ("rainbow", "ingress", 2),
        ("rainbow", "service", 1),
        ("rolling", "service", 2),
    ]
