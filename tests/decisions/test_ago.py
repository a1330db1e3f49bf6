"""Ages as kubectl tells them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.ago import short


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (5 * 3600 + 600, "5h10m"),
        (8 * 3600 + 600, "8h"),
        (47 * 3600, "47h"),
        (50 * 3600, "2d2h"),
        (8 * 86400 + 3600, "8d"),
        (400 * 86400, "400d"),
        (3 * 365 * 86400 + 86400, "3y1d"),
        (9 * 365 * 86400 + 86400, "9y"),
    ],
)
def test_the_more_the_coarser(seconds: int, text: str) -> None:
    """As in the AGE column that everybody knows (apimachinery, HumanDuration)."""
    assert short(timedelta(seconds=seconds)) == text


@given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=99999)))
def test_it_fits_into_a_column(span: timedelta) -> None:
    """Whatever it is."""
    assert 2 <= len(short(span)) <= 7
