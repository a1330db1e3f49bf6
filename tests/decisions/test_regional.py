"""The app as it is in one of its clusters, and whether what is there under a release's id is that release."""

from __future__ import annotations

from typing import Any

import pytest

from rainbow.decisions.regional import difference, in_cluster, misfits, shared_place
from rainbow.model.app import AppConfig
from rainbow.model.release import ArchiveSource, GitSource, ReleaseSpec, Source
from tests.decisions.make import app


def regional(each: dict[str, Any] | None = None, **changes: Any) -> AppConfig:
    """An app in eu and us."""
    return app(
        clusters={"waves": [["eu"], ["us"]], "each": each or {"us": {"overrides": {"namespace": "b"}}}}, **changes
    )


def test_a_cluster_has_the_app_with_its_own_changes_and_knows_no_other() -> None:
    """Deep in the file as well; what is not named is as it was."""
    overrides = {"namespace": "b", "drain": {"prometheus": {"url": "http://us"}}}
    found = in_cluster(regional({"us": {"overrides": overrides}}), "us")
    assert (found.namespace, found.drain.prometheus.url) == ("b", "http://us")
    assert found.drain.prometheus.query == app().drain.prometheus.query
    assert found.clusters is None
    assert in_cluster(regional(), "eu") == app()


def test_what_was_not_given_is_not_given_in_a_cluster_either() -> None:
    """`breaks` asks whether route.releases was."""
    breaking = {"breaks": "old clients go", "route": {"ingress": {"name": "s", "url": "http://p"}, "releases": {}}}
    assert in_cluster(regional(**breaking), "us").breaks
    assert "releases" not in in_cluster(regional(), "us").route.model_fields_set


def test_overrides_that_do_not_fit_are_found_for_every_cluster() -> None:
    """Those of a late wave too."""
    wrong = {"us": {"overrides": {"drain": {"prometheus": {"samples": 0}}}}}
    assert [name for name, _ in misfits(regional(wrong))] == ["us"]
    assert list(misfits(regional())) == []
    assert list(misfits(app())) == []


def test_two_clusters_that_are_one_place_are_found() -> None:
    """The same namespace by the same context; another context may be another cluster."""
    same = {"eu": {"context": "prod"}, "us": {"context": "prod"}}
    assert shared_place(regional(same)) == "eu and us are both namespace spawn of context prod"
    assert shared_place(regional({"eu": {"context": "prod"}})) is None
    assert shared_place(app()) is None


GIT = Source(git=GitSource(url="https://git.example/a", commit="0" * 40))
ARCHIVE = Source(archive=ArchiveSource(config_maps=["a-v1-source-0"], sha256="a" * 64))


def spec(**changes: Any) -> ReleaseSpec:
    """A release in a cluster."""
    return ReleaseSpec.model_validate({"release": "v1", "app": app(), "manifests": "x"} | changes)


@pytest.mark.parametrize(
    ("there", "wanted", "text"),
    [
        ({}, {}, ""),
        ({"app": app(namespace="b")}, {}, "it differs in rainbow.yaml"),
        ({"app": regional()}, {}, ""),  # what the file says of clusters is no part of a release
        ({"manifests": "y"}, {}, "it differs in manifests"),
        ({"images": {"a": "a@1"}}, {"images": {"a": "a@2"}}, "it differs in images"),
        ({"images": {}}, {"images": {"a": "a@2"}}, ""),  # it was built there
        ({"source": ARCHIVE}, {"source": ARCHIVE.model_copy(update={"git": None})}, ""),
        ({"source": ARCHIVE}, {"source": GIT}, "it differs in sources"),
        ({"source": GIT}, {}, ""),
        (
            {"source": ARCHIVE, "manifests": "y"},
            {"source": Source(archive=ArchiveSource(config_maps=[], sha256="b" * 64))},
            "it differs in manifests, sources",
        ),
        ({"source": ARCHIVE}, {"source": Source(archive=ArchiveSource(config_maps=[], sha256="a" * 64))}, ""),
    ],
)
def test_difference(there: dict[str, Any], wanted: dict[str, Any], text: str) -> None:
    """Nobody goes on with a release of the same id that is another one."""
    assert difference(spec(**there), spec(**wanted)) == text
