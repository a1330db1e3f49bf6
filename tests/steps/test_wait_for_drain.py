"""What can be said of wait-for-drain without a cluster; the rest is in tests/on_cluster/test_wait_for_drain.py."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from steps.wait_for_drain import RULES, Params

NAMES = {"namespace": "shop", "app": "shop", "release": "v2"}


def test_it_waits_six_hours_unless_told_otherwise() -> None:
    """Long enough for long tasks, short enough that Argo starts it anew every now and then."""
    assert Params.model_validate(NAMES).max_wait == timedelta(hours=6)
    assert Params.model_validate(NAMES | {"max_wait": "90m"}).max_wait == timedelta(minutes=90)


@pytest.mark.parametrize("text", ["", "90", "forever", "-1h"])
def test_a_wrong_duration_is_refused(text: str) -> None:
    """No guess about units."""
    with pytest.raises(ValidationError, match="is not a duration"):
        Params.model_validate(NAMES | {"max_wait": text})


def test_it_may_change_nothing_but_notes() -> None:
    """Whoever waits only looks: the one thing that it writes is the status of the records."""
    writing = [rule for rule in RULES if set(rule["verbs"]) - {"get", "list", "watch"}]
    assert writing == [{"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]}]
