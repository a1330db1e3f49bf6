"""The tests that a release must pass before users get it: somebody is added, found, moved and forgotten."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from typing import Any


def check(url: str, release: str) -> None:
    """Raises AssertionError with what differs."""
    person = {"name": f"Test of {release}", "street": "1 First Street", "city": "Here"}
    moved = {"street": "2 Second Street", "city": "There"}
    added = ask("POST", f"{url}/people", release, person)
    one = f"{url}/people/{added['id']}"
    try:
        expect(ask("GET", one, release), person | {"id": added["id"]})
        expect(ask("PUT", f"{one}/address", release, moved), moved | {"id": added["id"]})
        expect(ask("GET", one, release), person | moved | {"id": added["id"]})
        listed = ask("GET", f"{url}/people?after={added['id'] - 1}&limit=1", release)
        expect(listed, [person | moved | {"id": added["id"]}])
    finally:
        ask("DELETE", one, release)
    sys.stdout.write(f"release {release} adds, finds, moves, lists and forgets\n")


def expect(found: Any, wanted: Any) -> None:
    """Raises AssertionError."""
    if found != wanted:
        raise AssertionError(f"found {found}, expected {wanted}")


def ask(method: str, url: str, release: str, body: Any = None) -> Any:
    """The answer, which has to come from this very release."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - the URL is given by rainbow
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            expect(answer.headers["X-Release"], release)
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {url}: {error.code} {error.read().decode(errors='replace')}") from error
