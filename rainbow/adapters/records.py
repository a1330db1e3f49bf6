"""Release records in the cluster: find, read, annotate.

Whoever lists the records of an app goes on without one that cannot be read, as another version may have written it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from rainbow.adapters.events import tell
from rainbow.adapters.kube import RELEASE, Kube
from rainbow.adapters.world import Clock
from rainbow.decisions.conditions import derive_conditions
from rainbow.decisions.happenings import happenings
from rainbow.errors import BadInput, Conflict, PermanentError
from rainbow.model.names import APP_LABEL, RELEASE_LABEL, record_name
from rainbow.model.release import Release, ReleaseStatus


def read_release(kube: Kube, namespace: str, app: str, release: str) -> Release:
    """The record of a release. Raises BadInput, naming the releases that exist, when there is none.

    App `a-b` with release `c` and app `a` with release `b-c` have one name for their records: only one can be there.
    """
    obj = kube.get(RELEASE, namespace, record_name(app, release))
    if obj is None:
        there = ", ".join(r.id for r in list_releases(kube, namespace, app)) or "none"
        raise BadInput(f"no release {release} of app {app} in namespace {namespace}; there are: {there}")
    found = _typed(obj)
    if (found.app, found.id) != (app, release):
        raise BadInput(
            f"Release {namespace}/{found.name} is the record of release {found.id} of app {found.app}, "
            f"not of release {release} of app {app}; release app {app} under another id"
        )
    return found


@dataclass(frozen=True)
class Unreadable:
    """A record that cannot be read; nothing is done to its release. `release` is the id by its label."""

    release: str
    why: str


def list_records(kube: Kube, namespace: str, app: str) -> tuple[list[Release], list[Unreadable]]:
    """All records of an app, oldest first, and those that cannot be read."""
    return sorted_out(kube.list(RELEASE, namespace, labels=f"{APP_LABEL}={app}"))


def sorted_out(objects: Iterable[dict[str, Any]]) -> tuple[list[Release], list[Unreadable]]:
    """The same of records that were read before."""
    releases, unreadable = [], []
    for obj in objects:
        try:
            releases.append(_typed(obj))
        except PermanentError as error:
            meta = obj["metadata"]
            id_ = (meta.get("labels") or {}).get(RELEASE_LABEL, meta["name"])
            unreadable.append(Unreadable(id_, str(error)))
    return sorted(releases, key=lambda r: (r.since, r.id)), unreadable


def list_releases(kube: Kube, namespace: str, app: str) -> list[Release]:
    """All records of an app that can be read, oldest first."""
    return list_records(kube, namespace, app)[0]


def note(kube: Kube, release: Release, **changes: Any) -> Release:
    """Write fields of the status (names of `ReleaseStatus`; None removes one) and read the record back.

    The status is a note: the last writer wins, no rule depends on it.
    """
    return _write(kube, release, changes)


def note_if_unchanged(kube: Kube, release: Release, **changes: Any) -> Release:
    """The same, provided that the record is still the one that was read. Raises Conflict otherwise.

    This is what orders `switch` and `delete`: both begin by writing their mark on the same record.
    """
    return _write(kube, release, changes, {"resourceVersion": release.resource_version})


def remove_record(kube: Kube, release: Release) -> None:
    """Remove the record itself, if it is still the one that was read. Raises Conflict when somebody wrote it since."""
    version = release.resource_version
    kube.delete(RELEASE, release.namespace, release.name, uid=release.uid, resource_version=version)


def _write(kube: Kube, before: Release, changes: dict[str, Any], precondition: dict[str, str] | None = None) -> Release:
    """With the conditions that follow from the status; and what happened is told."""
    now = Clock().now()
    known = ReleaseStatus.model_fields
    if unknown := sorted(set(changes) - set(known)):
        raise TypeError(f"ReleaseStatus has no {', '.join(unknown)}")
    given = ReleaseStatus.model_validate(changes)
    expected = _with_conditions(before.status.model_copy(update={key: getattr(given, key) for key in changes}), now)
    after = _patch(kube, before, _dumped(expected, {*changes, "conditions"}), precondition)
    derived = _with_conditions(after.status, now)
    if derived != after.status:
        # Somebody wrote other fields meanwhile; with a precondition this cannot be. The next note makes up for it.
        with suppress(Conflict):
            after = _patch(kube, after, _dumped(derived, ["conditions"]), {"resourceVersion": after.resource_version})
    told = {
        "namespace": after.namespace,
        "name": after.name,
        "uid": after.uid,
        "resourceVersion": after.resource_version,
    }
    tell(kube, RELEASE, told, happenings(before.status, after.status), now)
    return after


def _patch(kube: Kube, release: Release, status: dict[str, Any], precondition: dict[str, str] | None) -> Release:
    patch = {"status": status} | ({"metadata": precondition} if precondition else {})
    return _typed(kube.patch(RELEASE, release.namespace, release.name, patch, subresource="status"))


def _with_conditions(status: ReleaseStatus, now: datetime) -> ReleaseStatus:
    return status.model_copy(update={"conditions": derive_conditions(status, now)})


def _dumped(status: ReleaseStatus, keys: Iterable[str]) -> dict[str, Any]:
    return status.model_dump(mode="json", by_alias=True, include=set(keys))


def _typed(obj: dict[str, Any]) -> Release:
    try:
        return Release.from_object(obj)
    except (ValidationError, KeyError) as error:
        meta = obj.get("metadata", {})
        raise PermanentError(
            f"Release {meta.get('namespace')}/{meta.get('name')} is malformed ({_wrong(error)}); "
            "was it written by another version of Rainbow?"
        ) from error


def _wrong(error: ValidationError | KeyError) -> str:
    if isinstance(error, KeyError):
        return f"{error.args[0]} is missing"
    # Without what was found there: it may be long, or secret.
    found = [(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors(include_url=False, include_input=False)]
    return "; ".join(f"{where}: {said.removeprefix('Value error, ')}" for where, said in found)[:500]
