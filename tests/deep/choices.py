"""What the state machine chooses from: apps, runs of steps, and what comes in between."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.deep.bases import App
from tests.deep.bus import BusFault
from tests.deep.metrics import Fault
from tests.deep.stage import BY_PEOPLE, Action, Disturbance

RECENT = st.sampled_from([-1, -1, -1, -2, -2, -3, -4, -6])  # which release, by its number from the newest
LAG = st.sampled_from([0, 0, 0, 0, 0, 1, 3])
_PIPELINE = ["make-room", "deploy", "run-tests", "check-compatibility", "switch", "switch"]
_PIPELINE += ["bake", "wait-for-drain", "delete", "collect-garbage", "adopt"]
ACTIONS = st.builds(
    Action,
    step=st.sampled_from(_PIPELINE),
    release=RECENT,
    insists=st.booleans(),
    by_hand=st.booleans(),
    lag=LAG,
) | st.builds(
    Action,
    step=st.sampled_from(sorted(BY_PEOPLE)),
    release=st.none() | RECENT,
    insists=st.booleans(),
    by_hand=st.booleans(),
    lag=LAG,
)
DISTURBANCES = st.none() | st.builds(
    Disturbance,
    at=st.integers(1, 40),
    kill=st.booleans(),
    after=st.booleans(),
    pause=st.sampled_from([0.0, 0.0, 10.0, 100.0, 2000.0]),
    rival=st.none() | ACTIONS,
    user=st.none() | st.integers(-3, 0),
)
APPS = st.builds(
    App,
    route=st.sampled_from(["ingress", "service", "httpRoute"]),
    keep=st.sampled_from([0, 0, 1, 2]),
    history=st.sampled_from([2, 50]),
    strategy=st.sampled_from(["rainbow", "rainbow", "rainbow", "blue-green"]),
    maximum_drain_age=st.sampled_from([None, None, "2h"]),
    overdue=st.sampled_from(["keep", "delete"]),
    bake=st.sampled_from([False, False, True]),
    approval=st.sampled_from([False, False, True]),
    bus=st.booleans(),
    adopted=st.sampled_from([False, False, False, True]),
).filter(App.possible)
TROUBLE = st.sampled_from([*Fault, *BusFault])
ANSWERS = st.sampled_from(["yes", "yes", "yes", "yes", "no", None])
