"""Point the route at a release, and wait until the proxy answers from it.

Everything slow comes before the patch: the proxy has to answer from the release on its preview host first, so that
the route never leads to a backend that the proxy does not know yet (design.md, rule 3). The record of the release
before says that it carries traffic until the proxy was seen to answer from the new one, though it says Draining when
the run ends before that. Killed at any line, a second run finishes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from rainbow.adapters.proxy import Sightings
from rainbow.adapters.records import list_releases, note_if_unchanged, read_release
from rainbow.adapters.routes import carried_services, prepare_move, read_route
from rainbow.adapters.routes.asking import ask_preview, ask_route
from rainbow.adapters.routes.preview import ensure_preview, preview_ref
from rainbow.adapters.world import World
from rainbow.decisions.switch import ALL, SWITCHING, Act, SwitchDecision, SwitchFacts, decide_switch, recorded
from rainbow.errors import Conflict, RainbowError, Refused, TemporaryError
from rainbow.model.release import Phase, Release
from rainbow.model.route import RouteState
from steps.contract import StepParams
from steps.failure import mark_failed

OUTPUTS: Mapping[str, str] = {
    "previous": "",  # the release that was current before; empty when there was none
    "switch-ms": "",  # patch → last answer of the release before, as this step saw it; empty when not measured
}

RULES: list[dict[str, Any]] = [
    # Who is current, newer, or fit to be switched to.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    # The mark, the phase and the times of the target and of the releases before it.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # The route is read and patched; created for an app's first release, as is each release's preview.
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "verbs": ["get", "create", "patch"]},
    # Which release a Service belongs to stands in its labels.
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]},
]

ATTEMPTS = 5  # times that a precondition may fail before Argo takes over


class Params(StepParams):
    """Parameters of `switch`."""

    allow_older: bool = Field(
        default=False,
        description="also switch to a release that a newer one has replaced, or that was current before",
    )
    proxy_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="instead of the address in rainbow.yaml, for running the step outside the cluster",
    )


class Superseded(Refused):
    """A newer release was quicker."""


@dataclass(frozen=True)
class Look:
    """What the decision was made from, as far as it is needed afterwards."""

    decision: SwitchDecision
    route: RouteState
    releases: list[Release]


def run(params: Params, world: World) -> None:
    """Switch. Raises Refused when a rule forbids it, TemporaryError when the proxy does not answer as it must."""
    target = read_release(world.kube, params.namespace, params.app, params.release)
    if params.dry_run:
        decision = _look(world, target, params).decision
        world.say(f"switch of {target.app} to {target.id} would {decision.act}: {'; '.join(decision.reasons)}")
        return
    try:
        with _marked(world, target, params) as marked:
            ensure_preview(world.kube, marked)
            before, patched = _move(world, marked, params)
            after = read_route(world.kube, marked.spec.app)
            seen = ask_route(world.clock, marked, after.hosts, params.proxy_url)
            _write_down(world, marked, before.decision)
    except Superseded as error:
        # Nobody would come back to it, and `delete` is to know that.
        mark_failed(world, target, f"{error}; a person has it all the same by run-tests and switch --allow-older")
        raise
    _report(world, marked, after, seen, patched)


def _look(world: World, target: Release, params: Params) -> Look:
    route = read_route(world.kube, target.spec.app)
    releases = list_releases(world.kube, target.namespace, target.app)
    # Its own record as it is now: the mark of `delete`, or a failure, may have come in between.
    target = next((r for r in releases if r.id == target.id), target)
    facts = SwitchFacts(route=route, target=target, releases=releases, bases=carried_services(target))
    return Look(decide_switch(facts, allow_older=params.allow_older), route, releases)


def _obey(look: Look) -> None:
    if look.decision.act == Act.REFUSE:
        raise (Superseded if look.decision.superseded else Refused)(f"not switched: {'; '.join(look.decision.reasons)}")


# --- the mark that keeps `delete` away ----------------------------------------------------------------------


@contextmanager
def _marked(world: World, target: Release, params: Params) -> Iterator[Release]:
    """The record says `switching` meanwhile; afterwards it says what the route says, whatever went wrong."""
    try:
        marked = _mark(world, target, params)
    except Refused:
        _unmark(world, target)  # a run that was killed may have left it
        raise
    try:
        yield marked
    finally:
        try:
            _unmark(world, marked)
            _note_replaced(world, marked)
        except RainbowError as error:
            # The marks stay: a release is rather kept for too long than deleted under its users.
            world.say(f"the records of {target.app} may not say yet what the route says: {error}")


def _mark(world: World, target: Release, params: Params) -> Release:
    for _ in range(ATTEMPTS):
        _obey(_look(world, target, params))
        preview, objects = preview_ref(target), target.status.objects
        inventory = objects if preview in objects else [preview, *objects]
        try:
            return note_if_unchanged(world.kube, target, traffic=SWITCHING, objects=inventory)
        except Conflict:
            target = read_release(world.kube, params.namespace, params.app, params.release)
    raise TemporaryError(f"Release {target.namespace}/{target.name} is being written by others all the time")


def _unmark(world: World, target: Release) -> None:
    now = read_release(world.kube, target.namespace, target.app, target.id)
    if now.status.traffic == SWITCHING:
        _settle(world, now)


def _note_replaced(world: World, target: Release) -> None:
    """However the run ends: when the route leads to the target, nobody else's record says that it is current."""
    releases = list_releases(world.kube, target.namespace, target.app)
    before = [r for r in releases if r.id != target.id and r.status.phase == Phase.CURRENT]
    if before and read_route(world.kube, target.spec.app).current == target.id:
        for release in before:
            _settle(world, release, answered=False)


