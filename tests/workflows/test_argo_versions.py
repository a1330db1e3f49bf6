"""Only fields that Argo 3.6 and 3.7 both know: a controller ignores any other, or its API server refuses the object.

Each path in argo_fields.txt was looked up in the full definitions (manifests/base/crds/full) of v3.6.0, v3.6.10 and
v3.7.18. That 4.0 knows them is known by Hera, whose models were made of it; no controller of 4 has been run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rainbow.adapters.workflows import workflow_object
from steps import STEPS
from tests.workflows.test_installation import SETTINGS, Object, templates
from workflows.installation import installation
from workflows.settings import Settings

KNOWN = frozenset((Path(__file__).parent / "argo_fields.txt").read_text(encoding="utf-8").split())
FREE = {"annotations", "labels", "requests", "limits"}  # their keys are anybody's


def everything() -> list[Object]:
    """What Argo gets, with every setting in use."""
    more = {
        "image_pull_secrets": ["pull"],
        "registry_secret": "login",
        "proxy": {"secret": "proxy", "no_proxy": [".corp"]},
        "argo_instance_id": "blue",
    }
    direct = {"proxy": {"http": "http://proxy:3128"}}
    made = [installation("shops", Settings.model_validate(SETTINGS.model_dump() | each)) for each in (more, direct)]
    found = [obj for objects in made for obj in objects if obj["apiVersion"].startswith("argoproj.io/")]
    return [*found, workflow_object("release", "shops", "shop", "v1", {"app": "shop"}, instance={"a": "b"})]


def paths(value: Any, path: str) -> Iterator[str]:
    """Every field of a document, as `spec.templates[].name`."""
    if isinstance(value, list):
        for item in value:
            yield from paths(item, f"{path}[]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f"{path}.{key}"
            if key not in FREE:
                yield from paths(item, f"{path}.{key}")


def test_every_field_is_known_to_every_version_that_is_promised() -> None:
    """A new one has to be looked up in all of them before it comes into the list."""
    used = {path for obj in everything() for path in paths(obj, obj["kind"])}
    assert len(used) > 100
    assert sorted(used - KNOWN) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_comes_back_for_days_waits_no_longer_each_time(step: str) -> None:
    """Argo 3.6 has no upper end for a wait that doubles: the twentieth would be of two months."""
    strategy = templates()[step]["retryStrategy"]
    waits = [_seconds(strategy["backoff"]) * int(strategy["backoff"].get("factor", 1)) ** n for n in range(20)]
    assert max(waits[: int(strategy["limit"])]) <= 120


def _seconds(backoff: Object) -> int:
    assert backoff["duration"].endswith("s")
    return int(backoff["duration"].removesuffix("s"))
