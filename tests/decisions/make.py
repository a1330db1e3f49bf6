"""Releases and samples for tables of decisions: only what a test names differs from a plain one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rainbow.decisions.evidence import DrainPolicy, Sample
from rainbow.model.app import AppConfig
from rainbow.model.release import Phase, Release, ReleaseSpec, ReleaseStatus

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
POLICY = DrainPolicy(samples=3, max_age=60 * SECOND, minimum_age=HOUR)


def app(**changes: Any) -> AppConfig:
    """An app with the defaults of rainbow.yaml."""
    described = {
        "app": "spawn",
        "namespace": "spawn",
        "manifests": {"kustomize": "deploy"},
        "route": {"ingress": {"name": "spawn", "url": "http://proxy"}},
        "drain": {"prometheus": {"url": "http://prometheus:9090", "query": 'sum(tasks{release="$release"})'}},
    }
    return AppConfig.model_validate(described | changes)


def release(name: str = "v1", *, created: datetime = NOW - 9 * HOUR, **status: Any) -> Release:
    """A release that is draining since two hours, unless told otherwise. Keys of rainbow.yaml go into its app."""
    plain: dict[str, Any] = {"phase": Phase.DRAINING, "live_at": NOW - 3 * HOUR, "demoted_at": NOW - 2 * HOUR}
    noted_at = status.pop("noted_at", None)
    given = {key: status.pop(key, None) for key in ("retention", "bake", "strategy")}
    changes = {key: value for key, value in given.items() if value is not None}
    return Release(
        noted_at=noted_at,
        namespace="spawn",
        uid=f"uid-{name}",
        resource_version="1",
        created=created,
        spec=ReleaseSpec(release=name, app=app(**changes), manifests=""),
        status=ReleaseStatus.model_validate(plain | status),
    )


def sample(tasks: float | None, ago: float, *, scraped: float | None = None, why: str = "no answer") -> Sample:
    """A look `ago` seconds ago at data scraped `scraped` seconds ago (by default at the same moment)."""
    at = NOW - timedelta(seconds=ago)
    if tasks is None:
        return Sample(at, None, why)
    scrape = NOW - timedelta(seconds=ago if scraped is None else scraped)
    return Sample(at, tasks, "", scrape, scrape, at - scrape)
