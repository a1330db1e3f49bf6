"""Which page is made of which file; and links, which in the sources lead through the checkout.

The sources can be read as they are, wherever the checkout is shown. On the stage they lie as the site has them: docs/
at its root, the READMEs of the examples and the project's papers beside them, and a page for any other file that a page
points at, so that no link leads out of the site.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
LINK = re.compile(r"(?<!\\)(\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)\s]+)(\))")
FENCED = re.compile(r"^(```|~~~).*?^\1[ ]*$", re.M | re.S)
PAPERS = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json", ".sql": "sql"}


class DeadLink(Exception):
    """A link leads to a file that is not there. The message says where it stands."""


def sources() -> Iterator[Path]:
    """The files that are pages."""
    yield from (p for p in sorted(DOCS.rglob("*.md")) if "site" not in p.relative_to(DOCS).parts)
    yield from sorted(CHECKOUT.glob("examples/*/README.md"))
    yield from (CHECKOUT / name for name in PAPERS)


def place(path: Path) -> Path:
    """Where a file stands on the stage."""
    within = path.relative_to(CHECKOUT)
    if path == CHECKOUT / "README.md":
        return Path("index.md")
    if within.parts[0] == "docs":
        within = within.relative_to("docs")
        return within.with_name("index.md") if within.name == "README.md" else within
    if within.name == "README.md":
        return within.parent.with_suffix(".md")
    if within.name in PAPERS:
        return Path(within.name.lower())
    return Path("files") / within.with_name(within.name + ".md")


@dataclass
class Stage:
    """The pages as Sphinx gets them."""

    folder: Path
    generated: frozenset[str]
    shown: set[Path] = field(default_factory=set)

    def fill(self) -> None:
        """Put all pages there. Raises DeadLink."""
        for source in sources():
            self._write(place(source), self.rewritten(source) + _below(source))
        for path in sorted(self.shown):
            name = path.relative_to(CHECKOUT)
            fence = "`" * 5
            kind = LANGUAGES.get(path.suffix, "text")
            self._write(place(path), f"---\norphan: true\n---\n# {name}\n\n{fence}{kind}\n{path.read_text()}{fence}\n")

    def _write(self, where: Path, text: str) -> None:
        target = self.folder / where
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def rewritten(self, source: Path) -> str:
        """The text of a page, its links leading where the stage has what they lead to."""
        text, done, out = source.read_text(), 0, []
        for fenced in FENCED.finditer(text):
            out += [self._links(source, text[done : fenced.start()]), fenced.group()]
            done = fenced.end()
        rewritten = "".join([*out, self._links(source, text[done:])])
        return _with_the_rest(rewritten) if source == DOCS / "index.md" else rewritten

    def _links(self, source: Path, text: str) -> str:
        return LINK.sub(lambda m: m[1] + self._target(source, m[2]) + m[3], text)

    def _target(self, source: Path, target: str) -> str:
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            return target
        name, _, anchor = target.partition("#")
        path = Path(os.path.normpath(source.parent / name))
        where = place(path)
        if str(where) not in self.generated:
            if not path.is_file():
                raise DeadLink(f"{source.relative_to(CHECKOUT)}: {target} leads to no file")
            if path.suffix != ".md":
                self.shown.add(path)
        return os.path.relpath(where, place(source).parent) + (f"#{anchor}" if anchor else "")


def _with_the_rest(index: str) -> str:
    """In place of `how-to/*`: those pages that have no place of their own in the navigation."""
    pages = (f"how-to/{path.stem}" for path in sorted((DOCS / "how-to").glob("*.md")))
    rest = [page for page in pages if not re.search(rf"^{re.escape(page)}$", index, re.M)]
    return re.sub(r"^how-to/\*\n", "".join(f"{page}\n" for page in rest), index, flags=re.M)


def _below(source: Path) -> str:
    """A folder's README stands above the other pages of its folder."""
    if source.name != "README.md" or DOCS not in source.parents:
        return ""
    return "\n:::{toctree}\n:hidden:\n:glob:\n\n*\n:::\n"
