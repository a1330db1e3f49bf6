"""What is known of a route at one moment, whatever kind of route it is.

The route is the truth about which release is current; the phases in the records are notes about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class RouteState:
    """One look at an app's route.

    `current` is the release it points at: None when there is no route yet, or when it points at Services that belong
    to no release of the app (`exists` tells the two apart). `services` are all Services it refers to, `plain` those
    of them that belong to no release. `resource_version` is the precondition of a later patch. `hosts` are those under
    which the check path is asked through the proxy; an empty text stands for any host. `switched_at` and `previous` are
    what the last switch wrote on the route itself, in the same patch that moved it, and so is `token`, the fencing
    token of whoever wrote last (None: nobody with a token has). `ordered_at`: when the last move was asked for that a
    person had ordered. `gone` are Services that users are led to and that are not there: whose they were is known by
    the records. `settled` is false while a rolled app is on its way to `current`, and the one before has users, too.
    """

    exists: bool
    current: str | None
    resource_version: str | None
    services: frozenset[str]
    plain: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    switched_at: datetime | None = None
    previous: str | None = None
    token: int | None = None
    ordered_at: datetime | None = None
    gone: frozenset[str] = frozenset()
    settled: bool = True
