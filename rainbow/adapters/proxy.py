"""Asking the proxy itself which release answers, each time on a fresh connection.

A kept connection would go on telling about the backend that it was opened for. `http.client` is used as it is:
nothing pooled, no redirects followed, and no HTTP_PROXY of a company between this pod and the proxy.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import cycle
from urllib.parse import urlsplit

from rainbow.adapters.world import Clock
from rainbow.errors import BadInput

TIMEOUT = 3.0  # seconds for one answer


@dataclass(frozen=True)
class Answer:
    """One answer: when it came (Clock.monotonic), its status (None: there was none) and the release it names."""

    at: float
    status: int | None
    release: str | None
    error: str | None = None

    def good(self, release: str | None) -> bool:
        """Whether the release itself answered, and not with a failure of its own. None: one that does not name itself.

        Then it counts for its answer alone, and must not be what the proxy says of a host that it does not know.
        """
        named = self.release == release and self.status is not None and self.status < 500
        return named and (release is not None or self.found())

    def found(self) -> bool:
        """Whether somebody behind the proxy had an answer; 404 is what a proxy says of a host that it does not know."""
        return self.status is not None and self.status < 500 and self.status != 404

    def backed(self) -> bool:
        """Whether anybody behind the proxy answered; these three are the proxy's own way to say that nobody did."""
        return self.status is not None and self.status not in (502, 503, 504)

    def __str__(self) -> str:
        if self.status is None:
            return f"no answer ({self.error})"
        return f"status {self.status} from {'release ' + self.release if self.release else 'no release'}"


@dataclass
class Sightings:
    """What the proxy answered during one watch. Times are those of Clock.monotonic."""

    settled: bool = False  # the release gave as many good answers in a row as were asked for
    count: int = 0
    last: Answer | None = None
    last_of_other: Answer | None = None  # the last answer that another release gave
    failures: list[Answer] = field(default_factory=list)  # no answer, 500 and more, or no release

    def add(self, answer: Answer, release: str | None, *, unnamed: bool = False) -> None:
        """Take one more answer into account. `unnamed`: the release before does not name itself."""
        self.count += 1
        self.last = answer
        before = unnamed and answer.release is None and answer.found()
        nobody = answer.release is None and release is not None and not before
        if answer.status is None or answer.status >= 500 or nobody:
            self.failures.append(answer)
        if answer.release not in (None, release) or (before and release is not None):
            self.last_of_other = answer


@dataclass(frozen=True)
class Watch:
    """How long to ask: until so many good answers in a row from each host, or for `timeout` seconds.

    `anybody`: any answer from behind the proxy is good, whether it names the release or not. `unnamed`: the release
    before, as it was adopted, does not name itself.
    """

    hosts: Sequence[str]
    path: str
    in_a_row: int
    timeout: float
    pause: float  # seconds between two questions
    anybody: bool = False
    unnamed: bool = False


@dataclass(frozen=True)
class Proxy:
    """Where the proxy listens, and the response header that names the release."""

    url: str
    header: str
    clock: Clock

    def ask(self, host: str, path: str) -> Answer:
        """One request for the host, on a connection of its own. An empty host means that of the URL."""
        to = urlsplit(self.url)
        connection = _connection(to.scheme, to.hostname or "", to.port)
        headers = {"Connection": "close", "User-Agent": "rainbow-switch"}
        if host:
            headers["Host"] = host
        try:
            connection.request("GET", to.path.rstrip("/") + path, headers=headers)
            response = connection.getresponse()
            response.read()
            return Answer(self.clock.monotonic(), response.status, response.getheader(self.header))
        except (OSError, HTTPException) as error:
            return Answer(self.clock.monotonic(), None, None, f"{type(error).__name__}: {error}")
        finally:
            connection.close()

    def watch(self, release: str | None, plan: Watch) -> Sightings:
        """Ask every host in turn until the release settles on all of them, or the time is up."""
        seen = Sightings()
        end = self.clock.monotonic() + plan.timeout
        row = 0
        for host in cycle(plan.hosts):
            answer = self.ask(host, plan.path)
            seen.add(answer, release, unnamed=plan.unnamed)
            good = answer.backed() if plan.anybody else answer.good(release)
            row = row + 1 if good else 0
            if row >= plan.in_a_row * len(plan.hosts):
                seen.settled = True
                break
            if answer.at >= end:
                break
            self.clock.sleep(plan.pause)
        return seen


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    if scheme == "https":
        return HTTPSConnection(host, port, timeout=TIMEOUT, context=_trust(os.environ.get("REQUESTS_CA_BUNDLE")))
    return HTTPConnection(host, port, timeout=TIMEOUT)


def _trust(bundle: str | None) -> ssl.SSLContext:
    """Whose certificates are believed: the bundle that every step is given for a company's own authority, if any."""
    try:
        if bundle and os.path.isdir(bundle):
            return ssl.create_default_context(capath=bundle)
        return ssl.create_default_context(cafile=bundle or None)
    except OSError as error:
        raise BadInput(f"REQUESTS_CA_BUNDLE ({bundle}) is no file of certificates that can be read: {error}") from error
