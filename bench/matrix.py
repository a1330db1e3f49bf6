"""`make prove`: every strategy behind every kind of route, switched or rolled again and again under a probe (J2).

    python -m bench.matrix --rate 1000 --rounds 20 --write build/prove.json
    python -m bench.matrix --readme README.md docs/results/prove.json

The steps run here, without Argo, one after the other as in the workflow: it is what users see that is measured. Each
has a namespace of its own on the embedded cluster, with the app of bench/probed.py: two pods a release.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from bench.probed_app import APP, base, described
from cluster.context import Context
from rainbow.adapters.kube import Kind, Kube, connect
from rainbow.adapters.world import Clock, World
from rainbow.cli.proving import INTERRUPTED, proved
from rainbow.cli.turns import Switches, taken
from rainbow.decisions.probing import told
from rainbow.decisions.proving import Proof, Turn, proof_json, table
from rainbow.errors import RainbowError
from rainbow.model.app import AppConfig
from rainbow.model.probing import Plan, Target
from rainbow.model.release import ReleaseSpec, new_record
from steps import deploy, roll, run_tests, switch

STRATEGIES = ("rainbow", "blue-green", "rolling")
ROUTES = ("ingress", "service", "httpRoute")
PAUSE = 0.5  # seconds between two rounds
ROLLING_RATE = 200.0  # at most: each roll starts pods, which takes the processors of a single machine
SHOWN = 5  # bursts of failures of one proof; all are in the file
BEGIN, END = "<!-- proof: written by `python -m bench.matrix --readme` -->", "<!-- end of proof -->"
_NAMESPACE = Kind("v1", "Namespace")


@dataclass(frozen=True)
class Size:
    """How much is asked, and how often the route is moved. `held`: downloads, streams and WebSockets as well."""

    rate: float
    rounds: int
    pause: float = PAUSE
    held: bool = True
    pods: int = 2  # of each release


@dataclass(frozen=True)
class Stage:
    """One strategy behind one route, in a namespace of its own. `proxy` is host:port on this machine."""

    kube: Kube
    namespace: str
    strategy: str
    route: str
    proxy: str

    @property
    def app(self) -> AppConfig:
        """rainbow.yaml."""
        return AppConfig.model_validate(described(self.namespace, self.strategy, self.route, f"http://{self.proxy}"))

    def proof(self, size: Size) -> Proof:
        """Two releases, switched to and fro; or one after the other rolled. Under a probe of every kind of request."""
        rolls = self.app.rolls
        turns = (lambda number: self.rolled(f"v{number}", size.pods)) if rolls else self._switches(size.pods)
        first = turns(0)
        if first.trouble:
            raise RuntimeError(f"{self.strategy} behind {self.route}: {first.trouble}")
        taking = taken(turns, size.rounds, size.pause, Clock())
        mode = "rolls" if rolls else "switches"
        return proved(self.kube, self.app, self.plan(size), taking, mode=mode, wanted=size.rounds)

    def _switches(self, pods: int) -> Callable[[int], Turn]:
        for release in ("v1", "v2"):
            self._deployed(release, pods)
        return Switches(self.kube, self.app, ("v1", "v2"), f"http://{self.proxy}").turn

    def live(self, release: str, pods: int) -> None:
        """Have a release that is current."""
        self._deployed(release, pods)
        self._run(switch, release, proxy_url=f"http://{self.proxy}")

    def _deployed(self, release: str, pods: int) -> None:
        self._submitted(release, pods)
        for step in (deploy, run_tests):
            self._run(step, release)

    def rolled(self, release: str, pods: int) -> Turn:
        """Roll the app to another release, as its workflow does."""
        begun = time.time()
        self._submitted(release, pods)
        try:
            for step in (roll, run_tests):
                self._run(step, release)
            self._run(switch, release, proxy_url=f"http://{self.proxy}")
        except RainbowError as error:
            return Turn(release, None, begun, trouble=str(error))
        # The route stays as it is: there is no moment from which only the new release should answer.
        return Turn(release, None, begun, time.time())

    def _submitted(self, release: str, pods: int) -> None:
        manifests = "\n---\n".join(json.dumps(obj) for obj in base(self.namespace, self.route, pods))
        self.kube.create(new_record(ReleaseSpec(release=release, app=self.app, manifests=manifests)))

    def _run(self, step: Any, release: str, **more: str) -> None:
        params = step.Params(namespace=self.namespace, app=APP, release=release, **more)
        step.run(params, World(kube=self.kube, say=lambda line: None))

    def plan(self, size: Size) -> Plan:
        """What is asked for."""
        host = f"{self.namespace}.localhost"
        urls = [f"http://{host}/", f"POST http://{host}/orders"]
        if size.held:
            urls += [f"DOWNLOAD http://{host}/download", f"STREAM http://{host}/events", f"ws://{host}/live"]
        targets = tuple(Target.parse(url, '{"probe": true}') for url in urls)
        return Plan(targets=targets, rate=size.rate, connect=self.proxy, named=True, held_seconds=5)


@contextmanager
def staged(kube: Kube, name: str, strategy: str, route: str, proxy: str) -> Iterator[Stage]:
    """A namespace that goes again with all that is in it."""
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        yield Stage(kube, name, strategy, route, proxy)
    finally:
        kube.delete(_NAMESPACE, None, name)


def matrix(
    kube: Kube, proxy: str, asked: Size, strategies: Sequence[str], routes: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """One proof after the other, as plain data: beside each other they would disturb what is measured."""
    for strategy, route in product(strategies, routes):
        size = replace(asked, rate=min(asked.rate, ROLLING_RATE)) if strategy == "rolling" else asked
        _say(f"{strategy} behind {route}: {size.rounds} rounds at {size.rate:g} requests a second")
        name = f"prove-{strategy}-{route.lower()}-{secrets.token_hex(2)}"  # that of a run before may still be going
        with staged(kube, name, strategy, route, proxy) as stage:
            proof = stage.proof(size)
        _say(f"  {'nobody noticed' if proof.good else '; '.join((*proof.unproved, *proof.verdict.noticed))}")
        for line in (line for burst in proof.verdict.bursts[:SHOWN] for line in told(burst)):
            _say(f"  {line}")
        yield proof_json(proof)
        if INTERRUPTED in proof.verdict.noticed:
            return


def written(text: str, results: Sequence[dict[str, Any]]) -> str:
    """A document with the table of the results between its two markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document lacks the lines {BEGIN} and {END}")
    return f"{before}{begin}\n{table(results)}{end}{after}"


