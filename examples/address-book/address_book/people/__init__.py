"""The statements of each release: a module each, with the same four constants. All else is the same in all of them.

`FIND` and `LIST` give id, name, street, city. `ADD` and `MOVE` are transactions of one or more statements; what a
statement returns as `id` is a parameter of the next ones.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

STAGES = ("1.0", "2.1", "2.2", "2.3")


class Statements(Protocol):
    """A module of this folder."""

    FIND: str
    LIST: str
    ADD: tuple[str, ...]
    MOVE: tuple[str, ...]


def statements(stage: str) -> Statements:
    """Those of a release. Raises ValueError for one that there is not."""
    if stage not in STAGES:
        raise ValueError(f"ADDRESS_BOOK: found {stage!r}, expected one of {', '.join(STAGES)}")
    return cast("Statements", import_module(f"address_book.people.release_{stage.replace('.', '_')}"))
