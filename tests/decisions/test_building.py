"""Tags of images, and which failures of a build may pass."""

import pytest

from rainbow.decisions.building import BuildInputs, content_tag, is_temporary
from rainbow.model.app import ImageBuild

PLAIN = BuildInputs("tree", ImageBuild(), {"A": "1", "B": "2"})


def test_the_same_inputs_have_the_same_tag() -> None:
    """In whatever order the arguments come, and wherever the context lies."""
    same = BuildInputs("tree", ImageBuild(context="elsewhere"), {"B": "2", "A": "1"})
    assert content_tag(PLAIN) == content_tag(same)


@pytest.mark.parametrize(
    "other",
    [
        BuildInputs("another tree", ImageBuild(), {"A": "1", "B": "2"}),
        BuildInputs("tree", ImageBuild(containerfile="x"), {"A": "1", "B": "2"}),
        BuildInputs("tree", ImageBuild(target="x"), {"A": "1", "B": "2"}),
        BuildInputs("tree", ImageBuild(), {"A": "1", "B": "3"}),
        BuildInputs("tree", ImageBuild(), {"A": "1"}),
    ],
)
def test_whatever_goes_into_an_image_changes_its_tag(other: BuildInputs) -> None:
    """Sources, Containerfile, stage and arguments."""
    assert content_tag(PLAIN) != content_tag(other)


RUN_FAILED = 'Error: building at STEP "RUN curl http://x": exit status 7'


@pytest.mark.parametrize(
    ("lines", "temporary"),
    [
        (["Error: pinging container registry r: dial tcp 10.0.0.1:5000: connect: connection refused"], True),
        (["Error: initializing source docker://r/x: reading manifest: received 503 Service Unavailable"], True),
        (["Error: initializing source docker://r/x: lookup r: no such host"], True),
        (["Error: creating build container: reading manifest 1 in r/x: manifest unknown"], False),
        (["curl: (7) connection refused", "subprocess exited with status 7", RUN_FAILED], False),
        (["whatever", "and then it was killed"], False),
        ([], False),
    ],
)
def test_only_a_registry_out_of_reach_is_worth_another_try(lines: list[str], temporary: bool) -> None:
    """An instruction that failed fails again, even when what it printed sounds like a network."""
    assert is_temporary(lines) is temporary