def merged(kept: Sequence[dict[str, Any]], new: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was kept, with each proof that there is a new one of in its place, in the order of the matrix."""
    found = {(result["strategy"], result["route"]): result for result in (*kept, *new)}
    return [found[key] for key in product(STRATEGIES, ROUTES) if key in found]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main() -> int:
    """Measure, or write a table of what was measured. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="bench.matrix", description="Strategies and routes under a probe.")
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--strategy", action="append", choices=STRATEGIES)
    parser.add_argument("--route", action="append", choices=ROUTES)
    parser.add_argument("--write", type=Path, help="JSON file; what is new takes the place of what was there")
    parser.add_argument("--readme", nargs=2, type=Path, metavar=("DOCUMENT", "RESULTS"), help="only write the table")
    given = parser.parse_args()
    if given.readme:
        document, results = given.readme
        document.write_text(written(document.read_text(), json.loads(results.read_text())))
        return 0
    proxy = f"127.0.0.1:{Context.from_environment().ports.traefik}"
    size = Size(given.rate, given.rounds)
    found = []
    for result in matrix(connect(), proxy, size, given.strategy or STRATEGIES, given.route or ROUTES):
        found.append(result)
        if given.write:
            _keep(given.write, result)
    print(table(found), end="")
    return 0 if all(result["good"] for result in found) else 1


def _keep(path: Path, result: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(path.read_text()) if path.exists() else []
    path.write_text(json.dumps(merged(kept, [result]), indent=1) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
