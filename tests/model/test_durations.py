"""Durations: text at the edge, timedelta inside."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.model.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("2d", 172800), ("1d2h3m4s", 93784), ("0s", 0), ("90m", 5400)],
)
def test_reads_what_people_write(text: str, seconds: int) -> None:
    """Units of days, hours, minutes and seconds, in that order."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", ["", "30", 30, 1.5, "m5", "5x", "-5m", "1m1h", "5 m", None, True, "1.5h", "5m\n"])
def test_refuses_what_could_be_misread(value: object) -> None:
    """A bare number above all: is it seconds or minutes?"""
    with pytest.raises(ValueError, match="is not a duration; write for example 30s"):
        parse_duration(value)


@given(st.integers(min_value=0, max_value=10**9))
def test_what_is_written_is_read_back(seconds: int) -> None:
    """Formatting loses nothing in whole seconds."""
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
