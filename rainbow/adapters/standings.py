"""How the releases of one app, or of all apps, stand: records, policies and workflows from a mirror, routes read live.

The routes of a namespace are read in as many lists as for one app, and kept as they were while the API server is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rainbow.adapters.kube import POLICY, RELEASE, WORKFLOW, Kind, Kube, Object
from rainbow.adapters.mirror import Mirror
from rainbow.adapters.policies import under
from rainbow.adapters.records import sorted_out
from rainbow.adapters.routes import read_route
from rainbow.adapters.snapshot import Snapshot
from rainbow.adapters.workflows import at_work, template_of
from rainbow.decisions.carriers import carriers
from rainbow.decisions.standing import AppStanding, Seen, standing
from rainbow.decisions.workflow_view import REDEPLOY_STEPS, RELEASE_STEPS, WorkflowView, view_workflow
from rainbow.errors import PermanentError, RainbowError, TemporaryError
from rainbow.model.names import APP_LABEL
from rainbow.model.policy import Policy
from rainbow.model.release import Release

SHOWN: tuple[Kind, ...] = (RELEASE, POLICY, WORKFLOW)
_STEPS = {"release": RELEASE_STEPS, "redeploy": REDEPLOY_STEPS}
_Place = tuple[str, str]  # namespace, app


@dataclass
class Standings:
    """Looks at the same namespace (None: all of them) again and again."""

    kube: Kube
    mirror: Mirror
    app: str | None = None
    _routes: dict[_Place, tuple[str | None, str | None]] = field(default_factory=dict)  # current, trouble

    def look(self, now: datetime) -> list[AppStanding]:
        """Every app, by namespace and name, as far as the mirror and the last look at the routes know."""
        return [standing(self._seen(place, objects), now) for place, objects in self._apps()]

    def read_routes(self) -> None:
        """Look at all routes. Raises TemporaryError when the API server does not answer; what was known stays."""
        snapshots: dict[str, Snapshot] = {}
        found: dict[_Place, tuple[str | None, str | None]] = {}
        for place, objects in self._apps():
            snapshot = snapshots.setdefault(place[0], Snapshot.of(self.kube))
            found[place] = _route(snapshot, sorted_out(objects)[0])
        self._routes = found

    def _apps(self) -> list[tuple[_Place, list[Object]]]:
        found: dict[_Place, list[Object]] = {}
        for obj in self.mirror.of(RELEASE):
            meta = obj["metadata"]
            app = (meta.get("labels") or {}).get(APP_LABEL) or meta["name"]
            if self.app in (None, app):
                found.setdefault((meta["namespace"], app), []).append(obj)
        return sorted(found.items())

    def _seen(self, place: _Place, objects: Sequence[Object]) -> Seen:
        namespace, app = place
        records, unreadable = sorted_out(objects)
        policy, malformed = self._policy(namespace, app)
        current, trouble = self._routes.get(place, (None, "it was not read yet"))
        working = at_work((w for w in self.mirror.of(WORKFLOW) if w["metadata"]["namespace"] == namespace), app)
        return Seen(
            namespace,
            app,
            [_under(policy, release) for release in records],
            current=current,
            route_trouble=trouble,
            hold=policy.spec.hold,
            at_work={id_: _view(workflow) for id_, workflow in working.items()},
            unreadable={record.release: record.why for record in unreadable},
            remarks=(malformed,) if malformed else (),
        )

    def _policy(self, namespace: str, app: str) -> tuple[Policy, str]:
        for obj in self.mirror.of(POLICY):
            if (obj["metadata"]["namespace"], obj["metadata"]["name"]) == (namespace, app):
                try:
                    return Policy.from_object(obj), ""
                except (ValueError, KeyError) as error:  # pydantic's error is a ValueError
                    return Policy(namespace=namespace, app=app), f"Policy {namespace}/{app} is malformed: {error}"
        return Policy(namespace=namespace, app=app), ""


def _route(kube: Kube, releases: Sequence[Release]) -> tuple[str | None, str | None]:
    """Where the first route leads that can be believed, or why that is not known."""
    for carrier in carriers(releases):
        try:
            return read_route(kube, carrier.release.spec.app, though_gone=True).current, None
        except TemporaryError:
            raise
        except RainbowError as error:
            if carrier.lived:
                return None, str(error)
            # Who never lived may name a route that is not there; it tells nothing about the others.
    return None, None


def _under(policy: Policy, release: Release) -> Release:
    try:
        return under(policy, release)
    except PermanentError:
        return release  # `plan` says what does not fit


def _view(workflow: Object) -> WorkflowView:
    template = template_of(workflow)
    return view_workflow(workflow, _STEPS.get(template, (template,)))
