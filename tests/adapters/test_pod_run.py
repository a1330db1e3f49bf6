"""Following a log by asking again and again: every line once, in order, whatever comes twice."""

from hypothesis import given
from hypothesis import strategies as st

from rainbow.adapters.pod_run import Log

SECOND = "2026-05-04T12:00:0"


def stamped(*lines: tuple[int, str]) -> str:
    """Lines as the API server gives them: each after its time, in nine decimals."""
    return "".join(f"{SECOND}{at // 10}.{at % 10}00000000Z {text}\n" for at, text in lines)


def test_a_second_look_gives_only_what_is_new() -> None:
    """The API server counts whole seconds, so some lines come again."""
    log = Log("")
    assert log.new_lines(stamped((0, "a"), (5, "b"))) == ["a", "b"]
    assert log.since == f"{SECOND}0Z"
    assert log.new_lines(stamped((0, "a"), (5, "b"), (7, "c"))) == ["c"]
    assert log.new_lines(stamped((0, "a"), (5, "b"), (7, "c"))) == []


def test_the_zone_of_the_node_is_kept() -> None:
    """A kubelet writes its own time zone."""
    log = Log("")
    log.new_lines("2026-05-04T12:00:00.123456789+02:00 a\n")
    assert log.since == "2026-05-04T12:00:00+02:00"


def test_empty_lines_and_blanks_stay() -> None:
    """A report is readable by its blanks."""
    assert Log("").new_lines(stamped((1, ""), (2, "  x  y"))) == ["", "  x  y"]


@given(st.lists(st.integers(0, 40)), st.lists(st.integers(0, 40), max_size=5))
def test_every_line_comes_once(times: list[int], looks: list[int]) -> None:
    """Also several lines of the very same moment, and looks in between."""
    lines = [(at, f"line {n}") for n, at in enumerate(sorted(times))]
    log, seen = Log(""), []
    for upto in [*sorted(min(look, len(lines)) for look in looks), len(lines)]:
        seen += log.new_lines(
            stamped(*(line for line in lines[:upto] if log.since is None or line[0] // 10 >= int(log.since[18])))
        )
    assert seen == [text for _, text in lines]
