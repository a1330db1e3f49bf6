"""`manifests` in rainbow.yaml: one of both, and nothing that would end up where it can be read by others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from rainbow.model.manifests import Manifests


def test_a_base_or_a_chart() -> None:
    """Each is known by its key, and dumped as it was given: a record holds nothing of the other."""
    base, chart = (Manifests.model_validate(given) for given in ({"kustomize": "."}, {"helm": {"chart": "c"}}))
    assert (base.key, chart.key) == ("kustomize", "helm")
    assert base.model_dump(exclude_none=True) == {"kustomize": "."}
    assert "kustomize" not in chart.model_dump(exclude_none=True)


@pytest.mark.parametrize("given", [{}, {"kustomize": ".", "helm": {"chart": "c"}}])
def test_neither_and_both_are_refused(given: dict[str, Any]) -> None:
    """Which one is meant would be a guess."""
    with pytest.raises(ValidationError, match="expected exactly one of kustomize"):
        Manifests.model_validate(given)


WRONG: dict[str, dict[str, Any]] = {
    "a password in the registry's address": {"chart": "oci://ann:secret@registry.example/shop"},
    "a password in the repository's address": {"chart": "shop", "repo": "https://ann:secret@charts.example"},
    "a chart that helm would take for a flag": {"chart": "--post-renderer=evil"},
    "a version that helm would take for a flag": {"chart": "shop", "version": "--debug"},
    "an API that helm would take for a flag": {"chart": "shop", "apiVersions": ["--validate"]},
    "a Kubernetes that helm would take for a flag": {"chart": "shop", "kubeVersion": "--validate"},
    "a release name that helm would take for a flag": {"chart": "shop", "releaseName": "--debug"},
    "a release name that is too long": {"chart": "shop", "releaseName": "a" * 54},
    "something to leave out without its kind": {"chart": "shop", "leaveOut": ["shop"]},
    "a date, which is none to helm": {"chart": "shop", "set": {"a": {"b": [datetime(2024, 1, 1, tzinfo=UTC)]}}},
    "what is no number": {"chart": "shop", "set": {"a": float("nan")}},
    "an unknown key": {"chart": "shop", "postRenderer": "x"},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_chart_is_not_described_like_this(case: str) -> None:
    """And what may be a password is not repeated by the model itself."""
    with pytest.raises(ValidationError) as caught:
        Manifests.model_validate({"helm": WRONG[case]})
    assert all("secret" not in error["msg"] for error in caught.value.errors())


def test_what_cannot_be_set_is_named_by_its_path() -> None:
    """However deep it stands; what JSON knows stays."""
    given = {"a": {"b": [1, datetime(2024, 1, 1, tzinfo=UTC)]}, "c": b"x", "d": {"e": None, "f": [1.5, "x", True]}}
    with pytest.raises(ValidationError, match=r"put into quotes: a\.b\[1\], c "):
        Manifests.model_validate({"helm": {"chart": "c", "set": given}})


FINE: dict[str, dict[str, Any]] = {
    "a chart by its digest": {"chart": "oci://registry.example/shop@sha256:0123"},
    "a role with a colon, as Kubernetes has them": {"chart": "shop", "leaveOut": ["ClusterRole/system:shop_reader"]},
}


@pytest.mark.parametrize("case", FINE)
def test_a_chart_may_be_described_like_this(case: str) -> None:
    """What looks odd and is usual."""
    assert Manifests.model_validate({"helm": FINE[case]}).helm is not None
