"""`rainbow release` where rainbow.yaml names several clusters: all is checked in all of them before it begins."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from rich.console import Console

from rainbow.adapters.config_file import check_base
from rainbow.adapters.records import read_release
from rainbow.adapters.regions import Place, images_of, ready
from rainbow.adapters.world import Clock
from rainbow.cli import arguments
from rainbow.cli.base import base_of
from rainbow.cli.clusters import places_of
from rainbow.cli.everywhere_ending import conclude
from rainbow.cli.following import Until
from rainbow.cli.lint import refuse_errors
from rainbow.cli.output import Form
from rainbow.cli.regions import Going, Journey
from rainbow.cli.regions_screen import regions_screen
from rainbow.errors import BadInput, RainbowError, TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.release import ArchiveSource, ReleaseSpec, Source


@dataclass(frozen=True)
class Asked:
    """What stood on the command line."""

    path: Path
    app: AppConfig
    release: str
    images: tuple[str, ...]
    source: str | None
    clusters: tuple[str, ...]
    until: Until
    output: Form

    @property
    def come_back(self) -> str:
        """The command that goes on where it was."""
        words = ["rainbow", "release", "-f", str(self.path), "--release", self.release]
        words += [part for image in self.images for part in ("--image", image)]
        words += [] if self.source is None else ["--source", self.source]
        words += [part for name in self.clusters for part in ("--cluster", name)]
        return shlex.join(words)


def release_everywhere(asked: Asked, clock: Clock | None = None) -> int:
    """Release it to the clusters of the file, wave after wave. Returns the exit code."""
    clock, console = clock or Clock(), Console(stderr=asked.output.for_programs)
    going = prepare(asked)
    try:
        with regions_screen(console, f"{asked.app.app} {asked.release}", going.waves) as shown:
            journey = Journey(going, shown, clock)
            # What was begun is gone on with, or taken back, whatever has become of a cluster whose turn comes later.
            if not journey.begun():
                for place in going.places:
                    ready(place)
            end = journey.go(asked.until)
    except KeyboardInterrupt:
        console.print(
            "\nNot following any more. What was begun goes on in its cluster, and no further one is begun, nor rolled "
            f"back, until somebody goes on: {asked.come_back}",
            soft_wrap=True,
        )
        return 130
    return conclude(going, end, asked.come_back, console, asked.output)


def prepare(asked: Asked) -> Going:
    """What each cluster is to get. Raises BadInput, with nothing changed, for what is wrong with any of it."""
    app, clusters = asked.app, asked.app.clusters
    assert clusters is not None  # noqa: S101 - else there would be one cluster
    going_to, given = places_of(asked.path, app, asked.clusters), arguments.images(app, asked.images)
    if len(clusters.names) > 1:
        _refuse_tags(given)
    others = [place for place in places_of(asked.path, app) if place.name not in [one.name for one in going_to]]
    built = {} if set(app.images) <= set(given) else _built_before(others, app, asked.release)
    given = {**built, **given}
    source, archive = arguments.source(app, given, None if built else asked.source, asked.path.parent)
    if archive is not None:
        source = Source(archive=ArchiveSource(config_maps=[], sha256=sha256(archive).hexdigest()))
    specs = {}
    for place in going_to:
        base = _base(asked.path, place, given)
        specs[place.name] = ReleaseSpec(
            release=asked.release, app=place.app, manifests=base, images=given, source=source
        )
    names = [place.name for place in going_to]
    waves = [chosen for wave in clusters.waves if (chosen := [name for name in wave if name in names])]
    return Going(going_to, waves, clusters.on_failure, specs, archive)


def _refuse_tags(given: Mapping[str, str]) -> None:
    for name, reference in given.items():
        if "@" not in reference:
            raise BadInput(
                f"--image {name}={reference}: with several clusters give it by its digest (…@sha256:…), as a tag may "
                "mean something else when the last of them is begun"
            )


def _built_before(others: Sequence[Place], app: AppConfig, release: str) -> Mapping[str, str]:
    """The images of this very release as one of the clusters has them that are left out now: none is built anew.

    Raises TemporaryError when none is known to have it, and one of them does not answer.
    """
    silent: list[str] = []
    for place in others:
        try:
            known = images_of(read_release(replace(place.kube, attempts=1), place.app.namespace, app.app, release))
        except BadInput:
            continue  # it has not got there
        except RainbowError as error:
            silent.append(f"cluster {place.name}: {error}")
        else:
            if known:
                return known
    if silent:
        raise TemporaryError(
            f"whether release {release} was built already is unknown, and it would be another one if it were built "
            f"twice: {'; '.join(silent)}. Try again, or give its images by their digests: --image"
        )
    return {}


def _base(path: Path, place: Place, given: Mapping[str, str]) -> str:
    try:
        base = base_of(path, place.app)
        check_base(path, place.app, base)
        refuse_errors(path, place.app, base, given)
    except BadInput as error:
        raise BadInput(f"cluster {place.name}: {error}") from error
    return base
