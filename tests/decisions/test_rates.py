"""Series of Prometheus become one row of numbers for each release; what is not known stays unknown."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from string import Template
from typing import Any

import pytest

from rainbow.decisions.rates import COUNTERS, POINTS, Grid, Row, Samples, counted, one_row, owners
from rainbow.model.release import ObjectRef
from tests.decisions.make import NOW, SECOND, release

GRID = Grid(NOW, 10 * SECOND, 6)
TRAEFIK, NGINX = COUNTERS
NAN = math.nan


def samples(*values: float | None, **labels: str) -> Samples:
    """A series with these values from the first time of the grid on; None: it has none at that time."""
    found = [(GRID.start + index * GRID.step, value) for index, value in enumerate(values) if value is not None]
    return Samples(labels, found)


ONE: dict[str, tuple[list[Samples], Row | None]] = {
    "nothing at all": ([], None),
    "a number at each time": ([samples(1, 2, 3)], Row(0, (1, 2, 3))),
    "zero is a number": ([samples(None, 0, 0)], Row(1, (0, 0))),
    "a gap stays one": ([samples(1, None, 3)], Row(0, (1, None, 3))),
    "neither NaN nor infinity is a number": ([samples(1, NAN, math.inf, 4)], Row(0, (1, None, None, 4))),
    "only NaN is nothing": ([samples(NAN, NAN)], None),
    "two series at once: nobody knows which": ([samples(1, 2, None), samples(None, 5, 6)], Row(0, (1, None, 6))),
    "what lies outside of the grid does not count": ([samples(1, 2, 3, 4, 5, 6, 7)], Row(0, (1, 2, 3, 4, 5, 6))),
}


@pytest.mark.parametrize("name", ONE)
def test_a_query_that_has_to_give_one_number(name: str) -> None:
    """Anything else at a time is unknown at that time."""
    series, expected = ONE[name]
    assert one_row(series, GRID) == expected


def traefik(service: str, code: str, *values: float | None) -> Samples:
    """What Traefik counts for a Service of namespace `spawn` behind an Ingress."""
    return samples(*values, service=f"spawn-{service}@kubernetes", code=code)


SERVICES = {"web-v1": "v1", "web-v2": "v2", "api-v2": "v2", "web-v1-2": "v1-2"}


def by_release(*series: Samples, counter: Any = TRAEFIK) -> dict[str, tuple[Row, Row]]:
    """Requests and failures."""
    return counted(series, counter, SERVICES, "spawn", GRID)


def test_requests_and_failures_of_all_services_and_codes_are_summed() -> None:
    """Only status 5xx is a failure."""
    found = by_release(
        traefik("web-v2-80", "200", 10, 10),
        traefik("web-v2-80", "404", 1, 1),
        traefik("web-v2-80", "503", None, 2),
        traefik("api-v2-http", "200", 5, 5),
    )
    assert found == {"v2": (Row(0, (16, 18)), Row(0, (0, 2)))}


def test_where_requests_are_known_and_no_failure_is_counted_there_was_none() -> None:
    """Where no requests are known, no failures are either."""
    assert by_release(traefik("web-v1-80", "200", 4, None, 6)) == {"v1": (Row(0, (4, None, 6)), Row(0, (0, None, 0)))}


def test_a_number_that_is_none_makes_the_sum_unknown() -> None:
    """Rather than smaller; and failures that are known are known whatever else is not."""
    found = by_release(traefik("web-v1-80", "200", 4, NAN, 6), traefik("web-v1-80", "500", 1, 1, NAN))
    assert found == {"v1": (Row(0, (5,)), Row(0, (1, 1)))}


NAMES = {
    "an Ingress, by the number of the port": ({"service": "spawn-web-v1-80@kubernetes"}, "v1"),
    "an Ingress, by the name of the port": ({"service": "spawn-web-v1-http-alt@kubernetes"}, "v1"),
    "the longest name that fits": ({"service": "spawn-web-v1-2-80@kubernetes"}, "v1-2"),
    "renamed by Prometheus": ({"service": "metrics", "exported_service": "spawn-web-v1-80@kubernetes"}, "v1"),
    "an HTTPRoute": (
        {"service": "httproute-spawn-front-gw-platform-traefik-ep-web-0-0dbc-svc-spawn-web-v2-0@kubernetesgateway"},
        "v2",
    ),
    "a Service that every release is behind": ({"service": "spawn-web-80@kubernetes"}, None),
    "another app's": ({"service": "spawn-web-v3-80@kubernetes"}, None),
    "another namespace's": ({"service": "other-web-v1-80@kubernetes"}, None),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_service_of_a_series_says_whose_it_is(name: str) -> None:
    """As Traefik calls it; what belongs to no release is left out, never shared out."""
    labels, expected = NAMES[name]
    found = by_release(Samples({**labels, "code": "200"}, [(GRID.start, 1.0)]))
    assert list(found) == ([] if expected is None else [expected])


@pytest.mark.parametrize("name", [name for name, (_, release) in NAMES.items() if release])
def test_what_is_asked_for_is_what_is_understood(name: str) -> None:
    """The selector of the query finds each name that belongs to a release."""
    labels, _ = NAMES[name]
    of = "exported_" if "exported_service" in labels else ""
    where = Template(TRAEFIK.where).substitute(namespace="spawn", of=of)
    label, _, pattern = where.partition("=~")
    assert re.fullmatch(pattern.strip('"'), labels[label])
    assert where in TRAEFIK.query("spawn", of, timedelta(minutes=1))


def test_ingress_nginx_names_the_service_itself() -> None:
    """The namespace is a label of its own there, and the status is called status."""
    series = samples(3, service="web-v1", namespace="spawn", status="502")
    assert by_release(series, counter=NGINX) == {"v1": (Row(0, (3,)), Row(0, (3,)))}


def test_a_service_that_several_releases_share_belongs_to_none() -> None:
    """As with what is rolled: its objects have the names of the base."""
    ref = {"api_version": "v1", "kind": "Service"}
    one = release("v1", objects=[ObjectRef(**ref, name="web-v1"), ObjectRef(**ref, name="shared")])
    two = release("v2", objects=[ObjectRef(**ref, name="shared"), ObjectRef(api_version="v1", kind="Pod", name="p")])
    assert owners([one, two]) == {"web-v1": "v1"}


@pytest.mark.parametrize("hours", [0, 0.01, 1, 24, 24 * 7, 24 * 365])
def test_a_grid_has_few_enough_times_and_reaches_the_end(hours: float) -> None:
    """In whole seconds, and never beyond the end."""
    end = NOW + timedelta(hours=hours, milliseconds=300)
    grid = Grid.over(NOW + timedelta(milliseconds=200), end)
    assert 1 <= grid.count <= POINTS
    assert grid.start.microsecond == 0
    assert grid.end <= end < grid.end + grid.step + SECOND
    assert grid.window >= grid.step


def test_many_that_are_there_for_long_are_drawn_more_coarsely() -> None:
    """Each for itself is as fine as it can be; and short ones do not count as much."""
    day = timedelta(days=1)
    fine = Grid.over(NOW - 7 * day, NOW)
    assert Grid.for_all([release("v1", created=NOW - 7 * day)] * 30, NOW - 7 * day, NOW) == fine
    short = release("v1", created=NOW - 6 * day, phase="Deleted", deleted_at=NOW - 5 * day)
    assert Grid.for_all([short] * 200, NOW - 7 * day, NOW) == fine
    assert Grid.for_all([release("v1", created=NOW - 9 * day)] * 200, NOW - 7 * day, NOW).count in range(90, 101)
    assert Grid.for_all([release("v1", created=NOW - 9 * day)] * 2000, NOW - 7 * day, NOW).count in range(55, 61)
    assert Grid.for_all([], NOW, NOW).count == 1
