"""Apply the release's own objects beside all others, and wait until they are ready.

The app's base becomes a release by kustomize: a name suffix, the release's labels and selectors, its images, and the
environment variable that tells every container its release. The inventory is written before anything is applied, so
that nothing is forgotten when the step is killed; it can be run again at any time. The route is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rainbow.adapters.kube import Kind, Kube, Object, identity
from rainbow.adapters.kustomize import load_objects, render
from rainbow.adapters.lock import LOCKING, Lock, holding
from rainbow.adapters.policies import read_policy
from rainbow.adapters.records import list_releases, note_if_unchanged, read_release
from rainbow.adapters.routes import plain_services
from rainbow.adapters.routes.rights import ROUTE_READING
from rainbow.adapters.world import World
from rainbow.decisions.catching import catching
from rainbow.decisions.hardening import hardened
from rainbow.decisions.rendering import Overlay, describe, foreign, kept, overlay, restore_bare_services
from rainbow.decisions.schema import misfit
from rainbow.decisions.switch import held
from rainbow.decisions.workloads import Base, spec_of
from rainbow.errors import Conflict, Refused, TemporaryError
from rainbow.model.app import AppConfig
from rainbow.model.release import ObjectRef, Phase, Release
from steps.failure import has_lived, marked_as_failed
from steps.readying import wait_until_ready
from steps.shape import StepParams

OUTPUTS: Mapping[str, str] = {}

_APPLY = ["get", "list", "create", "patch"]
RULES: list[dict[str, Any]] = [
    # The record: what to deploy, the inventory and the phase.
    {"apiGroups": ["rainbow.dev"], "resources": ["releases"], "verbs": ["get", "list"]},
    {"apiGroups": ["rainbow.dev"], "resources": ["releases/status"], "verbs": ["patch"]},
    # Whether an operator holds the app; and its lock, from here to the switch.
    {"apiGroups": ["rainbow.dev"], "resources": ["policies"], "verbs": ["get"]},
    *LOCKING,
    # The kinds of a release (RELEASABLE), applied (create, patch) and watched (get, list). Not Roles: whoever may
    # create those can give itself every right in the namespace. Not Ingresses: they are for `switch` alone.
    {"apiGroups": [""], "resources": ["services", "configmaps", "serviceaccounts"], "verbs": _APPLY},
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"], "verbs": _APPLY},
    {"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"], "verbs": _APPLY},
    {"apiGroups": ["policy"], "resources": ["poddisruptionbudgets"], "verbs": _APPLY},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": _APPLY},
    {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": _APPLY},
    # Whether what the route leads to would lead to the new pods too.
    *ROUTE_READING,
    # Why something is not ready.
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]

Layered = Callable[[AppConfig, str, Sequence[Object], Mapping[str, str]], Overlay]  # what becomes of a base
ATTEMPTS = 5  # times that the record may change between reading and writing it


class Params(StepParams):
    """Parameters of `deploy`."""


def run(params: Params, world: World) -> None:
    """Deploy. Raises Refused for a base that cannot be a release, PermanentError when it does not become ready."""
    release = read_release(world.kube, params.namespace, params.app, params.release)
    if release.rolled:
        raise Refused(f"app {release.app} is rolled (strategy: rolling): run the step roll instead of deploy")
    if params.dry_run:
        _plan(world, release, _rendered(world, release))
        return
    with marked_as_failed(world, release), _turn(world, release) as lock:
        _refuse_deleted(release)
        objects = _rendered(world, release)
        _refuse_foreign(release, [world.kube.get(*identity(obj)) for obj in objects])
        _refuse_caught(world, release, objects)
        release = _write_inventory(world, release, objects)
        for obj in objects:
            _put(world, release, obj, objects)
            world.say(f"applied {describe(obj)}")
        wait_until_ready(world, release, [_ref(obj) for obj in objects], lock)
        _note_deployed(world, release)


@contextmanager
def _turn(world: World, release: Release) -> Iterator[Lock]:
    """The lock of the app, for this step and the ones after it. Raises Refused when it may not be deployed."""
    hold = read_policy(world.kube, release.namespace, release.app).spec.hold
    if hold is not None:
        raise Refused(f"not deployed: {held(release.namespace, release.app, hold)}")
    releases = list_releases(world.kube, release.namespace, release.app)
    if (wrong := misfit(release, releases)) is not None:
        raise Refused(f"not deployed in namespace {release.namespace}: {wrong}; run the step expand, or release anew")
    with holding(world, release, carried=True) as lock:
        yield lock


def rendered_objects(release: Release, layered: Layered = overlay) -> tuple[list[Object], tuple[str, ...]]:
    """The objects of the release, in the order of applying; what of the base is left out, and what was completed.

    Raises Refused.
    """
    app = release.spec.app
    if unknown := sorted(set(app.images) - set(release.spec.images) - set(release.status.images)):
        raise Refused(
            f"release {release.id} of app {app.app}: {', '.join(unknown)} was neither given nor built; "
            "run the step build first, or release anew with --image NAME=REFERENCE"
        )
    base = load_objects(release.spec.manifests)
    images = {name: release.image(name) for name in release.spec.images | release.status.images}
    layer = layered(app, release.id, base, images)
    notes = [f"left out {line}" for line in layer.left_out]
    if app.harden:
        layer, mended = hardened(layer, Base(app, kept(app, base), images))
        notes += [f"hardened {finding.object}: {finding.rule}" for finding in mended]
    return restore_bare_services(base, render(layer), release.id), tuple(notes)


def _rendered(world: World, release: Release) -> list[Object]:
    objects, notes = rendered_objects(release)
    for line in notes:
        world.say(line)
    if wide := [describe(obj) for obj in objects if not _namespaced(world.kube, obj, release.namespace)]:
        raise Refused(
            f"{', '.join(wide)}: belongs to the whole cluster, not to a release; take it out of the base of app "
            f"{release.app} and apply it once"
        )
    return objects


def _namespaced(kube: Kube, obj: Object, namespace: str) -> bool:
    return obj["metadata"].get("namespace") == namespace and "/namespaces/" in kube.path(
        Kind(obj["apiVersion"], obj["kind"]), namespace
    )


def _refuse_foreign(release: Release, there: Sequence[Object | None]) -> None:
    """Applying takes over what it finds: another app's Service, say, with all of its users."""
    if others := [whose for live in there if (whose := foreign(release.app, release.id, live))]:
        raise Refused(
            f"release {release.id} of app {release.app} would take over what is not its own in namespace "
            f"{release.namespace}:\n  " + "\n  ".join(others) + "\n"
            "Nothing of it was touched. Release under another id, or give the object another name in the base."
        )


