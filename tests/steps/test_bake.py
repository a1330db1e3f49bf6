"""`bake` against an emulated API server: whatever the metrics say, and wherever it is killed or overtaken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from emulated import Emulated, Killed, answer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from three_releases import Shop, at, kill

from rainbow.adapters.bake import BakeWatch
from rainbow.adapters.proxy import Proxy
from rainbow.adapters.world import World
from rainbow.decisions.bake import Observation, Reading, Watched
from rainbow.errors import PermanentError, Refused, TemporaryError
from rainbow.model.release import Phase
from steps import bake

BAKE = {
    "duration": "60s",
    "interval": "5s",
    "breaches": 2,
    "traffic": 'requests{release="$release"}',
    "watch": [{"name": "errors", "query": 'errors{release="$release"}', "limit": 0.1}],
}
GOOD = Observation(Reading(5.0), (Watched(Reading(0.0)),))
BREACH = Observation(Reading(5.0), (Watched(Reading(0.5)),))
QUIET = Observation(Reading(0.0), ())
UNKNOWN = Observation(Reading(None, "Prometheus is away"), ())


@pytest.fixture
def empty(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The app behind a proxy that knows each route at once; each example begins anew."""
    made = Shop()
    monkeypatch.setattr(Proxy, "ask", lambda self, host, _path: answer(made.store, host, self.clock))
    return made


@pytest.fixture
def shop(empty: Shop) -> Shop:
    """The app at the beginning of a bake."""
    _begin(empty)
    return empty


def _begin(shop: Shop) -> None:
    """v2 has just replaced v1, and the operators have set a bake since these releases were made."""
    shop.start()
    policy = {
        "apiVersion": "rainbow.dev/v1alpha1",
        "kind": "Policy",
        "metadata": {"name": "shop", "namespace": "shops"},
    }
    Emulated(None, store=shop.store).create(policy | {"spec": {"bake": BAKE}})
    shop.switch("v2")


def _bake(
    shop: Shop,
    seen: Observation | Iterator[Observation],
    around: Callable[[str], None] = lambda _: None,
    **more: Any,
) -> None:
    """Run the step for v2, its looks seeing this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BakeWatch, "look", lambda *_: seen if isinstance(seen, Observation) else next(seen))
        bake.run(bake.Params(namespace="shops", app="shop", release="v2", **more), shop.world(around, "workflow-of-v2"))


def _end(shop: Shop, seen: Observation, around: Callable[[str], None] = lambda _: None) -> str:
    """How the run ended: nothing, or what it said."""
    try:
        _bake(shop, seen, around)
    except (Killed, Refused, TemporaryError, PermanentError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("seen", [GOOD, QUIET])
def test_well_or_without_traffic_to_the_end_it_stays_and_that_is_noted(shop: Shop, seen: Observation) -> None:
    """No traffic is no breach. It takes the time that it is to take, counted from the switch."""
    began = shop.clock.now()
    _bake(shop, seen)
    baked_at = shop.record("v2").status.baked_at
    assert baked_at is not None
    assert 55 < (baked_at - began).total_seconds() < 75
    assert shop.current == "v2"
    shop.settled()


def test_a_breach_switches_back_under_a_hold_too_and_nothing_promotes_it_again(shop: Shop) -> None:
    """The reason and who stand on the record; Retry says the same, and a late Retry of its switch is refused."""
    hold = {"reason": "frozen", "by": "ann", "at": "2026-05-04T12:00:00Z"}
    Emulated(None, store=shop.store).patch(_kind("Policy"), "shops", "shop", {"spec": {"hold": hold}, "metadata": {}})
    for _ in range(2):
        with pytest.raises(PermanentError, match=r"v2 of shop was switched back: errors 0\.5, above the limit of 0\.1"):
            _bake(shop, BREACH)
        assert shop.current == "v1"
    rejected = shop.record("v2").status.rejected
    assert rejected is not None
    assert rejected.by == "bake"
    assert shop.record("v2").status.baked_at is None
    with pytest.raises(Refused):
        shop.switch("v2")
    shop.settled()


def _kind(kind: str) -> Any:
    from rainbow.adapters.kube import Kind

    return Kind("rainbow.dev/v1alpha1", kind)


def test_unknown_to_twice_the_time_is_given_up_and_nothing_is_switched(shop: Shop) -> None:
    """Unknown is neither a breach nor a pass; once it is known again, Retry ends well."""
    with pytest.raises(
        PermanentError, match=r"stays current, but is not known to be well after 2m: .*Prometheus is away"
    ):
        _bake(shop, UNKNOWN)
    assert shop.current == "v2"
    status = shop.record("v2").status
    assert (status.phase, status.baked_at, status.rejected) == (Phase.CURRENT, None, None)
    _bake(shop, GOOD)
    assert shop.record("v2").status.baked_at is not None


def test_an_api_server_that_is_away_is_unknown_as_well(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """One breach before and one after it are not two in a row."""
    looks, reads = iter([BREACH, BREACH, *[GOOD] * 30]), {"count": 0}
    read = bake.read_route

    def away(*arguments: Any, **more: Any) -> Any:
        reads["count"] += 1
        if reads["count"] == 2:
            raise TemporaryError("away")
        return read(*arguments, **more)

    monkeypatch.setattr(bake, "read_route", away)
    _bake(shop, looks)
    assert shop.current == "v2"
    assert "the API server cannot be asked: away" in "\n".join(shop.said)


@pytest.mark.parametrize("typo", [{"retention": {"minimumAge": "2 weeks"}}, {"hold": {"reason": "no time, no name"}}])
def test_a_typo_in_the_policy_ends_no_bake(shop: Shop, typo: dict[str, Any]) -> None:
    """kubectl edit lets it through. What is nobody's business here does not matter; else it is unknown until mended."""
    kube, looks = Emulated(None, store=shop.store), iter([GOOD, BREACH, BREACH, BREACH])

    def seen() -> Iterator[Observation]:
        yield next(looks)
        kube.patch(_kind("Policy"), "shops", "shop", {"spec": typo, "metadata": {}})
        sleep = shop.clock.sleep

        def mend(seconds: float) -> None:
            if any("what is to be watched is not known" in line for line in shop.said):
                kube.patch(_kind("Policy"), "shops", "shop", {"spec": dict.fromkeys(typo), "metadata": {}})
            sleep(seconds)

        shop.clock.sleep = mend  # type: ignore[method-assign]
        yield from looks

    with pytest.raises(PermanentError, match="was switched back: errors"):
        _bake(shop, seen())
    assert shop.current == "v1"


