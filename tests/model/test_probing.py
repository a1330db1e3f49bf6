"""What a probe may be told: methods before URLs, addresses, and bounds."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rainbow.model.probing import Plan, Target

GOOD = {
    "http://shop/": ("GET", "http://shop/", False),
    "POST http://shop/orders": ("POST", "http://shop/orders", False),
    "  GET   https://shop.example:8443/a?b=c ": ("GET", "https://shop.example:8443/a?b=c", False),
    "DOWNLOAD http://shop/film": ("DOWNLOAD", "http://shop/film", True),
    "STREAM http://shop/events": ("STREAM", "http://shop/events", True),
    "ws://shop/live": ("WEBSOCKET", "ws://shop/live", True),
    "wss://shop/live": ("WEBSOCKET", "wss://shop/live", True),
}
BAD = {
    "": "expected a URL that begins",
    "shop": "expected a URL that begins",
    "http://": "expected a host",
    "http://user:password@shop/": "without user and password",
    "ftp://shop/": "expected a URL that begins",
    "LOOK http://shop/": "expected one of GET, POST",
    "GET ws://shop/live": "does not go with a WebSocket",
    "ws://": "expected a host",
    "GET http://shop/ http://shop/": "without blanks",
}


@pytest.mark.parametrize("text", GOOD)
def test_a_url_with_or_without_a_method(text: str) -> None:
    """GET unless something else stands before it; a WebSocket is known by its scheme."""
    target = Target.parse(text, "{}")
    assert (target.method, target.url, target.held) == GOOD[text]
    assert (target.body is None) == (target.method != "POST")


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_target(text: str) -> None:
    """The message says what was expected; a password is not repeated in it."""
    with pytest.raises(ValueError, match=BAD[text]) as error:
        Target.parse(text)
    assert "password@" not in str(error.value)


def test_a_probe_is_bounded() -> None:
    """By the requests that it may send in all, however they come about."""
    targets = (Target.parse("http://shop/"),)
    assert Plan(targets=targets, rate=1000, seconds=1000).most == 1_000_000
    with pytest.raises(ValidationError, match="are more than 1000000 requests"):
        Plan(targets=targets, rate=1000, seconds=1001)
    for wrong in ({"rate": 0}, {"rate": 10_001}, {"seconds": 0}, {"users": 101}, {"connect": "127.0.0.1"}):
        with pytest.raises(ValidationError):
            Plan.model_validate({"targets": targets} | wrong)


def test_a_plan_survives_its_way_to_the_process_that_sends() -> None:
    """As JSON, and back."""
    plan = Plan(targets=(Target.parse("POST http://shop/", "{}"),), connect="127.0.0.1:80", headers={"a": "b"})
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