def _refuse_caught(world: World, release: Release, objects: Sequence[Object]) -> None:
    """What runs as plain Deployments has a Service whose selector fits every release: users would come at once (S6)."""
    if caught := catching(objects, plain_services(world.kube, release.spec.app)):
        raise Refused(
            f"users would reach release {release.id} of app {release.app} in namespace {release.namespace} before its "
            f"switch: route {release.spec.app.route.entry.name} leads to {', '.join(caught)}, whose selector fits its "
            "pods too. Nothing was deployed. If that is how the app runs until now, adopt it first: rainbow adopt; "
            "else narrow the selector"
        )


def _put(world: World, release: Release, obj: Object, objects: Sequence[Object]) -> None:
    """Create it, or apply it to the very object that was seen to be this release's: the API server refuses another."""
    live = world.kube.get(*identity(obj))
    if live is None:
        world.kube.create(_of_its_least(release, obj, objects))
        return
    _refuse_foreign(release, [live])
    if live["metadata"].get("deletionTimestamp"):
        raise TemporaryError(f"{describe(live)} of an earlier life of release {release.id} is still being deleted")
    seen = obj | {"metadata": obj["metadata"] | {"uid": live["metadata"]["uid"]}}
    world.kube.apply(_with_live_replicas(release, seen, live))


def _of_its_least(release: Release, obj: Object, objects: Sequence[Object]) -> Object:
    """Who leaves its size to an autoscaler begins with the least: with one pod, the switch might come before more."""
    autoscaler = Base(release.spec.app, objects).autoscaler(obj)
    if autoscaler is None or spec_of(obj).get("replicas") is not None:
        return obj
    return obj | {"spec": spec_of(obj) | {"replicas": spec_of(autoscaler).get("minReplicas") or 1}}


def _with_live_replicas(release: Release, obj: Object, live: Object) -> Object:
    """A release that users have seen keeps its size: a fixed count would end busy pods, or fight an autoscaler."""
    if not has_lived(release) or "replicas" not in (obj.get("spec") or {}):
        return obj
    return obj | {"spec": obj["spec"] | {"replicas": live["spec"]["replicas"]}}


def _plan(world: World, release: Release, objects: Sequence[Object]) -> None:
    there = [world.kube.get(*identity(obj)) for obj in objects]
    _refuse_foreign(release, there)
    _refuse_caught(world, release, objects)
    world.say(f"deploy would apply {len(objects)} objects, and wait until they are ready:")
    for obj, live in zip(objects, there, strict=True):
        world.say(f"  {describe(obj)} ({'new' if live is None else 'exists'})")


def _refuse_deleted(release: Release) -> None:
    if release.status.phase == Phase.DELETED:
        raise Refused(
            f"release {release.id} of app {release.app} in namespace {release.namespace} has been deleted; "
            f"to have it again: rainbow redeploy -n {release.namespace} {release.app} {release.id}"
        )
    if release.as_adopted:
        raise Refused(
            f"release {release.id} of app {release.app} in namespace {release.namespace} was adopted as it runs: "
            "deploying would begin it anew. Run `rainbow adopt` again, or release under another id"
        )


def _write_inventory(world: World, release: Release, objects: Sequence[Object]) -> Release:
    """Before anything is there: what is applied later can then always be found and deleted."""

    def changes(release: Release) -> dict[str, Any]:
        known = release.status.objects
        inventory = [*known, *(ref for obj in objects if (ref := _ref(obj)) not in known)]
        begun = {"phase": Phase.PENDING, "deployed_at": None, "message": None, "sealed_at": None}
        return {"objects": inventory, **({} if has_lived(release) else begun)}

    return _write(world, release, changes)


def _note_deployed(world: World, release: Release) -> None:
    def changes(release: Release) -> dict[str, Any]:
        tested_next = {"phase": Phase.TESTING, "failed_at": None, "message": None}
        return {"deployed_at": world.clock.now(), **({} if has_lived(release) else tested_next)}

    _write(world, read_release(world.kube, release.namespace, release.app, release.id), changes)


def _write(world: World, release: Release, changes: Callable[[Release], dict[str, Any]]) -> Release:
    """Write on the record what follows from it as it is, unless `delete` has had it."""
    for _ in range(ATTEMPTS):
        _refuse_deleted(release)
        try:
            return note_if_unchanged(world.kube, release, **changes(release))
        except Conflict:
            release = read_release(world.kube, release.namespace, release.app, release.id)
    raise TemporaryError(f"Release {release.namespace}/{release.name} is being written by others all the time")


def _ref(obj: Object) -> ObjectRef:
    return ObjectRef(api_version=obj["apiVersion"], kind=obj["kind"], name=obj["metadata"]["name"])
