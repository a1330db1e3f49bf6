"""The turns of `rainbow prove`: whole releases through the real workflow, or switches between two that are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click

from rainbow.adapters.config_file import check_base
from rainbow.adapters.kube import Kube
from rainbow.adapters.records import list_releases, read_release
from rainbow.adapters.routes import read_route
from rainbow.adapters.submission import submit
from rainbow.adapters.world import Clock, World
from rainbow.cli import arguments
from rainbow.cli.base import base_of
from rainbow.cli.ending import Target
from rainbow.cli.lint import refuse_errors
from rainbow.cli.watching import Watched, watch
from rainbow.decisions.proving import Turn
from rainbow.decisions.workflow_view import RELEASE_STEPS, Outcome, WorkflowView
from rainbow.errors import BadInput, RainbowError
from rainbow.model.app import AppConfig
from rainbow.model.release import Phase, Release, ReleaseSpec
from rainbow.model.staying import Strategy
from steps import switch

SWITCHABLE = (Phase.READY, Phase.CURRENT, Phase.DRAINING, Phase.DRAINED)


def _say(line: str) -> None:
    click.echo(line, err=True)


@dataclass
class Releases:
    """Releases of the app as the file describes it, one after the other, each until it is live.

    `images` are those of a turn: NAME=REF as on the command line. What is not given is built once, and taken again.
    """

    kube: Kube
    path: Path
    app: AppConfig
    images: Callable[[int], tuple[str, ...]]
    stamp: str = field(default_factory=lambda: datetime.now(UTC).strftime("%m%d-%H%M%S"))
    _built: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base = base_of(self.path, self.app)
        check_base(self.path, self.app, self.base)

    def turn(self, number: int) -> Turn:
        """Release it, and wait until it is live or has failed."""
        release, app = f"prove-{self.stamp}-{number}", self.app
        # Of what is rolled the old pods answer beside the new ones, and no write tells them to stop.
        previous = None if app.strategy is Strategy.ROLLING else read_route(self.kube, app).current
        begun = time.time()
        given = arguments.images(app, self.images(number)) or dict(self._built)
        refuse_errors(self.path, app, self.base, given)
        source, archive = arguments.source(app, given, None, self.path.parent)
        spec = ReleaseSpec(release=release, app=app, manifests=self.base, images=given, source=source)
        submit(self.kube, spec, archive)
        target = Target(app.namespace, app.app, release)
        watched = Watched(target.namespace, target.workflow, RELEASE_STEPS, target.come_back, target.approve)
        view = watch(self.kube, watched, lambda view: view.live, _Quiet(), Clock())
        record = read_release(self.kube, app.namespace, app.app, release)
        self._built = record.status.images
        if view.outcome is Outcome.FAILED:
            return Turn(release, previous, begun, trouble=record.status.message or view.message or "it failed")
        return Turn(release, previous, begun, switched_at(self.kube, record))


class _Quiet:
    """The screen of one turn among many."""

    def show(self, view: WorkflowView, doing: str, now: datetime) -> None:
        """A turn has one line, when it is over."""

    def say(self, text: str, now: datetime) -> None:
        """A line about the following itself."""
        _say(f"{now:%H:%M:%S}  {text}")


@dataclass
class Switches:
    """Switches to and fro between two releases that are deployed; each is the very step that a release runs."""

    kube: Kube
    app: AppConfig
    between: tuple[str, str]
    proxy_url: str | None

    def turn(self, number: int) -> Turn:
        """Switch to whichever of the two is not current, and wait until the proxy answers from it."""
        previous, begun = read_route(self.kube, self.app).current, time.time()
        release = next(release for release in reversed(self.between) if release != previous)
        params = switch.Params(
            namespace=self.app.namespace,
            app=self.app.app,
            release=release,
            allow_older=True,
            proxy_url=self.proxy_url,
            reason=f"rainbow prove, round {number}",
        )
        try:
            switch.run(params, World(kube=self.kube, say=lambda line: None))
        except RainbowError as error:
            return Turn(release, previous, begun, trouble=str(error))
        record = read_release(self.kube, self.app.namespace, self.app.app, release)
        return Turn(release, previous, begun, switched_at(self.kube, record))


def switched_at(kube: Kube, release: Release) -> float | None:
    """When the route was written that leads to it; that time stands on the route itself, else in the record."""
    route = read_route(kube, release.spec.app)
    moment = route.switched_at if route.current == release.id and route.switched_at else release.status.live_at
    return None if moment is None else moment.timestamp()


def two_of(kube: Kube, app: AppConfig, given: tuple[str, str] | None) -> tuple[str, str]:
    """The releases to switch between: those given, else the current one and the newest other. Raises BadInput."""
    current = read_route(kube, app).current
    if current is None:
        raise BadInput(f"no release of app {app.app} in namespace {app.namespace} is current; release it first")
    there = [r.id for r in list_releases(kube, app.namespace, app.app) if r.status.phase in SWITCHABLE]
    if given is not None:
        if missing := [release for release in given if release not in there]:
            raise BadInput(f"--between: {', '.join(missing)} cannot be switched to; there are: {', '.join(there)}")
        return given
    others = [release for release in there if release != current]
    if not others:
        raise BadInput(
            f"--switches: of app {app.app} in namespace {app.namespace} only {current} is there; release another first"
        )
    return current, others[-1]


def in_turns(given: Sequence[str], number: int) -> tuple[str, ...]:
    """The images of a round: of several references of one name, each has its turn."""
    names: dict[str, list[str]] = {}
    for text in given:
        names.setdefault(text.partition("=")[0] if "=" in text else "", []).append(text)
    return tuple(texts[number % len(texts)] for texts in names.values())


def taken(turns: Callable[[int], Turn], count: int, pause: float, clock: Clock) -> Iterator[Turn]:
    """So many turns with a pause after each, until one has failed."""
    for number in range(1, count + 1):
        turn = turns(number)
        took = time.time() - turn.begun
        _say(f"round {number} of {count}: {turn.trouble or f'{turn.release} is live'} ({took:.1f} s)")
        yield turn
        clock.sleep(pause)
        if turn.trouble:
            return
