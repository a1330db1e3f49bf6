"""What `rainbow init` begins with: the objects of a base, a chart or a namespace, and what is surely known of them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rainbow.adapters.config_file import refuse_misshapen
from rainbow.adapters.kube import Kube, Object
from rainbow.adapters.kustomize import load_objects
from rainbow.adapters.looking import behind, chart_name, live_objects, live_routes, look_around
from rainbow.adapters.manifests import chart_objects
from rainbow.adapters.sources import render_base
from rainbow.cli import arguments
from rainbow.cli.asking import Asker
from rainbow.cli.drafting import Material, app_of, namespace_of
from rainbow.decisions.chart import chosen, named
from rainbow.decisions.drafting import seen_routes
from rainbow.decisions.live_base import live_base
from rainbow.decisions.rendering import describe
from rainbow.errors import BadInput
from rainbow.model.manifests import HelmChart

DEPLOY = "deploy"  # folder of a base that is written

Given = Mapping[str, str | None]


def sources(folder: Path, asker: Asker) -> tuple[str, str]:
    """Which of what is found below a folder describes the app: `kustomize` or `chart`, and where."""
    found = look_around(folder)
    known = {f"chart {at}": ("chart", str(folder / at)) for at in found.charts}
    known |= {f"kustomize {at}": ("kustomize", str(folder / at)) for at in found.bases}
    if not known:
        raise BadInput(
            f"{folder.resolve()} has neither a kustomization nor a chart: give --kustomize DIR, --chart CHART, or "
            "--from-namespace NAME for what runs already"
        )
    if len(known) == 1:
        return next(iter(known.values()))

    def one_of(text: str) -> str:
        if text not in known:
            raise BadInput(f"found {text!r}, expected one of: {', '.join(known)}")
        return text

    tops = [f"kustomize {at}" for at in found.tops]
    guess = tops[0] if len(tops) == 1 and not found.charts else None
    flags = "--kustomize or --chart"
    return known[
        asker.ask(
            flags, "Which of them describes the app as it is deployed", choices=list(known), guess=guess, check=one_of
        )
    ]


def from_kustomize(folder: Path, where: str, given: Given, _asker: Asker, kube: Kube | None, **_: Any) -> Material:
    """Of a kustomize base."""
    at = _relative(folder, where)
    objects = load_objects(render_base(folder / at))
    return _material(folder, objects, {"kustomize": at}, given, kube)


def from_chart(
    folder: Path,
    where: str,
    given: Given,
    asker: Asker,
    kube: Kube | None,
    *,
    values: Sequence[str],
    settings: Sequence[str],
) -> Material:
    """Of a chart. It is rendered under its own name, and in the app's namespace. Its hooks are left out."""
    local = "://" not in where and (folder / _relative(folder, where)).exists()
    known = chart_name(folder / _relative(folder, where)) if local else None
    empty = Material((), {}, given["app"] or known, _called(folder), (), given)
    app, namespace = app_of(empty, asker), namespace_of(empty, asker)
    chart: dict[str, Any] = {"chart": _relative(folder, where) if local else where}
    chart |= {"values": [_relative(folder, name) for name in values]} if values else {}
    chart |= {"set": dict(_setting(text) for text in settings)} if settings else {}
    try:
        model = HelmChart.model_validate(chart)
    except ValidationError as error:
        raise BadInput(f"--chart: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from error
    asker.done()  # nothing can be rendered without a name and a namespace
    made = chart_objects(model, folder, app, namespace)
    hooks = [named(obj) for obj in made if chosen([obj], ()).refused]
    chart |= {"leaveOut": hooks} if hooks else {}
    objects = chosen(made, hooks).objects
    return _material(folder, objects, {"helm": chart}, {**given, "app": app, "namespace": namespace}, kube)


def from_namespace(kube: Kube, namespace: str, folder: Path, given: Given, asker: Asker, *, force: bool) -> Material:
    """Of what runs: its base is to be written, too."""
    at = folder / DEPLOY
    if not force and at.exists():
        raise BadInput(f"{at} is there already, where the base would be written; use it with --kustomize, or --force")
    namespace = arguments.namespace(namespace)
    routes, live = live_routes(kube, namespace), live_objects(kube, namespace)
    leads = behind(routes)
    texts = {route.text: obj for route, obj in zip(seen_routes(routes, leads), routes, strict=True)}

    def known(text: str) -> str:
        if text.lower() not in texts:
            raise BadInput(f"--route: found {text!r}, expected one of {', '.join(texts)}")
        return text.lower()

    choice = given["route"] or (next(iter(texts)) if len(texts) == 1 else None)
    choice = choice or asker.ask("--route", "Which one carries the users' traffic", choices=list(texts), check=known)
    route = texts[known(choice)]
    others = [service for obj in routes if obj is not route for service in leads[named(obj)]]
    base = live_base(route, live, leads[named(route)], others)
    if len(base.objects) == 1:
        raise BadInput(f"namespace {namespace} has no plain Deployment to adopt; {'; '.join(base.left_out)}")
    made = _material(folder, base.objects, {"kustomize": DEPLOY}, {**given, "namespace": namespace}, kube)
    helmed = sorted({release for obj in (route, *live) if (release := _of_helm(obj))})
    notes = [*base.left_out, *(_LEAVE_HELM.format(release=release, namespace=namespace) for release in helmed)]
    return made.with_base(at, _files(base.objects), tuple(notes))


_LEAVE_HELM = (
    "Helm release {release} made some of this: do not upgrade or uninstall it any more once it is adopted "
    "(with its chart at hand, rainbow init --chart keeps the chart)"
)


def _of_helm(obj: Object) -> str | None:
    found: str | None = (obj["metadata"].get("annotations") or {}).get("meta.helm.sh/release-name")
    return found


def _files(objects: Sequence[Object]) -> dict[str, str]:
    """A file for each object, and the kustomization."""
    files = {f"{describe(obj).lower().replace(' ', '-')}.yaml": obj for obj in objects}
    texts = {name: yaml.safe_dump(obj, sort_keys=False, width=120) for name, obj in files.items()}
    head = "# What ran when `rainbow init` looked, without what the cluster has added.\n"
    return {"kustomization.yaml": head + yaml.safe_dump({"resources": list(texts)}), **texts}


def _material(
    folder: Path, objects: Sequence[Object], manifests: Mapping[str, Any], given: Given, kube: Kube | None
) -> Material:
    refuse_misshapen(objects)
    files = look_around(folder).containerfiles
    return Material(objects, manifests, given["app"], _called(folder), files, given, kube=kube)


def _called(folder: Path) -> str:
    return folder.resolve().name


def _relative(folder: Path, where: str) -> str:
    """As it stands in rainbow.yaml: relative to it, though given relative to the current folder."""
    return Path(os.path.relpath(where, folder)).as_posix() if Path(where).exists() else where


def _setting(text: str) -> tuple[str, Any]:
    """As `helm --set` reads it: a version like 1.10 stays a text. Lists and maps are given as JSON."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise BadInput(f"--set {text}: expected KEY=VALUE")
    if not re.fullmatch(r"true|false|null|0|-?[1-9][0-9]{0,17}|[\[{].*", value, re.DOTALL):
        return key, value
    try:
        return key, json.loads(value)
    except ValueError as error:
        raise BadInput(f"--set {key}=…: what begins with {value[0]} is JSON: {error}") from error
