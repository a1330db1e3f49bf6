"""Runs in a pod of the address book: fills the database, writes all the while, and backfills. Its last line is JSON."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg
from address_book.people import statements
from address_book.store import Store

WRITERS, PAUSE, QUIET = 4, 0.01, 15.0
_WAITING = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float FROM pg_locks"


@dataclass
class Writers:
    """Some of them, each writing on rows anywhere."""

    rows: int
    took: list[float] = field(default_factory=list)
    failed: int = 0
    wait: float = 0.0
    over: threading.Event = field(default_factory=threading.Event)

    def write(self, number: int, store: Store) -> None:
        """Addresses of people who are there, at some pace."""
        chance = random.Random(number)  # noqa: S311 - no secret
        while not self.over.is_set():
            begun = time.monotonic()
            try:
                store.move(chance.randint(1, self.rows), f"{chance.random()} Street", "Newtown")
            except psycopg.Error:
                self.failed += 1
            self.took.append(time.monotonic() - begun)
            time.sleep(PAUSE)

    def look(self) -> None:
        """Who waits for a lock since when, as the database knows it."""
        with psycopg.connect(autocommit=True) as connection:
            while not self.over.is_set():
                row = connection.execute(_WAITING + " WHERE NOT granted").fetchone()
                self.wait = max(self.wait, row[0] if row else 0.0)
                time.sleep(0.005)

    def during(self, act: Any) -> dict[str, float]:
        """What they noticed while something else was done."""
        store = Store(statements("2.2"))
        store.open()
        threads = [threading.Thread(target=self.write, args=(n, store)) for n in range(WRITERS)]
        threads.append(threading.Thread(target=self.look))
        for thread in threads:
            thread.start()
        act()
        self.over.set()
        for thread in threads:
            thread.join()
        store.close()
        took = sorted(self.took)
        p99 = took[int(len(took) * 0.99)]
        return {"p99": p99, "longest": took[-1], "writes": len(took), "failed": self.failed, "wait": self.wait}


def migrate(*arguments: str) -> None:
    """As rainbow runs it."""
    subprocess.run([sys.executable, "-m", "address_book.migrations", *arguments], check=True)


def main(rows: int) -> None:
    """Quiet first; then with the backfill."""
    migrate("to", "1")
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(
            "INSERT INTO person (name, street, city) SELECT 'n' || n, n || ' Old Street', 'Oldtown' "
            "FROM generate_series(1, %s) n",
            (rows,),
        )
        connection.execute("ANALYZE person")
    migrate("to", "2")
    migrate("to", "3")
    quiet = Writers(rows).during(lambda: time.sleep(QUIET))
    begun = time.monotonic()
    busy = Writers(rows).during(lambda: migrate("backfill"))
    seconds = time.monotonic() - begun
    with psycopg.connect() as connection:
        row = connection.execute("SELECT count(*) FROM address").fetchone()
    moved = row[0] if row else 0
    print(json.dumps({"quiet": quiet, "busy": busy, "seconds": seconds, "moved": moved}))


main(int(sys.argv[1]))
