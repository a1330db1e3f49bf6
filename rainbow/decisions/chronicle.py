"""The history of an app: who released what and when, how long it was live, and what became of it (B9).

Made of the records, which stay when everything else of a release is gone. A release that was live several times is
told by the last one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rainbow.decisions.sealing import committed
from rainbow.model.release import Phase, Release, ReleaseStatus, Source, format_time


@dataclass(frozen=True)
class Chapter:
    """One release. `live_until` None: it is live, was never, or nobody has noted yet when that ended."""

    namespace: str
    app: str
    release: str
    released: datetime
    by: str | None
    live_from: datetime | None
    live_until: datetime | None
    live_for: timedelta | None
    became: str
    images: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


def chronicle(releases: Sequence[Release], now: datetime) -> list[Chapter]:
    """All of them, in the order in which they were released."""
    return [_chapter(release, now) for release in sorted(releases, key=lambda r: (r.since, r.id))]


def _chapter(release: Release, now: datetime) -> Chapter:
    status = release.status
    began, ended = status.live_at, _ended(status)
    live_now = began is not None and ended is None and status.phase is Phase.CURRENT
    until = now if live_now else ended
    return Chapter(
        namespace=release.namespace,
        app=release.app,
        release=release.id,
        released=release.since,
        by=release.by,
        live_from=began,
        live_until=ended,
        live_for=until - began if until is not None and began is not None else None,
        became=_became(status),
        images={**release.spec.images, **status.images},
        source=_source(release.spec.source),
    )


def _ended(status: ReleaseStatus) -> datetime | None:
    if status.live_at is None or status.demoted_at is None or status.demoted_at < status.live_at:
        return None
    return status.demoted_at


def _became(status: ReleaseStatus) -> str:
    if committed(status) and status.failed_at is not None and status.live_at is None:
        said = f"failed: {status.message}, then deleted" if status.message else "failed, then deleted"
    elif committed(status):
        said = "deleted" if status.live_at is not None else "never live, deleted"
    elif status.phase is Phase.FAILED:
        said = f"failed: {status.message}" if status.message else "failed"
    else:
        said = {Phase.CURRENT: "current", Phase.READY: "tested, never live"}.get(status.phase, status.phase.lower())
    if status.deleted_at is not None and committed(status):
        said += f" {format_time(status.deleted_at)[:16]}Z"
    if status.redeployed_at is not None:
        said += f"; redeployed {format_time(status.redeployed_at)[:16]}Z"
    if status.rejected is not None:
        said += f"; rolled back from by {status.rejected.by}: {status.rejected.reason}"
    return said


def _source(source: Source | None) -> str:
    if source is None:
        return ""
    return f"{source.git.url}#{source.git.commit}" if source.git is not None else "a packed folder"