def test_a_bake_that_cannot_be_is_waited_for_and_breaks_the_row(shop: Shop) -> None:
    """The policy says nonsense about the bake itself: nothing ends well or badly by it."""
    kube = Emulated(None, store=shop.store)
    kube.patch(_kind("Policy"), "shops", "shop", {"spec": {"bake": {"breaches": "some"}}, "metadata": {}})
    with pytest.raises(TemporaryError, match="still baking"):
        _bake(shop, BREACH, max_wait="5m")
    assert shop.current == "v2"
    assert "what is to be watched is not known: Policy shops/shop does not fit release v2" in "\n".join(shop.said)


@pytest.mark.parametrize("route", [{"ingress": {"name": "other"}}, {"httpRoute": {"name": "shop"}}])
def test_what_somebody_has_just_submitted_does_not_hinder_the_way_back(shop: Shop, route: dict[str, Any]) -> None:
    """Its rainbow.yaml names a route that is not there yet."""
    shop.submit("v9", **route)
    with pytest.raises(PermanentError, match="was switched back: errors"):
        _bake(shop, BREACH)
    assert shop.current == "v1"


def test_a_release_whose_service_is_gone_is_switched_back_from(shop: Shop) -> None:
    """Nobody reaches it any more, and its bake goes on."""
    del shop.store.objects["services", "shops", "web-v2"]
    with pytest.raises(PermanentError, match="was switched back: errors"):
        _bake(shop, BREACH)
    assert shop.current == "v1"


def test_no_release_before_it_fails_loudly_and_leaves_it(shop: Shop) -> None:
    """There is nowhere to go back to."""
    route = shop.store.objects["ingresses", "shops", "shop"]
    route["metadata"]["annotations"]["rainbow.dev/switched-from"] = ""
    with pytest.raises(PermanentError, match="there is no release before it to go back to: errors"):
        _bake(shop, BREACH)
    assert shop.current == "v2"


def test_one_before_that_is_gone_fails_loudly_and_leaves_it(shop: Shop) -> None:
    """The release before has been deleted meanwhile."""
    shop.note("v1", phase=Phase.DELETED, deleted_at=shop.clock.now())
    with pytest.raises(PermanentError, match=r"does harm \(errors 0\.5.*but v1 cannot be switched to"):
        _bake(shop, BREACH)
    assert shop.current == "v2"


def test_one_that_is_not_current_any_more_is_left_alone(shop: Shop) -> None:
    """A newer release, or a person who went back: the bake ends, and nobody is switched."""
    shop.switch("v3")
    _bake(shop, BREACH)
    assert shop.current == "v3"
    shop.rollback("v1")
    _bake(shop, BREACH)
    assert shop.current == "v1"
    assert shop.said[-1] == "release v2 is not current any more, v1 is"


