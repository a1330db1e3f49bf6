"""What happens in a namespace, told by watches: each change once, whatever ends or fails on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from rainbow.adapters.kube import HTTP_ROUTE, POD, Gone, Kind, Kube, Object
from rainbow.adapters.probe.watching import WATCHED, WATCHING, Watching
from rainbow.errors import PermanentError, TemporaryError

NEW = "2999-01-01T00:00:00Z"


def pod(version: int, *, ready: bool = True, created: str = NEW, name: str = "web") -> Object:
    """A pod at a version."""
    meta = {"name": name, "uid": name, "resourceVersion": str(version), "creationTimestamp": created}
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"kind": "Pod", "metadata": meta, "status": {"conditions": conditions}}


@dataclass
class Watches:
    """An API server that answers one watch after the other; each is a list of changes, or what goes wrong."""

    answers: list[Any]
    since: list[str | None] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self, kind: Kind, namespace: str, seconds: int, since: str | None) -> Iterator[tuple[str, Object]]:
        """The next one; after the last, nothing happens any more."""
        self.since.append(since)
        if not self.answers:
            self.over.set()
            return
        for answer in self.answers.pop(0):
            if isinstance(answer, Exception):
                raise answer
            yield answer


def told(*answers: Any, kind: Kind = POD) -> tuple[list[str], Watches, Watching]:
    """What is told of these watches."""
    api = Watches(list(answers))
    watching = Watching(cast("Kube", api), "shop")
    thread = threading.Thread(target=watching.follow, args=(kind,))
    thread.start()
    while thread.is_alive() and not api.over.wait(0.05):
        pass
    watching.stop()
    thread.join()
    return [seen.what for seen in watching.seen], api, watching


def test_each_change_is_told_once() -> None:
    """Also where a watch ends and the next one goes on from there."""
    came, api, _ = told(
        [("ADDED", pod(1, ready=False)), ("MODIFIED", pod(2)), ("MODIFIED", pod(3))],
        [("MODIFIED", pod(4, ready=False)), ("DELETED", pod(5, ready=False))],
    )
    assert came == ["Pod web is made", "Pod web is ready", "Pod web is ready no more", "Pod web is gone"]
    assert api.since[:3] == [None, "3", "5"]


def test_what_was_there_before_is_not_told() -> None:
    """A watch begins with everything that is there."""
    old = "2020-01-01T00:00:00Z"
    came, _, _ = told([("ADDED", pod(1, created=old)), ("MODIFIED", pod(2, ready=False, created=old))])
    assert came == ["Pod web is ready no more"]


def test_a_version_too_old_begins_anew_and_tells_nothing_twice() -> None:
    """All that is there comes again, and is known."""
    came, api, _ = told([("ADDED", pod(1))], [Gone("too old")], [("ADDED", pod(1)), ("MODIFIED", pod(7, ready=False))])
    assert came == ["Pod web is made", "Pod web is ready no more"]
    assert api.since[:3] == [None, "1", None]


def test_an_api_server_that_is_away_is_asked_again() -> None:
    """From where it was."""
    came, api, _ = told([("ADDED", pod(1)), TemporaryError("away")], [("MODIFIED", pod(2, ready=False))])
    assert came == ["Pod web is made", "Pod web is ready no more"]
    assert api.since[:2] == [None, "1"]


def test_a_kind_that_cannot_be_watched_is_left_out() -> None:
    """The cluster does not have it, or one may not: the probe counts, and this only explains."""
    came, _, watching = told([PermanentError("the cluster knows no HTTPRoute")], kind=HTTP_ROUTE)
    assert came == []
    assert watching.unseen == {"HTTPRoute": "the cluster knows no HTTPRoute"}


def test_the_rights_are_those_of_the_kinds_that_are_watched() -> None:
    """Not one more, and not one less."""
    rights = {(group, resource) for rule in WATCHING for group in rule["apiGroups"] for resource in rule["resources"]}
    plurals = {"Ingress": "ingresses"}
    kinds = {(kind.api_version.rpartition("/")[0], plurals.get(kind.kind, f"{kind.kind.lower()}s")) for kind in WATCHED}
    assert rights == kinds
    assert {tuple(rule["verbs"]) for rule in WATCHING} == {("list", "watch")}
