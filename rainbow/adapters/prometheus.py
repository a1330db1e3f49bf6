"""Prometheus: the value of a query, and when the pods behind it were last scraped.

Everything that is no clear answer (no connection, a timeout, an HTTP error, no JSON, warnings, another shape) raises
Unanswered; nothing is ever replaced by zero. Times are Prometheus's own, so that no two clocks need to agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_fixed

from rainbow.decisions.evidence import Scrape
from rainbow.decisions.rates import Samples
from rainbow.errors import TemporaryError

if TYPE_CHECKING:
    from requests import Response

TIMEOUT = (3.05, 10)  # seconds to connect, seconds to read
_Read = TypeVar("_Read")
_TIMESTAMP = "rainbow_scraped"  # label that tells the two halves of the scrape query apart


class Unanswered(TemporaryError):
    """Prometheus gave no answer that can be relied on. The message says why."""


@dataclass(frozen=True)
class Series:
    """One series of an instant vector; `at` is when it was evaluated."""

    labels: Mapping[str, str]
    value: float
    at: datetime


class Prometheus:
    """One Prometheus, or anything that speaks its query API (Thanos, Mimir, VictoriaMetrics)."""

    def __init__(self, url: str) -> None:
        import requests
        from prometheus_api_client import PrometheusConnect
        from urllib3.util.retry import Retry

        session = requests.Session()
        session.hooks["response"].append(_complete)
        self.url = url.rstrip("/")
        self._api = PrometheusConnect(self.url, session=session, retry=Retry(0, read=False), timeout=TIMEOUT)

    def vector(self, query: str, at: datetime | None = None) -> list[Series]:
        """The series that an instant query gives now, or gave at a time in the past."""
        when = None if at is None else {"time": at.timestamp()}
        return self._asked(query, "instant vector", lambda: self._api.custom_query(query, when), _series)

    def matrix(self, query: str, start: datetime, end: datetime, step: timedelta) -> list[Samples]:
        """The series that a range query gives from `start` to `end`, both in whole seconds and among its times."""
        seconds = f"{step.total_seconds():g}"
        return self._asked(query, "matrix", lambda: self._api.custom_query_range(query, start, end, seconds), _samples)

    def _asked(self, query: str, shape: str, ask: Callable[[], Any], read: Callable[[Any], _Read]) -> list[_Read]:
        attempts = Retrying(
            stop=stop_after_attempt(2), wait=wait_fixed(0.3), retry=retry_if_exception_type(Unanswered), reraise=True
        )
        return attempts(self._once, query, shape, ask, read)

    def _once(self, query: str, shape: str, ask: Callable[[], Any], read: Callable[[Any], _Read]) -> list[_Read]:
        from prometheus_api_client import PrometheusApiClientException
        from requests import RequestException

        try:
            return [read(item) for item in ask()]
        except PrometheusApiClientException as error:
            raise Unanswered(f"Prometheus {self.url} refused: {' '.join(str(error).split())[:300]}") from error
        except RequestException as error:
            # Their texts hold the whole query and differ from time to time; the reason stands in the record.
            raise Unanswered(f"Prometheus {self.url} did not answer ({type(error).__name__})") from error
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            # Scalars and strings come as [time, text], matrices have `values`; anything else is no Prometheus.
            raise Unanswered(f"Prometheus {self.url} gave no {shape} for {query}") from error

    def scrapes(self, namespace: str, pods: Iterable[str]) -> list[Scrape]:
        """The last scrape of every target of these pods; a pod that is no target is not in it."""
        names = "|".join(re.escape(pod) for pod in sorted(pods)).replace("\\", "\\\\")
        if not names:
            return []
        up = f'up{{namespace="{namespace}",pod=~"{names}"}}'
        # `timestamp` of a bare selector is that of the sample (Prometheus, "Query functions"); one query for both
        # halves, so that they belong together.
        series = self.vector(f'{up} or label_replace(timestamp({up}), "{_TIMESTAMP}", "yes", "", "")')
        scraped = {_target(s): s for s in series if _TIMESTAMP in s.labels}
        return [_scrape(s, scraped.get(_target(s))) for s in series if _TIMESTAMP not in s.labels]


def fill_in(query: str, namespace: str, app: str, release: str) -> str:
    """The query with $namespace, $app and $release filled in. Any other `$` (as in a regex) stays."""
    values = {"namespace": namespace, "app": app, "release": release}
    return re.sub(r"\$(namespace|app|release)\b", lambda match: values[match[1]], query)


def _series(item: Any) -> Series:
    at, text = item["value"]
    return Series(dict(item["metric"]), float(text), _time(float(at)))


def _samples(item: Any) -> Samples:
    return Samples(dict(item["metric"]), tuple((_time(float(at)), float(text)) for at, text in item["values"]))


def _scrape(up: Series, scraped: Series | None) -> Scrape:
    if scraped is None:  # a scrape that cannot be dated is none
        return Scrape(up.labels["pod"], False, up.at, timedelta())
    at = _time(scraped.value)
    return Scrape(up.labels["pod"], up.value == 1, at, scraped.at - at)


def _target(series: Series) -> frozenset[tuple[str, str]]:
    return frozenset((k, v) for k, v in series.labels.items() if k not in ("__name__", _TIMESTAMP))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _complete(response: Response, *_: Any, **__: Any) -> None:
    """Refuse an answer that says itself that it is not whole (Thanos: partial response)."""
    if response.status_code != 200:
        return
    body = response.json()
    if body.get("status") != "success" or body.get("warnings"):
        said = body.get("warnings") or body.get("error")
        raise Unanswered(f"Prometheus says that its answer is not whole: {said}")