def test_it_comes_back_to_be_started_again_and_says_what_it_would_do(shop: Shop) -> None:
    """A pod does not live for ever; a dry run looks once and changes nothing."""
    with pytest.raises(TemporaryError, match="still baking after 20s"):
        _bake(shop, GOOD, max_wait="20s")
    version = shop.store.version
    _bake(shop, BREACH, dry_run=True)
    assert shop.said[-1].startswith("bake of v2 would wait: breach: errors 0.5")
    assert shop.said[-1].endswith("back would be v1")
    assert shop.store.version == version


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seen=st.sampled_from([GOOD, BREACH]),
    kills=st.lists(st.tuples(st.integers(1, 14), st.sampled_from(["before", "after"])), max_size=3),
)
def test_killed_anywhere_the_next_run_comes_to_the_same_end(
    empty: Shop, seen: Observation, kills: list[tuple[int, str]]
) -> None:
    """A3: what was begun is finished, and said again; the route always leads to a release that is kept."""
    _begin(empty)
    for write, when in kills:
        _end(empty, seen, at(write, when, kill))
    ended = _end(empty, seen)
    status = empty.record("v2").status
    if seen is GOOD:
        assert (ended, empty.current, status.rejected) == ("", "v2", None)
        assert status.baked_at is not None
    else:
        assert "was switched back: errors 0.5" in ended
        assert empty.current == "v1"
        assert status.rejected is not None
        assert status.rejected.by == "bake"
    empty.settled()


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(write=st.integers(1, 14), when=st.sampled_from(["before", "after"]))
def test_a_newer_release_at_any_moment_is_never_undone(empty: Shop, write: int, when: str) -> None:
    """v3 is switched to in the middle of v2's bake or of its way back: it is current, or its switch was refused."""
    _begin(empty)
    moved: list[bool] = []

    def newer() -> None:
        with contextlib.suppress(Refused, TemporaryError):
            empty.switch("v3")
            moved.append(True)

    _end(empty, BREACH, at(write, when, newer))
    _end(empty, BREACH)
    if moved:
        assert empty.current == "v3"
        assert empty.record("v3").status.rejected is None
    else:
        assert empty.current == "v1"
    empty.settled()


def test_the_answers_of_prometheus_become_readings(monkeypatch: pytest.MonkeyPatch, shop: Shop) -> None:
    """The release before is asked for the moment of the switch; unused then, there is nothing to compare with."""
    from datetime import UTC, datetime

    from rainbow.adapters.prometheus import Prometheus, Series, Unanswered
    from rainbow.model.baking import Bake

    began = datetime(2026, 5, 4, 12, tzinfo=UTC)
    given_bake = {**BAKE, "watch": [{"name": "errors", "query": 'errors{release="$release"}', "ratio": 2}]}
    values = {("requests", "v2"): [5.0], ("errors", "v2"): [0.3], ("requests", "v1"): [9.0], ("errors", "v1"): [0.1]}
    asked = []

    def vector(_self: Prometheus, query: str, at: datetime | None = None) -> list[Series]:
        name, release = query.split("{", maxsplit=1)[0], query.split('"')[1]
        asked.append((name, release, at))
        found = values[name, release]
        if found is None:
            raise Unanswered("away")
        return [Series({}, value, began) for value in found]

    monkeypatch.setattr(Prometheus, "vector", vector)

    def look() -> Observation:
        return BakeWatch().look(shop.record("v2"), Bake.model_validate(given_bake), "v1", began)

    assert look() == Observation(Reading(5.0), (Watched(Reading(0.3), Reading(0.1)),))
    assert asked == [("requests", "v2", None), ("errors", "v2", None), ("errors", "v1", began)]
    values["errors", "v1"] = []
    assert look().watched[0].before == Reading(None, "the query gave no series")
    values["requests", "v1"] = [0.0]
    assert look().watched[0].before is None
    values["requests", "v1"] = [9.0]
    values["errors", "v1"] = None  # type: ignore[assignment]
    assert look().watched[0].before == Reading(None, "away")
    values["requests", "v2"] = None  # type: ignore[assignment]
    assert look() == Observation(Reading(None, "away"), ())


def test_how_far_it_is_is_shown_in_the_argo_ui(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """In seconds of those that it is to take, counted from the switch; it never goes back."""
    shown: list[tuple[int, int]] = []
    monkeypatch.setattr(World, "progressed", lambda _, done, all_: shown.append((done, all_)))
    _bake(shop, GOOD)
    assert {all_ for _, all_ in shown} == {60}
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    assert shown[0][0] < 10
    assert shown[-1] == (60, 60)
