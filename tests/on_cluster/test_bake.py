"""`bake` on the cluster: real pods and Prometheus, the real proxy, with the rights that its Role gives and no more."""

from __future__ import annotations

from typing import Any

import pytest
from plain import Plain
from tiny import APP

from cluster.context import Context
from rainbow.adapters.kube import Kube
from rainbow.errors import PermanentError
from rainbow.model.release import Phase
from steps import bake

pytestmark = pytest.mark.cluster

OF = '{namespace="$namespace",app="$app",release="$release"}'
RATE = {"name": "error rate", "query": f"sum(errors{OF}) / sum(requests{OF})", "limit": 0.2, "ratio": 3}
BAKE = {"duration": "3s", "interval": "1s", "breaches": 2, "traffic": f"sum(requests{OF})", "watch": [RATE]}


@pytest.fixture
def plain(kube: Kube, namespace: str, context: Context) -> Plain:
    """The app, with v1 current and v2 tested, both used, one request in ten failing."""
    ports = context.ports
    made = Plain(kube, namespace, proxy=f"127.0.0.1:{ports.traefik}", prometheus=f"http://127.0.0.1:{ports.prometheus}")
    made.deployed("v1")
    made.switch("v1")
    made.deployed("v2", bake=BAKE)
    for name in ("v1", "v2"):
        made.say(name, requests=10, errors=1)
    return made


def _bake(plain: Plain, **more: Any) -> None:
    params = bake.Params(
        namespace=plain.namespace,
        app=APP,
        release="v2",
        proxy_url=plain.url,
        prometheus_url=plain.prometheus,
        **more,
    )
    bake.run(params, plain.world("bake", bake.RULES))


def test_a_release_that_does_well_stays_and_one_that_does_harm_is_switched_back(plain: Plain) -> None:
    """B4: healthy, its bake ends and is noted; worse than the one before, its users are back, and it says why."""
    plain.switch("v2")
    _bake(plain)
    status = plain.record("v2").status
    assert status.baked_at is not None
    assert status.live_at is not None
    assert status.baked_at >= status.live_at
    assert plain.backend() == "web-v2"
    _bake(plain)
    assert "well before" in plain.lines[-1]
    # It becomes current anew, and one request in two fails, where one in ten did before.
    plain.switch("v1", allow_older=True)
    plain.say("v2", errors=5)
    plain.switch("v2", allow_older=True)
    _bake(plain, dry_run=True)
    assert "bake of v2 would wait: breach: error rate 0.5" in plain.said
    assert plain.backend() == "web-v2"
    with pytest.raises(PermanentError, match=r"was switched back: error rate 0\.5, above the limit of 0\.2 \(2 looks"):
        _bake(plain)
    assert plain.backend() == "web-v1"
    rejected, current = plain.record("v2").status, plain.record("v1").status
    assert rejected.phase is Phase.DRAINING
    assert rejected.rejected is not None
    assert (rejected.rejected.by, "error rate 0.5" in rejected.rejected.reason) == ("bake", True)
    assert (current.phase, current.traffic) == (Phase.CURRENT, "100%")
    # Retry in the Argo UI says so again and changes nothing.
    with pytest.raises(PermanentError, match="was switched back"):
        _bake(plain)
    assert plain.backend() == "web-v1"
