"""What `bake` does about a breach: the rollback that switches back, and what a killed one has left to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from rainbow.adapters.lock import lock_of
from rainbow.adapters.records import read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.world import World
from rainbow.decisions.bake import BY
from rainbow.decisions.switch import ALL, NONE
from rainbow.errors import PermanentError
from rainbow.model.baking import Bake
from rainbow.model.release import Release
from rainbow.model.route import RouteState
from steps import rollback


@dataclass(frozen=True)
class Seen:
    """The release under the policy in force, where the route leads, and since when."""

    release: Release
    route: RouteState
    began: datetime | None

    @property
    def bake(self) -> Bake:
        """What is to be watched."""
        bake = self.release.spec.app.bake
        assert bake is not None  # noqa: S101 - the standing would be NONE
        return bake


def switch_back(world: World, seen: Seen, reason: str, proxy_url: str | None) -> None:
    """By a rollback, which marks the release as rejected. Raises PermanentError when there is nowhere to go back to.

    Returns without a word when somebody else was quicker.
    """
    release, before = seen.release, seen.route.previous
    if before is None:
        raise PermanentError(
            f"release {release.id} of {release.app} does harm, and there is no release before it to go back to: "
            f"{reason}. It stays current; release a better one, or mend it"
        )
    try:
        _roll_back(world, _wish(release, before, reason, proxy_url, from_release=release.id))
    except PermanentError as error:
        if read_route(world.kube, release.spec.app, though_gone=True).current != release.id:
            return
        raise PermanentError(
            f"release {release.id} of {release.app} does harm ({reason}), but {before} cannot be switched to: "
            f"{error}. It stays current; release a better one, or go back further: rainbow rollback"
        ) from error


def finish(world: World, seen: Seen, proxy_url: str | None) -> None:
    """Settle the records, and give the lock back, when the run that switched back was killed on the way."""
    release, back = seen.release, seen.route.current
    if back is None or seen.route.previous != release.id:
        return
    target = read_release(world.kube, release.namespace, release.app, back)
    if target.status.traffic != ALL or release.status.traffic != NONE:
        _roll_back(world, _wish(release, back, why(release), proxy_url))
    else:
        lock_of(world, target).give_back()


def why(release: Release) -> str:
    """Why it was rejected."""
    return release.status.rejected.reason if release.status.rejected else "no reason recorded"


def _wish(
    release: Release, to: str, reason: str, proxy_url: str | None, *, from_release: str | None = None
) -> rollback.Params:
    return rollback.Params(
        namespace=release.namespace,
        app=release.app,
        release=to,
        from_release=from_release,
        despite_hold=True,
        reason=reason[:1000],
        by=BY,
        proxy_url=proxy_url,
    )


def _roll_back(world: World, wish: rollback.Params) -> None:
    # It is asked for now, whenever the workflow of the release began.
    rollback.run(wish, replace(world, asked_at=None))
