"""The names of workflows, and which releases they are seen to be at work on."""

from __future__ import annotations

import pytest
from emulated import Emulated, Store

from rainbow.adapters.kube import Forbidden, Kube
from rainbow.adapters.workflows import newest_workflow, redeploy_name, releases_at_work, workflow_name, workflow_object
from rainbow.errors import RainbowError, TemporaryError

LONGEST = 63  # a Workflow's name is the value of a label of its pods


def _submit(kube: Kube, template: str, name: str | None = None, *, release: str = "v1", phase: str = "Running") -> None:
    arguments = {"app": "shop", "release": release}
    workflow = workflow_object(template, "shops", "shop", release, arguments, name=name)
    kube.create(workflow | {"status": {"phase": phase}})


def test_each_deletion_of_a_release_has_a_workflow_of_its_own() -> None:
    """Submitted twice it is a conflict; after the next deletion it is another one. However long the names are."""
    app, release = "a" * 30, "v" * 20
    first, again, other = (redeploy_name(app, release, at) for at in ("monday", "monday", "tuesday"))
    assert first == again
    assert first != other
    assert len(first) <= LONGEST
    assert redeploy_name(app, "v" * 19, "monday") != first
    assert redeploy_name("shop", "v1", "monday").startswith("redeploy-shop-v1-")


def test_a_release_that_is_redeployed_has_a_workflow_at_work() -> None:
    """By its labels and parameters, whatever its name; so `delete` does not take it for left behind."""
    kube = Emulated(None, store=Store())
    _submit(kube, "release", release="v0", phase="Succeeded")
    _submit(kube, "redeploy", redeploy_name("shop", "v1", "monday"))
    _submit(kube, "rollback", "rollback-shop-abc", release="")
    assert releases_at_work(kube, "shops", "shop") == {"v1"}


def test_who_follows_a_release_follows_the_workflow_that_came_last() -> None:
    """The redeploy, when there was one; never a rollback to it. Who may not list has the first one's name.

    When nobody answers it is not guessed: the first one may have failed long ago.
    """
    kube = Emulated(None, store=Store())
    assert newest_workflow(kube, "shops", "shop", "v1") == workflow_name("shop", "v1")
    _submit(kube, "release")
    _submit(kube, "rollback", "rollback-shop-abc")
    assert newest_workflow(kube, "shops", "shop", "v1") == workflow_name("shop", "v1")
    name = redeploy_name("shop", "v1", "monday")
    _submit(kube, "redeploy", name)
    assert newest_workflow(kube, "shops", "shop", "v1") == name

    def trouble(error: RainbowError) -> None:
        def called(_method: str, _path: str) -> None:
            raise error

        kube.attempts, kube.called = 1, called

    trouble(Forbidden("no right to list"))
    assert newest_workflow(kube, "shops", "shop", "v1") == workflow_name("shop", "v1")
    trouble(TemporaryError("connection refused"))
    with pytest.raises(TemporaryError):
        newest_workflow(kube, "shops", "shop", "v1")
