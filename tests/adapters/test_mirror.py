"""A copy that is kept up by watches: it follows every change, outlives an outage, and says what is missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from emulated import Emulated, Store

from rainbow.adapters import mirror as module
from rainbow.adapters.kube import CONFIG_MAP, RELEASE, SERVICE, Forbidden, Gone, Kind, Object
from rainbow.adapters.mirror import Mirror
from rainbow.errors import TemporaryError


class Told(Emulated):
    """Its watches are what a test says: each is a list of changes, or an error, and the last one goes on for ever."""

    def __init__(self, *turns: list[tuple[str, Object]] | Exception) -> None:
        super().__init__(None, attempts=1, store=Store())
        self.turns = list(turns)
        self.since: list[str | None] = []
        self.over = threading.Event()

    def watch(
        self, kind: Kind, namespace: str | None, seconds: int, since: str | None = None, *, labels: str | None = None
    ) -> Iterator[tuple[str, Object]]:
        """The next of them."""
        self.since.append(since)
        if not self.turns:
            self.over.wait(10)
            return
        turn = self.turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        yield from turn


def thing(name: str, version: int, **data: Any) -> Object:
    """An object of some version."""
    meta = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def shown(mirror: Mirror) -> dict[str, Any]:
    """Name → data."""
    return {obj["metadata"]["name"]: obj.get("data") for obj in mirror.of(CONFIG_MAP)}


def eventually(true: Callable[[], object]) -> None:
    """Within two seconds."""
    until = time.monotonic() + 2
    while not true():
        assert time.monotonic() < until
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)


def test_every_change_is_followed() -> None:
    """Added, modified and deleted; and the next turn goes on from the last version."""
    kube = Told(
        [("ADDED", thing("a", 1)), ("ADDED", thing("b", 2)), ("MODIFIED", thing("a", 3, x="1"))],
        [("DELETED", thing("b", 4))],
    )
    mirror = Mirror(kube, "shop", (CONFIG_MAP,))
    with mirror.kept_up():
        eventually(lambda: shown(mirror) == {"a": {"x": "1"}})
        eventually(lambda: kube.since == [None, "3", "4"])
        assert mirror.changed.is_set()
    kube.over.set()


def test_what_was_deleted_during_an_outage_is_gone_afterwards() -> None:
    """After a failure everything is listed anew, since nobody knows what was missed."""
    kube = Told([("ADDED", thing("a", 1))], TemporaryError("connection refused"))
    kube.store.objects["configmaps", "shop", "b"] = thing("b", 2)
    mirror = Mirror(kube, "shop", (CONFIG_MAP,))
    with mirror.kept_up():
        eventually(lambda: len(kube.since) == 3)
        assert set(shown(mirror)) == {"b"}
        assert kube.since[-1] is None
        assert mirror.away is None
    kube.over.set()


def test_an_outage_is_told_with_its_beginning_and_what_was_known_stays() -> None:
    """Whoever looks sees the state from before, and that it is from before."""
    kube = Told([("ADDED", thing("a", 1))], TemporaryError("connection refused"))
    mirror = Mirror(kube, "shop", (CONFIG_MAP,))
    mirror.read()

    def cut(method: str, path: str) -> None:
        if len(kube.since) > 1:
            raise TemporaryError("connection refused")

    kube.called = cut
    with mirror.kept_up():
        eventually(lambda: mirror.away is not None)
        assert mirror.away is not None
        since, why = mirror.away
        assert why == "connection refused"
        assert set(shown(mirror)) == {"a"}
        time.sleep(0.05)
        assert mirror.away[0] == since
        kube.called = lambda _method, _path: None
        eventually(lambda: mirror.away is None)
    kube.over.set()


def test_who_does_not_answer_about_one_kind_is_not_excused_by_another() -> None:
    """Records from before would else be shown as new whenever a workflow changes."""
    kube = Told()
    mirror = Mirror(kube, "shop", (RELEASE, SERVICE))
    mirror.read()
    mirror.went_away("Release", "no leader")
    mirror.answers("Service")
    assert mirror.away is not None
    assert mirror.away[1] == "no leader"
    mirror.answers("Release")
    assert mirror.away is None


def test_a_version_that_is_too_old_is_no_outage() -> None:
    """The API server forgets after some minutes."""
    kube = Told([("ADDED", thing("a", 1))], Gone("too old"))
    mirror = Mirror(kube, "shop", (CONFIG_MAP,))
    with mirror.kept_up():
        eventually(lambda: len(kube.since) == 3)
        assert kube.since == [None, "1", None]
        assert mirror.away is None
    kube.over.set()


def test_a_kind_that_may_not_be_read_is_left_out_and_named() -> None:
    """The others are shown all the same."""
    kube = Told()
    kube.store.objects["services", "shop", "web"] = thing("web", 1)

    def forbid(method: str, path: str) -> None:
        if "releases" in path:
            raise Forbidden("no right")

    kube.called = forbid
    mirror = Mirror(kube, "shop", (RELEASE, SERVICE))
    mirror.read()
    assert {kind: str(why) for kind, why in mirror.left_out.items()} == {RELEASE: "no right"}
    assert len(mirror.of(SERVICE)) == 1


def test_reading_once_says_when_nobody_answers() -> None:
    """Exit 75: what is shown the first time has to be true."""
    kube = Told()
    kube.called = lambda _method, _path: (_ for _ in ()).throw(TemporaryError("connection refused"))
    with pytest.raises(TemporaryError):
        Mirror(kube, "shop", (SERVICE,)).read()
