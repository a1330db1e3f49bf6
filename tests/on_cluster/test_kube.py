"""Kubernetes as plain dicts, against the real API server: preconditions, errors that say what to do, rights."""

import pytest

from rainbow.adapters.kube import CONFIG_MAP, Forbidden, Kind, Kube, NotThere, connect
from rainbow.errors import Conflict, PermanentError, TemporaryError

pytestmark = pytest.mark.cluster


def config_map(namespace: str, **data: str) -> dict[str, object]:
    """An object to play with."""
    meta = {"name": "toy", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def test_what_is_not_there_is_none(kube: Kube, namespace: str) -> None:
    """Absence is an answer, not an error; deleting it is done."""
    assert kube.get(CONFIG_MAP, namespace, "toy") is None
    assert kube.delete(CONFIG_MAP, namespace, "toy") is False


def test_a_name_that_is_taken_is_a_conflict(kube: Kube, namespace: str) -> None:
    """Creating twice never overwrites."""
    kube.create(config_map(namespace, a="1"))
    with pytest.raises(Conflict, match="already exists"):
        kube.create(config_map(namespace, a="2"))


def test_a_merge_patch_with_an_old_version_is_a_conflict(kube: Kube, namespace: str) -> None:
    """Optimistic concurrency: whoever read before the other wrote has to read again."""
    seen = kube.create(config_map(namespace, a="1"))["metadata"]["resourceVersion"]
    kube.patch(CONFIG_MAP, namespace, "toy", {"data": {"a": "2"}})
    with pytest.raises(Conflict):
        kube.patch(CONFIG_MAP, namespace, "toy", {"metadata": {"resourceVersion": seen}, "data": {"a": "3"}})


def test_a_json_patch_whose_test_fails_is_a_conflict(kube: Kube, namespace: str) -> None:
    """The API server answers that with 422 and few words; for a caller it is the same thing."""
    kube.create(config_map(namespace, a="1"))
    patch = [{"op": "test", "path": "/data/a", "value": "0"}, {"op": "replace", "path": "/data/a", "value": "2"}]
    with pytest.raises(Conflict):
        kube.patch(CONFIG_MAP, namespace, "toy", patch)


def test_deleting_another_object_of_the_same_name_is_a_conflict(kube: Kube, namespace: str) -> None:
    """The uid is the precondition: what was made anew since is not what was decided upon."""
    old = kube.create(config_map(namespace))["metadata"]["uid"]
    kube.delete(CONFIG_MAP, namespace, "toy")
    kube.create(config_map(namespace))
    with pytest.raises(Conflict):
        kube.delete(CONFIG_MAP, namespace, "toy", uid=old)
    assert kube.get(CONFIG_MAP, namespace, "toy") is not None


def test_lists_carry_the_kind_of_their_items(kube: Kube, namespace: str) -> None:
    """The API server leaves it out; whoever handles objects of several kinds needs it."""
    kube.create(config_map(namespace))
    assert {(o["apiVersion"], o["kind"]) for o in kube.list(CONFIG_MAP, namespace)} == {("v1", "ConfigMap")}


def test_an_unknown_kind_names_what_to_do(kube: Kube, namespace: str) -> None:
    """A CRD that is not installed is a permanent error."""
    with pytest.raises(PermanentError, match="install what defines it"):
        kube.list(Kind("nobody.example/v1", "Thing"), namespace)


def test_a_missing_right_is_permanent_and_says_so(kube: Kube, namespace: str) -> None:
    """Not temporary: Argo need not try it again and again."""
    nobody = connect()
    nobody.client.set_default_header("Impersonate-User", f"system:serviceaccount:{namespace}:nobody")
    with pytest.raises(Forbidden, match="run `rainbow install` again"):
        nobody.get(CONFIG_MAP, namespace, "toy")
    nobody.client.set_default_header("Impersonate-User", "ann")
    with pytest.raises(Forbidden, match="You lack this right"):
        nobody.get(CONFIG_MAP, namespace, "toy")


def test_an_api_server_that_is_away_is_temporary(kube: Kube) -> None:
    """Refused connections get better by themselves."""
    away = connect()
    away.client.configuration.host = "https://127.0.0.1:1"
    away.attempts = 2
    with pytest.raises(TemporaryError, match="did not answer"):
        away.get(CONFIG_MAP, "default", "toy")


def test_a_log_of_no_pod_is_not_there(kube: Kube, namespace: str) -> None:
    """As for any object."""
    with pytest.raises(NotThere):
        kube.pod_log(namespace, "none", "main")
