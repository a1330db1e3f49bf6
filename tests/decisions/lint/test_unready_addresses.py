"""Services that lead to pods that are not ready."""

from tests.decisions.lint.make import ERROR, found, said, service


def test_a_service_leads_to_pods_that_are_ready() -> None:
    """An error, which is taken out; peers that look for each other by a headless Service may."""
    (finding,) = found("unready-addresses", service(publishNotReadyAddresses=True))
    assert said([finding]) == [(ERROR, "Service web", "spec.publishNotReadyAddresses")]
    assert finding.patch == {"spec": {"publishNotReadyAddresses": None}}
    assert not found("unready-addresses", service(publishNotReadyAddresses=False))
    assert not found("unready-addresses", service(publishNotReadyAddresses=True, clusterIP="None"))
