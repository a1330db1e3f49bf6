"""`rainbow report` of an app with real requests, tasks and events: Traefik, Prometheus and the API server are real."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.error
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shop import APP, Shop, eventually
from spawn_app import RAINBOW

from cluster.context import Context
from rainbow.adapters.kube import Kube
from rainbow.model.release import Phase

pytestmark = pytest.mark.cluster


def data_of(page: str) -> dict[str, Any]:
    """What a page shows."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def known(data: dict[str, Any], name: str, release: str) -> list[float]:
    """The numbers of a release that are known."""
    return [value for value in data[name].get(release, {"values": []})["values"] if value is not None]


def test_a_real_app_is_shown_as_a_file_and_live(kube: Kube, namespace: str, context: Context, tmp_path: Path) -> None:
    """Requests by the Service of the release, tasks by its own query, its events; live until Ctrl-C."""
    prometheus = f"http://127.0.0.1:{context.ports.prometheus}"
    shop = Shop(kube, namespace, prometheus)
    now = datetime.now(UTC)
    shop.release("v1", tasks="2", phase=Phase.CURRENT, live_at=now, demoted_at=None, traffic="100%")
    shop.point_at("v1")
    url = f"http://127.0.0.1:{context.ports.traefik}/"
    arguments = ["report", APP, "-n", namespace, "--prometheus-url", prometheus]
    serving = [RAINBOW, *arguments, "--serve", "--port", "0", "--every", "1s"]
    # What runs in the background may have been told to ignore Ctrl-C, and its children with it.
    with subprocess.Popen(["env", "--default-signal=INT", *serving], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            live = process.stdout.readline().split()[0]
            eventually(lambda: _asked(url, namespace), "users are served", 30)

            def shown() -> bool:
                with urllib.request.urlopen(f"{live}data.json", timeout=30) as answer:
                    data = json.load(answer)
                _asked(url, namespace)
                return max(known(data, "requests", "v1"), default=0) > 0 and 2 in known(data, "tasks", "v1")

            eventually(shown, "requests and tasks are shown")
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 130
    file = tmp_path / "shop.html"
    said = subprocess.run([RAINBOW, *arguments, "-o", str(file)], check=True, capture_output=True, text=True).stdout
    assert said.startswith(f"{file}: 1 release,")
    data = data_of(file.read_text(encoding="utf-8"))
    assert data["current"] == "v1"
    assert max(known(data, "requests", "v1")) > 0
    assert len(known(data, "failures", "v1")) == len(known(data, "requests", "v1"))
    assert [lane["stage"] for lane in data["lanes"]][-1] == "Current"
    assert {"Current", "Released"} <= {event["reason"] for event in data["events"]}


def _asked(url: str, namespace: str) -> bool:
    request = urllib.request.Request(url, headers={"Host": f"{APP}.{namespace}.example"})
    with suppress(urllib.error.URLError), urllib.request.urlopen(request, timeout=10) as answer:
        return bool(answer.status == 200)
    return False
