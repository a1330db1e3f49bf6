"""What a probe is to ask, how often, and its bounds (J2). Plain data: the process that sends is handed it as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from rainbow.model.addresses import HttpUrl
from rainbow.model.part import Part

REQUESTS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
DOWNLOAD, STREAM, WEBSOCKET = "DOWNLOAD", "STREAM", "WEBSOCKET"
MOST_REQUESTS = 1_000_000


def _host_and_port(value: str) -> str:
    parts = urlsplit(f"//{value}")
    if not parts.hostname or parts.port is None or parts.netloc != value or "@" in value:
        raise ValueError(f"found {value!r}, expected host:port, for example 127.0.0.1:18080")
    return value


def _checked(url: str) -> None:
    try:
        TypeAdapter(HttpUrl).validate_python(url)
    except ValidationError as error:
        raise ValueError(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None


def connect_to(proxy: str) -> str:
    """The host:port of a proxy, from its URL."""
    parts = urlsplit(proxy)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def route_urls(proxy: str, hosts: Iterable[str], path: str) -> tuple[str, ...]:
    """What users of these hosts ask for behind a proxy; an empty host means that of the proxy."""
    parts = urlsplit(proxy)
    return tuple(f"{parts.scheme}://{host or parts.netloc}{parts.path.rstrip('/')}{path}" for host in hosts)


class Target(Part):
    """One thing that is asked for. What is held (a download, a stream, a WebSocket) is always open for some users."""

    method: str
    url: str
    body: str | None = None

    @property
    def held(self) -> bool:
        """Whether it is kept open rather than asked for at the rate."""
        return self.method not in REQUESTS

    def __str__(self) -> str:
        return f"{self.method} {self.url}"

    @classmethod
    def parse(cls, text: str, body: str | None = None) -> Self:
        """From "[METHOD] URL": "http://shop/", "POST http://shop/orders", "STREAM http://shop/events", "ws://shop/".

        Raises ValueError.
        """
        first, _, rest = text.strip().partition(" ")
        method, url = (first, rest.strip()) if rest else ("GET", first)
        scheme, colon, address = url.partition("://")
        if scheme not in ("http", "https", "ws", "wss") or not colon:
            raise ValueError("expected a URL that begins with http://, https://, ws:// or wss://")
        _checked(f"http://{address}")
        if scheme in ("ws", "wss"):
            if rest:
                raise ValueError(f"{method} does not go with a WebSocket; write {url}")
            return cls(method=WEBSOCKET, url=url)
        if method not in (*REQUESTS, DOWNLOAD, STREAM):
            known = ", ".join((*REQUESTS, DOWNLOAD, STREAM))
            raise ValueError(f"found {method!r} before the URL, expected one of {known}")
        return cls(method=method, url=url, body=body if method in ("POST", "PUT", "PATCH") else None)


class Plan(Part):
    """One probe; times are seconds, the rate is requests a second over all targets, in turn.

    Every `fresh_every`-th request has a connection of its own, the others share `connections` that are kept. Of each
    held target `users` are open at any time, each for `held_seconds` at most, and then anew.
    """

    targets: tuple[Target, ...] = Field(min_length=1)
    rate: float = Field(default=50.0, gt=0, le=10_000)
    seconds: float | None = Field(default=None, gt=0, description="None: until it is told to stop")
    most: int = Field(default=MOST_REQUESTS, gt=0, description="it ends after so many requests, whatever is left")
    connect: Annotated[str, AfterValidator(_host_and_port)] | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    release_header: str = "X-Release"
    release_field: str | None = Field(default=None, description="of a JSON answer, instead of the header")
    named: bool = Field(default=False, description="an answer that names no release is a failure")
    connections: int = Field(default=50, gt=0)
    fresh_every: int = Field(default=5, ge=0)
    users: int = Field(default=2, ge=0, le=100)
    held_seconds: float = Field(default=10.0, gt=0)
    timeout: float = Field(default=30.0, gt=0)
    in_flight: int = Field(default=2_000, gt=0)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.seconds is not None and self.rate * self.seconds > self.most:
            raise ValueError(
                f"{self.rate:g} a second for {self.seconds:g} seconds are more than {self.most} requests; "
                "ask for less, or raise the bound"
            )
        return self