def _settle(world: World, release: Release, *, answered: bool = True) -> None:
    """Have a record say what the route says. Others write too: each time on what was read."""
    for _ in range(ATTEMPTS):
        release = read_release(world.kube, release.namespace, release.app, release.id)
        route = read_route(world.kube, release.spec.app)
        try:
            changes = recorded(release, route, world.clock.now(), answered=answered)
            note_if_unchanged(world.kube, release, **changes)
            return
        except Conflict:
            continue
    raise TemporaryError(f"Release {release.namespace}/{release.name} is being written by others all the time")


# --- the move and its notes ---------------------------------------------------------------------------------


def _move(world: World, target: Release, params: Params) -> tuple[Look, float | None]:
    """Ask the preview, look and decide again, and move the route. When (Clock.monotonic), or None if it was moved."""
    asked = False
    for _ in range(ATTEMPTS):
        look = _look(world, target, params)
        _obey(look)
        if look.decision.act == Act.NOTHING:
            return look, None
        if not asked:
            seen = ask_preview(world.clock, target, params.proxy_url)
            world.say(f"the proxy answers from release {target.id} on its preview host ({seen.count} requests)")
            asked = True
            continue
        try:
            _heal(world, look)
            move = prepare_move(world.kube, target, look.route, world.clock.now())
            patched = world.clock.monotonic()
            move.write()
        except Conflict as error:
            world.say(f"somebody else wrote meanwhile, looking again: {error}")
            continue
        for line in filter(None, (f"{look.decision.act}: {'; '.join(look.decision.reasons)}", move.remark)):
            world.say(line)
        return look, patched
    raise TemporaryError(f"route {target.spec.app.route.entry.name} is being changed by others all the time")


def _heal(world: World, look: Look) -> None:
    """Have the record say that the release before is current, or a kill after the patch would forget that it was."""
    for before in look.releases:
        if before.id == look.route.current and (before.status.phase, before.status.traffic) != (Phase.CURRENT, ALL):
            note_if_unchanged(world.kube, before, **recorded(before, look.route, world.clock.now()))


def _write_down(world: World, target: Release, decision: SwitchDecision) -> None:
    for release in list_releases(world.kube, target.namespace, target.app):
        # Another one that is marked is being switched to by a run of its own, which will say what became of it.
        before = release.id in decision.demoted and release.status.traffic != SWITCHING
        if before or (release.id == target.id and release.status.traffic == SWITCHING):
            _settle(world, release)


def _report(world: World, target: Release, route: RouteState, seen: Sightings, patched: float | None) -> None:
    world.output("previous", route.previous or "")
    measured = ""
    if patched is None:
        text = "the route had been moved before, so how long it took is not known"
    elif route.previous is None:
        text = "there was no release before"
    else:
        last = seen.last_of_other
        measured = f"{(last.at - patched) * 1000:.0f}" if last else "0"
        text = f"the last answer of {route.previous} was seen {measured} ms after the patch was sent"
    world.output("switch-ms", measured)
    # Before its first release nobody used the app: the proxy's answers until it knew the route are no failures.
    failures = seen.failures if route.previous else []
    failed = f", {len(failures)} failed: {failures[-1]}" if failures else ", none failed"
    world.say(f"release {target.id} of {target.app} is current; {text} ({seen.count} requests asked{failed})")
