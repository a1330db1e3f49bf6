"""Build arguments are declared in every stage, and nothing else of a Containerfile changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rainbow.decisions.containerfile import declare_arguments

A = {"A": "1"}


@pytest.mark.parametrize(
    ("case", "text", "expected"),
    [
        ("one stage", "FROM x\nRUN y", "FROM x\nARG A=1\nRUN y\n"),
        ("two stages", "FROM x as a\nFROM a", "FROM x as a\nARG A=1\nFROM a\nARG A=1\n"),
        ("lower case and blanks", "  from x", "  from x\nARG A=1\n"),
        ("a FROM over two lines", "FROM \\\n  x\nRUN y", "FROM \\\n  x\nARG A=1\nRUN y\n"),
        ("a comment", "# FROM y\nFROM x", "# FROM y\nFROM x\nARG A=1\n"),
        ("a continued RUN", "FROM x\nRUN a \\\nFROM b", "FROM x\nARG A=1\nRUN a \\\nFROM b\n"),
        ("comment in a continued RUN", "FROM x\nRUN a \\\n# c\nFROM b", "FROM x\nARG A=1\nRUN a \\\n# c\nFROM b\n"),
        ("another escape", "# escape=`\nFROM x\nRUN `\nFROM y", "# escape=`\nFROM x\nARG A=1\nRUN `\nFROM y\n"),
        ("a here-document", "FROM x\nRUN <<E\nFROM t\nE\nRUN y", "FROM x\nARG A=1\nRUN <<E\nFROM t\nE\nRUN y\n"),
        ("with tabs", "FROM x\nRUN <<-'E'\nFROM t\n\tE", "FROM x\nARG A=1\nRUN <<-'E'\nFROM t\n\tE\n"),
        ("a shift is none", "FROM x\nRUN $((1<<n))\nFROM y", "FROM x\nARG A=1\nRUN $((1<<n))\nFROM y\nARG A=1\n"),
    ],
)
def test_where_arguments_are_declared(case: str, text: str, expected: str) -> None:
    """After each FROM that begins a stage, and after no other."""
    assert declare_arguments(text, A) == expected


@given(st.lists(st.sampled_from(["FROM x", "RUN a \\", "# c", "", "FROM \\", "RUN <<E", "E", "COPY a b", " b"])))
def test_only_lines_are_added(lines: list[str]) -> None:
    """Without the lines that were added, it is what it was."""
    result = declare_arguments("".join(f"{line}\n" for line in lines), A).splitlines()
    assert [line for line in result if line != "ARG A=1"] == (lines or [""])
