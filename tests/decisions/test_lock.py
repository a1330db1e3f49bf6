"""Whose turn it is, and with which token."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.lock import Act, LeaseSeen, decide_lock
from tests.decisions.make import NOW

TEN = timedelta(minutes=10)
FRESH, STALE = NOW - timedelta(minutes=1), NOW - timedelta(minutes=11)


@pytest.mark.parametrize(
    ("what", "lease", "act", "token"),
    [
        ("nobody has held it yet", None, Act.CREATE, 1),
        ("it was given back", LeaseSeen(None, 4, FRESH, TEN), Act.TAKE, 5),
        ("this very run has it", LeaseSeen("v2/run", 4, FRESH, TEN), Act.RENEW, 4),
        ("this very run has slept, and nobody came", LeaseSeen("v2/run", 4, STALE, TEN), Act.RENEW, 4),
        ("another run has it", LeaseSeen("v1/other", 4, FRESH, TEN), Act.WAIT, 4),
        ("another run of the same release has it", LeaseSeen("v2/other", 4, FRESH, TEN), Act.WAIT, 4),
        ("another run has let it run out", LeaseSeen("v1/other", 4, STALE, TEN), Act.TAKE, 5),
        ("somebody has filled it in by halves", LeaseSeen("v1/other", 4, None, TEN), Act.TAKE, 5),
    ],
)
def test_whose_turn_it_is(what: str, lease: LeaseSeen | None, act: Act, token: int) -> None:
    """Each new holder has a higher token than all before it."""
    decision = decide_lock(lease, "v2/run", NOW)
    assert (decision.act, decision.token) == (act, token), what


def test_a_rollback_waits_for_nobody() -> None:
    """By force, and with a token of its own, which puts the other one out."""
    decision = decide_lock(LeaseSeen("v1/other", 4, FRESH, TEN), "v2/run", NOW, force=True)
    assert (decision.act, decision.token) == (Act.TAKE, 5)
    assert decision.reason == "taken from v1/other by force"


def test_who_waits_is_told_for_whom_and_until_when() -> None:
    """The message is all that a person sees."""
    decision = decide_lock(LeaseSeen("v1/other", 4, FRESH, TEN), "v2/run", NOW)
    assert decision.reason == "v1/other holds it, at least until 2026-05-04T12:09:00.000Z"


@given(
    lease=st.none()
    | st.builds(
        LeaseSeen,
        st.sampled_from([None, "v1/a", "v2/run"]),
        st.integers(0, 9),
        st.sampled_from([None, FRESH, STALE]),
        st.just(TEN),
    ),
    on_route=st.integers(0, 9),
    force=st.booleans(),
)
def test_a_token_is_above_all_that_were_seen_or_it_is_this_runs_own(
    lease: LeaseSeen | None, on_route: int, force: bool
) -> None:
    """Also when somebody removed the Lease, and with it the count; and nobody takes what another one has, unforced."""
    decision = decide_lock(lease, "v2/run", NOW, on_route=on_route, force=force)
    if decision.act in (Act.CREATE, Act.TAKE):
        assert decision.token > max(on_route, lease.token if lease else 0)
    if decision.act is Act.RENEW:
        assert lease is not None
        assert (lease.holder, decision.token) == ("v2/run", lease.token)
        assert decision.token >= on_route
    held = lease is not None and lease.holder == "v1/a" and lease.renewed == FRESH
    assert (decision.act is Act.WAIT) == (held and not force)
