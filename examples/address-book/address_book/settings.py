"""What the environment says. The database is found by the variables of libpq: PGHOST, PGUSER, PGPASSWORD and so on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Settings:
    """Seconds are seconds. `stage`: which of the four releases this is."""

    release: str
    stage: str
    host: str
    port: int
    linger: float
    grace: float

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """From the environment of this process."""
        return cls(
            release=environment.get("RELEASE_ID", "unreleased"),
            stage=environment.get("ADDRESS_BOOK") or _built_as(),
            host=environment.get("ADDRESS_BOOK_HOST", "0.0.0.0"),  # noqa: S104 - in a pod
            port=int(environment.get("ADDRESS_BOOK_PORT", "8080")),
            linger=float(environment.get("ADDRESS_BOOK_LINGER_SECONDS", "3")),
            grace=float(environment.get("ADDRESS_BOOK_GRACE_SECONDS", "20")),
        )


def _built_as() -> str:
    """As the build argument said."""
    stage = files("address_book") / "STAGE"
    return stage.read_text().strip() if stage.is_file() else "1.0"
