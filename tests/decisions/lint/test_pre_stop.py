"""Which pods wait before they end, and which wait for too long."""

from typing import Any

import pytest

from tests.decisions.lint.make import ERROR, container, found, of, said, service

PATH = "spec.template.spec.containers[0].lifecycle.preStop"


def sleeping(seconds: int) -> Any:
    """A container with such a hook."""
    return container(lifecycle={"preStop": {"sleep": {"seconds": seconds}}})


def running(*command: str) -> Any:
    """A container with a command as its hook."""
    return container(lifecycle={"preStop": {"exec": {"command": list(command)}}})


@pytest.mark.parametrize(
    ("case", "made", "served", "places"),
    [
        ("it waits", of(sleeping(5)), True, []),
        ("it does not wait", of(container(lifecycle=None)), True, [PATH]),
        ("a hook after its start is none", of(container(lifecycle={"postStart": {"sleep": {}}})), True, [PATH]),
        ("it sleeps for no time", of(sleeping(0)), True, [PATH]),
        ("it sleeps for no time by a command", of(running("sleep", "0")), True, [PATH]),
        ("nobody sends it requests", of(container(lifecycle=None)), False, []),
        ("it waits until it is killed", of(sleeping(60)), True, [PATH]),
        ("so does a worker", of(sleeping(60)), False, [PATH]),
        ("killed by the default grace period", of(sleeping(30), terminationGracePeriodSeconds=None), True, [PATH]),
        ("it sleeps in a shell", of(running("sh", "-c", "sleep 5")), True, []),
        ("it sleeps in a shell for too long", of(running("/bin/sh", "-c", "/bin/sleep 2m && x")), True, [PATH]),
        ("it sleeps by a command", of(running("/bin/sleep", "61")), True, [PATH]),
        ("how long it takes cannot be told", of(running("/drain")), True, []),
        ("it is asked by HTTP", of(container(lifecycle={"preStop": {"httpGet": {"port": 1}}})), True, []),
        ("a sidecar that serves nobody", of(sleeping(5), container("side", ports=None, lifecycle=None)), True, []),
    ],
)
def test_a_pod_answers_for_a_while_after_it_is_told_to_end(case: str, made: Any, served: bool, places: Any) -> None:
    """An error where requests would be lost."""
    objects = [made, service()] if served else [made]
    assert said(found("pre-stop", *objects)) == [(ERROR, "Deployment web", place) for place in places], case


def test_a_hook_that_is_too_long_gets_the_time() -> None:
    """The grace period grows by the longest request, the hook stays as somebody wanted it."""
    (finding,) = found("pre-stop", of(sleeping(90)), service(), lint={"longestRequest": "20s"})
    assert finding.patch == {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 110}}}}


@pytest.mark.parametrize(
    ("case", "made", "hook"),
    [
        ("without a hook", of(container(lifecycle=None)), {"sleep": {"seconds": 5}}),
        ("it sleeps for no time", of(sleeping(0)), {"sleep": {"seconds": 5}}),
        ("it runs what ends at once", of(running("sleep", "0")), {"exec": None, "sleep": {"seconds": 5}}),
    ],
)
def test_a_hook_that_waits_for_nothing_is_replaced(case: str, made: Any, hook: Any) -> None:
    """A second handler beside the first is refused by the API server."""
    (finding,) = found("pre-stop", made, service())
    assert finding.patch is not None, case
    (patched,) = finding.patch["spec"]["template"]["spec"]["containers"]
    assert patched["lifecycle"] == {"preStop": hook}
