"""A report finds out what there is to know, and says of all else that it is not known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from emulated import Emulated, Store
from shops import Shops

from rainbow.adapters.kube import EVENT, Forbidden, Kind, Kube, Object
from rainbow.adapters.prometheus import Prometheus, Unanswered
from rainbow.adapters.report import Reporter
from rainbow.decisions.rates import COUNTERS, Grid, Row, counted
from rainbow.decisions.report import Event, Known
from rainbow.errors import BadInput
from rainbow.model.release import Phase
from tests.adapters.local_prometheus import Answering, LocalPrometheus, eventually, local_prometheus

pytestmark = pytest.mark.slow

SECOND = timedelta(seconds=1)
NOBODY = "http://127.0.0.1:1"
PROXY = 'traefik_service_requests_total{service="spawn-web-v1-80@kubernetes",code="200"} 5\n'
FAILED = 'traefik_service_requests_total{service="spawn-web-v1-80@kubernetes",code="502"} 1\n'
PODS = {"proxy": PROXY, "v1": "tasks 3\n", "v2": 'tasks{q="x"} 1\ntasks{q="y"} 1\n', "v3": "tasks NaN\n"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPrometheus]:
    """With some seconds of the past: first a proxy that never failed, then one that failed once."""
    with local_prometheus(tmp_path_factory.mktemp("prometheus"), PODS) as started:
        asked = Prometheus(started.url)
        eventually(lambda: len(asked.scrapes("spawn", PODS)) == len(PODS), "all pods are scraped")
        time.sleep(4)
        started.pods["proxy"].body = PROXY + FAILED
        eventually(lambda: bool(asked.vector('traefik_service_requests_total{code="502"}')), "the failure is scraped")
        time.sleep(3)
        yield started


def shops_of_now() -> Shops:
    """Whose releases were made half a minute ago."""
    store = Store(clock=lambda: datetime.now(UTC) - 30 * SECOND)
    return Shops(Emulated(None, attempts=1, store=store))


def config(shops: Shops, url: str, **changes: Any) -> Any:
    """rainbow.yaml, asking this Prometheus for the tasks of a release by its pod."""
    return shops.config("spawn", drain={"prometheus": {"url": url, "query": 'tasks{pod="$release"}'}}, **changes)


def look(kube: Kube) -> Known:
    """What is known of app spawn."""
    return Reporter(kube, "spawn", "spawn", timedelta(hours=1)).look(datetime.now(UTC))


def test_the_first_failure_of_all_is_seen(server: LocalPrometheus) -> None:
    """Prometheus's own rate overlooks the 1 that a new counter begins with; a report that did so would say zero."""
    now = datetime.now(UTC).replace(microsecond=0)
    grid, asked = Grid(now - 12 * SECOND, SECOND, 13), Prometheus(server.url)
    series = asked.matrix(COUNTERS[0].query("spawn", "", 2 * SECOND), grid.start, grid.end, grid.step)
    requests, failures = counted(series, COUNTERS[0], {"web-v1": "v1"}, "spawn", grid)["v1"]
    assert max(value for value in failures.values if value is not None) == pytest.approx(0.5, abs=0.01)
    assert sum(value for value in failures.values if value is not None) == pytest.approx(1, abs=0.6)
    # The counter of good answers was there before anybody looked: its 5 belong to no time that is known.
    assert max(value for value in requests.values if value is not None) < 1
    plain = asked.matrix('rate(traefik_service_requests_total{code="502"}[2s])', grid.start, grid.end, grid.step)
    assert {value for one in plain for _, value in one.points} == {0.0}


def test_tasks_by_the_query_of_each_release(server: LocalPrometheus) -> None:
    """One number is known; two at once and NaN are not, and are named."""
    shops = shops_of_now()
    for name in ("v1", "v2", "v3"):
        shops.release(name, config=config(shops, server.url), phase=Phase.DRAINING)
    known = look(shops.kube)
    assert list(known.tasks) == ["v1"]
    assert {value for value in known.tasks["v1"].values if value is not None} == {3.0}
    assert any(text.startswith("active tasks of v2, v3: ") for text in known.unknown)


def test_a_query_that_is_refused_is_named(server: LocalPrometheus) -> None:
    """The rest of the report is none the worse for it."""
    shops = shops_of_now()
    shops.release("v1", config=config(shops, server.url, report={"requests": "sum($release", "failures": "$release x"}))
    known = look(shops.kube)
    assert [text.split(":")[0] for text in known.unknown if "refused" in text] == ["requests", "failures"]
    assert list(known.tasks) == ["v1"]


