"""Every Service leads somewhere: a release behind one that does not answers nobody."""

from __future__ import annotations

from typing import Any

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.rendering import pod_spec
from rainbow.decisions.workloads import Base, fits, service_selector, spec_of, template_labels

Object = dict[str, Any]


def check(base: Base) -> Findings:
    """One finding for each Service whose selector fits no pod, and for each port that no container has."""
    for service in base.of_kind("Service"):
        selector = service_selector(service)
        if not selector or spec_of(service).get("type") == "ExternalName":
            continue
        pods = [pod_spec(obj) or {} for obj in base.objects if fits(selector, template_labels(obj))]
        if not pods:
            rolled = base.is_rolled(service)  # its selector stays as it is, so pods of others may well be behind it
            more = "" if rolled else ", and the labels of the release are added to it: it leads nowhere"
            yield Finding(
                Severity.WARNING if rolled else Severity.ERROR,
                service,
                ("spec", "selector"),
                f"its selector fits no pod of the base{more}",
                "give it the labels of the pods; a Service without selector for what runs elsewhere",
            )
            continue
        names = {port.get("name") for pod in pods for c in pod.get("containers") or [] for port in c.get("ports") or []}
        for n, port in enumerate(spec_of(service).get("ports") or []):
            target = port.get("targetPort")
            if isinstance(target, str) and not target.isdecimal() and target not in names:
                yield Finding(
                    Severity.ERROR,
                    service,
                    ("spec", "ports", n, "targetPort"),
                    f"no container behind it has a port called {target}: it leads nowhere",
                    "name the port at the container, or give its number",
                )
