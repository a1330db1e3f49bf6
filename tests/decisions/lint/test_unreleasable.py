"""What a release cannot have is a finding like all others."""

from tests.decisions.lint.make import ERROR, found, said, workload

CLAIM = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {}}


def test_what_deploy_would_refuse_is_found_before() -> None:
    """With the words of the refusal, taken apart into why and what to do."""
    (finding,) = found("unreleasable", workload(), CLAIM)
    assert said([finding]) == [(ERROR, "PersistentVolumeClaim data", "kind")]
    assert finding.why.startswith("would give each release an empty volume of its own")
    assert finding.fix == "keep the claim outside of the base and refer to it by name"
    assert not finding.mendable


def test_what_cannot_be_rolled_is_found_where_it_would_be() -> None:
    """Only Deployments can."""
    (finding,) = found("unreleasable", workload("StatefulSet"), workload(name="api"), strategy="rolling")
    assert said([finding]) == [(ERROR, "StatefulSet web", "kind")]
    assert "use strategy: rainbow" in finding.fix
