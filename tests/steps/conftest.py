"""What tests of the steps share."""

from typing import Any

import pytest
from shops import looks

from rainbow.adapters.kube import HTTP_ROUTE, Kind, Kube
from rainbow.errors import PermanentError


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What looks at the work of releases give, by release, instead of asking anybody."""
    given: dict[str, Any] = {}
    looks(monkeypatch, given)
    return given


@pytest.fixture
def no_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a cluster without the Gateway API."""
    path = Kube.path

    def known(self: Kube, kind: Kind, namespace: str | None, name: str | None = None) -> str:
        if kind == HTTP_ROUTE:
            raise PermanentError(f"the cluster does not know {kind.api_version}")
        return path(self, kind, namespace, name)

    monkeypatch.setattr(Kube, "path", known)
    monkeypatch.setattr(Kube, "kinds", lambda *_: [])
