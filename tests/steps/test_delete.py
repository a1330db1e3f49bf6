"""What can be said of delete without a cluster; the rest is in tests/on_cluster/test_delete.py."""

from __future__ import annotations

import pytest

from rainbow.adapters.belongings import in_order
from steps.delete import RULES


def rights(verb: str) -> set[str]:
    """All resources for which the step has this right."""
    return {resource for rule in RULES if verb in rule["verbs"] for resource in rule["resources"]}


def test_it_cannot_delete_what_no_release_owns_by_itself() -> None:
    """Records stay as history; pods, volumes and namespaces are never its business."""
    assert not rights("delete") & {"releases", "pods", "persistentvolumeclaims", "namespaces", "secrets", "roles"}


def test_it_changes_no_route() -> None:
    """A route is deleted only as part of a release, made only as one of its own, and never changed."""
    assert rights("patch") == {"releases/status"}
    assert rights("create") == {"ingresses", "httproutes"}
    assert not rights("update")


def test_no_right_is_a_wildcard() -> None:
    """Least rights name what they are for."""
    assert all("*" not in (*r["apiGroups"], *r["resources"], *r["verbs"]) for r in RULES)


@pytest.mark.parametrize(
    ("first", "then"),
    [("Ingress", "Deployment"), ("Deployment", "Service"), ("CronJob", "Service"), ("Service", "ConfigMap")],
)
def test_what_leads_to_a_release_goes_before_what_it_leads_to(first: str, then: str) -> None:
    """Routes, then workloads, then Services, then what is left."""
    objects = [{"kind": kind, "metadata": {"name": "x"}} for kind in (then, first)]
    assert [obj["kind"] for obj in in_order(objects)] == [first, then]
