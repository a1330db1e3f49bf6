"""rainbow.yaml as it is in one of its clusters: the file, with what is different there over it.

What a cluster is given says nothing of the others: the record of a release is the same as one of a single cluster.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from rainbow.model.app import AppConfig
from rainbow.model.clusters import merged
from rainbow.model.release import ReleaseSpec, Source


def in_cluster(app: AppConfig, name: str) -> AppConfig:
    """The app in the cluster of that name. Raises pydantic.ValidationError for overrides that do not fit."""
    assert app.clusters is not None  # noqa: S101 - asked for by whoever has read which there are
    # Only what was given: some rules of the model ask whether a key was.
    described = app.model_dump(mode="json", by_alias=True, exclude_unset=True)
    del described["clusters"]
    return AppConfig.model_validate(merged(described, app.clusters.of(name).overrides))


def misfits(app: AppConfig) -> Iterator[tuple[str, ValidationError]]:
    """The clusters whose overrides do not fit, and what is wrong with the app there."""
    for name in app.clusters.names if app.clusters else []:
        try:
            in_cluster(app, name)
        except ValidationError as error:
            yield name, error


def shared_place(app: AppConfig) -> str | None:
    """Two clusters that are one namespace of one context, where a release cannot be twice. All overrides fit."""
    found: dict[tuple[str, str], str] = {}
    clusters = app.clusters
    for name in clusters.names if clusters else []:
        assert clusters is not None  # noqa: S101 - else there is no name
        place = clusters.context(name), in_cluster(app, name).namespace
        if place in found:
            return f"{found[place]} and {name} are both namespace {place[1]} of context {place[0]}"
        found[place] = name
    return None


def difference(there: ReleaseSpec, wanted: ReleaseSpec) -> str:
    """In what a release that is there differs from the one that is to be released under its id; empty when in nothing.

    Images are compared where both have them: only one cluster builds, and its record knows them later.
    """
    found = []
    if _described(there.app) != _described(wanted.app):
        found.append("rainbow.yaml")
    if there.manifests != wanted.manifests:
        found.append("manifests")
    both = set(there.images) & set(wanted.images)
    if any(there.images[name] != wanted.images[name] for name in both):
        found.append("images")
    if there.source is not None and wanted.source is not None and _made_from(there.source) != _made_from(wanted.source):
        found.append("sources")
    return f"it differs in {', '.join(found)}" if found else ""


def _described(app: AppConfig) -> dict[str, object]:
    return app.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"clusters"})


def _made_from(source: Source) -> object:
    return source.archive.sha256 if source.archive is not None else source.git
