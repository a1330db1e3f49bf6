"""What is rolled of a base, and how."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rainbow.decisions.rendering import overlay, rolled_overlay
from rainbow.decisions.rolling import ROLLED_TO, not_rolled, roll_patches, split
from rainbow.errors import Refused
from tests.decisions.make import app
from tests.decisions.running import budget, deployment, ingress, service, settings

Object = dict[str, Any]
SETTINGS = settings()
SETTINGS["metadata"]["name"] = "settings"
MAIL = deployment("mail")
MAIL["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
SCALER: Object = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "mail"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "mail"}},
}
BASE = [deployment("api"), MAIL, service("api", part="api"), service("mail", part="mail"), budget("mail", part="mail")]
BASE += [service("all", app="x"), SCALER, SETTINGS]


def titles(objects: list[Object]) -> set[str]:
    """Kind and name of each."""
    return {f"{o['kind']} {o['metadata']['name']}" for o in objects}


def test_beside_releases_what_is_about_the_rolled_pods_alone_goes_with_them() -> None:
    """Service, budget and autoscaler; what their pods refer to is there for both."""
    own, rolled = split(app(rolling={"workloads": ["mail"]}), BASE)
    mail = {"Deployment mail", "Service mail", "PodDisruptionBudget mail", "HorizontalPodAutoscaler mail"}
    assert titles(rolled) == mail | {"ConfigMap settings"}
    assert titles(own) == {"Deployment api", "Service api", "Service all", "ConfigMap settings"}


def test_a_service_of_both_stays_with_the_releases() -> None:
    """It leads to the pods of one release, as its selector then says."""
    both = service("both", app="shop")
    api, mail = deployment("api", app="shop"), deployment("mail", app="shop")
    own, rolled = split(app(rolling={"workloads": ["mail"]}), [api, mail, both])
    assert (titles(own), titles(rolled)) == ({"Deployment api", "Service both"}, {"Deployment mail"})


def test_all_of_it_is_rolled_or_nothing() -> None:
    """By the strategy alone."""
    assert split(app(strategy="rolling"), BASE) == ([], BASE)
    assert split(app(), BASE) == (BASE, [])


@pytest.mark.parametrize(
    ("mode", "surge", "unavailable"), [("surge", 1, 0), ("unavailable", 0, 1), ("both", "25%", "25%")]
)
def test_the_three_settings(mode: str, surge: int | str, unavailable: int | str) -> None:
    """F2: a new pod first, an old pod first, or both; whatever the base says."""
    (patch,) = roll_patches(app(strategy="rolling", rolling={"mode": mode}), [deployment("api"), service("api")])
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    replaced = {"$patch": "replace", "type": "RollingUpdate", "rollingUpdate": rolling}  # a text stays a text otherwise
    assert patch["spec"] == {"strategy": replaced}


def test_names_and_selectors_stay_and_each_pod_says_its_release() -> None:
    """The layer has no suffix and touches no selector; the route of the app is left out as always."""
    front = ingress("api")
    front["metadata"]["name"] = "spawn"
    layer = rolled_overlay(app(strategy="rolling"), "v2", [deployment("api"), front], {})
    assert titles(list(layer.resources)) == {"Deployment api"}
    assert "nameSuffix" not in layer.kustomization
    assert layer.kustomization["labels"] == [
        {"pairs": {"rainbow.dev/app": "spawn"}, "includeSelectors": False, "includeTemplates": True}
    ]
    assert layer.kustomization["commonAnnotations"] == {ROLLED_TO: "v2"}
    assert overlay(app(strategy="rolling"), "v2", [deployment("api"), front], {}) == layer


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Job"])
def test_what_cannot_be_rolled_is_refused_by_name(kind: str) -> None:
    """Before anything is applied."""
    version = "batch/v1" if kind == "Job" else "apps/v1"
    obj = {"apiVersion": version, "kind": kind, "metadata": {"name": "x"}, "spec": {}}
    with pytest.raises(Refused, match=f"{kind} x cannot be rolled"):
        rolled_overlay(app(strategy="rolling"), "v2", [deployment("api"), obj], {})


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        ({"strategy": "rolling", "rolling": {"workloads": ["mail"]}}, "or else strategy: rolling"),
        ({"rolling": {"mode": "both"}}, "or else strategy: rolling"),
        ({"strategy": "rolling", "approval": True}, "no approval with rolling"),
        ({"rolling": {"workloads": []}}, "at least 1 item"),
    ],
)
def test_rainbow_yaml_may_not_say_what_cannot_be(config: dict[str, Any], wrong: str) -> None:
    """Told when it is read, with nothing changed."""
    with pytest.raises(ValidationError, match=wrong):
        app(**config)


def test_nothing_that_is_rolled_may_shrink() -> None:
    """A release that drains would give up the pods of the current one: they are the same."""
    query = 'max by (pod) (t{release="$release"})'
    drain = {"prometheus": {"url": "http://p", "query": 'sum(t{release="$release"})'}}
    drain["shrink"] = {"query": query, "workloads": ["mail"]}
    for config in ({"strategy": "rolling"}, {"rolling": {"workloads": ["mail"]}}):
        with pytest.raises(ValidationError, match="mail is rolled, and never drains"):
            app(drain=drain, **config)


@pytest.mark.parametrize(
    ("labels", "whose"),
    [
        ({"rainbow.dev/app": "spawn"}, None),
        ({}, "made by somebody else"),
        ({"rainbow.dev/app": "other"}, "made by somebody else"),
        ({"rainbow.dev/app": "spawn", "rainbow.dev/release": "v1"}, "belongs to release v1 of app spawn"),
    ],
)
def test_only_what_is_the_apps_own_is_rolled_over(labels: dict[str, str], whose: str | None) -> None:
    """An object of a release least of all."""
    found = not_rolled("spawn", deployment("api") | {"metadata": {"name": "api", "labels": labels}})
    assert (whose is None and found is None) or (whose or "?") in (found or "")
