"""`install` against an emulated API server: what it applies where some of it cannot be had, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from emulated import Emulated, Store

from rainbow.adapters.kube import Forbidden, Object
from rainbow.cli import install
from rainbow.decisions.suitability import ADMISSION, OURS
from rainbow.decisions.surroundings import Surroundings
from rainbow.errors import BadInput, Refused
from workflows.ci import GUARD
from workflows.installation import installation, of_the_cluster
from workflows.settings import Settings

SETTINGS = Settings(step_image="step", builder_image="builder", registry="registry")
GUARDED = Surroundings(
    served={
        ADMISSION: frozenset({"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}),
        OURS: frozenset({"Release", "Policy"}),
    }
)


def applied(seen: Surroundings, monkeypatch: pytest.MonkeyPatch, *forbidden: str) -> tuple[Store, list[str]]:
    """Install; what is there then, and what was said on standard error."""
    kube, said = Emulated(None, attempts=1), []

    def called(method: str, path: str) -> None:
        if method == "PATCH" and any(part in path for part in forbidden):
            raise Forbidden(path)

    def echo(text: str, *, err: bool = False) -> None:
        if err:
            said.append(text)

    kube.called = called
    monkeypatch.setattr(install.click, "echo", echo)
    install._apply(kube, "shop", installation("shop", SETTINGS), seen)
    return kube.store, said


def kinds(store: Store) -> set[str]:
    """What there is of what."""
    return {plural for plural, _, _ in store.objects}


def test_all_of_it_where_all_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has to be said."""
    store, said = applied(GUARDED, monkeypatch)
    assert {"customresourcedefinitions", "validatingadmissionpolicies", "workflowtemplates", "roles"} <= kinds(store)
    assert said == []


def test_a_cluster_without_admission_policies_gets_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes 1.29: nothing guards the records, which a check says."""
    store, _ = applied(Surroundings(), monkeypatch)
    assert "customresourcedefinitions" in kinds(store)
    assert not {"validatingadmissionpolicies", "validatingadmissionpolicybindings"} & kinds(store)


def test_what_belongs_to_the_cluster_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, with the command for them; what belongs to the namespace is there."""
    store, said = applied(GUARDED, monkeypatch, "customresourcedefinitions", "validatingadmission")
    assert "workflowtemplates" in kinds(store)
    assert "CustomResourceDefinition releases.rainbow.dev" in said[0]
    assert "rainbow render --only cluster" in said[0]


def test_without_a_right_in_the_namespace_nothing_is_left_out_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an installation is none."""
    with pytest.raises(Forbidden):
        applied(GUARDED, monkeypatch, "/roles/")


def test_where_nobody_has_brought_the_definitions_nothing_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with what an administrator has to do."""
    path = Emulated.path

    def known(self: Emulated, kind: Any, *more: Any) -> str:
        if kind.api_version == OURS:
            raise BadInput("the cluster does not know rainbow.dev")
        return path(self, kind, *more)

    monkeypatch.setattr(Emulated, "path", known)
    with pytest.raises(BadInput, match="rainbow render --only cluster"):
        applied(GUARDED, monkeypatch, "customresourcedefinitions")


def test_the_account_of_ci_is_only_made_where_its_guard_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, whoever has that account has the rights of every step."""
    store, _ = applied(GUARDED, monkeypatch)
    guarded = Emulated(None, attempts=1, store=store)
    install._refuse_unguarded(guarded, "shop")
    none, _ = applied(GUARDED, monkeypatch, "validatingadmission")
    with pytest.raises(Refused, match=f"no ValidatingAdmissionPolicy and no ValidatingAdmissionPolicyBinding {GUARD}"):
        install._refuse_unguarded(Emulated(None, attempts=1, store=none), "shop")

    def hidden(method: str, path: str) -> None:
        if "validatingadmission" in path:
            raise Forbidden(path)

    guarded.called = hidden
    with pytest.raises(Refused, match="it is not known whether"):
        install._refuse_unguarded(guarded, "shop")


@pytest.mark.parametrize(
    ("case", "kind", "change"),
    [
        ("an earlier one, that asks less", "ValidatingAdmissionPolicy", lambda spec: spec["validations"].pop()),
        ("one that may fail", "ValidatingAdmissionPolicy", lambda spec: spec.update(failurePolicy="Ignore")),
        (
            "one that only warns",
            "ValidatingAdmissionPolicyBinding",
            lambda spec: spec.update(validationActions=["Warn"]),
        ),
    ],
)
def test_a_guard_that_lets_more_through_is_none(
    case: str, kind: str, change: Callable[[Object], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be of an earlier version, where the rights do not reach to bring it up to date."""
    store, _ = applied(GUARDED, monkeypatch)
    weaker = next(obj for obj in of_the_cluster() if (obj["kind"], obj["metadata"]["name"]) == (kind, GUARD))
    change(weaker["spec"])
    kube = Emulated(None, attempts=1, store=store)
    kube.apply(weaker)
    with pytest.raises(Refused, match=f"no {kind} {GUARD} of this version, and it could run any pod"):
        install._refuse_unguarded(kube, "shop")
