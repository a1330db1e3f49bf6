"""A Service leads to pods wherever they run: a node that has none of the new release still has its users (S1).

What comes from outside keeps its address by `Local` and by nothing else, and an app may live by that (allow lists, rate
limits): whether to give it up is for its owner to say, so it is found and never taken out.
"""

from __future__ import annotations

from rainbow.decisions.findings import Finding, Findings, Severity
from rainbow.decisions.workloads import Base, spec_of

_POLICIES = {"internalTrafficPolicy": "from within the cluster", "externalTrafficPolicy": "from outside"}
_KEEPS = {
    "externalTrafficPolicy": ". Without it the app sees the address of a node instead of the client's: if it needs "
    "that one, let a proxy on every node stand before it, or accept this under lint.ignore"
}


def check(base: Base) -> Findings:
    """One finding for each Service and policy. Where each node has a pod of it (a DaemonSet) nobody is lost."""
    everywhere = [s for workload in base.workloads if workload.replicas is None for s in base.services(workload)]
    for service in base.of_kind("Service"):
        for key, whose in _POLICIES.items():
            if spec_of(service).get(key) == "Local" and service not in everywhere:
                yield Finding(
                    Severity.WARNING,
                    service,
                    ("spec", key),
                    f"requests {whose} that reach a node without a ready pod of it are dropped, and where the pods of "
                    "a new release run is known to nobody before",
                    f"leave {key} out; pods that have to be on every node belong into a DaemonSet{_KEEPS.get(key, '')}",
                    patch=None if key in _KEEPS else {"spec": {key: None}},
                )
