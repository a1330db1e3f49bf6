"""Turns under a probe: what is asked while they are taken, and what came out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rainbow.adapters.kube import Kube
from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.manifests import read_base
from rainbow.adapters.probe import Probe
from rainbow.adapters.probe.watching import watching
from rainbow.adapters.routes import rules_of
from rainbow.adapters.routes.rules import hosts
from rainbow.cli.probe import complaint
from rainbow.decisions.probing import judge
from rainbow.decisions.proving import Proof, Turn, rounds, unproved
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig
from rainbow.model.probing import Plan, Target, connect_to, route_urls

INTERRUPTED = "interrupted"
WARM = 0.5  # seconds of asking before the first turn, and after the last


def plan(app: AppConfig, path: Path, given: Mapping[str, Any]) -> Plan:
    """What is asked: the URLs that are given, else the route's own hosts. Raises BadInput."""
    proxy, check = given["proxy_url"] or app.route.entry.url, app.route.entry.check_path
    users = hosts((r for obj in _documents(app, path) for r in rules_of(app, obj)), check)
    try:
        targets = tuple(Target.parse(url) for url in given["urls"] or route_urls(proxy, users, check))
        return Plan(
            targets=targets,
            rate=given["rate"],
            most=given["most"],
            connect=connect_to(proxy),
            release_header=app.route.release_header,
            named=True,
        )
    except ValidationError as error:
        raise BadInput("; ".join(complaint(e) for e in error.errors())) from error
    except ValueError as error:
        raise BadInput(f"--url: {error}") from error


def _documents(app: AppConfig, path: Path) -> list[dict[str, Any]]:
    entry = app.route.entry
    base = load_objects(read_base(path, app))
    return [o for o in base if (o["kind"], o["metadata"]["name"]) == (entry.document_kind, entry.document_name)]


def proved(kube: Kube, app: AppConfig, planned: Plan, turns: Iterator[Turn], *, mode: str, wanted: int) -> Proof:
    """Take the turns under the probe; Ctrl-C ends both early, and what was seen so far is told."""
    running, done, trouble = Probe(planned), list[Turn](), None
    with watching(kube, app.namespace) as around:
        running.start()
        try:
            time.sleep(WARM)
            for turn in turns:
                done.append(turn)
                if running.over:
                    trouble = f"the probe was over before the rounds were: it may send {planned.most} requests"
                    break
            time.sleep(WARM)
        except KeyboardInterrupt:
            trouble = INTERRUPTED
        finally:
            broke = running.ended()
    found = rounds(running.answers, done)
    return Proof(
        app=app.app,
        strategy=app.strategy.value,
        route=app.route.key,
        mode=mode,
        rate=planned.rate,
        wanted=wanted,
        rounds=found,
        verdict=judge(running.answers, around.seen, broke or trouble),
        unproved=unproved(done, found, wanted),
    )
