"""`clusters` in rainbow.yaml: what it may say, and what a release is in each cluster."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rainbow.model.clusters import Clusters, OnFailure, merged

BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no wave": ({"waves": []}, "at least 1 item"),
    "an empty wave": ({"waves": [["eu"], []]}, "at least 1 item"),
    "a cluster twice": ({"waves": [["eu"], ["us", "eu"]]}, "waves: eu is named twice"),
    "a name that is none": ({"waves": [["Eu"]]}, "cannot be the name of a cluster"),
    "a cluster that is in no wave": ({"waves": [["eu"]], "each": {"us": {}}}, "each: us is in no wave"),
    "another app": (
        {"waves": [["eu"]], "each": {"eu": {"overrides": {"app": "x"}}}},
        "overrides: app cannot be different",
    ),
    "other images": ({"waves": [["eu"]], "each": {"eu": {"overrides": {"images": {}}}}}, "images cannot be different"),
    "an unknown way out": ({"waves": [["eu"]], "onFailure": "panic"}, "'rollback' or 'leave'"),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses(name: str) -> None:
    """Before anything is released anywhere."""
    given, text = BAD[name]
    with pytest.raises(ValidationError, match=text):
        Clusters.model_validate(given)


def test_what_is_left_out() -> None:
    """A cluster is reached by the context of its own name, nothing is different there, and failures are taken back."""
    clusters = Clusters.model_validate({"waves": [["eu-1"], ["eu-2", "us"]], "each": {"us": {"context": "prod-us"}}})
    assert clusters.names == ["eu-1", "eu-2", "us"]
    assert [clusters.context(name) for name in clusters.names] == ["eu-1", "eu-2", "prod-us"]
    assert clusters.of("eu-1").overrides == {}
    assert clusters.on_failure is OnFailure.ROLLBACK


values = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
described = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@given(described, described)
def test_overrides_win_where_they_say_something(below: dict[str, Any], over: dict[str, Any]) -> None:
    """What is said above is found, what is not stays, and doing it twice changes nothing (RFC 7396)."""
    result = merged(below, over)
    assert merged(result, over) == result
    for key in {*below, *over}:
        if key not in over:
            assert result[key] == below[key]
        elif not isinstance(over[key], dict):
            assert result[key] == over[key]


def test_null_takes_a_key_away() -> None:
    """For example a kustomize base where one cluster has a chart."""
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}) == {"a": {"c": 2}}
