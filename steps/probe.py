"""Ask the app's users' questions without pause for a while, and fail if a single one goes wrong (J2).

To be run beside whatever users must not notice: a release, a node that is drained, an upgrade of the proxy. It changes
nothing, so it can be killed and run again at any time; a run that was cut short has shown nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field, ValidationError

from rainbow.adapters.probe import Probe
from rainbow.adapters.probe.watching import WATCHING, watching
from rainbow.adapters.records import list_releases
from rainbow.adapters.routes import read_route
from rainbow.adapters.routes.rights import ROUTE_READING
from rainbow.adapters.world import World
from rainbow.decisions.probing import Verdict, judge, told
from rainbow.errors import BadInput, PermanentError
from rainbow.model.app import AppConfig
from rainbow.model.durations import Duration
from rainbow.model.names import AppName
from rainbow.model.probing import Plan, Target, connect_to, route_urls
from steps.shape import CommonParams

OUTPUTS: Mapping[str, str] = {"requests": "", "failures": "", "p99-ms": ""}
INPUTS = ("app", "urls", "rate", "lasting", "named")
RULES: list[dict[str, Any]] = [
    # which release's rainbow.yaml says where the proxy is
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get"]},
    *ROUTE_READING,
    *WATCHING,
]
LOOK = 1.0  # seconds between two looks at how far it is


class Params(CommonParams):
    """Parameters of `probe`."""

    app: AppName = Field(description="name of the app")
    urls: str | None = Field(
        default=None,
        description='what to ask, separated by commas, each with a method before it or without: "POST http://shop/a"; '
        "by default the app's own route",
    )
    rate: float = Field(default=50.0, description="requests a second")
    lasting: Duration = Field(default=timedelta(seconds=30), description="how long")
    named: bool = Field(default=False, description="an answer that names no release is a failure")
    proxy_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="instead of the address in rainbow.yaml, for running the step outside the cluster",
    )


def run(params: Params, world: World) -> None:
    """Probe. Raises PermanentError when a user would have noticed anything."""
    plan = _plan(params, world)
    asked = ", ".join(str(target) for target in plan.targets)
    world.say(f"{plan.rate:g} requests a second for {plan.seconds:g} s through {plan.connect}: {asked}")
    if params.dry_run:
        return
    probe, trouble = Probe(plan), None
    with watching(world.kube, params.namespace) as around:
        probe.start()
        begun = world.clock.monotonic()
        try:
            while not probe.wait(LOOK):
                world.progressed(int(world.clock.monotonic() - begun), int(plan.seconds or 0))
        finally:
            trouble = probe.ended()
    verdict = judge(probe.answers, around.seen, trouble)
    _report(world, verdict)
    if not verdict.good:
        raise PermanentError(
            f"users of app {params.app} in namespace {params.namespace} would have noticed: "
            f"{'; '.join(verdict.noticed)}. When each happened, and what else just then, stands above"
        )


def _plan(params: Params, world: World) -> Plan:
    app = _app(params, world)
    proxy = params.proxy_url or app.route.entry.url
    if params.urls:
        urls = tuple(params.urls.split(","))
    else:
        urls = route_urls(proxy, read_route(world.kube, app).hosts, app.route.entry.check_path)
    try:
        return Plan(
            targets=tuple(Target.parse(url, "{}") for url in urls),
            rate=params.rate,
            seconds=params.lasting.total_seconds(),
            connect=connect_to(proxy),
            release_header=app.route.release_header,
            named=params.named,
        )
    except ValidationError as error:
        raise BadInput("; ".join(str(e["msg"]) for e in error.errors())) from error
    except ValueError as error:
        raise BadInput(f"--urls: {error}") from error


def _app(params: Params, world: World) -> AppConfig:
    """As its newest release has it."""
    releases = list_releases(world.kube, params.namespace, params.app)
    if not releases:
        raise BadInput(f"no release of an app {params.app} in namespace {params.namespace}; is the name right?")
    return releases[-1].spec.app


def _report(world: World, verdict: Verdict) -> None:
    for burst in verdict.bursts:
        for line in told(burst):
            world.say(line)
    summary = verdict.summary
    heard = ", ".join(f"{name} ({seen.answers})" for name, seen in summary.releases.items()) or "no release by name"
    world.say(f"{summary.sent} requests, {summary.failed} failed; p50 {summary.p50} ms, p99 {summary.p99} ms; {heard}")
    world.output("requests", str(summary.sent))
    world.output("failures", str(summary.failed))
    world.output("p99-ms", "" if summary.p99 is None else str(summary.p99))
