"""The Release resource as the API server keeps it: what a release is never changes."""

from typing import Any

import pytest
from tiny import Tiny

from rainbow.adapters.kube import RELEASE, WORKFLOW, Kube
from rainbow.adapters.submission import submit
from rainbow.errors import BadInput, PermanentError

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    "change",
    [
        {"release": "v2"},
        {"manifests": "other"},
        {"images": {"web": "evil:1"}},
        {"source": {"git": {"url": "git://x/y", "commit": "0" * 40}}},
        {"app": {"readyTimeout": "1s"}},
        {"app": {"route": {"ingress": {"name": "other"}}}},
        {"app": {"retention": None}},
    ],
)
def test_no_part_of_the_spec_can_be_changed(kube: Kube, namespace: str, change: dict[str, Any]) -> None:
    """Neither what the schema describes nor what it only keeps (rainbow.yaml); by nobody, not even an administrator."""
    record = Tiny(kube, namespace).submit("v1")
    with pytest.raises(PermanentError, match="a release is immutable; make a new one"):
        kube.patch(RELEASE, namespace, record.name, {"spec": change})


def test_a_record_that_a_cut_submit_left_is_gone_on_from(kube: Kube, namespace: str) -> None:
    """The API server gives the spec back as it was written: the same release is known again; and runs once."""
    meta = {"name": "release", "namespace": namespace}
    nothing = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}
    kube.create({"apiVersion": WORKFLOW.api_version, "kind": "WorkflowTemplate", "metadata": meta, "spec": nothing})
    record = Tiny(kube, namespace).submit("v1", images={"web": "web:1"}, tests={"image": "web", "service": "web"})
    submit(kube, record.spec, None)
    with pytest.raises(BadInput, match=r"exists already .* rainbow follow"):
        submit(kube, record.spec, None)
    assert kube.get(WORKFLOW, namespace, "release-tiny-v1") is not None
