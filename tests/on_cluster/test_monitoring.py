"""Dashboard and rules on real records: by kube-state-metrics, with the rights that we print, and a real Prometheus.

What no series stands behind would be found here, and nowhere else: a query over nothing is as valid as any other.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from shop import APP, Shop, eventually
from state_metrics import state_metrics

from cluster.context import Context
from rainbow.adapters.kube import POD, Kind, Kube, Object
from rainbow.adapters.prometheus import Prometheus, Series
from rainbow.adapters.records import note
from rainbow.model.release import Mark, Phase
from tests.adapters.local_prometheus import local_prometheus
from workflows.monitoring import assets
from workflows.monitoring.dashboard import SWITCHES, queries

# Where kube-state-metrics is not in the cache yet, it is built first: a minute and more of both processors.
pytestmark = [pytest.mark.cluster, pytest.mark.long, pytest.mark.timeout(1200)]

CRON = Kind("argoproj.io/v1alpha1", "CronWorkflow")
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
NAMES = re.compile(r"\b(?:rainbow[:_]|kube_|argo_)\w+|\bALERTS\b")
# Which come only with what this test has no time for.
LATER = {SWITCHES}  # a minute's worth of samples


class Observed:
    """The namespace as Prometheus sees it."""

    def __init__(self, shop: Shop, url: str) -> None:
        self.shop, self.url, self.prometheus = shop, url, Prometheus(url)

    def ask(self, query: str) -> list[Series]:
        """The series that a query gives; one of the dashboard for all that there is here."""
        return self.prometheus.vector(query.replace("$namespace", self.shop.namespace).replace("$app", APP))

    def values(self, query: str) -> dict[str, float]:
        """The same, by release."""
        return {series.labels.get("release", ""): series.value for series in self.ask(query)}

    def alerts(self) -> dict[str, list[dict[str, Any]]]:
        """What fires, by the name of the alert, as people are told."""
        with urllib.request.urlopen(f"{self.url}/api/v1/alerts", timeout=10) as answer:
            found = json.load(answer)["data"]["alerts"]
        names = sorted({alert["labels"]["alertname"] for alert in found})
        return {name: [a for a in found if a["labels"]["alertname"] == name] for name in names}


@pytest.fixture
def observed(kube: Kube, namespace: str, context: Context, tmp_path: Path) -> Iterator[Observed]:
    """An app with a release in every state that the rules know, and garbage collections that succeed and fail."""
    shop = Shop(kube, namespace, f"http://127.0.0.1:{context.ports.prometheus}")
    _releases(shop)
    for name, template in (("collect-garbage", {"suspend": {"duration": "0"}}), ("failing", {"suspend": {}})):
        kube.create(_schedule(namespace, name, template))
    (controller,) = kube.list(POD, "argo", labels="app.kubernetes.io/name=workflow-controller")
    for name in ("states", "prometheus"):
        (tmp_path / name).mkdir()
    with state_metrics(context, kube, namespace, tmp_path / "states") as states:
        jobs = [
            _job("kube-state-metrics", states.address),
            _job("argo", f"{controller['status']['podIP']}:9090"),
        ]
        with local_prometheus(tmp_path / "prometheus", {}, jobs=jobs, rules=_at_once()) as prometheus:
            yield Observed(shop, prometheus.url)


def _releases(shop: Shop) -> None:
    gone: dict[str, Any] = {"tasks": None, "live_at": NOW - 9 * HOUR, "demoted_at": NOW - 8 * HOUR}
    shop.current("v3")
    shop.release("v2", tasks="2")
    _note(shop, "v2", tasks="2", overdue_at=NOW - HOUR, hold=Mark(reason="we look at it", by="ops", at=NOW - HOUR))
    shop.release("v1", **gone)
    _note(shop, "v1", tasks="unknown")
    shop.release("v0", **gone, phase=Phase.DELETED, drained_at=NOW - 7 * HOUR, deleted_at=NOW - 7 * HOUR)
    shop.release("v4", tasks=None, phase=Phase.TESTING, live_at=None, demoted_at=None, redeployed_at=NOW - 2 * HOUR)
    shop.release("v5", tasks=None, phase=Phase.FAILED, live_at=None, demoted_at=None, failed_at=NOW)


def _note(shop: Shop, release: str, **changes: Any) -> None:
    note(shop.kube, shop.record(release), **changes)


def _schedule(namespace: str, name: str, template: Object) -> Object:
    """A schedule whose workflows need no pod; one that waits for a person meets its deadline."""
    spec = {
        "entrypoint": "main",
        "activeDeadlineSeconds": 1,
        "templates": [{"name": "main", **template}],
    }
    meta = {"name": name, "namespace": namespace}
    schedule = {"schedules": ["@every 1s"], "concurrencyPolicy": "Forbid", "workflowSpec": spec}
    return {"apiVersion": CRON.api_version, "kind": CRON.kind, "metadata": meta, "spec": schedule}


def _job(name: str, address: str) -> dict[str, object]:
    return {"job_name": name, "honor_labels": True, "static_configs": [{"targets": [address]}]}


def _at_once() -> str:
    """The rules as they are printed, but no alert waits before it fires."""
    rules = assets.rules()
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    return yaml.safe_dump(rules)


def test_every_series_that_is_named_is_there_and_says_what_is_so(observed: Observed) -> None:
    """Each series of the rules and of the dashboard, each query with an answer; and alerts about what is wrong here."""
    texts = [*queries(), *(rule["expr"] for group in assets.rules()["groups"] for rule in group["rules"])]
    named = {name for text in texts for name in NAMES.findall(text)}
    for name in sorted(named):
        eventually(lambda name=name: bool(observed.ask(f"count({name})")), f"there is a series {name}")  # type: ignore[misc]
    for query in queries():
        eventually(lambda query=query: query in LATER or bool(observed.ask(query)), f"an answer to {query}")  # type: ignore[misc]
    assert observed.ask(SWITCHES) is not None  # Prometheus takes it
    _says_what_is_so(observed)
    _alerts(observed)


def _says_what_is_so(observed: Observed) -> None:
    assert observed.values("rainbow:release_tasks") == {"v2": 2}  # unknown is not zero
    assert observed.values('rainbow:release_tasks or rainbow_release_tasks_or_zero{release="v1"}')["v1"] == 0
    phases = {series.labels["release"]: series.labels.get("phase") for series in observed.ask("rainbow:release_phase")}
    current = {"v0": "Deleted", "v1": "Draining", "v2": "Draining", "v3": "Current", "v4": "Testing", "v5": "Failed"}
    assert phases == current
    demoted = observed.values("rainbow_release_demoted_timestamp_seconds")
    assert demoted["v1"] == int((NOW - 8 * HOUR).timestamp())
    assert observed.values("rainbow:release_begun_timestamp_seconds")["v4"] == int((NOW - 2 * HOUR).timestamp())
    assert {s.labels["service"]: s.value for s in observed.ask("rainbow:live_service_endpoints_ready")} == {"web-v3": 0}
    # By what Argo counted, not by what kube-state-metrics gives where it finds nothing.
    for name in ("succeeded{cronworkflow='collect-garbage'}", "failed{cronworkflow='failing'}"):
        eventually(lambda name=name: observed.ask(f"argo_cronworkflow_{name}")[0].value > 0, name)  # type: ignore[misc]


def _alerts(observed: Observed) -> None:
    wanted = {
        "RainbowDrainOverdue": "v2",
        "RainbowDrainUnknown": "v1",
        "RainbowReleaseStuck": "v4",
        "RainbowLiveReleaseWithoutEndpoints": "v3",
    }
    eventually(lambda: set(wanted) <= set(observed.alerts()), f"alerts: {', '.join(wanted)}")
    found = observed.alerts()
    assert {name: [alert["labels"]["release"] for alert in found[name]] for name in wanted} == {
        name: [release] for name, release in wanted.items()
    }
    assert "RainbowUnobserved" not in found
    for alerts in found.values():
        for alert in alerts:
            told = alert["annotations"]
            assert all(wrong not in " ".join(told.values()) for wrong in ("{{", "<no value>", "<error", "  "))
            assert observed.shop.namespace in told["summary"]
            assert f"-n {observed.shop.namespace}" in told["description"]
            assert told["runbook_url"].endswith(f"#{alert['labels']['alertname'].lower()}")
