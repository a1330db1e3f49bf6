"""Waiting until the proxy answers from a release: first on its preview host, then on the route's own hosts."""

from __future__ import annotations

from dataclasses import replace

from rainbow.adapters.proxy import Proxy, Sightings, Watch
from rainbow.adapters.routes.preview import other_services, preview_host
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
    seen = proxy.watch(target.id, plan)
    if not seen.settled:
        raise TemporaryError(
            f"the proxy at {proxy.url} does not answer from release {target.id} on its preview host {host} "
            f"within {seconds:g} s, so the route was not moved. Last: {seen.last}. {_advice(target, seen, proxy.url)}"
        )
    for service, path in other_services(target).items():
        others = proxy.watch(target.id, replace(plan, path=path, anybody=True))
        seen.count += others.count
        if not others.settled:
            raise TemporaryError(
                f"the proxy at {proxy.url} reaches no pod behind Service {service}: asked for {path} on the preview "
                f"host {host} for {seconds:g} s, so the route was not moved. Last: {others.last}. "
                "Are its pods ready, and is the Service's port right?"
            )
    return seen


def ask_route(clock: Clock, target: Release, hosts: tuple[str, ...], url: str | None = None) -> Sightings:
    """Wait for the hosts of the route, which was just moved. Raises TemporaryError with what was seen."""
    route, proxy = target.spec.app.route, _proxy(clock, target, url)
    seconds = route.timeout.total_seconds()
    plan = Watch(hosts, route.entry.check_path, in_a_row=ROUTE_ANSWERS, timeout=seconds, pause=0.005)
    seen = proxy.watch(target.id, plan)
    if not seen.settled:
        raise TemporaryError(
            f"the route points at release {target.id}, but the proxy at {proxy.url} did not answer from it "
            f"{ROUTE_ANSWERS} times in a row within {seconds:g} s (host {', '.join(hosts)}). Last: {seen.last}. "
            f"The release before is kept. {_advice(target, seen, proxy.url)}"
        )
    return seen


def _proxy(clock: Clock, target: Release, url: str | None) -> Proxy:
    route = target.spec.app.route
    return Proxy(url=url or route.entry.url, header=route.release_header, clock=clock)


def _advice(target: Release, seen: Sightings, url: str) -> str:
    route = target.spec.app.route
    if seen.last is None or seen.last.status is None:
        return (
            f"Is {url} the proxy's address as seen from here? In a pod it is route.ingress.url of rainbow.yaml; "
            "elsewhere give --proxy-url"
        )
    if seen.last.status in (502, 503, 504) and seen.last.release is None:
        return f"The proxy reaches no pod of release {target.id}: are its pods ready, and is the Service's port right?"
    return (
        f"Does the app send the header {route.release_header} with its release, and does a path of the Ingress "
        f"cover route.ingress.checkPath ({route.entry.check_path})?"
    )
