"""Waiting until the proxy answers from a release: first on its preview host, then on the route's own hosts."""

from __future__ import annotations

from dataclasses import replace

from rainbow.adapters.proxy import Proxy, Sightings, Watch
from rainbow.adapters.routes.release_names import preview_host
from rainbow.adapters.routes.release_routes import asked_beside
from rainbow.adapters.world import Clock
from rainbow.errors import TemporaryError
from rainbow.model.release import Release

PREVIEW_ANSWERS = 5  # good answers in a row before the route moves
ROUTE_ANSWERS = 10  # and after it, from each host


def ask_preview(clock: Clock, target: Release, url: str | None = None) -> Sightings:
    """Wait for the preview host, first for the check path, then for one path of each other Service behind the route.

    `url`: instead of the proxy's address in rainbow.yaml. Raises TemporaryError with what was seen.
    """
    route, proxy = target.spec.app.route, _proxy(clock, target, url)
    host, seconds = preview_host(target), route.timeout.total_seconds()
    plan = Watch([host], route.entry.check_path, in_a_row=PREVIEW_ANSWERS, timeout=seconds, pause=0.05)
    named = _named(proxy, target)
    seen = proxy.watch(named, plan)
    if not seen.settled:
        raise TemporaryError(
            f"the proxy at {proxy.url} does not answer from release {target.id} on its preview host {host} "
            f"within {seconds:g} s, so the route was not moved. Last: {seen.last}. {_advice(target, seen, proxy.url)}"
        )
    for service, path in asked_beside(target).items():
        others = proxy.watch(named, replace(plan, path=path, anybody=True))
        seen.count += others.count
        if not others.settled:
            raise TemporaryError(
                f"the proxy at {proxy.url} reaches no pod behind Service {service}: asked for {path} on the preview "
                f"host {host} for {seconds:g} s, so the route was not moved. Last: {others.last}. "
                "Are its pods ready, and is the Service's port right?"
            )
    return seen


def ask_route(
    clock: Clock, target: Release, hosts: tuple[str, ...], url: str | None = None, *, unnamed: bool = False
) -> Sightings:
    """Wait for the hosts of the route, which was just moved. Raises TemporaryError with what was seen.

    `unnamed`: the release before was adopted, and does not name itself.
    """
    route, proxy = target.spec.app.route, _proxy(clock, target, url)
    seconds = route.timeout.total_seconds()
    plan = Watch(hosts, route.entry.check_path, in_a_row=ROUTE_ANSWERS, timeout=seconds, pause=0.005, unnamed=unnamed)
    seen = proxy.watch(_named(proxy, target), plan)
    if not seen.settled:
        raise TemporaryError(
            f"the route points at release {target.id}, but the proxy at {proxy.url} did not answer from it "
            f"{ROUTE_ANSWERS} times in a row within {seconds:g} s (host {', '.join(hosts)}). Last: {seen.last}. "
            f"The release before is kept. {_advice(target, seen, proxy.url)}"
        )
    return seen


def _named(proxy: Proxy, target: Release) -> str | None:
    """What its answers call the release. The pods of one that was adopted have never heard of its id.

    They say what they always said, nothing mostly; its own host tells, as it leads to no other release.
    """
    if not target.as_adopted:
        return target.id
    entry, end = target.spec.app.route.entry, proxy.clock.monotonic() + target.spec.app.route.timeout.total_seconds()
    while not (answer := proxy.ask(preview_host(target), entry.check_path)).found() and answer.at < end:
        proxy.clock.sleep(0.05)
    return answer.release


def _proxy(clock: Clock, target: Release, url: str | None) -> Proxy:
    route = target.spec.app.route
    return Proxy(url=url or route.entry.url, header=route.release_header, clock=clock)


def _advice(target: Release, seen: Sightings, url: str) -> str:
    route = target.spec.app.route
    if seen.last is None or seen.last.status is None:
        return (
            f"Is {url} the proxy's address as seen from here? In a pod it is route.{route.key}.url of rainbow.yaml; "
            "elsewhere give --proxy-url"
        )
    if seen.last.status in (502, 503, 504) and seen.last.release is None:
        return f"The proxy reaches no pod of release {target.id}: are its pods ready, and is the Service's port right?"
    return (
        f"Does the app send the header {route.release_header} with its release, and does a path of the "
        f"{route.entry.document_kind} cover route.{route.key}.checkPath ({route.entry.check_path})?"
    )
