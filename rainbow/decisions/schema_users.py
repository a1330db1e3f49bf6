"""Who needs the schema as it is: the releases that a change of it would leave behind (F5).

That are all that have users, may have some left, are kept to be gone back to, or are on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rainbow.decisions.age import too_young
from rainbow.decisions.keeping import kept_back
from rainbow.decisions.schema import needs_of
from rainbow.decisions.sealing import committed
from rainbow.decisions.switch import SWITCHING
from rainbow.model.migrations import SchemaState
from rainbow.model.release import Mark, Phase, Release


@dataclass(frozen=True)
class SchemaFacts:
    """What was read. `release`: whose stage it is; `releases`: all of the app, with the policy in force.

    `state` is what the database says; `unreadable`: records that cannot be read, with why; `pods`: release id → how
    many pods of it there are; `trust`: a person says that the database is right, whatever the records say.
    """

    release: Release
    releases: Sequence[Release]
    state: SchemaState
    current: str | None = None
    previous: str | None = None
    hold: Mark | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)
    pods: Mapping[str, int] = field(default_factory=dict)
    trust: bool = False


def in_the_way(facts: SchemaFacts, to: int, now: datetime, *, unknown: bool) -> dict[str, str]:
    """Release id → why it is there, of those that do not work with version `to` of the schema.

    `unknown`: also those of which it is not known what they need.
    """
    kept = kept_back(facts.releases, facts.current, facts.previous, now)
    found: dict[str, str] = {}
    for release in facts.releases:
        needs = needs_of(release)
        fits = needs.include(to) if needs is not None else not unknown
        if release.id == facts.release.id or fits:
            continue
        if (why := _there(release, facts, kept.get(release.id), now)) is not None:
            found[release.id] = f"{why}; {f'works with {needs.text}' if needs else 'says nothing of what it needs'}"
    if unknown:
        found |= {name: f"its record cannot be read: {why}" for name, why in facts.unreadable.items()}
        known = {release.id for release in facts.releases} | set(facts.unreadable)
        found |= {name: f"{count} pods without a record" for name, count in facts.pods.items() if name not in known}
    return found


def _there(release: Release, facts: SchemaFacts, kept: str | None, now: datetime) -> str | None:
    """Why it counts; None for one that no user has, and none will have without being deployed or judged anew."""
    status, why = release.status, None
    if release.id == facts.current:
        why = "it is current"
    elif status.traffic == SWITCHING:
        why = "a switch to it is under way, or was broken off"
    elif committed(status):
        pods = facts.pods.get(release.id, 0)
        return f"it is deleted, but {pods} of its pods have not ended" if pods else None
    elif status.hold is not None:
        why = f"held by {status.hold.by}: {status.hold.reason}"
    elif status.phase is Phase.FAILED or _not_begun(release):
        return None
    why = why or kept or too_young(release, now)
    return why or (f"{status.phase}: {status.blocker}" if status.blocker else str(status.phase))


def _not_begun(release: Release) -> bool:
    """It waits for its turn, has asked nobody yet, and will find the schema as it is then."""
    status = release.status
    return status.phase is Phase.PENDING and not status.objects and status.schema_state is None
