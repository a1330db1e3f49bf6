"""Who is led where, as one list whatever kind of object says it: host, path, Service.

Pure: from the objects of a base to the hosts and paths that the proxy has to be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One path of one host. An empty host stands for any; `service` None: nobody answers but the proxy itself."""

    host: str
    path: str
    exact: bool
    service: str | None

    def covers(self, path: str) -> bool:
        """Whether it serves this path."""
        if self.exact:
            return path == self.path
        prefix = self.path.rstrip("/")
        return path == prefix or path.startswith(prefix + "/")


def hosts(rules: Iterable[Rule], path: str) -> tuple[str, ...]:
    """The hosts under which the path is served, in order; all of them when no rule covers it.

    A rule without a host answers for every host: an empty text. A wildcard is made a name that it covers.
    """
    listed = list(rules)
    covering = [rule for rule in listed if rule.covers(path)]
    names = [rule.host.replace("*", "rainbow") for rule in covering or listed]
    return tuple(dict.fromkeys(names)) or ("",)


def leads_to(rules: Iterable[Rule], path: str) -> str | None:
    """The Service that a path leads to: the longest rule, an exact one first (Kubernetes, "Ingress")."""
    covering = [rule for rule in rules if rule.covers(path)]
    best = max(covering, key=lambda rule: (len(rule.path), rule.exact), default=None)
    return best.service if best else None


def other_services(rules: Sequence[Rule], check_path: str) -> dict[str, str]:
    """Each Service that the check path does not lead to → a path that leads there. All rules are of one host."""
    checked = leads_to(rules, check_path)
    found: dict[str, str] = {}
    for rule in rules:
        # The path itself may belong to a rule that is more exact; what lies below it then need not.
        for asked in (rule.path, rule.path.rstrip("/") + "/rainbow"):
            service = leads_to(rules, asked)
            if service is not None and service != checked:
                found.setdefault(service, asked)
    return found
