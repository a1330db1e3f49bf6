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


@pytest.mark.parametrize(
    "value",
    ["", "30", 30, 1.5, "m5", "5x", "-5m", "1m1h", "5 m", None, True, "1.5h", "5m\n", "\N{ARABIC-INDIC DIGIT THREE}s"],
)
def test_refuses_what_could_be_misread(value: object) -> None:
    """A bare number above all: is it seconds or minutes?"""
    with pytest.raises(ValueError, match="is not a duration; write for example 30s"):
        parse_duration(value)


@pytest.mark.parametrize("value", ["3650d1s", "99999999999d", "9" * 5000 + "s", "87601h"])
def test_refuses_what_no_date_can_be_reckoned_with(value: str) -> None:
    """A ValueError with the longest that is possible, never an overflow."""
    with pytest.raises(ValueError, match="is too long a duration; the longest is 3650d") as caught:
        parse_duration(value)
    assert len(str(caught.value)) < 100
    assert parse_duration("3650d") == timedelta(days=3650)


@given(st.integers(min_value=0, max_value=3650 * 86400))
def test_what_is_written_is_read_back(seconds: int) -> None:
    """Formatting loses nothing in whole seconds."""
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)
