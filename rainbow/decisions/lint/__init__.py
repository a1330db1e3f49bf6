"""The rules by which manifests are checked before a release (C1-C4): one file each, and a page in docs/lint.

A rule is a module with `check(base)`, which gives its findings; a new one is one file, one page and one line here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rainbow.decisions.findings import Finding, Severity
from rainbow.decisions.lint import (
    autoscaler_and_replicas,
    cannot_live_twice,
    disruption_budget,
    foreign_selector,
    grace_period,
    liveness_same_as_readiness,
    local_traffic,
    lost_service,
    malformed,
    mutable_tag,
    network_policy_peer,
    pre_stop,
    readiness_probe,
    shared_selector,
    shell_entrypoint,
    unavailable_with_one_replica,
    unready_addresses,
    unreleasable,
)
from rainbow.decisions.workloads import Base
from rainbow.model.checks import Ignore

RULES = {
    "malformed": malformed,
    "readiness-probe": readiness_probe,
    "liveness-same-as-readiness": liveness_same_as_readiness,
    "pre-stop": pre_stop,
    "grace-period": grace_period,
    "unavailable-with-one-replica": unavailable_with_one_replica,
    "disruption-budget": disruption_budget,
    "shared-selector": shared_selector,
    "foreign-selector": foreign_selector,
    "network-policy-peer": network_policy_peer,
    "lost-service": lost_service,
    "unready-addresses": unready_addresses,
    "local-traffic": local_traffic,
    "mutable-tag": mutable_tag,
    "autoscaler-and-replicas": autoscaler_and_replicas,
    "cannot-live-twice": cannot_live_twice,
    "shell-entrypoint": shell_entrypoint,
    "unreleasable": unreleasable,
}


@dataclass(frozen=True)
class Report:
    """What was found. `mended`: by `harden: true`; `accepted`: and the reason of the owner; `idle`: accepts nothing."""

    findings: tuple[Finding, ...]
    mended: tuple[Finding, ...] = ()
    accepted: tuple[tuple[Finding, str], ...] = ()
    idle: tuple[Ignore, ...] = ()

    @property
    def errors(self) -> list[Finding]:
        """Those that stop a release."""
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]


def lint(base: Base) -> Report:
    """What is wrong with the base as it would be released, without what its owner accepts and what is hardened."""
    found = check(base)
    accepted = [(finding, why) for finding in found if (why := _accepted(finding, base.app.lint.ignore)) is not None]
    left = [finding for finding in found if _accepted(finding, base.app.lint.ignore) is None]
    mended = [finding for finding in left if base.app.harden and finding.mendable]
    return Report(
        findings=tuple(finding for finding in left if finding not in mended),
        mended=tuple(mended),
        accepted=tuple(accepted),
        idle=tuple(ignore for ignore in base.app.lint.ignore if not any(_means(ignore, one) for one in found)),
    )


def check(base: Base) -> list[Finding]:
    """All findings of all rules, each under the name of its rule. What is malformed is asked nothing more."""
    unfit = {id(finding.about) for finding in malformed.check(base)}
    sound = replace(base, objects=[obj for obj in base.objects if id(obj) not in unfit])
    asked = {name: base if rule is malformed else sound for name, rule in RULES.items()}
    return [replace(finding, rule=name) for name, rule in RULES.items() for finding in rule.check(asked[name])]


def _accepted(finding: Finding, ignored: Iterable[Ignore]) -> str | None:
    return next((ignore.why for ignore in ignored if _means(ignore, finding)), None)


def _means(ignore: Ignore, finding: Finding) -> bool:
    return ignore.rule == finding.rule and ignore.object in (None, finding.object)
