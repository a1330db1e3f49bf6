"""The record of a release, and its two sides: the Python model and the resource definition."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from rainbow.model.app import AppConfig
from rainbow.model.names import RELEASE_LENGTH
from rainbow.model.release import (
    API_VERSION,
    KIND,
    PLURAL,
    Phase,
    Release,
    ReleaseSpec,
    ReleaseStatus,
    Source,
    new_record,
)
from workflows.installation import of_the_cluster

APP: dict[str, Any] = {
    "app": "shop",
    "namespace": "shops",
    "manifests": {"kustomize": "deploy"},
    "images": {"shop": {}},
    "route": {"ingress": {"name": "shop", "url": "http://proxy"}},
    "drain": {"prometheus": {"url": "http://prometheus", "query": 'sum(tasks{release="$release"})'}},
    "retention": {"minimumAge": "90m"},
}


def _schema() -> dict[str, Any]:
    (version,) = of_the_cluster()[0]["spec"]["versions"]
    properties: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]
    return properties


def _keys(model: type) -> set[str]:
    return {field.alias for field in model.model_fields.values()}  # type: ignore[attr-defined]


def test_every_field_has_its_place_in_the_resource_definition() -> None:
    """The API server drops, in silence, what a structural schema does not name."""
    schema = _schema()
    assert set(schema["spec"]["properties"]) == _keys(ReleaseSpec)
    assert set(schema["status"]["properties"]) == _keys(ReleaseStatus)
    assert set(schema["spec"]["properties"]["source"]["properties"]) == _keys(Source)
    assert schema["status"]["properties"]["phase"]["enum"] == [phase.value for phase in Phase]
    assert schema["spec"]["properties"]["release"]["maxLength"] == RELEASE_LENGTH


def test_the_definition_names_the_resource_as_the_model_does() -> None:
    """Group, version, kind and plural are written twice and must not part."""
    spec = of_the_cluster()[0]["spec"]
    assert f"{spec['group']}/{spec['versions'][0]['name']}" == API_VERSION
    assert (spec["names"]["kind"], spec["names"]["plural"]) == (KIND, PLURAL)


def test_a_record_is_read_back_as_it_was_written() -> None:
    """What travels in the record is the whole app as it was described, policy included."""
    spec = ReleaseSpec(release="v1", app=AppConfig.model_validate(APP), manifests="kind: List", images={"shop": "x:1"})
    obj = new_record(spec)
    obj["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
    read = Release.from_object(obj)
    assert read.spec == spec
    assert (read.name, read.app, read.id, read.namespace) == ("shop-v1", "shop", "v1", "shops")
    assert read.status.phase is Phase.PENDING


def test_a_record_of_a_later_version_is_read_and_rainbow_yaml_stays_strict() -> None:
    """Unknown keys are left out of a record, wherever they stand; in the file they are mistakes."""
    app = APP | {"drain": {"prometheus": APP["drain"]["prometheus"] | {"futureKey": 1}}, "futurePart": {"a": 1}}
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        AppConfig.model_validate(app)
    spec = ReleaseSpec(release="v1", app=AppConfig.model_validate(APP), manifests="")
    obj = new_record(spec)
    obj["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
    obj["spec"] |= {"app": app, "futureField": 1}
    obj["status"] = {"phase": "Ready", "futureNote": "x"}
    read = Release.from_object(obj)
    assert read.spec == spec
    assert read.status == ReleaseStatus(phase=Phase.READY)


def test_the_last_note_is_dated_by_the_api_server() -> None:
    """By the last change of the status, whoever wrote it; other changes do not count."""
    obj = new_record(ReleaseSpec(release="v1", app=AppConfig.model_validate(APP), manifests=""))
    obj["metadata"] |= {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z"}
    assert Release.from_object(obj).noted_at is None
    status = [{"subresource": "status", "time": f"2026-01-0{day}T00:00:00Z"} for day in (3, 2)]
    obj["metadata"]["managedFields"] = [{"time": "2026-01-09T00:00:00Z"}, *status]
    assert Release.from_object(obj).noted_at == datetime(2026, 1, 3, tzinfo=UTC)


def test_what_was_adopted_has_the_names_of_the_base_until_it_is_deployed_again() -> None:
    """S13: nothing is renamed while it runs; redeployed it is a release like any other (S11)."""
    made = new_record(ReleaseSpec(release="v0", app=AppConfig.model_validate(APP), manifests="", adopted=True))
    made["metadata"] |= {"uid": "1", "resourceVersion": "1", "creationTimestamp": "2026-05-04T12:00:00Z"}
    assert Release.from_object(made).named("web") == "web"
    again = {**made, "status": {"redeployedAt": "2026-05-05T12:00:00Z"}}
    assert Release.from_object(again).named("web") == "web-v0"
    made["spec"].pop("adopted")
    assert Release.from_object(made).named("web") == "web-v0"
