"""Reading rainbow.yaml: everything that is wrong with it, at once, with file, line and column.

The typed model (`AppConfig`) decides what is right in itself, `check_base` what fits the rendered base; both answer in
the same form: `rainbow.yaml:12:14: drain.prometheus.samples: found 0, expected an integer >= 2`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rainbow.adapters.config_text import Loc, Places, Problem, dotted, nearest, parse, raise_problems
from rainbow.adapters.config_words import expected_keys, found_and_expected
from rainbow.adapters.kube import DEPLOYMENT, SERVICE, Object
from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.routes import route_problems, rules_of
from rainbow.adapters.routes.backends import backends
from rainbow.decisions.lint import RULES
from rainbow.decisions.lint.malformed import misshapen
from rainbow.decisions.regional import misfits, shared_place
from rainbow.decisions.rendering import describe, refusals
from rainbow.decisions.rolling import roll_refusal, split
from rainbow.errors import BadInput
from rainbow.model.app import AppConfig
from rainbow.model.names import RELEASE_LENGTH
from rainbow.model.staying import Strategy

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_SERVICE_LENGTH = 63 - RELEASE_LENGTH - 1  # of a name in the base, so that `<name>-<release>` is still valid

_Found = Iterator[tuple[Loc, str]]


def read_config(path: Path) -> AppConfig:
    """Read and check the file. Raises BadInput with one line for everything that is wrong."""
    data, places = parse(path, _text(path))
    problems = list(places.twice)
    app = None
    try:
        app = AppConfig.model_validate({} if data is None else data)
    except ValidationError as error:
        problems += [_from_pydantic(places, dict(e)) for e in error.errors(include_url=False)]
    raise_problems(path, problems)
    assert app is not None  # noqa: S101 - there was a problem otherwise
    raise_problems(path, list(_clusters(app, places)))
    return app


def check_base(path: Path, app: AppConfig, base: str) -> None:
    """Check that what rainbow.yaml names is in the rendered base. Raises BadInput like `read_config`."""
    objects = load_objects(base)
    refuse_misshapen(objects)
    checks = (_route, _tests, _images, _workloads, _rolled, _names, _ignored)
    found = [problem for check in checks for problem in check(app, objects)]
    # What cannot be released would be refused by `deploy`; a Secret must not even get into the record.
    found = found or [(("manifests", app.manifests.key), text) for text in refusals(app, objects)]
    if found:
        _, places = parse(path, _text(path))
        # An image is wrong by its key; everything else by its value.
        at = [(places.of(loc, key=loc[0] == "images"), loc, text) for loc, text in found]
        raise_problems(path, [Problem(*place, dotted(loc), text) for place, loc, text in at])


def refuse_misshapen(objects: Iterable[Object]) -> None:
    """Raises BadInput where the objects are not what Kubernetes has there: nothing else can be read in them."""
    found = [f"{describe(obj)}: {dotted(path)}: expected {text}" for obj, path, text in misshapen(objects)]
    if found:
        raise BadInput("the manifests are not what Kubernetes expects:\n  " + "\n  ".join(found))


def json_schema() -> dict[str, Any]:
    """The JSON Schema of rainbow.yaml, for editors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "rainbow.yaml"}
    return head | {k: v for k, v in AppConfig.model_json_schema(by_alias=True).items() if k != "title"}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}; give it with -f, or change to its folder") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _from_pydantic(places: Places, error: dict[str, Any]) -> Problem:
    loc: Loc = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        line, column = places.of(loc, key=True)
        hint = nearest(str(loc[-1]), expected_keys(loc[:-1]))
        return Problem(line, column, dotted(loc), f"unknown key; {hint}")
    if loc and loc[-1] == "[key]":  # pydantic's name for a key of a map, as opposed to its value
        line, column = places.of(loc[:-1], key=True)
        return Problem(line, column, dotted(loc[:-1]), "as a key: " + found_and_expected(loc, error))
    line, column = places.of(loc)
    return Problem(line, column, dotted(loc), found_and_expected(loc, error))


def _clusters(app: AppConfig, places: Places) -> Iterator[Problem]:
    """What is wrong with the file as it is in one of its clusters, at the place of what is different there."""
    for name, error in misfits(app):
        head: Loc = ("clusters", "each", name, "overrides")
        for found in error.errors(include_url=False):
            inner: Loc = tuple(found["loc"])
            unknown = found["type"] == "extra_forbidden"
            hint = nearest(str(inner[-1]), expected_keys(inner[:-1])) if unknown else ""
            text = f"unknown key; {hint}" if unknown else found_and_expected(inner, dict(found))
            yield Problem(*places.of((*head, *inner), key=unknown), dotted((*head, *inner)), text)
    if not any(misfits(app)) and (twice := shared_place(app)) is not None:
        yield Problem(*places.of(("clusters", "waves")), "clusters", f"{twice}; say what differs under clusters.each")


# --- what has to be in the base -----------------------------------------------------------------------------


