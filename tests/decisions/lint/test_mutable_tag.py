"""Which images stay the same."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, IMAGE, WARNING, container, found, of, said

PATH = "spec.template.spec.containers[0].image"
BUILT = {"images": {"shop": {}}}
GIVEN = {"shop": "registry:5000/shop:v7"}
PINNED = {"shop": IMAGE}


@pytest.mark.parametrize(
    ("case", "image", "more", "severity"),
    [
        ("by digest", IMAGE, {}, None),
        ("by tag and digest", IMAGE.replace("@", ":v7@"), {}, None),
        ("by tag", "registry:5000/shop:v7", {}, WARNING),
        ("the latest", "shop:latest", {}, ERROR),
        ("without a tag", "registry:5000/shop", {}, ERROR),
        ("to be built", "shop", BUILT, None),
        ("to be built, whatever its tag", "shop:dev", BUILT, None),
        ("given by tag", "shop", BUILT | {"given": GIVEN}, WARNING),
        ("given by digest", "shop:dev", BUILT | {"given": PINNED}, None),
        ("another image of that registry", "registry:5000/other", BUILT, ERROR),
    ],
)
def test_what_runs_is_named_by_digest(case: str, image: str, more: Any, severity: Any) -> None:
    """A tag is a warning, no tag or the latest an error; what Rainbow builds has a digest."""
    findings = found("mutable-tag", of(container(image=image)), **more)
    assert said(findings) == ([(severity, "Deployment web", PATH)] if severity else []), case


def test_images_of_init_containers_and_of_the_tests_are_looked_at_too() -> None:
    """Those of the tests stand in rainbow.yaml."""
    made = of(container(), initContainers=[{"name": "first", "image": "first"}])
    findings = found("mutable-tag", made, tests={"image": "tests:1", "service": "web"})
    assert said(findings) == [
        (ERROR, "Deployment web", "spec.template.spec.initContainers[0].image"),
        (WARNING, "rainbow.yaml", "tests.image"),
    ]
