"""What a service is told by its environment, read once at the start and checked there.

RELEASE_ID is set by the deploy step in every container of a release; without it (plain `kubectl apply -k`) the
services run as the release `unreleased`.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# A DNS label is also a valid label value and a valid subject token.
RELEASE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
BUS = RELEASE
EVERY_BUS = "*"


class SettingsError(ValueError):
    """The environment holds a value that the services cannot work with."""


@dataclass(frozen=True)
class Settings:
    """Settings of one service process; times are seconds."""

    release: str
    bus: str
    instance: str
    nats_url: str
    host: str
    port: int
    grace: float
    linger: float
    patience: float
    ack_wait: float
    slots: int
    session_idle: float
    storage_directory: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, every_bus: bool = False) -> Settings:
        """Read and check all settings; raises SettingsError naming the variable.

        With `every_bus` the bus may be `*`: only who listens to requests can serve all, tasks belong to one.
        """
        release = environment.get("RELEASE_ID", "unreleased")
        if not RELEASE.fullmatch(release):
            raise SettingsError(f"RELEASE_ID={release!r}: expected a DNS label such as v1")
        bus = environment.get("SPAWN_BUS", "spawn")
        if not (BUS.fullmatch(bus) or (every_bus and bus == EVERY_BUS)):
            others = " or * for all" if every_bus else ""
            raise SettingsError(f"SPAWN_BUS={bus!r}: expected a DNS label such as spawn{others}")
        return cls(
            release=release,
            bus=bus,
            instance=environment.get("POD_NAME") or socket.gethostname(),
            nats_url=environment.get("NATS_URL", "nats://127.0.0.1:4222"),
            host=environment.get("SPAWN_HOST", "0.0.0.0"),  # noqa: S104 - a pod listens for its Service
            port=int(_number(environment, "SPAWN_PORT", 8080)),
            grace=_number(environment, "SPAWN_GRACE_SECONDS", 30),
            linger=_number(environment, "SPAWN_LINGER_SECONDS", 3),
            patience=_number(environment, "SPAWN_PATIENCE_SECONDS", 20),
            ack_wait=_number(environment, "SPAWN_ACK_WAIT_SECONDS", 10),
            slots=int(_number(environment, "SPAWN_SLOTS", 50)),
            session_idle=_number(environment, "SPAWN_SESSION_IDLE_SECONDS", 1800),
            storage_directory=Path(environment.get("SPAWN_STORAGE", "spawn-storage")),
        )


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, str(default))
    try:
        value = float(text)
    except ValueError as error:
        raise SettingsError(f"{name}={text!r}: expected a number") from error
    if value < 0:
        raise SettingsError(f"{name}={text!r}: expected zero or more")
    return value
