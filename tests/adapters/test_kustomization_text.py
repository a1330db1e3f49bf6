"""One more entry in a kustomization, in whatever way its owner writes it."""

from typing import Any

import pytest
import yaml

from rainbow.adapters.kustomization_text import with_entry
from rainbow.errors import BadInput

FILE = {"path": "new.yaml"}


@pytest.mark.parametrize(
    ("case", "before", "after"),
    [
        ("a list", "patches:\n  - path: a.yaml\n", "patches:\n  - path: a.yaml\n  - path: new.yaml\n"),
        ("a list that is not indented", "patches:\n- path: a\nx: 1\n", "patches:\n- path: a\n- path: new.yaml\nx: 1\n"),
        (
            "comments stay with what they are about",
            "patches:\n  # first\n  - path: a # why\n\n# names\nnamePrefix: x\n",
            "patches:\n  # first\n  - path: a # why\n  - path: new.yaml\n\n# names\nnamePrefix: x\n",
        ),
        (
            "a patch in the text itself",
            "patches:\n  - patch: |-\n      # a\n      kind: X\n    target: {kind: X}\n",
            "patches:\n  - patch: |-\n      # a\n      kind: X\n    target: {kind: X}\n  - path: new.yaml\n",
        ),
        ("no end of line", "patches:\n  - path: a", "patches:\n  - path: a\n  - path: new.yaml\n"),
        ("no such list", "resources: [a]\n", "resources: [a]\npatches:\n  - path: new.yaml\n"),
        ("no such list, no end of line", "resources: [a]", "resources: [a]\npatches:\n  - path: new.yaml\n"),
        ("an empty list", "patches: []\n", 'patches: [{"path": "new.yaml"}]\n'),
        ("nothing", "patches:\nx: 1\n", "patches:\n  - path: new.yaml\nx: 1\n"),
        ("a list in one line", "patches: [{path: a}] # b\n", 'patches: [{path: a}, {"path": "new.yaml"}] # b\n'),
        (
            "a list in several lines",
            "patches: [\n  {path: a},\n]\n",
            'patches: [\n  {path: a}, {"path": "new.yaml"}]\n',
        ),
        ("JSON", '{"x": 1}', '{"x": 1, "patches": [{"path": "new.yaml"}]}'),
        ("it is there", "patches:\n  - path: new.yaml\n", "patches:\n  - path: new.yaml\n"),
        ("it is there in one line", 'patches: [{"path": new.yaml}]\n', 'patches: [{"path": new.yaml}]\n'),
    ],
)
def test_an_entry_is_added_and_all_else_stays(case: str, before: str, after: str) -> None:
    """To the letter; and it is the last one, so that nothing that comes before undoes it."""
    assert with_entry(before, "patches", FILE) == after, case
    assert with_entry(after, "patches", FILE) == after, "twice is once"
    read: Any = yaml.safe_load(after)
    assert read["patches"][-1] == FILE
    assert {k: v for k, v in read.items() if k != "patches"} == {
        k: v for k, v in yaml.safe_load(before).items() if k != "patches"
    }


def test_a_file_is_named_as_itself() -> None:
    """Resources are no mappings."""
    assert with_entry("resources:\n  - a\n", "resources", "b") == "resources:\n  - a\n  - b\n"


@pytest.mark.parametrize("text", ["", "a: [", "- a"])
def test_what_is_no_kustomization_is_refused(text: str) -> None:
    """Kustomize would have said so before."""
    with pytest.raises(BadInput, match="kustomization"):
        with_entry(text, "patches", FILE)
