"""Whatever is in the base can be there once for every release at the same time (S3, K3)."""

from __future__ import annotations

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.workloads import Base, Workload, spec_of


def check(base: Base) -> Findings:
    """One finding for each thing of which there can only be one."""
    for workload in base.workloads:
        yield from _ports(workload)
        yield from _volumes(workload)
    for service in base.of_kind("Service"):
        if base.is_rolled(service):
            continue
        spec = spec_of(service)
        if spec.get("clusterIP") not in (None, "", "None"):
            why = f"the address {spec['clusterIP']} can only be given once: the Service of the next release is refused"
            patch = {"spec": {"clusterIP": None, "clusterIPs": None}}
            path = ("spec", "clusterIP")
            yield Finding(Severity.ERROR, service, path, why, "leave clusterIP out", patch=patch)
        if spec.get("externalIPs"):
            why = "externalIPs lead to one Service only: users would be torn between releases"
            path = ("spec", "externalIPs")
            yield Finding(Severity.ERROR, service, path, why, "keep them with what stands before the route")


def _ports(workload: Workload) -> Findings:
    why = (
        "another release's pod cannot run on the same node: the new release waits for ever when each node has one of "
        "the current one"
    )
    if workload.pod.get("hostNetwork"):
        path = (*workload.path, "hostNetwork")
        text = f"with hostNetwork its ports are the node's: {why}"
        yield Finding(Severity.ERROR, workload.obj, path, text, "leave hostNetwork out; a Service leads to the pods")
        return
    for at, container in enumerate(workload.containers):
        for n, port in enumerate(container.get("ports") or []):
            if port.get("hostPort"):
                yield Finding(
                    Severity.ERROR,
                    workload.obj,
                    (*workload.path, "containers", at, "ports", n, "hostPort"),
                    f"hostPort {port['hostPort']} of container {container['name']} can be taken once on each node: "
                    f"{why}",
                    "leave hostPort out; a Service leads to the pods",
                )


def _volumes(workload: Workload) -> Findings:
    for n, volume in enumerate(workload.pod.get("volumes") or []):
        if claim := (volume.get("persistentVolumeClaim") or {}):
            yield Finding(
                Severity.WARNING,
                workload.obj,
                (*workload.path, "volumes", n, "persistentVolumeClaim"),
                f"all releases share the claim {claim.get('claimName')}: if it is ReadWriteOnce, pods of a new release "
                "on another node wait until the ones of the current release are gone, which they never are",
                "a claim that is ReadWriteMany, or a store that is reached over the network",
            )
        elif path := (volume.get("hostPath") or {}).get("path"):
            yield Finding(
                Severity.WARNING,
                workload.obj,
                (*workload.path, "volumes", n, "hostPath"),
                f"pods of all releases on a node share its folder {path}, and each node has another one",
                "a store that is reached over the network; for scratch space an emptyDir",
            )