def test_without_prometheus_the_report_says_so_and_is_made_all_the_same() -> None:
    """And it does not wait for each query anew."""
    shops = shops_of_now()
    for number in range(30):
        shops.release(f"v{number}", config=config(shops, NOBODY), phase=Phase.DRAINING)
    before = time.monotonic()
    known = look(shops.kube)
    assert time.monotonic() - before < 10
    assert (known.requests, known.failures, known.tasks) == ({}, {}, {})
    assert any("did not answer" in text for text in known.unknown)
    assert len(known.releases) == 30


@pytest.mark.parametrize("body", ["<html>", '{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}'])
def test_what_is_no_answer_is_no_number(body: str) -> None:
    """A login page, or another API."""
    server = Answering(body)
    now = datetime.now(UTC)
    with pytest.raises(Unanswered):
        Prometheus(f"http://{server.address}").matrix("x", now - SECOND, now, SECOND)
    server.close()


def test_bake_traffic_stands_in_for_the_requests(server: LocalPrometheus) -> None:
    """It is asked for anyway; report.requests goes before it."""
    bake = {"traffic": 'tasks{pod="$release"} * 2', "watch": [{"name": "x", "query": "$release", "limit": 1}]}
    shops = shops_of_now()
    shops.release("v1", config=config(shops, server.url, bake=bake))
    assert _only(look(shops.kube).requests["v1"]) == 6
    shops = shops_of_now()
    report = {"requests": 'tasks{pod="$release"} * 4', "prometheus": server.url}
    shops.release("v1", config=config(shops, NOBODY, bake=bake, report=report))
    assert _only(look(shops.kube).requests["v1"]) == 12


def test_the_queries_are_those_in_force(server: LocalPrometheus) -> None:
    """What an operator has put over rainbow.yaml is what the steps ask; the old query may show another number."""
    shops = shops_of_now()
    shops.release("v1", config=config(shops, NOBODY), phase=Phase.DRAINING)
    drain = {"prometheus": {"url": server.url, "query": 'tasks{pod="$release"} + 4'}}
    meta = {"name": "spawn", "namespace": "spawn"}
    shops.kube.create(
        {"apiVersion": "rainbow.dev/v1alpha1", "kind": "Policy", "metadata": meta, "spec": {"drain": drain}}
    )
    assert _only(look(shops.kube).tasks["v1"]) == 7


def test_events_of_its_releases_and_of_the_app_are_told() -> None:
    """Nobody else's."""
    shops = shops_of_now()
    shops.release("v1", config=config(shops, NOBODY))
    for number, (kind, name) in enumerate([("Release", "spawn-v1"), ("Release", "other-v1"), ("Policy", "spawn")]):
        shops.kube.create(_event(number, kind, name))
    told = [event for event in look(shops.kube).events if event.reason == "Tested"]
    assert [(event.release, event.warning, event.message) for event in told] == [("v1", True, "0"), (None, True, "2")]
    assert all(isinstance(event, Event) for event in told)


def test_events_that_nobody_may_read_are_not_known() -> None:
    """The right may be missing; the records are enough for the rest."""

    class Blind(Emulated):
        def list(self, kind: Kind, namespace: str | None, **options: Any) -> list[Object]:
            if kind == EVENT:
                raise Forbidden("events is forbidden")
            return super().list(kind, namespace, **options)

    shops = shops_of_now()
    shops.release("v1", config=config(shops, NOBODY))
    known = look(Blind(None, store=shops.store))
    assert len([text for text in known.unknown if "events is forbidden" in text]) == 2


def test_an_app_that_is_not_there_is_wrong_input() -> None:
    """Rather than an empty page."""
    with pytest.raises(BadInput, match="is the name right"):
        look(shops_of_now().kube)


def _event(number: int, kind: str, name: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"event-{number}", "namespace": "spawn"},
        "involvedObject": {"kind": kind, "name": name},
        "type": "Warning",
        "reason": "Tested",
        "message": str(number),
        "lastTimestamp": "2026-05-04T12:30:00Z",
    }


def _only(row: Row) -> float:
    (value,) = {value for value in row.values if value is not None}
    return value
