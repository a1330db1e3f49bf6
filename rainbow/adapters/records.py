"""Release records in the cluster: find, read, annotate."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from rainbow.adapters.kube import RELEASE, Kube
from rainbow.errors import BadInput, PermanentError
from rainbow.model.names import APP_LABEL, record_name
from rainbow.model.release import Release, ReleaseStatus


def read_release(kube: Kube, namespace: str, app: str, release: str) -> Release:
    """The record of a release. Raises BadInput, naming the releases that exist, when there is none."""
    obj = kube.get(RELEASE, namespace, record_name(app, release))
    if obj is None:
        there = ", ".join(r.id for r in list_releases(kube, namespace, app)) or "none"
        raise BadInput(f"no release {release} of app {app} in namespace {namespace}; there are: {there}")
    return _typed(obj)


def list_releases(kube: Kube, namespace: str, app: str) -> list[Release]:
    """All records of an app, oldest first."""
    objects = kube.list(RELEASE, namespace, labels=f"{APP_LABEL}={app}")
    return sorted((_typed(obj) for obj in objects), key=lambda r: (r.created, r.id))


def note(kube: Kube, release: Release, **changes: Any) -> Release:
    """Write fields of the status (names of `ReleaseStatus`; None removes one) and read the record back.

    The status is a note: the last writer wins, no rule depends on it.
    """
    return _write(kube, release, {"status": _status(changes)})


def note_if_unchanged(kube: Kube, release: Release, **changes: Any) -> Release:
    """The same, provided that the record is still the one that was read. Raises Conflict otherwise.

    This is what orders `switch` and `delete`: both begin by writing their mark on the same record.
    """
    metadata = {"resourceVersion": release.resource_version}
    return _write(kube, release, {"metadata": metadata, "status": _status(changes)})


def _status(changes: dict[str, Any]) -> dict[str, Any]:
    known = ReleaseStatus.model_fields
    if unknown := sorted(set(changes) - set(known)):
        raise TypeError(f"ReleaseStatus has no {', '.join(unknown)}")
    dumped = ReleaseStatus.model_validate(changes).model_dump(mode="json", by_alias=True)
    return {str(known[key].alias): dumped[str(known[key].alias)] for key in changes}


def _write(kube: Kube, release: Release, patch: dict[str, Any]) -> Release:
    return _typed(kube.patch(RELEASE, release.namespace, release.name, patch, subresource="status"))


def _typed(obj: dict[str, Any]) -> Release:
    try:
        return Release.from_object(obj)
    except (ValidationError, KeyError) as error:
        meta = obj.get("metadata", {})
        raise PermanentError(
            f"Release {meta.get('namespace')}/{meta.get('name')} is malformed ({error}); "
            "was it written by another version of Rainbow?"
        ) from error
