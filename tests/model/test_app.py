"""What rainbow.yaml may say: every wrong address, name, time or query is refused before it harms a release."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from rainbow.model.addresses import HttpUrl, ImageName, ImageReference, UrlPath
from rainbow.model.queries import ReleaseQuery
from rainbow.model.work import JetStreamDrain, PrometheusDrain

GOOD = {
    HttpUrl: ["http://h", "https://h.example:65535/a/b", "http://[::1]:9090", "http://10.0.0.1:1"],
    UrlPath: ["/", "/a/b?c=d", "/a%20b"],
    ImageName: ["spawn", "spawn-tests", "shop/web_1", "registry.example:5000/shop/web"],
    ImageReference: ["web", "registry:5000/a/b:v1@sha256:" + "a" * 64],
    ReleaseQuery: ['sum(t{r="$release"})', 'a{r="$release"} or sum(vector_size)', 't{r="$release",x="or vector(0)"}'],
}
BAD = {
    HttpUrl: [
        *("h:80", "ftp://h", "http://", "http://h:abc", "http://h:99999", "http://h:0", "http://h:", "http://["),
        *("http://h\nx", "http://h/a b", "http://hä", "http://u:p@h", "http://u@h", "http://:80"),
    ],
    UrlPath: ["", "a", "/a b", "/ä", "/a\n"],
    ImageName: ["", "Web", "web:v1", "a b", "a//b", "/a", "a@b", "web\n", "-a"],
    ImageReference: ["", "a b", "a\nb", "ä"],
    ReleaseQuery: [
        "sum(tasks)",
        *(f'sum(t{{r="$release"}}) {rest}' for rest in ("or vector(0)", "OR  vector (0)", "or\non()\nvector(0)")),
        *(f'sum(t{{r="$release"}}) {rest}' for rest in ("or on(a) vector(0)", "or (vector(0))", "# x\nor vector(0)")),
        't{r="$release",a="#"} or vector(0)',
    ],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in GOOD.items() for value in values])
def test_accepts(kind: Any, value: str) -> None:
    """As it stands, nothing is rewritten."""
    assert TypeAdapter(kind).validate_python(value) == value


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in BAD.items() for value in values])
def test_refuses(kind: Any, value: str) -> None:
    """Whatever would fail later, in a step that cannot mend it."""
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


def test_a_password_is_not_repeated() -> None:
    """The message says what to use instead, and shows nothing of it."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(HttpUrl).validate_python("http://bob:s3cret@h")
    (error,) = caught.value.errors(include_input=False)
    assert "without user and password" in error["msg"]
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"interval": "0s"}, "at least 1s"),
        ({"interval": "2m"}, "at least the interval, 2m"),
        ({"interval": "20s", "maxAge": "19s"}, "at least the interval, 20s"),
        ({"samples": 101}, "less than or equal to 100"),
        ({"reporting": "count(t)"}, r"\$release"),
    ],
)
def test_sampling_that_could_never_come_to_an_end_is_refused(changes: dict[str, Any], text: str) -> None:
    """By the numbers of it, defaults included."""
    plain = {"url": "http://prometheus", "query": 'sum(t{r="$release"})'}
    with pytest.raises(ValidationError, match=text):
        PrometheusDrain.model_validate(plain | changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"consumers": "workers-*"}, r"expected \$release in one of them"),
        ({"subjects": ["tasks.>"]}, r"found subject 'tasks.>', expected \$release in it"),
        ({"url": "nats://bob:s3cret@h:4222"}, "should match"),
        ({"url": "http://h:4222"}, "should match"),
    ],
)
def test_a_bus_on_which_releases_cannot_be_told_apart_is_refused(changes: dict[str, Any], text: str) -> None:
    """What is removed with one release must be named after it; secrets do not belong into rainbow.yaml."""
    plain = {"url": "nats://nats:4222", "stream": "tasks", "consumers": "workers-$release"}
    assert JetStreamDrain.model_validate(plain | {"stream": "tasks-$release", "consumers": "*"}).subjects == []
    with pytest.raises(ValidationError, match=text):
        JetStreamDrain.model_validate(plain | changes)
