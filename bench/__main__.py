"""`make bench`: every measure, its ratio, its goal. BENCH_REPORT=file writes JSON as well."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.backfill import backfill
from bench.garbage_collection import garbage_collection
from bench.image_size import image_size
from bench.measure import Measure
from bench.release_path import release_path
from bench.shrinking import shrinking
from bench.waiting_step import waiting_step


def main() -> None:
    """Measure and print. A goal that is missed is shown as missed; it does not fail the run."""
    measures: list[Measure] = []
    for group in (image_size, waiting_step, release_path, shrinking, garbage_collection, backfill):
        measures += group()
    table = Table(title="Rainbow, measured", title_justify="left")
    for heading in ("measure", "ours", "against", "ratio", "goal", ""):
        table.add_column(heading)
    for m in measures:
        met = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[m.met]
        table.add_row(m.name, m.ours, m.against, "" if m.ratio is None else f"{m.ratio:.2f}", m.goal, met)
    Console(width=150).print(table)
    if path := os.environ.get("BENCH_REPORT"):
        Path(path).write_text(json.dumps([asdict(m) for m in measures], indent=2) + "\n")


main()
