"""What Rainbow needs of a cluster: one table of checks, each with why it matters and how to get what is missing.

What cannot be known is said to be unknown, never taken for fine. What is `needed` is needed for any release at all;
without the rest something is lost, and the check says what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rainbow.decisions import suitability
from rainbow.decisions.suitability import State, Verdict
from rainbow.decisions.surroundings import Asked, Surroundings


@dataclass(frozen=True)
class Check:
    """One line of the table."""

    name: str
    judge: Callable[[Surroundings, Asked], Verdict | None]  # None: it does not matter here
    why: str
    get: str
    needed: bool = False


@dataclass(frozen=True)
class Result:
    """What came of a check."""

    check: Check
    verdict: Verdict

    @property
    def stops(self) -> bool:
        """Whether nothing can be released here."""
        return self.check.needed and self.verdict.state is State.MISSING


def examine(seen: Surroundings, asked: Asked) -> list[Result]:
    """All checks that matter, in the order of the table."""
    judged = [(check, check.judge(seen, asked)) for check in CHECKS]
    return [Result(check, verdict) for check, verdict in judged if verdict is not None]


CHECKS = (
    Check(
        "kubernetes",
        suitability.kubernetes,
        "records are made immutable by rules that older versions do not know",
        "upgrade the cluster to Kubernetes 1.29 or newer",
        needed=True,
    ),
    Check(
        "argo",
        suitability.argo,
        "Argo Workflows runs every step",
        "install Argo Workflows 3.6 or newer: https://argo-workflows.readthedocs.io/en/latest/installation/",
        needed=True,
    ),
    Check(
        "argo-version",
        suitability.argo_version,
        "older controllers do not know mutexes and schedules in the plural, newer ones have not been tried",
        "use a controller of 3.6 to 4.x; one whose image has no version in its tag can say it by the label "
        "app.kubernetes.io/version",
    ),
    Check(
        "argo-controller",
        suitability.controller,
        "a workflow that no controller watches stays Pending for ever",
        "let a workflow controller watch the namespace: without --namespaced, or with --managed-namespace",
    ),
    Check(
        "argo-instance",
        suitability.instance,
        "a controller with an instanceID runs the workflows that bear it, and no others",
        "put argo_instance_id with that value into the settings file, or take it out",
    ),
    Check(
        "records",
        suitability.records,
        "releases are recorded in resources of Rainbow's own",
        "an administrator of the cluster applies them once: rainbow render --only cluster | kubectl apply "
        "--server-side --field-manager rainbow -f -",
        needed=True,
    ),
    Check(
        "guards",
        suitability.guard,
        "without it nothing keeps kubectl delete from the record of a live release, and CI may run any workflow",
        "upgrade the cluster to Kubernetes 1.30 or newer; until then be careful with both",
    ),
    Check(
        "rights",
        suitability.rights,
        "install writes a ServiceAccount, a Role and a RoleBinding for each step, and the templates; a Role can only "
        "be given by who has its rights, or may escalate",
        "ask for the role admin in the namespace, with the verb escalate on roles; or have an administrator apply: "
        "rainbow render --namespace NAME --only namespace",
        needed=True,
    ),
    Check(
        "proxy",
        suitability.proxy,
        "a route leads users to the current release: an Ingress, a Service behind one, or an HTTPRoute",
        "install an Ingress controller (its IngressClass comes with it), or the Gateway API with one",
    ),
    Check(
        "prometheus",
        suitability.metrics,
        "without an answer about a release's active tasks that release is kept for ever",
        "install Prometheus, and let it scrape the pods with the labels namespace and pod; or mend its address in "
        "rainbow.yaml",
    ),
    Check(
        "builds",
        suitability.builder,
        "images are built as root of a pod that is not privileged, which the Pod Security Standards baseline and "
        "restricted forbid",
        "build elsewhere and give each image: rainbow release --image NAME=REFERENCE; all other steps are restricted",
    ),
    Check(
        "secrets",
        suitability.secrets,
        "pods that name a Secret that is not there do not start, or cannot pull their image",
        "make them in the namespace of the app: kubectl create secret",
    ),
)