def _route(app: AppConfig, objects: list[Object]) -> _Found:
    key, entry, services = app.route.key, app.route.entry, _called(objects, SERVICE.kind)
    kind, name = entry.document_kind, entry.document_name
    documents = {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == kind}
    named: Loc = ("route", key, "name" if name == entry.name else "ingress")
    if name not in documents:
        yield named, f"found {name!r}, expected an {kind} of the base; {nearest(name, list(documents))}"
        return
    behind = dict.fromkeys(backend.service for backend in backends(documents[name]))
    if not behind:
        yield named, f"{kind} {name} has no backend Service: nothing could be switched"
    for service in behind:
        if service not in services:
            hint = nearest(service, services)
            yield named, f"{kind} {name} has the backend {service}, expected a Service of the base; {hint}"
    rules, path = rules_of(app, documents[name]), entry.check_path
    if rules and not any(rule.covers(path) for rule in rules):
        known = ", ".join(rule.path for rule in rules)
        yield ("route", key, "checkPath"), f"found {path!r}, expected a path below one of {kind} {name}: {known}"
    yield from ((("route", key, at), text) for at, text in route_problems(app, documents[name], objects))


def _tests(app: AppConfig, objects: list[Object]) -> _Found:
    if app.tests is None:
        return
    services = _called(objects, SERVICE.kind)
    if app.tests.service not in services:
        hint = nearest(app.tests.service, services)
        yield ("tests", "service"), f"found {app.tests.service!r}, expected a Service of the base; {hint}"


def _images(app: AppConfig, objects: list[Object]) -> _Found:
    """What is built is run somewhere, and what the steps run themselves is built, or can be had."""
    used = sorted({_image_name(image) for obj in objects for image in _container_images(obj)})
    run = {key: part.image for key, part in (("tests", app.tests), ("migrations", app.migrations)) if part is not None}
    for key, image in run.items():
        if image not in app.images and not set("/:@") & set(image):
            hint = nearest(image, list(app.images))
            yield (key, "image"), f"found {image!r}, expected a name under images or a full reference; {hint}"
    for name in app.images:
        if name not in used and name not in run.values():
            yield (
                ("images", name),
                f"found {name!r}, expected the image of a container of the base; {nearest(name, used)}",
            )


def _workloads(app: AppConfig, objects: list[Object]) -> _Found:
    known = [name for kind in _WORKLOADS for name in _called(objects, kind)]
    for i, name in enumerate(app.drain.prometheus.workloads or []):
        if name not in known:
            hint = nearest(name, known)
            yield ("drain", "prometheus", "workloads", i), f"found {name!r}, expected a workload of the base; {hint}"


def _rolled(app: AppConfig, objects: list[Object]) -> _Found:
    if app.strategy is Strategy.ROLLING:
        yield from ((("strategy",), text) for obj in objects if (text := roll_refusal(obj)))
        return
    known = _called(objects, DEPLOYMENT.kind)
    for i, name in enumerate(app.rolled_workloads):
        if name not in known:
            hint = nearest(name, known)
            yield ("rolling", "workloads", i), f"found {name!r}, expected a Deployment of the base; {hint}"
    shared = {obj["metadata"]["name"] for obj in split(app, objects)[1] if obj["kind"] == SERVICE.kind}
    entry = app.route.entry
    front = [o for o in objects if (o["kind"], o["metadata"]["name"]) == (entry.document_kind, entry.document_name)]
    for service in sorted(shared & {backend.service for document in front for backend in backends(document)}):
        yield ("rolling", "workloads"), f"Service {service} is behind the route, and so cannot be rolled"
    if app.tests is not None and app.tests.service in shared:
        yield ("tests", "service"), f"found {app.tests.service!r}, expected a Service that is not rolled"


def _names(app: AppConfig, objects: list[Object]) -> _Found:
    loc: Loc = ("manifests", app.manifests.key)
    for name in _called(objects, SERVICE.kind):
        if len(name) > _SERVICE_LENGTH:
            yield (
                loc,
                f"Service {name} has {len(name)} characters, expected at most {_SERVICE_LENGTH}: -<release> is added",
            )
    entry = app.route.entry
    routes, kind = _called(objects, entry.document_kind), entry.document_kind
    for name in routes:
        if name != entry.document_name and entry.document_name in routes:
            # It would carry users to a release that was not tested, from the moment it is deployed.
            yield loc, f"the base has {kind} {name} beside {entry.document_name}, expected one {kind}: the route"


def _ignored(app: AppConfig, objects: list[Object]) -> _Found:
    for i, ignore in enumerate(app.lint.ignore):
        if ignore.rule not in RULES:
            hint = nearest(ignore.rule, list(RULES))
            yield ("lint", "ignore", i, "rule"), f"found {ignore.rule!r}, expected the name of a rule; {hint}"


def _called(objects: list[Object], kind: str) -> list[str]:
    return [obj["metadata"]["name"] for obj in objects if obj["kind"] == kind]


def _container_images(at: Any) -> Iterator[str]:
    """Every `image` of a container, wherever a pod is described."""
    if isinstance(at, list):
        for item in at:
            yield from _container_images(item)
    elif isinstance(at, dict):
        for key, value in at.items():
            if key in ("containers", "initContainers"):
                yield from (c["image"] for c in value or [] if isinstance(c, dict) and "image" in c)
            else:
                yield from _container_images(value)


def _image_name(reference: str) -> str:
    """Without tag and digest: "registry:5000/shop:v1" → "registry:5000/shop"."""
    head, _, tail = reference.partition("@")[0].rpartition("/")
    name = tail.partition(":")[0]
    return f"{head}/{name}" if head else name
