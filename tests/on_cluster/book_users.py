"""Users of the address book: they add people, move them, and look them up; and know what they were told."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

Row = dict[str, Any]


@dataclass
class Users:
    """Some of them, each with people of their own and one connection. `proxy` is host:port."""

    proxy: str
    host: str
    told: dict[int, Row] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)  # by release
    _stop: threading.Event = field(default_factory=threading.Event)

    def one(self, number: int) -> None:
        """Until told to stop, ten times a second or so."""
        chance, own = random.Random(number), list[int]()  # noqa: S311 - no secret
        connection = HTTPConnection(self.proxy, timeout=30)
        while not self._stop.is_set():
            act = chance.choice((self._add, self._move, self._find, self._find)) if own else self._add
            try:
                act(connection, chance, own)
            except (OSError, HTTPException, ValueError) as error:
                self.failures.append(f"{act.__name__}: {type(error).__name__}: {error}")
                connection.close()
            time.sleep(0.05)
        connection.close()

    def _add(self, connection: HTTPConnection, chance: random.Random, own: list[int]) -> None:
        row = {"name": f"n{chance.random()}", **_address(chance)}
        answer = self._ask(connection, "POST", "/people", row, 201)
        if answer is not None:
            self.told[answer["id"]] = row | {"id": answer["id"]}
            own.append(answer["id"])

    def _move(self, connection: HTTPConnection, chance: random.Random, own: list[int]) -> None:
        id_, address = chance.choice(own), _address(chance)
        if self._ask(connection, "PUT", f"/people/{id_}/address", address, 200) is not None:
            self.told[id_] = self.told[id_] | address

    def _find(self, connection: HTTPConnection, chance: random.Random, own: list[int]) -> None:
        id_ = chance.choice(own)
        found = self._ask(connection, "GET", f"/people/{id_}", None, 200)
        if found is not None and found != self.told[id_]:
            self.failures.append(f"was told {self.told[id_]}, and found {found}")

    def _ask(self, connection: HTTPConnection, method: str, path: str, body: Row | None, wanted: int) -> Any:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Host": self.host, "Content-Type": "application/json"})
        answer = connection.getresponse()
        text, release = answer.read().decode(), answer.headers.get("X-Release", "nobody")
        self.answered[release] += 1
        if answer.status == wanted:
            return json.loads(text)
        self.failures.append(f"{method} {path}: {answer.status} from {release}: {text[:300]}")
        return None

    @contextmanager
    def at_work(self, count: int = 3) -> Iterator[None]:
        """So many of them, all the while."""
        threads = [threading.Thread(target=self.one, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


def _address(chance: random.Random) -> Row:
    return {"street": f"{chance.randrange(1000)} {chance.choice('ABC')} Street", "city": chance.choice("XYZ")}
