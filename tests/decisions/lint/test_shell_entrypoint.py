"""Shells that keep the signal to themselves."""

from typing import Any

import pytest

from tests.decisions.lint.make import WARNING, container, found, of, said


@pytest.mark.parametrize(
    ("case", "started", "wrong"),
    [
        ("the app itself", {"command": ["/app"]}, False),
        ("whatever the image says", {}, False),
        ("a shell of one command, which it becomes", {"command": ["sh", "-c", "/app --port 80"]}, False),
        ("a shell of two", {"command": ["/bin/sh", "-c", "migrate && /app"]}, True),
        ("a shell of several lines", {"command": ["bash", "-ec"], "args": ["migrate\n/app\n"]}, True),
        ("the last one is handed over to", {"command": ["sh", "-c", "migrate && exec /app"]}, False),
        ("it has a trap", {"command": ["sh", "-c", "trap 'kill $p' TERM; /app & p=$!; wait"]}, False),
        ("no shell", {"command": ["python", "-c", "a; b"]}, False),
    ],
)
def test_the_app_hears_that_it_is_to_end(case: str, started: Any, wrong: bool) -> None:
    """A warning: the shell may be one that does better."""
    expected = [(WARNING, "Deployment web", "spec.template.spec.containers[0].command")] if wrong else []
    assert said(found("shell-entrypoint", of(container(**started)))) == expected, case
