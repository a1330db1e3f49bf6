"""A Service as the route (K1): its label selector selects the pods of the current release.

The Ingress in front of it is made once and never changes, so no proxy has to read rules anew. Each release has a
Service of its own beside it, from the same Service of the base; selector and ports are taken from that one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import partial

from rainbow.adapters.kube import INGRESS, SERVICE, Kube, Object
from rainbow.adapters.routes import Move, ingress
from rainbow.adapters.routes.backends import backends, base_of, objects_of, owned_by_app, title
from rainbow.adapters.routes.moving import NOWHERE
from rainbow.adapters.routes.owners import check_services, owner
from rainbow.adapters.routes.rules import hosts
from rainbow.adapters.routes.traces import Trace, leave, trace_of
from rainbow.errors import BadInput, Conflict, PermanentError, Refused
from rainbow.model.app import AppConfig
from rainbow.model.names import APP_LABEL, RELEASE_LABEL, object_name, release_labels
from rainbow.model.release import Release
from rainbow.model.route import RouteState

rules = ingress.rules
of_release = ingress.of_release


def points_at(kube: Kube, app: AppConfig) -> RouteState:
    """Whose pods the Service selects, by its selector's release label."""
    name = app.route.entry.name
    service = kube.get(SERVICE, app.namespace, name)
    if service is None:
        return NOWHERE
    front = kube.get(INGRESS, app.namespace, app.route.entry.document_name)
    current = _selected(service, app.app)
    last = trace_of(service)
    return RouteState(
        exists=True,
        current=current,
        resource_version=service["metadata"]["resourceVersion"],
        services=frozenset({name}),
        plain=frozenset() if current else frozenset({name}),
        hosts=hosts(rules(front) if front else (), app.route.entry.check_path),
        switched_at=last.at,
        previous=last.previous,
        token=last.token,
        ordered_at=last.ordered_at,
    )


def carries(target: Release) -> frozenset[str]:
    """The one Service of the base. Raises BadInput when it is not there."""
    return frozenset({_base_service(target)["metadata"]["name"]})


def patch(kube: Kube, target: Release, state: RouteState, trace: Trace) -> Move:
    """The one write that has the Service select the release's pods, or makes it. The Ingress is there before it.

    Raises Conflict, now or when written, when the Service is not what `state` says.
    """
    base = _base_service(target)
    name, namespace = base["metadata"]["name"], target.namespace
    check_services(kube, target, {name})
    own = kube.get(SERVICE, namespace, object_name(name, target.id))
    spec = _selecting(own, target)
    remark = _ensure_front(kube, target)
    if not state.exists:
        made = owned_by_app(base, target, trace)
        return Move(partial(kube.create, made | {"spec": made["spec"] | {"selector": spec["selector"]}}), remark)
    service = kube.get(SERVICE, namespace, name)
    if service is None or service["metadata"]["resourceVersion"] != state.resource_version:
        raise Conflict(f"Service {namespace}/{name} was changed while it was being switched; try again")
    operations = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": state.resource_version},
        {"op": "test", "path": "/spec/selector", "value": service["spec"].get("selector")},
        {"op": "replace", "path": "/spec/selector", "value": spec["selector"]},
        *_ports(service, spec),
        *leave(service, trace),
    ]
    return Move(partial(kube.patch, SERVICE, namespace, name, operations), remark)


def problems(app: AppConfig, document: Object, base: list[Object]) -> Iterable[tuple[str, str]]:
    """The Ingress leads to this one Service and no other, and the Service selects pods."""
    name, front = app.route.entry.name, document["metadata"]["name"]
    services = [obj for obj in base if (obj["kind"], obj["metadata"]["name"]) == (SERVICE.kind, name)]
    behind = sorted({backend.service for backend in backends(document)})
    if not services:
        yield "name", f"found {name!r}, expected a Service of the base"
    elif not (services[0].get("spec") or {}).get("selector"):
        yield "name", f"Service {name} has no selector, expected one: a switch changes it"
    if behind != [name]:
        yield (
            "ingress",
            f"Ingress {front} leads to {', '.join(behind) or 'no Service'}, expected Service {name} alone: several "
            "selectors cannot change in one write; use route.ingress for several Services",
        )


def references(kube: Kube, namespace: str) -> dict[str, list[str]]:
    """Services of a release → the Services that select its pods. To select its pods is to refer to all of it."""
    services = kube.list(SERVICE, namespace)
    found: dict[str, list[str]] = {}
    for service in services:
        selector = service["spec"].get("selector") or {}
        release = selector.get(RELEASE_LABEL)
        app, own = selector.get(APP_LABEL), owner(service)
        if release is None or own == (app, release):
            continue
        for other in services:
            whose = owner(other)
            if whose[1] == release and app in (None, whose[0]):
                found.setdefault(other["metadata"]["name"], []).append(f"Service {service['metadata']['name']}")
    return {service: sorted(names) for service, names in found.items()}


# --- the Service --------------------------------------------------------------------------------------------


def _selected(service: Object, app: str) -> str | None:
    selector: dict[str, str] = service["spec"].get("selector") or {}
    return selector.get(RELEASE_LABEL) if selector.get(APP_LABEL) == app else None


def _base_service(target: Release) -> Object:
    name = target.spec.app.route.entry.name
    for obj in objects_of(target):
        if (obj["kind"], obj["metadata"]["name"]) == (SERVICE.kind, name):
            return copy.deepcopy(obj)
    raise BadInput(f"the manifests of release {target.id} of {target.app} have no Service {name} (route.service.name)")


def _selecting(own: Object | None, target: Release) -> Object:
    """The specification of the release's own Service, which selects its pods and nobody else's."""
    spec: Object = (own or {}).get("spec") or {}
    if not release_labels(target.app, target.id).items() <= (spec.get("selector") or {}).items():
        name = object_name(target.spec.app.route.entry.name, target.id)
        raise PermanentError(
            f"Service {target.namespace}/{name} does not select the pods of release {target.id} of {target.app} by its "
            "labels; deploy the release again"
        )
    return spec


def _ports(service: Object, wanted: Object) -> list[Object]:
    """A release may listen elsewhere than the one before; ports that are the same are not touched."""
    ports = [{k: v for k, v in port.items() if k != "nodePort"} for port in wanted.get("ports") or []]
    live = [{k: v for k, v in port.items() if k != "nodePort"} for port in service["spec"].get("ports") or []]
    return [] if ports == live else [{"op": "replace", "path": "/spec/ports", "value": ports}]


# --- the static Ingress -------------------------------------------------------------------------------------


def _ensure_front(kube: Kube, target: Release) -> str:
    """Have the Ingress there before the Service: what is said of it. It is never changed once it is there."""
    base, name = base_of(target).document, target.spec.app.route.entry.name
    live = kube.get(INGRESS, target.namespace, base["metadata"]["name"])
    if live is None:
        kube.create(owned_by_app(base, target))
        return f"made {title(base)}, which leads to Service {name} from now on"
    if name not in {backend.service for backend in backends(live)}:
        raise Refused(
            f"{title(live)} does not lead to Service {name} (route.service of rainbow.yaml), so a switch of it would "
            "reach nobody; mend the Ingress, or name the Service that it leads to"
        )
    if {(r.host, r.path) for r in rules(live)} == {(r.host, r.path) for r in rules(base)}:
        return ""
    return f"{title(live)} has other hosts or paths than the base of {target.id}. It is static: apply it by hand"
