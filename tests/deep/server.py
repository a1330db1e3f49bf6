"""The API server of the living cluster, swift: answers are what it keeps, kinds have an index, time passes at once."""

from __future__ import annotations

import marshal
from typing import Any

from emulated import Emulated, Key, StoppedClock

from rainbow.adapters.kube import Object

TICK = 5.0  # seconds between two things that happen regularly


class Ticking(StoppedClock):
    """The clock of all: somebody is told whenever time has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.tick = lambda: None

    def sleep(self, seconds: float) -> None:
        """Nothing else happens meanwhile, so of what happens regularly only the last time matters."""
        for part in (seconds // TICK * TICK, seconds % TICK):
            if part:
                super().sleep(part)
                self.tick()


class Swift(Emulated):
    """The same API server. It answers with what it keeps, which nobody may change: see `Objects.check`."""

    def _json(self, method: str, path: str, **options: Any) -> Object:
        content_type = options.get("content_type", "application/json")
        answer = self._hooked(method, path, options.get("query") or {}, options.get("body"), content_type)
        assert isinstance(answer, dict)
        return dict(answer)


class Objects(dict[Key, Object]):
    """All objects, and those of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: dict[str, dict[Key, Object]] = {}
        self._written: dict[Key, bytes] = {}

    def __setitem__(self, key: Key, obj: Object) -> None:
        super().__setitem__(key, obj)
        self.kinds.setdefault(key[0], {})[key] = obj
        self._written[key] = marshal.dumps(obj, 2)

    def __delitem__(self, key: Key) -> None:
        super().__delitem__(key)
        del self.kinds[key[0]][key], self._written[key]

    def check(self) -> None:
        """Who reads an object has it for himself: nobody has changed what others are to read."""
        changed = [key for key, obj in self.items() if marshal.dumps(obj, 2) != self._written[key]]
        assert not changed, f"changed by who read it: {changed}"

    def discard(self, key: Key) -> None:
        """Without it, whether or not it was there."""
        if key in self:
            del self[key]
