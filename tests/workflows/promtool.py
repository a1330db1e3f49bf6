"""Prometheus's own tool for its rules, as Debian has it; and series for it, such as kube-state-metrics gives.

Series are written as promtool has them: "0+10x30" is 0, 10, 20, … and 30 steps more, one a minute; "_x5" is five times
nothing at all.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cluster.parts.debian import unpacked

Series = dict[str, str]
LONG = "x1000"  # steps, one a minute
IN_FORCE = f"1+0{LONG}"


def promtool(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("RAINBOW_CACHE") or Path(base) / "rainbow")
    program = str(unpacked("prometheus", cache) / "usr/bin/promtool")
    return subprocess.run([program, *arguments], cwd=directory, capture_output=True, text=True, timeout=60, check=False)


@dataclass(frozen=True)
class Case:
    """What is there, and what of an alert fires after so many minutes: the labels of each, without its severity."""

    sentence: str
    minute: int
    series: Series
    fires: tuple[Series, ...] = ()


def judge(rules: dict[str, Any], alert: str, cases: Sequence[Case], folder: Path) -> str:
    """What promtool has to say against these cases; nothing is good."""
    severities = {r["alert"]: r["labels"]["severity"] for g in rules["groups"] for r in g["rules"] if "alert" in r}
    fixed = {"alertname": alert, "alertstate": "firing", "severity": severities[alert]}
    tests = []
    for case in cases:
        samples = [{"labels": f"ALERTS{_braced(fixed | labels)}", "value": 1} for labels in case.fires]
        query = {"expr": f"ALERTS{_braced(fixed)}", "eval_time": f"{case.minute}m", "exp_samples": samples}
        series = [{"series": name, "values": values} for name, values in case.series.items()]
        tests.append({"name": case.sentence, "interval": "1m", "input_series": series, "promql_expr_test": [query]})
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    whole = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "test.yaml").write_text(yaml.safe_dump(whole))
    done = promtool("test", "rules", "test.yaml", directory=folder)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _braced(labels: Series) -> str:
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def record(release: str, phase: str | None, *, app: str = "shop", tasks: str | None = None, **times: int) -> Series:
    """The series of a record; `times` are in seconds, as in demoted=600. Nothing else of it is there."""
    of = f'namespace="shops",app="{app}",release="{release}",instance="one"'
    labels = of if phase is None else f'{of},phase="{phase}"'
    found = {f"rainbow_release_info{{{labels}}}": IN_FORCE}
    found |= {f"rainbow_release_{name}_timestamp_seconds{{{of}}}": f"{at}+0{LONG}" for name, at in times.items()}
    if tasks is not None:
        known = tasks != "unknown"
        found[f"rainbow_release_tasks_or_zero{{{of}}}"] = f"{tasks if known else 0}+0{LONG}"
        found[f'rainbow_release_tasks_state{{{of},tasks="unknown"}}'] = f"{0 if known else 1}+0{LONG}"
    return found


def endpoints(
    slice_: str, service: str, *, release: str | None = None, ready: int = 1, unready: int = 0, app: str = "shop"
) -> Series:
    """The series of an EndpointSlice; without a release its Service is one that is rolled."""
    at = f'namespace="shops",endpointslice="{slice_}",instance="one"'
    labels = f'{at},label_kubernetes_io_service_name="{service}",label_rainbow_dev_app="{app}"'
    labels += "" if release is None else f',label_rainbow_dev_release="{release}"'
    found = {f"kube_endpointslice_labels{{{labels}}}": IN_FORCE}
    for state, count in (("true", ready), ("false", unready)):
        for number in range(count):
            series = f'kube_endpointslice_endpoints{{{at},ready="{state}",address="{state}-{number}"}}'
            found[series] = IN_FORCE
    return found


def schedule(succeeded: str | None, *, created: int = 0, suspended: int = 0, instance: str = "one") -> Series:
    """The series of the CronWorkflow; none of its runs when `succeeded` is None."""
    of = f'namespace="shops",cronworkflow="collect-garbage",instance="{instance}"'
    found = {
        f"argo_cronworkflow_created_timestamp_seconds{{{of}}}": f"{created}+0{LONG}",
        f"argo_cronworkflow_suspended{{{of}}}": f"{suspended}+0{LONG}",
    }
    return found | ({f"argo_cronworkflow_succeeded{{{of}}}": succeeded} if succeeded is not None else {})
