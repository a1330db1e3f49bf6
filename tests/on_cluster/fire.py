"""The tiny app with three releases behind a route: its users ask, and somebody looks at the route, all the time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from plain import eventually
from routes_app import Routed, http_route
from stand_ins import Load, users
from tiny import APP

from rainbow.adapters.kube import DEPLOYMENT, Kube, Object
from rainbow.adapters.lock import read_lease
from rainbow.adapters.records import note
from rainbow.adapters.routes import read_route
from rainbow.errors import RainbowError
from rainbow.model.release import Phase
from steps import switch
from steps.deploy import rendered_objects

RELEASES = ("v1", "v2", "v3")
# As if it had never been live.
FRESH: dict[str, Any] = {"phase": Phase.READY, "traffic": None, "message": None} | dict.fromkeys(
    ("live_at", "demoted_at", "failed_at", "rejected")
)


def two_rules(host: str) -> Object:
    """An HTTPRoute with several backends, which have to move in one write."""
    route = http_route(host)
    admin = {"matches": [{"path": {"type": "PathPrefix", "value": "/admin"}}]}
    route["spec"]["rules"].append(admin | route["spec"]["rules"][0])
    return route


@dataclass
class UnderFire(Routed):
    """The app with three releases, v1 current."""

    crossed: list[str] = field(default_factory=list)  # what was wrong with the route at some moment

    @property
    def route(self) -> str:
        """How the URL of the switched object ends."""
        plural = {"Service": "services", "HTTPRoute": "httproutes"}[self.front.switched.kind]
        return f"/{plural}/{self.front.config['name']}"

    def begin(self) -> None:
        """All that `deploy` and `run-tests` would have made, at once."""
        kube = self.tiny.kube
        for name in RELEASES:
            self.submit(name)
            for obj in rendered_objects(self.tiny.record(name))[0]:
                kube.create(obj)
            # Creation times have whole seconds, and of two releases of one second neither is newer.
            eventually(lambda: self._next_second(name), "the next second")  # noqa: B023
        for name in RELEASES:
            eventually(lambda: self._ready(name), f"{name} is ready")  # noqa: B023
            note(kube, self.tiny.record(name), phase=Phase.READY)
        self.switch("v1")
        eventually(lambda: self.ask()[:2] == (200, "v1"), "users are answered")

    def current(self) -> str | None:
        """Where the route leads. Raises PermanentError when it leads to several releases."""
        return read_route(self.tiny.kube, self.tiny.record("v1").spec.app).current

    def run(self, release: str, *, workflow: str = "", kube: Kube | None = None, **options: Any) -> None:
        """The step `switch` as the pod of a workflow."""
        world = self.tiny.world("switch", switch.RULES)
        params = switch.Params(namespace=self.tiny.namespace, app=APP, release=release, **options)
        switch.run(params, replace(world, run=workflow, kube=kube or world.kube))

    def settled(self, release: str) -> None:
        """The route, the records and the lock agree that this one is current and nobody is at work."""
        assert self.current() == release
        for name in RELEASES:
            status = self.tiny.record(name).status
            assert (status.traffic == "100%") is (name == release), (name, status.traffic)
            assert (status.phase is Phase.CURRENT) is (name == release), (name, status.phase)
        lease = read_lease(self.tiny.kube, self.tiny.namespace, APP)
        assert lease is not None
        assert lease.holder is None
        assert self.ask()[:2] == (200, release)

    @contextmanager
    def watched(self) -> Iterator[Load]:
        """Users ask, and somebody looks at the route all the time: it never leads to two releases, or to none."""
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.1):
                try:
                    if self.current() not in RELEASES:
                        self.crossed.append("it led to nobody")
                except RainbowError as error:
                    self.crossed.append(str(error))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            with users(self, seconds=120, pause=0.02) as load:
                yield load
        finally:
            stop.set()
            looking.join()

    def _next_second(self, name: str) -> bool:
        return (datetime.now(UTC) - self.tiny.record(name).created).total_seconds() > 1

    def _ready(self, name: str) -> bool:
        found = self.tiny.kube.get(DEPLOYMENT, self.tiny.namespace, f"web-{name}") or {}
        return (found.get("status") or {}).get("readyReplicas") == 1


@dataclass
class Interrupted(Kube):
    """Something happens just before one write, or before the one that follows it."""

    where: str = ""  # how the path of that write ends
    after: bool = False
    what: Callable[[], None] = lambda: None
    writes: list[str] = field(default_factory=list)
    done: bool = False

    def _once(self, method: str, path: str, *rest: Any) -> str:
        if method == "PATCH":
            self.writes.append(path)
            if not self.done and self.writes[-2 if self.after else -1 :][0].endswith(self.where):
                self.done = True
                self.what()
        return super()._once(method, path, *rest)
