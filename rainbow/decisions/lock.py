"""Who may write on the route of an app: one holder at a time, each with a fencing token that only grows (rule 4).

The Lease keeps order between those who behave. The token keeps out one who sleeps through the end of its Lease: it is
written on the route in the very patch that moves it, and whoever finds a higher one there is out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rainbow.model.release import format_time


@dataclass(frozen=True)
class LeaseSeen:
    """The Lease as it was read. `holder` None: given back. `renewed` None: nobody can say until when it is held."""

    holder: str | None
    token: int
    renewed: datetime | None
    duration: timedelta

    @property
    def until(self) -> datetime | None:
        """Until when it is held; None when nobody holds it."""
        return self.renewed + self.duration if self.holder and self.renewed else None


class Act(StrEnum):
    """What to do with the Lease."""

    CREATE = "create"
    TAKE = "take"  # with a new token
    RENEW = "renew"  # it is this run's own
    WAIT = "wait"


@dataclass(frozen=True)
class LockDecision:
    """What to do, with which token, and why."""

    act: Act
    token: int
    reason: str


def decide_lock(
    lease: LeaseSeen | None, holder: str, now: datetime, *, on_route: int = 0, force: bool = False
) -> LockDecision:
    """The decision for `holder`. `force`: a rollback waits behind nobody. `on_route`: the token found there.

    A new token is above every one before it, also when somebody removed the Lease and its count began anew.
    """
    if lease is None:
        return LockDecision(Act.CREATE, on_route + 1, "nobody has held it yet")
    if lease.holder == holder and lease.token >= on_route:
        return LockDecision(Act.RENEW, lease.token, "it is held already by this very run")
    until = lease.until
    if lease.holder == holder:
        why = f"the route has seen token {on_route}, which is above {lease.token}"
    elif not lease.holder:
        why = "nobody holds it"
    elif until is None or until <= now:
        why = f"{lease.holder} has let it run out"
    elif force:
        why = f"taken from {lease.holder} by force"
    else:
        return LockDecision(Act.WAIT, lease.token, f"{lease.holder} holds it, at least until {format_time(until)}")
    return LockDecision(Act.TAKE, max(lease.token, on_route) + 1, why)
