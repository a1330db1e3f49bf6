"""HTTP to the release under test, by its own URL, with the answers as plain data."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    release: str | None
    text: str

    @property
    def data(self) -> Any:
        """Return the body read as JSON."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Client:
    """Asks one release."""

    url: str

    def get(self, path: str) -> Answer:
        """GET a path."""
        return self._ask(urllib.request.Request(self.url + path))  # noqa: S310 - the URL is the operator's

    def post(self, path: str, body: object) -> Answer:
        """POST JSON to a path."""
        data = json.dumps(body).encode()
        return self._ask(urllib.request.Request(self.url + path, data=data, method="POST"))  # noqa: S310

    def delete(self, path: str) -> Answer:
        """DELETE a path."""
        return self._ask(urllib.request.Request(self.url + path, method="DELETE"))  # noqa: S310

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as reply:  # noqa: S310
                return Answer(reply.status, reply.headers.get("X-Release"), reply.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers.get("X-Release"), error.read().decode())
