"""The way from manifests to a draft of rainbow.yaml: each thing is given, seen, or asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rainbow.adapters.kube import Kube, Object
from rainbow.adapters.looking import behind, claims, prometheuses, proxies, task_metrics
from rainbow.adapters.prometheus import Unanswered
from rainbow.cli import arguments
from rainbow.cli.asking import Asker
from rainbow.decisions import drafting
from rainbow.decisions.draft_text import NO_TASKS as QUERY_OF_NONE
from rainbow.decisions.draft_text import Draft
from rainbow.decisions.live_base import selected
from rainbow.errors import BadInput
from rainbow.model.addresses import HttpUrl

NO_TASKS = "none"


@dataclass(frozen=True)
class Material:
    """What is known before anything is asked. `given`: the flags; `kube`: a cluster to look at, if there is one."""

    objects: Sequence[Object]
    manifests: Mapping[str, Any]
    app: str | None  # what it is surely called
    folder: str  # what it might be called
    containerfiles: Sequence[str]
    given: Mapping[str, str | None]
    namespace: str | None = None
    kube: Kube | None = None
    whys: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)  # of a base that is to be written
    notes: tuple[str, ...] = ()  # for people, when all is written

    @property
    def place(self) -> str:
        """Where the base is written."""
        return str(next(iter(self.files)).parent)

    def with_base(self, folder: Path, texts: Mapping[str, str], notes: tuple[str, ...]) -> Material:
        """With a base that is to be written."""
        return replace(self, files={folder / name: text for name, text in texts.items()}, notes=notes)


def drafted(material: Material, asker: Asker) -> Draft:
    """The draft, as far as it could be answered. Raises BadInput for what no answer could mend."""
    app, namespace = app_of(material, asker), namespace_of(material, asker)
    route = _route(material, asker)
    url = _url(material, asker, route)
    prometheus, query = _drain(material, asker, namespace)
    rolled, rolling = _rolled(material, route, namespace)
    names = drafting.images(material.objects)
    draft = Draft(
        app=app,
        namespace=namespace,
        manifests=material.manifests,
        route=route.key,
        route_name=route.name,
        url=url,
        prometheus=prometheus,
        query=query,
        check_path=material.given["check_path"] or route.path,
        images=drafting.built(app, names, material.containerfiles),
        others=names,
        rolled=rolled,
        rolling=rolling,
        whys=material.whys,
    )
    return _with_tests(draft, material, route, asker)


def app_of(material: Material, asker: Asker) -> str:
    """By its flag, by its chart, by a label of its workloads, or asked for."""
    if given := material.given["app"] or material.app:
        return arguments.app_name(given)
    names = drafting.app_names(material.objects)
    if len(names) == 1:
        return arguments.app_name(names[0])
    return asker.ask("--app", "Name of the app", guess=material.folder, check=arguments.app_name)


def namespace_of(material: Material, asker: Asker) -> str:
    """By its flag, by the manifests, or asked for."""
    if given := material.given["namespace"] or material.namespace:
        return arguments.namespace(given)
    names = drafting.namespaces(material.objects)
    if len(names) == 1:
        return arguments.namespace(names[0])
    return asker.ask("--namespace", "Namespace of the app", choices=names, check=arguments.namespace)


def _route(material: Material, asker: Asker) -> drafting.SeenRoute:
    routes = {route.text: route for route in drafting.seen_routes(material.objects, behind(material.objects))}
    if not routes:
        raise BadInput(
            "the manifests have neither an Ingress nor an HTTPRoute, so nothing leads users to the app: add the one "
            "that does, which a switch will point at releases (of a chart often by a value: --set ingress.enabled=true)"
        )

    def known(text: str) -> str:
        if text.lower() not in routes:
            raise BadInput(f"--route: found {text!r}, expected one of {', '.join(routes)}")
        return text.lower()

    if given := material.given["route"]:
        return routes[known(given)]
    if len(routes) == 1:
        return next(iter(routes.values()))
    return routes[asker.ask("--route", "Which one carries the users' traffic", choices=list(routes), check=known)]


def _url(material: Material, asker: Asker, route: drafting.SeenRoute) -> str:
    if given := material.given["proxy_url"]:
        return url("--proxy-url", given)
    document = next(o for o in material.objects if (o["kind"], o["metadata"]["name"]) == (route.kind, route.name))
    found = proxies(material.kube, route, document) if material.kube else []
    question = "Where the proxy of this route listens, as seen from pods"
    return asker.ask("--proxy-url", question, choices=found, check=lambda text: url("--proxy-url", text))


def _drain(material: Material, asker: Asker, namespace: str) -> tuple[str, str]:
    given = material.given
    found = prometheuses(material.kube) if material.kube and not given["prometheus_url"] else []
    if given["prometheus_url"]:
        address = url("--prometheus-url", given["prometheus_url"])
    else:
        question, check = "Prometheus, as seen from pods", lambda text: url("--prometheus-url", text)
        address = asker.ask("--prometheus-url", question, choices=found, check=check)
    if tasks := given["tasks"]:
        return address, QUERY_OF_NONE if tasks == NO_TASKS else drafting.query_of(tasks)
    metrics: list[str] = []
    if given["ask_prometheus"]:
        try:
            metrics = task_metrics(url("--ask-prometheus", given["ask_prometheus"]), namespace)
        except Unanswered as error:
            raise BadInput(f"--ask-prometheus: {error}") from error
    question = f"Metric of active tasks, or PromQL with $release; {NO_TASKS}, if no work outlasts its answer"
    tasks = asker.ask("--tasks", question, choices=metrics)
    return address, QUERY_OF_NONE if tasks == NO_TASKS else drafting.query_of(tasks)


def _rolled(material: Material, route: drafting.SeenRoute, namespace: str) -> tuple[list[str], bool]:
    """What cannot live twice, to be rolled beside releases; or whether all has to be, as it is behind the route."""
    objects = material.objects
    alone = drafting.alone([*objects, *(claims(material.kube, namespace) if material.kube else ())])
    services = [obj for obj in objects if obj["kind"] == "Service" and obj["metadata"]["name"] in route.services]
    fronts = {name for service in services for name in selected(service, objects)}
    every = {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Deployment"}
    whole = bool(alone) and (set(alone) == every or bool(set(alone) & fronts))
    return ([] if whole else alone), whole


def _with_tests(draft: Draft, material: Material, route: drafting.SeenRoute, asker: Asker) -> Draft:
    """Tests that are given, or that have a Containerfile; nobody is asked for what is not there."""
    file, images = drafting.tests_file(material.containerfiles), dict(draft.images)
    image, service = material.given["tests_image"], material.given["tests_service"]
    if image is None and file is not None:
        image = f"{draft.app}-tests"
    if image is None:
        return draft
    if file is not None and "/" not in image:
        images[image] = file
    if service is None:
        service = route.services[0] if len(route.services) == 1 else None
    if service is None:
        question = "Service that the tests ask"
        service = asker.ask("--tests-service", question, choices=route.services)
    return replace(draft, images=images, tests=(image, service))


def url(flag: str, text: str) -> str:
    """An http URL. Raises BadInput, naming the flag."""
    try:
        found: str = TypeAdapter(HttpUrl).validate_python(text)
    except ValidationError as error:
        said = error.errors()[0]
        what = "expected a URL like http://host:80" if said["type"] != "value_error" else str(said["ctx"]["error"])
        raise BadInput(f"{flag}: {what}") from error
    return found
