"""The text of an app's first rainbow.yaml: every line that somebody may wonder about says why it is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CONTAINERFILES = ("Containerfile", "Dockerfile")
# An app whose work is over with its answer has no tasks, as long as all of its pods are asked.
NO_TASKS = '0 * sum(up{namespace="$namespace",app="$app",release="$release"})'
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
_NOT_TEXT = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}  # to some readers of YAML


@dataclass(frozen=True)
class Draft:
    """What is known of the app by now. `whys`: a comment for a key, over the usual one."""

    app: str
    namespace: str
    manifests: Mapping[str, Any]
    route: str  # the key: ingress or httpRoute
    route_name: str
    url: str
    prometheus: str
    query: str
    check_path: str = "/"
    images: Mapping[str, str] = field(default_factory=dict)  # name → Containerfile
    others: Sequence[str] = ()  # images that are not built
    tests: tuple[str, str] | None = None  # image and Service
    rolled: Sequence[str] = ()
    rolling: bool = False  # all of it
    harden: Sequence[str] = ()  # what it completes
    whys: Mapping[str, str] = field(default_factory=dict)


_WHYS = {
    "kustomize": "Every release is made of this base: Deployments, Services and so on of its own, named …-<release>.",
    "helm": "Every release is made of what `helm template` makes of this chart, named …-<release>.",
    "leaveOut": "What a release cannot have, and the chart makes: it has to be there once, beside the releases.",
    "images": "Built in the cluster, from the folder of this file, unless given: rainbow release --image NAME=REF",
    "others": "Images run as the manifests name them. One that is given with a release (--image NAME=REF) goes here.",
    "route": "It carries the users' traffic and belongs to the app: a switch points it at another release.",
    "url": "Where the proxy listens, as seen from pods. A switch is done when the proxy itself answers from the new\n"
    "release, so the app has to send its release (environment variable RELEASE_ID) in the header X-Release.",
    "tests": "Run against each new release, at the URL in RELEASE_URL, before it gets any users.",
    "no tests": "What has to pass before a release gets users: an image, run for each with its URL in RELEASE_URL.",
    "query": "How many tasks a release has left; only at 0 it may go. Exactly one series, of one release: Prometheus\n"
    "has to know the labels rainbow.dev/app and rainbow.dev/release of its pods as app and release.",
    "no tasks": "No work outlasts its answer: a release has nothing left as long as its pods are asked. Prometheus\n"
    "has to know the labels rainbow.dev/app and rainbow.dev/release of its pods as app and release.",
    "retention": "However idle, a release stays this long after it was replaced, to be gone back to at once.",
    "rolled": "Updated in place, pod by pod, as two releases cannot both write their volume. If it is ReadWriteOnce,\n"
    "the new pod has to come up on the node of the old one, or the roll is undone at its deadline; if it is\n"
    "ReadWriteMany, take this out: every release then has pods of its own.",
    "harden": "What loses requests is completed in every release:",
}


def draft_text(draft: Draft) -> str:
    """The file. Whoever reads it as YAML gets what `AppConfig` understands."""
    parts = [
        f"# {draft.app}, as it is released. Written by `rainbow init`, yours from now on. All keys: rainbow schema",
        f"app: {_scalar(draft.app)}",
        f"namespace: {_scalar(draft.namespace)}",
        "manifests:",
        *_manifests(draft),
        *_images(draft),
        *_rolling(draft),
        "route:",
        *_comment(_why(draft, "route"), 2),
        f"  {draft.route}:",
        f"    name: {_scalar(draft.route_name)}",
        *_comment(_why(draft, "url"), 4),
        f"    url: {_scalar(draft.url)}",
        f"    checkPath: {_scalar(draft.check_path)}",
        *_tests(draft),
        "drain:",
        "  prometheus:",
        f"    url: {_scalar(draft.prometheus)}",
        *_comment(_why(draft, "no tasks" if draft.query == NO_TASKS else "query"), 4),
        f"    query: {_scalar(draft.query)}",
        "retention:",
        *_comment(_why(draft, "retention"), 2),
        "  minimumAge: 1h",
        *_harden(draft),
    ]
    return "\n".join(parts) + "\n"


def _manifests(draft: Draft) -> Iterable[str]:
    (key, value), *_ = draft.manifests.items()
    yield from _comment(_why(draft, key), 2)
    if isinstance(value, str):
        yield f"  {key}: {_scalar(value)}"
        return
    yield f"  {key}:"
    for name, given in value.items():
        if name == "leaveOut":
            yield from _comment(_why(draft, name), 4)
        yield from _entry(name, given)


def _entry(name: str, given: Any) -> Iterable[str]:
    if isinstance(given, list):
        yield f"    {name}:"
        yield from (f"      - {_scalar(item)}" for item in given)
    elif isinstance(given, dict):
        yield f"    {name}:"
        yield from (f"      {_scalar(key)}: {json.dumps(item, ensure_ascii=False)}" for key, item in given.items())
    else:
        yield f"    {name}: {_scalar(given)}"


def _images(draft: Draft) -> Iterable[str]:
    if draft.others and not draft.images:
        yield from _comment(_why(draft, "others"), 0)
        yield from ("# images:", *(f"#   {_scalar(name)}: {{}}" for name in draft.others))
    if not draft.images:
        return
    yield "images:"
    yield from _comment(_why(draft, "images"), 2)
    for name, file in draft.images.items():
        folder, _, last = file.rpartition("/")
        yield f"  {_scalar(name)}:"
        if folder and last in CONTAINERFILES:  # one that lies among what it copies
            yield f"    context: {_scalar(folder)}"
        yield f"    containerfile: {_scalar(last if folder and last in CONTAINERFILES else file)}"


def _rolling(draft: Draft) -> Iterable[str]:
    if not draft.rolling and not draft.rolled:
        return
    yield from _comment(_why(draft, "rolled"), 0)
    if draft.rolling:
        yield "strategy: rolling"
        return
    yield from ("rolling:", "  workloads:")
    yield from (f"    - {_scalar(name)}" for name in draft.rolled)


def _tests(draft: Draft) -> Iterable[str]:
    if draft.tests is None:
        yield from _comment(_why(draft, "no tests"), 0)
        yield from ("# tests:", "#   image: …", "#   service: …")
        return
    image, service = draft.tests
    yield "tests:"
    yield from _comment(_why(draft, "tests"), 2)
    yield f"  image: {_scalar(image)}"
    yield f"  service: {_scalar(service)}"


def _harden(draft: Draft) -> Iterable[str]:
    if draft.harden:
        yield from _comment(f"{_why(draft, 'harden')} {', '.join(draft.harden)}.", 0)
        yield from _comment("What that is: rainbow plan -f rainbow.yaml", 0)
        yield "harden: true"


def _why(draft: Draft, key: str) -> str:
    return draft.whys.get(key) or _WHYS[key]


def _comment(text: str, indent: int) -> Iterable[str]:
    yield from (f"{' ' * indent}# {line}" for line in text.splitlines())


def _scalar(value: Any) -> str:
    """On one line, in quotes where YAML would read something else."""
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    if re.fullmatch(r"https?://[A-Za-z0-9._/:-]*[A-Za-z0-9/]", text):
        return text
    return "'" + text.replace("'", "''") + "'" if "\n" not in text else json.dumps(text, ensure_ascii=False)
