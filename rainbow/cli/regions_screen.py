"""Where a release on its way through several clusters shows itself: a live table, or a line for each change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from rainbow.decisions.region import Region, Return, Standing

_COLOURS = {
    Standing.ABSENT: "dim",
    Standing.UNDER_WAY: "yellow",
    Standing.BAKING: "yellow",
    Standing.SETTLED: "green",
    Standing.UNKNOWN: "magenta",
}
_BAD = "bold red"


@dataclass
class RegionsScreen:
    """Lines are printed as things change; `live` holds the table that stands below them on a terminal."""

    console: Console
    title: str
    waves: Sequence[Sequence[str]]
    live: Live | None = None
    seen: dict[str, str] = field(default_factory=dict)

    def show(self, regions: Mapping[str, Region], now: datetime) -> None:
        """Show how the release stands in each cluster."""
        if self.live is not None:
            self.live.update(self._table(regions), refresh=True)
            return
        for name, region in regions.items():
            # For how long it has been silent is said when it is given up.
            text = f"{region.standing}: {_why(region)}".removesuffix(": ")
            if self.seen.get(name) != text and not (region.standing is Standing.ABSENT and name not in self.seen):
                self.seen[name] = text
                self.say(f"{name:<15} {text}", now)

    def say(self, text: str, now: datetime) -> None:
        """A line about the following itself."""
        console = self.console if self.live is None else self.live.console
        console.print(f"{now:%H:%M:%S}  {text}", markup=False, highlight=False, soft_wrap=True)

    def _table(self, regions: Mapping[str, Region]) -> Table:
        table = Table(title=self.title, title_justify="left", box=None, expand=True)
        table.add_column("wave", width=4)
        table.add_column("cluster", no_wrap=True)
        table.add_column("state", width=11)
        table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis")
        for number, wave in enumerate(self.waves, 1):
            for name in wave:
                region = regions[name]
                colour = _COLOURS.get(region.standing, _BAD)
                table.add_row(str(number), name, f"[{colour}]{region.standing}[/]", escape(_why(region)))
        return table


def _why(region: Region) -> str:
    why = "" if region.why == region.standing else region.why
    if region.current and region.back is not Return.NONE:
        words = "is rolled back" if region.back is Return.UNDER_WAY else "could not be rolled back"
        return f"{words}: {region.why_back}".removesuffix(": ")
    return why


@contextmanager
def regions_screen(console: Console, title: str, waves: Sequence[Sequence[str]]) -> Iterator[RegionsScreen]:
    """The one that fits the console."""
    if not console.is_terminal:
        yield RegionsScreen(console, title, waves)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield RegionsScreen(console, title, waves, live)
